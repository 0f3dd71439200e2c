"""Models that know the right record and answer each question about a part of it with that part."""

from __future__ import annotations

import json
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
        self.asked: list[JsonSchema] = []
        """The schemas of the questions, in order."""
        self.messages: list[Sequence[Message]] = []
        """The messages of the questions, in order."""
        self.answers: dict[str, str] = {}
        """The answer to each question, by its schema."""
        self.change: Callable[[int, str], str] = lambda number, answer: answer
        """What becomes of an answer, by the number of the question."""

    def learn(self, client: BaseClient, subset: str) -> None:
        """Learn the parts in which a client asks, and the answers to them."""
        backend = client.caller.backends[0]
        parts = parts_for(backend, client.caller.question(self.target, "x", {}))
        for part in parts:
            compiled = compile_schema(part.target, subset)
            answer = compiled.encode(project(part, self.gold))
            self.answers[to_text(compiled.schema)] = json.dumps(answer)

    def answer(self, schema: JsonSchema, messages: Sequence[Message]) -> str:
        self.asked.append(schema)
        self.messages.append(messages)
        return self.change(len(self.asked), self.answers[to_text(schema)])

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
