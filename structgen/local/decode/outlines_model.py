"""outlines over a model in this process: `outlines.Generator(model, type)`, with the decoder of this package behind it.

`Generator` takes only the classes outlines knows; of those, its other in-process engine that is given the constraint, not the
logits, is the nearest relative. Nothing is inherited but the kinship.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, TypeAlias, cast

from outlines import Generator
from outlines.inputs import Chat
from outlines.models import VLLMOffline
from outlines.models.base import ModelTypeAdapter
from outlines.types import CFG, JsonSchema
from outlines.types.dsl import python_types_to_terms, to_regex

from structgen.local.grammar.grammar import Grammar, grammar, lark_of_regex, of_lark
from structgen.options import Options
from structgen.values import Answer, Message

Hear: TypeAlias = "Callable[[str], None]"
Answerer: TypeAlias = "Callable[[Sequence[Message], Grammar | None, Options, Hear], Answer]"
"""Lets the model answer; `Hear` is given each piece of text, and what it raises ends the answer."""

_NO_OPTIONS: Final = Options(temperature=0.0)


@dataclass(repr=False)
class _Held(CFG):
    """A grammar that is compiled already."""

    grammar: Grammar | None = field(default=None)


class _Text(str):
    """What outlines hands on is the text alone; this one remembers the answer it stands in."""

    answer: Answer


class _Adapter(ModelTypeAdapter):
    """outlines' inputs and output types -> messages and a grammar."""

    def __init__(self, tokens: Any) -> None:
        self._tokens = tokens

    def format_input(self, model_input: Any) -> list[Message]:
        if isinstance(model_input, str):
            return [{"role": "user", "content": model_input}]
        return list(model_input.messages if isinstance(model_input, Chat) else model_input)

    def format_output_type(self, output_type: Any | None = None) -> Grammar | None:
        if output_type is None:
            return None
        if isinstance(output_type, _Held):
            return output_type.grammar
        term = python_types_to_terms(output_type)
        if isinstance(term, JsonSchema):
            return grammar(json.loads(term.schema), self._tokens)
        return of_lark(
            term.definition if isinstance(term, CFG) else lark_of_regex(to_regex(term)),
            self._tokens,
        )


class Steered(VLLMOffline):
    """An outlines model. Keyword arguments of its generators are `Options`, by their names."""

    def __init__(self, answer: Answerer, tokens: Any) -> None:
        self._answer = answer
        self.type_adapter = _Adapter(tokens)

    def generate(
        self, model_input: Any, output_type: Any | None = None, **inference_kwargs: Any
    ) -> str:
        hear = inference_kwargs.pop("hear", _ignore)
        options = inference_kwargs.pop("options", None) or Options(**inference_kwargs).over(
            _NO_OPTIONS
        )
        messages, held = (
            self.type_adapter.format_input(model_input),
            self.type_adapter.format_output_type(output_type),
        )
        answer = self._answer(messages, held, options, hear)
        text = _Text(answer.text)
        text.answer = answer
        return text

    def generate_batch(
        self, model_input: list[Any], output_type: Any | None = None, **inference_kwargs: Any
    ) -> list[Any]:
        return [self.generate(one, output_type, **inference_kwargs) for one in model_input]

    def generate_stream(
        self, model_input: Any, output_type: Any | None = None, **inference_kwargs: Any
    ) -> Iterator[str]:
        pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        left = threading.Event()

        def put(piece: str) -> None:
            if left.is_set():
                raise GeneratorExit
            if piece:
                pieces.put(piece)

        def run() -> None:
            try:
                self.generate(model_input, output_type, hear=put, **inference_kwargs)
                pieces.put(None)
            except BaseException as error:  # raised below, in the thread that reads
                pieces.put(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()


def steer(
    model: Steered, messages: Sequence[Message], held: Grammar | None, options: Options, hear: Hear
) -> Answer:
    """The answer to the messages, through outlines' own generator."""
    generator = Generator(model, None if held is None else _Held("", held))
    text = generator(Chat([dict(message) for message in messages]), options=options, hear=hear)
    return cast("_Text", text).answer


def _ignore(_: str) -> None:
    """Nothing to hear."""
