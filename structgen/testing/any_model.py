"""A model that answers every question with some valid value."""

from __future__ import annotations

import json
from collections.abc import Sequence

from structgen.options import Options
from structgen.schema.json import to_text
from structgen.testing.instances import instance_of
from structgen.values import Answer, JsonSchema, Message, Usage

_PIECE = 8
"""Characters of a streamed piece."""


class AnyModel:
    """An `EnginePort` that answers any schema with a valid value: no model, no network, no time.

    It reads nothing, so the values mean nothing; only those that must be copied from the document
    are copied from it. The same question gets the same answer, in any order and on any thread. It
    streams, too.

    >>> client = Client(AnyModel())                    # doctest: +SKIP
    >>> client.extract(Person, "Ada is 36.")           # doctest: +SKIP
    Person(name='willow', age=28)

    Args:
        seed: Another seed gives other answers.
    """

    name = "any-model"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.asked: list[Sequence[Message]] = []
        """The messages of every question, in order."""

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Answer with a value that the schema admits, or with a few words if there is none."""
        self.asked.append(messages)
        question = json.dumps([self._seed, list(messages), schema], default=str)
        value = instance_of(schema or {}, question, document)
        text = value if schema is None else to_text(value)
        usage = Usage(prompt_tokens=len(question) // 4, completion_tokens=len(text) // 4 + 1)
        return Answer(text=text, finish_reason="stop", model=self.name, usage=usage)

    async def agenerate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Do as `generate` does."""
        return self.generate(messages, schema, options, document)

    def stream(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> AnswerStream:
        """Do as `generate` does, in pieces of a few characters."""
        return AnswerStream(self.generate(messages, schema, options, document))

    def close(self) -> None:
        """Do nothing: nothing is open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


class AnswerStream:
    """A `TextStream` over an answer that is there already."""

    def __init__(self, answer: Answer) -> None:
        self.answer: Answer | None = None
        self._whole = answer
        self._rest = answer.text or ""

    def read(self) -> str:
        """Give the next piece; "" at the end."""
        piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
        if not piece:
            self.answer = self._whole
        return piece

    async def aread(self) -> str:
        """Do as `read` does."""
        return self.read()

    def close(self) -> None:
        """Drop the rest of the answer."""
        self._rest = ""

    async def aclose(self) -> None:
        """Drop the rest of the answer."""
        self.close()
