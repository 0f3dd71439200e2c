"""Telling the options of unions apart, once all definitions are compiled: by an answer's form
where that is sure, by a tag else."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from structgen.schema.codecs.codec import KIND, VALUE, Codec, Positions, Ref
from structgen.schema.codecs.records import Entries
from structgen.schema.codecs.unions import Option
from structgen.schema.compile.builder import Alternatives, Builder
from structgen.schema.compile.forms import distinct, fits, leaves, overlap, types
from structgen.values import JsonSchema


def changes(codec: Codec, changed: AbstractSet[str]) -> bool:
    """Does a codec change any value, given the definitions that do?"""
    if isinstance(codec, Ref):
        return codec.name in changed
    return codec.changes() or any(changes(part, changed) for part in codec.parts())


def changed_definitions(codecs: Mapping[str, Codec]) -> set[str]:
    """The definitions whose codec changes any value: the least set that contains what it must."""
    changed: set[str] = set()
    before = -1
    while len(changed) != before:
        before = len(changed)
        for name, codec in reversed(list(codecs.items())):  # the last ones are the innermost
            if name not in changed and changes(codec, changed):
                changed.add(name)
    return changed


def separate(builder: Builder) -> set[str]:
    """Tag what cannot be told apart, and set the options of every union. Gives the definitions
    that change any value.

    A tag can make a definition change values that did not before, which can make other options
    need one: so until nothing moves.
    """
    while True:
        changed = changed_definitions(builder.codecs)
        tagged = [_tag(builder, union, changed) for union in builder.unions]
        if not any(tagged):
            break
    for codec, sources, _ in builder.unions:
        codec.options = tuple(
            Option(
                part, builder.validator(source), fits(builder.defs, schema), codec.kinds.get(i, "")
            )
            for i, (part, source, schema) in enumerate(
                zip(codec.branches, sources, codec.schemas, strict=False)
            )
        )
    return changed


def _tag(builder: Builder, union: Alternatives, changed: set[str]) -> bool:
    """Wrap the options that are not told apart yet. Were there any?"""
    codec = union.codec
    new = sorted(_unclear(builder, union, changed) - codec.kinds.keys())
    for i in new:
        kind = codec.kinds[i] = _kind(
            codec.schemas[i], codec.branches[i], set(codec.kinds.values())
        )
        codec.schemas[i] = builder.object({KIND: builder.constant(kind), VALUE: codec.schemas[i]})
    if new:
        kinds = ", ".join(codec.kinds[i] for i in sorted(codec.kinds))
        builder.note(
            union.here, "anyOf", "rewritten", f"options are told apart by their {KIND!r}: {kinds}"
        )
    return bool(new)


def _unclear(builder: Builder, union: Alternatives, changed: set[str]) -> set[int]:
    codec, defs = union.codec, builder.defs
    forms = [list(leaves(defs, schema)) for schema in codec.schemas[: len(codec.branches)]]
    active = [i in codec.kinds or changes(part, changed) for i, part in enumerate(codec.branches)]
    unclear: set[int] = set()
    for i, one in enumerate(forms):
        for j, two in enumerate(forms[:i]):
            if (active[i] or active[j]) and any(overlap(a, b, defs) for a in one for b in two):
                unclear |= {i, j}
    if builder.subset.any_of == "tagged":
        objects = {
            i: [form for form in found if "object" in types(form)] for i, found in enumerate(forms)
        }
        if not distinct([form for found in objects.values() for form in found], defs):
            unclear |= {i for i, found in objects.items() if found}
    return unclear


def _kind(schema: JsonSchema, codec: Codec, taken: set[str]) -> str:
    """A name for an option, from its definition, its title or its form."""
    form = (
        "map"
        if isinstance(codec, Entries)
        else "tuple"
        if isinstance(codec, Positions)
        else schema.get("type", "other")
    )
    base = own = (
        schema.get("$ref", "").rsplit("/", 1)[-1]
        or schema.get("title")
        or (form if isinstance(form, str) else "other")
    )
    n = 1
    while own in taken:
        n += 1
        own = f"{base}_{n}"
    return str(own)
