"""A model that knows the gold, for `benchmarks.cascade`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from structgen.extraction.vote import agreement
from structgen.options import Options
from structgen.schema.portion import portion
from structgen.schema.target import Target
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, Json, JsonSchema, Message, Usage

_BYTES_A_TOKEN = 4


class Perfect(ScriptedModel):
    """Answers each question with the gold. It counts its tokens roughly, at four bytes each.

    Args:
        gold: The right record.
        found: What the first model gave, by which items of lists are told; None if it gave nothing.
    """

    def __init__(self, gold: Json, found: Json) -> None:
        super().__init__("")
        self.name = "perfect"
        self._gold, self._found = gold, found
        self.used = Usage()

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Answer with the part of the gold that the schema asks for."""
        self.asked.append(messages)
        text = json.dumps(right_answer(schema, self._found, self._gold))
        prompt = sum(len(str(one.get("content") or "")) for one in messages)
        self.used += Usage(
            prompt_tokens=prompt // _BYTES_A_TOKEN, completion_tokens=len(text) // _BYTES_A_TOKEN
        )
        return Answer(text=text, finish_reason="stop", model=self.name, usage=self.used)


def merged_with_gold(target: Target[Any], found: Json, gold: Json, places: Sequence[str]) -> Json:
    """An answer in which the gold takes the place of some fields."""
    part = portion(target, found, places) if found is not None else None
    if part is None:
        return gold
    return part.merged(found, right_answer(part.target.schema, found, gold))


def right_answer(schema: Any, found: Json, gold: Json) -> Json:
    """The part of the gold that a schema asks for.

    Items are asked for by their number in what was found: each gets the gold's item that is most
    like it, and stays as it is if there is none.
    """
    if not isinstance(schema, dict) or "properties" not in schema or gold is None:
        return gold
    if isinstance(gold, list):
        given: dict[str, Json] = {}
        for name, inner in schema["properties"].items():
            number = re.fullmatch(r"item_(\d+)", name)
            item = found[int(number[1]) - 1] if number and isinstance(found, list) else None
            given[name] = right_answer(inner, item, _likest(item, gold))
        return given
    known = found if isinstance(found, dict) else {}
    return {
        name: right_answer(inner, known.get(name), gold.get(name))
        for name, inner in schema["properties"].items()
    }


def _likest(item: Json, gold: Sequence[Json]) -> Json:
    """The gold's item with most in common; the item itself if none has anything."""

    def common(other: Json) -> float:
        return sum(agreement(item, [other], 1).values())

    best = max(gold, key=common, default=item)
    return best if common(best) else item
