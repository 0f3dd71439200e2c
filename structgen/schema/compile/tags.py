"""Tell the options of unions apart once all definitions are compiled: by form, or by a tag."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from structgen.schema.codecs.codec import KIND, VALUE, Codec, Positions, Ref
from structgen.schema.codecs.records import Entries
from structgen.schema.codecs.unions import Option, Union
from structgen.schema.compile.builder import Alternatives, Builder
from structgen.schema.compile.forms import distinct, fits, leaves, overlap, types
from structgen.schema.compile.keywords import listed_values
from structgen.schema.compile.names import unused_name
from structgen.schema.compile.words import described
from structgen.schema.json import to_text
from structgen.values import JsonSchema


def changes(codec: Codec, changed: AbstractSet[str]) -> bool:
    """Whether a codec changes any value.

    Args:
        codec: The codec.
        changed: The definitions that change values.
    """
    if isinstance(codec, Ref):
        return codec.name in changed
    return codec.changes() or any(changes(part, changed) for part in codec.parts())


def changed_definitions(codecs: Mapping[str, Codec]) -> set[str]:
    """The definitions whose codec changes any value."""
    changed: set[str] = set()
    before = -1
    while len(changed) != before:
        before = len(changed)
        for name, codec in reversed(list(codecs.items())):  # the last ones are the innermost
            if name not in changed and changes(codec, changed):
                changed.add(name)
    return changed


def separate(builder: Builder) -> set[str]:
    """Tag the options that cannot be told apart, and set the options of every union.

    A tag can make a definition change values that it did not change before, and so make
    other options need a tag: repeat until nothing changes.

    Returns:
        The definitions that change any value.
    """
    while True:
        changed = changed_definitions(builder.codecs)
        tagged = [_tag(builder, union, changed) for union in builder.unions]
        if not any(tagged):
            break
    for union in builder.unions:
        _leave_one_constant(builder, union)
    for codec, sources, _ in builder.unions:
        codec.options = tuple(
            Option(
                part,
                holds=builder.validator(source),
                fits=fits(builder.defs, codec.schemas[i]),
                kind=codec.kinds.get(i, ""),
            )
            for i, (part, source) in enumerate(zip(codec.branches, sources, strict=True))
        )
    return changed


def _tag(builder: Builder, union: Alternatives, changed: set[str]) -> bool:
    """Wrap the options that are not told apart yet, and say whether there were any."""
    codec = union.codec
    new = sorted(_unclear(builder, union, changed) - codec.kinds.keys())
    names = {i: _kind(builder, codec, i) for i in new}  # before any is wrapped
    for i, name in names.items():
        kind = codec.kinds[i] = unused_name(name, set(codec.kinds.values()))
        codec.schemas[i] = builder.object({KIND: builder.constant(kind), VALUE: codec.schemas[i]})
    if new:
        kinds = ", ".join(codec.kinds[i] for i in sorted(codec.kinds))
        detail = f"options are told apart by their {KIND!r}: {kinds}"
        builder.note(union.here, "anyOf", "rewritten", detail)
    return bool(new)


def _unclear(builder: Builder, union: Alternatives, changed: set[str]) -> set[int]:
    """The options that an answer's form does not tell apart."""
    codec, defs = union.codec, builder.defs
    forms = [list(leaves(defs, schema)) for schema in codec.schemas[: len(codec.branches)]]
    active = [i in codec.kinds or changes(part, changed) for i, part in enumerate(codec.branches)]
    unclear: set[int] = set()
    for i, one in enumerate(forms):
        for j, two in enumerate(forms[:i]):
            if (active[i] or active[j]) and any(overlap(a, b, defs) for a in one for b in two):
                unclear |= {i, j}
    if not _follows_the_rule(builder, codec):
        unclear |= {i for i, found in enumerate(forms) if any(map(_is_object, found))}
    return unclear


def _follows_the_rule(builder: Builder, codec: Union) -> bool:
    """Whether the objects among the options are told apart as the language asks for."""
    if builder.subset.any_of != "tagged":
        return True
    options = codec.schemas[: len(codec.branches)]
    found = [form for schema in options for form in leaves(builder.defs, schema)]
    return distinct(list(filter(_is_object, found)), builder.defs)


def _is_object(form: JsonSchema) -> bool:
    return "object" in types(form)


def _leave_one_constant(builder: Builder, union: Alternatives) -> None:
    """Leave one value to the check, if each is a constant: the kind has to be the only one."""
    if not union.codec.kinds or _follows_the_rule(builder, union.codec):
        return
    members = union.codec.schemas[max(union.codec.kinds)]["properties"]
    constant = next(leaves(builder.defs, members[VALUE]))
    words = f"only {', '.join(map(to_text, listed_values(constant) or ()))}"
    members[VALUE] = described({"type": constant["type"]}, words)
    builder.note(union.here, "const", "checked", f"{words}: not enforced beside a constant kind")


def _kind(builder: Builder, union: Union, i: int) -> str:
    """A name for an option: its definition, its title, what only it has, or its form."""
    schema, codec = union.schemas[i], union.branches[i]
    name = _own_name(schema)
    if name:
        return str(name)
    if isinstance(codec, Entries):
        return "map" + _of_what(schema.get("items", {}).get("properties", {}).get(VALUE))
    if isinstance(codec, Positions):
        return "tuple"
    own = schema.get("properties", {})
    constants = (listed_values(own[name]) for name in schema.get("required", ()) if name in own)
    for listed in constants:
        if listed is not None and len(listed) == 1 and isinstance(listed[0], str) and listed[0]:
            return listed[0]  # an empty one would be no tag
    others: set[str] = set()
    for j, other in enumerate(union.schemas):
        if j != i:
            others.update(*(form.get("properties", ()) for form in leaves(builder.defs, other)))
    distinct_name = next((name for name in own if name not in others), None)
    form = schema.get("type")
    if form == "array":
        return "array" + _of_what(schema.get("items"))
    return distinct_name or (form if isinstance(form, str) else "other")


def _of_what(inner: Any) -> str:
    """What a list or a map holds, such as " of string", if it has a name or one type."""
    if not isinstance(inner, dict):
        return ""
    name = _own_name(inner) or inner.get("type")
    return f" of {name}" if isinstance(name, str) and name != "object" else ""


def _own_name(schema: JsonSchema) -> str | None:
    """The name of a definition, or the title."""
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1] or schema.get("title")
