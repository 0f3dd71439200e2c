"""An outlines model over a model in this process: `outlines.Generator(model, type)`.

We subclass VLLMOffline only so that Generator accepts us: it takes no class that outlines does not
know, and VLLMOffline too is given the constraint and not the logits.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from outlines import Generator
from outlines.inputs import Chat
from outlines.models import VLLMOffline
from outlines.models.base import ModelTypeAdapter
from outlines.types import CFG, JsonSchema
from outlines.types.dsl import python_types_to_terms, to_regex

from structgen.answer.taking_back import TakingBack
from structgen.local.grammar.grammar import Grammar, grammar_of_lark, lark_of_regex
from structgen.options import Options
from structgen.values import Answer, Message

if TYPE_CHECKING:
    from structgen.local.grammar.engines import Compile

OnText: TypeAlias = "Callable[[str], None]"
Answerer: TypeAlias = (
    "Callable[[Sequence[Message], Grammar | None, Options, OnText, TakingBack | None], Answer]"
)
"""Lets the model answer. OnText is called with each piece of text; whatever it raises ends the
answer. TakingBack tells which texts are taken back.
"""

_NO_OPTIONS: Final = Options(temperature=0.0)


@dataclass(repr=False)
class _Compiled(CFG):
    """A grammar that has been compiled already."""

    grammar: Grammar | None = field(default=None)


class _Text(str):
    """The text of an answer, with the answer: outlines hands on nothing but the text."""

    answer: Answer


class _Adapter(ModelTypeAdapter):
    """Turns outlines' inputs and output types into messages and a grammar."""

    def __init__(self, compile_schema: Compile, tokens: Any) -> None:
        self._compile, self._tokens = compile_schema, tokens

    def format_input(self, model_input: Any) -> list[Message]:
        if isinstance(model_input, str):
            return [{"role": "user", "content": model_input}]
        return list(model_input.messages if isinstance(model_input, Chat) else model_input)

    def format_output_type(self, output_type: Any | None = None) -> Grammar | None:
        if output_type is None:
            return None
        if isinstance(output_type, _Compiled):
            return output_type.grammar
        term = python_types_to_terms(output_type)
        if isinstance(term, JsonSchema):
            return self._compile(json.loads(term.schema), None)
        return grammar_of_lark(
            term.definition if isinstance(term, CFG) else lark_of_regex(to_regex(term)),
            self._tokens,
        )


class OutlinesModel(VLLMOffline):
    """An outlines model. Its generators take the members of `Options` as keyword arguments."""

    def __init__(self, answer: Answerer, compile_schema: Compile, tokens: Any) -> None:
        self._answer = answer
        self.type_adapter = _Adapter(compile_schema, tokens)

    def generate(
        self, model_input: Any, output_type: Any | None = None, **inference_kwargs: Any
    ) -> str:
        on_text = inference_kwargs.pop("on_text", _ignore)
        rules = inference_kwargs.pop("rules", None)
        options = inference_kwargs.pop("options", None) or Options(**inference_kwargs).over(
            _NO_OPTIONS
        )
        messages, grammar = (
            self.type_adapter.format_input(model_input),
            self.type_adapter.format_output_type(output_type),
        )
        answer = self._answer(messages, grammar, options, on_text, rules)
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
                self.generate(model_input, output_type, on_text=put, **inference_kwargs)
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


def generate(
    model: OutlinesModel,
    messages: Sequence[Message],
    grammar: Grammar | None,
    options: Options,
    on_text: OnText,
    rules: TakingBack | None = None,
) -> Answer:
    """Let a model answer messages, through outlines' own generator.

    Args:
        model: The outlines model.
        messages: The conversation so far.
        grammar: What holds the answer; None for free text.
        options: The options of the call.
        on_text: Called with each piece of text.
        rules: What texts are taken back once they have closed; None for none.
    """
    generator = Generator(model, None if grammar is None else _Compiled("", grammar))
    # As they are if they are dicts, so that fixed messages stay marked.
    asked = [message if isinstance(message, dict) else dict(message) for message in messages]
    text = generator(Chat(asked), options=options, on_text=on_text, rules=rules)
    return cast("_Text", text).answer


def _ignore(_: str) -> None:
    """Ignore a piece of text."""
