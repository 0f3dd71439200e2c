"""The protocols that a program may implement and hand to structgen.

An `EnginePort` answers in place of a model in this process (`Client(engine)`); if it is a
`TextPort` too, it streams. An `HttpPort` performs HTTP requests (`Client(..., transport=port)`);
`HttpTransport` is the one that clients make for themselves, for ports of your own to wrap.
A `Sink` takes the outcomes of a job (`Job(..., output=sink)`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.flow.ports import EnginePort as EnginePort
    from structgen.flow.ports import HttpPort as HttpPort
    from structgen.flow.ports import Stream as Stream
    from structgen.flow.ports import TextPort as TextPort
    from structgen.flow.ports import TextStream as TextStream
    from structgen.pipeline.record import Sink as Sink
    from structgen.wire.http.client import HttpTransport as HttpTransport
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.flow.ports": "EnginePort HttpPort Stream TextPort TextStream",
            "structgen.pipeline.record": "Sink",
            "structgen.wire.http.client": "HttpTransport",
        },
    )
