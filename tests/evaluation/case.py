"""What a case is, and short ways to write one and its schema."""

from __future__ import annotations

from typing import Any, NamedTuple

from structgen.evaluation.scoring import Counts


class Case(NamedTuple):
    """`schema` None: any value. The last five are the counts of leaves that are right."""

    name: str
    schema: Any
    found: Any
    gold: Any
    right: int = 0
    wrong: int = 0
    omitted: int = 0
    invented: int = 0
    null: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(self.right, self.wrong, self.omitted, self.invented, self.null)


def of(schema: Any) -> dict[str, Any]:
    """An object with one field of this schema."""
    return {"type": "object", "properties": {"v": schema}}


def many(schema: Any, **list_: Any) -> dict[str, Any]:
    """An object with one list of this schema."""
    return of({"type": "array", "items": schema, **list_})


TEXT: dict[str, Any] = {"type": ["string", "null"]}
NUMBER: dict[str, Any] = {"type": ["number", "null"]}
DATE: dict[str, Any] = {"type": "string", "format": "date"}
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
DECIMAL: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
GRADE: dict[str, Any] = {"enum": ["A+", "A-", "a"]}
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {"name": TEXT, "quantity": NUMBER},
}
PAIR: dict[str, Any] = {"type": "array", "prefixItems": [TEXT, NUMBER]}


def leaf(name: str, schema: Any, found: Any, gold: Any, kind: str) -> Case:
    return Case(name, of(schema), {"v": found}, {"v": gold}, **{kind: 1})


def rule(name: str, config: Any, found: Any, gold: Any, kind: str, **more: Any) -> Case:
    return leaf(name, {"evaluation_config": config, **more}, found, gold, kind)


def stickler(name: str, comparator: str, found: Any, gold: Any, kind: str, **more: Any) -> Case:
    keys = {f"x-aws-stickler-{key.replace('_', '-')}": value for key, value in more.items()}
    schema = {"x-aws-stickler-comparator": comparator, **keys}
    return leaf(name, schema, found, gold, kind)
