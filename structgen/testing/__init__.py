"""Parts to test programs with that use structgen: pick the seam by what you test.

`ScriptedModel` answers in place of an in-process engine, `ScriptedTransport` in place of HTTP, `Recorder` and `Replayer` write real
answers down and give them again, `FaultyServer` is a real server on loopback that misbehaves as told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.testing.faulty import FAULTS as FAULTS
    from structgen.testing.faulty import FaultyServer as FaultyServer
    from structgen.testing.faulty import Served as Served
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
            "structgen.testing.faulty": "FAULTS FaultyServer Served",
            "structgen.testing.recording": "Recorder Replayer",
            "structgen.testing.scripted": "ScriptedModel ScriptedTransport completion events",
        },
    )
