"""Models that know the right record and answer each question about a part of it with that part."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from structgen.client.base import BaseClient
from structgen.extraction.parts import parts_for
from structgen.options import Options
from structgen.schema.compiler import compile_schema
from structgen.schema.json import to_text
from structgen.schema.split import project
from structgen.schema.target import target_of
from structgen.testing.scripted import ScriptedModel, ScriptedTransport
from structgen.values import Answer, Json, JsonSchema, Message, Request


class Oracle:
    """Answers for a record whose plain data is known."""

    def __init__(self, source: Any, gold: Json) -> None:
        self.target, self.gold = target_of(source), gold
        self.answers: dict[str, str] = {}
        """The answer to each question, by its schema."""
        self.change: Callable[[int, int, str], str] = lambda part, turn, answer: answer
        """What becomes of an answer, by the number of the part and how often it was asked for."""
        self._heard: list[tuple[int, int, JsonSchema, Sequence[Message]]] = []
        self._hearing = threading.Lock()

    @property
    def asked(self) -> list[JsonSchema]:
        """The schemas of the questions, in order."""
        return [schema for *_, schema, _ in self._in_order()]

    @property
    def messages(self) -> list[Sequence[Message]]:
        """The messages of the questions, in order."""
        return [messages for *_, messages in self._in_order()]

    def _in_order(self) -> list[tuple[int, int, JsonSchema, Sequence[Message]]]:
        """The questions of each turn by their parts: which thread came first is chance."""
        return sorted(self._heard, key=lambda one: one[:2])

    def learn(self, client: BaseClient, subset: str) -> None:
        """Learn the parts in which a client asks, and the answers to them."""
        backend = client.caller.backends[0]
        parts = parts_for(backend, client.caller.question(self.target, "x", {}))
        for part in parts:
            compiled = compile_schema(part.target, subset)
            answer = compiled.encode(project(part, self.gold))
            self.answers[to_text(compiled.schema)] = json.dumps(answer)

    def answer(self, schema: JsonSchema, messages: Sequence[Message]) -> str:
        text = to_text(schema)
        part = list(self.answers).index(text) + 1
        with self._hearing:
            turn = 1 + sum(one[1] == part for one in self._heard)
            self._heard.append((turn, part, schema, messages))
        return self.change(part, turn, self.answers[text])

    def server(self) -> ScriptedTransport:
        def line(request: Request) -> str:
            body = json.loads(request.body)
            schema = body["response_format"]["json_schema"]["schema"]
            return self.answer(schema, body["messages"])

        return ScriptedTransport(line)

    def engine(self) -> ScriptedModel:
        oracle = self

        class Engine(ScriptedModel):
            def generate(
                self,
                messages: Sequence[Message],
                schema: JsonSchema | None,
                options: Options,
                document: str | None = None,
            ) -> Answer:
                assert schema is not None
                text = oracle.answer(schema, messages)
                return Answer(text=text, finish_reason="stop", model=self.name)

        return Engine()
