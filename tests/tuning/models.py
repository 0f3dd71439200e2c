"""Models that answer from a rule, gold about which they are asked, and what they were asked."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from structgen.evaluation.gold import GoldRecord
from structgen.options import Options
from structgen.testing import ScriptedModel
from structgen.values import Answer, JsonSchema, Message, Usage


class Person(BaseModel):
    name: str
    age: int


def gold(count: int) -> list[GoldRecord]:
    """Person n is called Pn and is n years old."""
    return [
        GoldRecord(key=f"k{n}", document=f"Person number {n}.", value={"name": f"P{n}", "age": n})
        for n in range(count)
    ]


def chance(*parts: Any) -> float:
    """A number from 0 to 1 that follows from the parts, the same on every machine."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


Rule = Callable[[int, Sequence[Message], Options], bool]
"""Whether the answer about person n is right."""


class RuledModel(ScriptedModel):
    """An engine that answers about a person rightly if a rule says so."""

    name = "ruled"

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule
        self.said: list[str] = []
        """Everything that was asked, as text."""

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        said = json.dumps([list(messages), schema, options.to_dict()], sort_keys=True, default=repr)
        self.said.append(said)
        n = int(re.findall(r"Person number (\d+)", str(messages[-1]["content"]))[-1])
        value = {"name": f"P{n}", "age": n}
        if not self._rule(n, messages, options):
            value = {"name": "nobody", "age": n + 1000}
        usage = Usage(prompt_tokens=len(said) // 4, completion_tokens=8)
        return Answer(text=json.dumps(value), finish_reason="stop", model=self.name, usage=usage)


def learns(n: int, messages: Sequence[Message], options: Options) -> bool:
    """Right if it is shown examples, else one time in five."""
    return len(messages) > 2 or chance(n) < 0.2


def never_learns(n: int, messages: Sequence[Message], options: Options) -> bool:
    """Right half of the time, whatever it is shown."""
    return chance(n) < 0.5


def noise(seed: int) -> Rule:
    """Right half of the time, and about each text otherwise whenever anything else is asked."""

    def rule(n: int, messages: Sequence[Message], options: Options) -> bool:
        return chance(seed, n, list(messages), sorted(options.to_dict().items())) < 0.5

    return rule


# ---- models that are more or less sure ----------------------------------------------------------


def doubtful_gold(count: int) -> list[GoldRecord]:
    """Person n is n years old; the document states another age, too."""
    return [
        GoldRecord(
            key=f"k{n}",
            document=f"P{n} is {n} or {n + 1000} years old.",
            value={"name": f"P{n}", "age": n},
        )
        for n in range(10, 10 + count)
    ]


class SureModel(ScriptedModel):
    """An engine that gives the age of person n with a confidence, rightly if a rule says so.

    Args:
        sure: The confidence of the age of person n; 1 for every name.
        right: Whether it is right.
    """

    name = "sure"

    def __init__(self, sure: Callable[[int], float], right: Callable[[int], bool]) -> None:
        super().__init__()
        self._sure, self._right = sure, right
        self.options: list[Options] = []

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        self.asked.append(messages)
        self.options.append(options)
        n = int(re.findall(r"P(\d+) is", str(messages[-1]["content"]))[-1])
        before = f'{{"name": "P{n}", "age": '
        age = str(n if self._right(n) else n + 1000)
        tokens = ((before, 0.0), (age, math.log(self._sure(n))), ("}", 0.0))
        usage = Usage(prompt_tokens=10, completion_tokens=8)
        return Answer(
            text=f"{before}{age}}}",
            finish_reason="stop",
            model=self.name,
            logprobs=tokens,
            usage=usage,
        )
