"""Parts to test programs with that use structgen: pick the seam by what you test.

`ScriptedModel` answers in place of an in-process engine, `ScriptedTransport` in place of HTTP, `Recorder` and `Replayer` write real
answers down and give them again, `FaultyServer` is a real server on loopback that misbehaves as told.
"""

from __future__ import annotations

from structgen.testing.faulty import FAULTS as FAULTS
from structgen.testing.faulty import FaultyServer as FaultyServer
from structgen.testing.faulty import Served as Served
from structgen.testing.recording import Recorder as Recorder
from structgen.testing.recording import Replayer as Replayer
from structgen.testing.scripted import ScriptedModel as ScriptedModel
from structgen.testing.scripted import ScriptedTransport as ScriptedTransport
from structgen.testing.scripted import completion as completion
from structgen.testing.scripted import events as events

__all__ = [
    "FAULTS",
    "FaultyServer",
    "Recorder",
    "Replayer",
    "ScriptedModel",
    "ScriptedTransport",
    "Served",
    "completion",
    "events",
]
