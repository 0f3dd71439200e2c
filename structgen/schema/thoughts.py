"""A first member of an answer for thoughts: a model writes it before the value, and it is dropped.

Models on servers that hold every answer to a schema can think only inside it. So the schema has a
text before everything else, and the codec takes it off again.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypeVar

from structgen.schema.codecs.codec import VALUE
from structgen.schema.codecs.root import Root
from structgen.schema.compiler import Compiled
from structgen.values import JsonSchema, Note

T = TypeVar("T")

Thoughts: TypeAlias = Literal["first", "draft"]
"""What the member is for, as the option `reasoning` has it."""

NAME: Final = "reasoning"
"""The name of the member, unless the value has a member of that name."""
_DESCRIPTIONS: Final[dict[Thoughts, str]] = {
    "first": "Your thoughts, written first: what the document states about each of the other "
    "fields, and which of them it does not state.",
    "draft": "A draft of the record in plain text, written first: a line for each of the other "
    "fields that the document states.",
}
_LENGTH: Final = "maxLength"
_CHARACTERS: Final = 4
"""Characters that a token is counted as."""


def with_thoughts(compiled: Compiled[T], kind: Thoughts, tokens: int) -> Compiled[T]:
    """Give a compiled target a member for thoughts. The second call for the same is a look-up.

    Args:
        compiled: The compiled target.
        kind: What the member is for.
        tokens: How long the thoughts may be, if the language can say so.

    Returns:
        The same target with the member; as it is if its root refers to itself.
    """
    kept: dict[tuple[str, int], Compiled[T]] = vars(compiled).setdefault("with_thoughts", {})
    if (kind, tokens) not in kept:
        kept[kind, tokens] = _with_member(compiled, kind, tokens)
    return kept[kind, tokens]


def _with_member(compiled: Compiled[T], kind: Thoughts, tokens: int) -> Compiled[T]:
    schema, codec = compiled.schema, compiled.codec
    if b'"$ref":"#"' in compiled.dumps():
        return compiled
    root = codec if isinstance(codec, Root) else Root(codec, False, "")
    if schema.get("type") != "object" or "properties" not in schema:
        if root.wrapped or root.other_members:
            return compiled
        schema, root = _wrapped(schema), Root(codec, True, "")
    name = NAME
    while name in schema["properties"]:
        name += "_"
    text: dict[str, Any] = {"type": "string", "description": _DESCRIPTIONS[kind]}
    bound = compiled.subset.limits.length_bound
    most = tokens * _CHARACTERS
    if f"string.{_LENGTH}" in compiled.subset.keywords and (bound is None or most <= bound):
        text[_LENGTH] = most
    detail = f"a member {name!r} comes first, for the model's thoughts; it is dropped"
    return Compiled(
        compiled.target,
        compiled.subset,
        {
            **schema,
            "properties": {name: text, **schema["properties"]},
            "required": [name, *schema.get("required", ())],
        },
        (Note("", "properties", "rewritten", detail), *compiled.notes),
        Root(root.part, root.wrapped, root.other_members, name),
        compiled.codecs,
        False,
    )


def _wrapped(schema: JsonSchema) -> JsonSchema:
    """A schema as the only member of an object; its definitions stay at the root."""
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    outer = {
        "type": "object",
        "properties": {VALUE: inner},
        "required": [VALUE],
        "additionalProperties": False,
    }
    return {**outer, "$defs": schema["$defs"]} if "$defs" in schema else outer
