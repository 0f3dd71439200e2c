"""An engine that answers with what a test says the user stated, in the schema that is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from structgen.options import Options
from structgen.testing import ScriptedModel
from structgen.values import Answer, JsonSchema, Message


class SpeakingModel(ScriptedModel):
    """Answers with `said`, by JSON Pointer, and null for every other field of the schema.

    `schemas` holds every schema that it was asked with.
    """

    def __init__(self) -> None:
        super().__init__("{}")
        self.said: Mapping[str, Any] = {}
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
        return Answer(text=json.dumps(self._answer(schema, "")), finish_reason="stop")

    def _answer(self, schema: JsonSchema, at: str) -> Any:
        if at in self.said:
            return self.said[at]
        records = [
            option for option in (schema, *schema.get("anyOf", ())) if "properties" in option
        ]
        if records and (not at or any(path.startswith(f"{at}/") for path in self.said)):
            return {
                name: self._answer(inner, f"{at}/{name}")
                for name, inner in records[0]["properties"].items()
            }
        return None
