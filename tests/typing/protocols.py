"""Each class that implements a protocol, given where it is wanted; both checkers read this."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from structgen import AsyncClient, Client
from structgen.extraction.caller import HasCaller
from structgen.local import Engine
from structgen.local.decode.text_stream import EngineTextStream
from structgen.local.runtimes.base import Runtime
from structgen.local.runtimes.llama import LlamaCpp
from structgen.local.runtimes.transformers import Transformers
from structgen.pipeline import Item, Sink, Source
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.outputs.claims import NoNotes, Notes
from structgen.pipeline.outputs.database import TableSink
from structgen.pipeline.outputs.files import FileSink
from structgen.ports import EnginePort, HttpPort, Stream, TextPort, TextStream
from structgen.results import Dumps
from structgen.schema import Target
from structgen.testing import AnyModel, Recorder, Replayer, ScriptedModel, ScriptedTransport
from structgen.testing.any_model import AnswerStream
from structgen.testing.scripted import ScriptedStream
from structgen.wire.http.client import HttpTransport


def http(
    transport: HttpTransport, script: ScriptedTransport, recorder: Recorder, replayer: Replayer
) -> list[HttpPort]:
    return [transport, script, recorder, replayer]


def engines(engine: Engine, script: ScriptedModel, any_model: AnyModel) -> list[EnginePort]:
    return [engine, script, any_model]


def streaming_engines(engine: Engine, any_model: AnyModel) -> list[TextPort]:
    return [engine, any_model]


def streams(transport: HttpTransport, script: ScriptedStream, recorder: Recorder) -> list[Stream]:
    request: Any = None
    return [script, transport.open(request, None), recorder.open(request, None)]


def text_streams(pieces: EngineTextStream, answer: AnswerStream) -> list[TextStream]:
    return [pieces, answer]


def runtimes(llama: LlamaCpp, transformers: Transformers) -> list[Runtime]:
    return [llama, transformers]


def sinks(file: FileSink, table: TableSink) -> list[Sink]:
    return [file, table]


def sources(source: Source) -> list[Iterable[Item]]:
    return [source]


def notes(journal: Journal, none: NoNotes) -> list[Notes]:
    return [journal, none]


def callers(client: Client, asynchronous: AsyncClient) -> list[HasCaller]:
    return [client, asynchronous]


def targets(target: Target[int]) -> list[Dumps]:
    return [target]
