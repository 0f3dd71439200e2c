"""Parts to test programs with that use structgen. Choose the seam by what you test.

`AnyModel` answers every question with some valid value, `ScriptedModel` answers from a list, and
`ScriptedTransport` answers HTTP requests from a list. `Recorder` and `Replayer` write real answers
down and give them again. `FaultyServer` is a real server on loopback that misbehaves as told.
`no_network` keeps structgen off the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.testing.any_model import AnyModel as AnyModel
    from structgen.testing.faulty import FAULTS as FAULTS
    from structgen.testing.faulty import FaultyServer as FaultyServer
    from structgen.testing.faulty import Served as Served
    from structgen.testing.network import no_network as no_network
    from structgen.testing.recording import Recorder as Recorder
    from structgen.testing.recording import Replayer as Replayer
    from structgen.testing.scripted import ScriptedModel as ScriptedModel
    from structgen.testing.scripted import ScriptedTransport as ScriptedTransport
    from structgen.testing.scripted import completion as completion
    from structgen.testing.scripted import events as events
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.testing.any_model": "AnyModel",
            "structgen.testing.faulty": "FAULTS FaultyServer Served",
            "structgen.testing.network": "no_network",
            "structgen.testing.recording": "Recorder Replayer",
            "structgen.testing.scripted": "ScriptedModel ScriptedTransport completion events",
        },
    )
