"""Spans are children of the span that is current where a client is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from structgen import Client
from structgen.pipeline import Job
from structgen.providers import otel_hook
from structgen.testing import ScriptedTransport


class Person(BaseModel):
    name: str


def by_extract(client: Client, folder: Path) -> None:
    client.extract(Person, "Ada")
    client.extract(Person, "Bob")


def by_map(client: Client, folder: Path) -> None:
    assert all(one.ok for one in client.map(Person, ["Ada", "Bob"]))


def by_job(client: Client, folder: Path) -> None:
    Job(Person, ["Ada", "Bob"], client=client, output=folder / "people.jsonl").run()


@pytest.mark.parametrize("ask", [by_extract, by_map, by_job])
def test_a_span_has_the_callers_span_as_its_parent(
    ask: Callable[[Client, Path], Any], tmp_path: Path
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    transport = ScriptedTransport('{"name": "Ada"}')
    client = Client("openai:m", api_key="k", transport=transport, hooks=[otel_hook(provider)])
    with provider.get_tracer("app").start_as_current_span("read") as reading:
        ask(client, tmp_path)
    *chats, read = exporter.get_finished_spans()
    assert [span.name for span in chats] == ["chat m", "chat m"]
    assert read.name == "read"
    parents = [span.parent.span_id for span in chats if span.parent]
    assert parents == [reading.get_span_context().span_id] * 2
