"""A model that knows the right value and gives of it whatever a schema asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from structgen.errors import StructgenError
from structgen.options import Options
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, Json, JsonSchema, Message, Usage


def part_of(schema: Any, value: Json) -> Json:
    """The part of a value that a schema asks for; items of lists are asked for by number."""
    if not isinstance(schema, dict) or "properties" not in schema:
        return value
    found = {}
    for name, inner in schema["properties"].items():
        item = re.fullmatch(r"item_(\d+)", name)
        if isinstance(value, list):
            assert item is not None
            found[name] = part_of(inner, value[int(item[1]) - 1])
        else:
            assert isinstance(value, dict)
            found[name] = part_of(inner, value.get(name))
    return found


class Perfect(ScriptedModel):
    """Answers with its part of a value, and keeps the schemas of the questions."""

    def __init__(self, value: Json, name: str = "perfect", fails: Any = None) -> None:
        super().__init__("")
        self.value, self.name, self.fails = value, name, fails
        self.schemas: list[JsonSchema] = []

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        assert schema is not None
        self.asked.append(messages)
        self.schemas.append(schema)
        if isinstance(self.fails, StructgenError):
            raise self.fails
        text = json.dumps(part_of(schema, self.value))
        usage = Usage(prompt_tokens=100, completion_tokens=len(text))
        return Answer(text=text, finish_reason="stop", model=self.name, usage=usage)


def asked_fields(schema: JsonSchema) -> set[str]:
    """The fields that a schema asks for, as JSON Pointers into the value of the whole."""

    def inside(node: Any) -> set[str]:
        if not isinstance(node, dict) or "properties" not in node:
            return {""}
        found = set()
        for name, inner in node["properties"].items():
            item = re.fullmatch(r"item_(\d+)", name)
            step = str(int(item[1]) - 1) if item else name
            found |= {f"/{step}{rest}" for rest in inside(inner)}
        return found

    return inside(schema)
