"""Lists and tuples."""

from __future__ import annotations

from collections.abc import Sequence

from structgen.schema.codecs.codec import SAME, VALUE, Codec, Items, Member, Positions
from structgen.schema.compile.builder import Builder, Built
from structgen.schema.compile.here import Here
from structgen.schema.compile.keywords import Schema, Unsatisfiable
from structgen.schema.inside import DUPLICATES
from structgen.values import JsonSchema


def array(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """A list; or a tuple, if the schema has `prefixItems`."""
    if "contains" in core and core.get("minContains") != 0:
        builder.drop(here, "contains", core["contains"])
    if core.get("unevaluatedItems", True) not in (True, {}):
        builder.drop(here, "unevaluatedItems", core["unevaluatedItems"])
    low, high = core.get("minItems", 0), core.get("maxItems")
    if high is not None and low > high:
        raise Unsatisfiable
    if core.get("prefixItems"):
        return _tuple(builder, core, low, high, here)
    try:
        item = builder.node(core.get("items", True), here.down("items"))
    except Unsatisfiable:
        if low:
            raise
        item, high = Built({"type": "string"}, SAME), 0
    schema: JsonSchema = {"type": "array", "items": item.schema}
    _bound(builder, schema, low, high, here)
    if core.get("uniqueItems") is True:
        if "array.uniqueItems" in builder.subset.keywords and item.codec is SAME:
            schema["uniqueItems"] = True
        else:
            builder.drop(here, "uniqueItems", True)
    if core.get(DUPLICATES) is True and f"array.{DUPLICATES}" in builder.subset.keywords:
        schema[DUPLICATES] = True
    return Built(schema, _items((), item.codec))


def _bound(builder: Builder, schema: JsonSchema, low: int, high: int | None, here: Here) -> None:
    bounds: JsonSchema = {}
    if low > 0:
        bounds["minItems"] = low
    if high is not None:
        bounds["maxItems"] = high
    builder.keep(bounds, "array", bounds, schema, here)


def _items(head: Sequence[Codec], rest: Codec) -> Codec:
    return SAME if all(codec is SAME for codec in (*head, rest)) else Items(rest, tuple(head))


def _tuple(builder: Builder, core: JsonSchema, low: int, high: int | None, here: Here) -> Built:
    """A tuple: an array if the language has tuples, else an object of positions."""
    if core.get("uniqueItems") is True:
        builder.drop(here, "uniqueItems", True)
    sources: list[Schema] = core["prefixItems"][:high]
    head: list[Built] = []
    for i, sub in enumerate(sources):
        try:
            head.append(builder.node(sub, here.down(f"prefixItems/{i}")))
        except Unsatisfiable:
            break
    rest: Built | None = None
    if len(head) == len(core["prefixItems"]) and (high is None or high > len(head)):
        try:
            rest = builder.node(core.get("items", True), here.down("items"))
        except Unsatisfiable:
            rest = None
    if rest is None and low > len(head):
        raise Unsatisfiable
    exact = rest is None and low == len(head)
    has_tuples = builder.subset.tuples == "any" or (builder.subset.tuples == "fixed" and exact)
    if head and has_tuples:
        schema: JsonSchema = {"type": "array", "prefixItems": [built.schema for built in head]}
        if rest:
            schema["items"] = rest.schema
        _bound(builder, schema, low, high if rest else len(head), here)
        return Built(schema, _items([built.codec for built in head], rest.codec if rest else SAME))
    if head and exact and _are_alike(builder, sources):
        schema = {"type": "array", "items": head[0].schema}
        _bound(builder, schema, low, len(head), here)
        return Built(schema, _items((), head[0].codec))
    return _positions(builder, head, sources, rest, low, high, here)


def _are_alike(builder: Builder, positions: list[Schema]) -> bool:
    """Whether positions are an array of alike items whose length the language holds."""
    takes_length = builder.subset.keywords.issuperset(("array.minItems", "array.maxItems"))
    return takes_length and all(one == positions[0] for one in positions)


def _positions(
    builder: Builder,
    head: list[Built],
    sources: list[Schema],
    rest: Built | None,
    low: int,
    high: int | None,
    here: Here,
) -> Built:
    """A tuple as an object of positions."""
    detail = "a tuple, written as an object with one member per position"
    builder.note(here, "prefixItems", "rewritten", detail)
    if low < len(head):
        builder.note(here, "minItems", "checked", "positions are left out only at the end")
    members: list[Member] = []
    properties: dict[str, JsonSchema] = {}
    for i, built in enumerate(head):
        name = f"item_{i + 1}"
        if i < low:
            members.append(Member(name, built.codec, "never"))
            properties[name] = built.schema
        elif builder.null_on_wire(sources[i], built):
            members.append(Member(name, built.codec, "boxed"))
            properties[name] = builder.nullable(builder.object({VALUE: built.schema}))
        else:
            members.append(Member(name, built.codec, "null"))
            properties[name] = builder.nullable(built.schema)
    tail = None
    if rest:
        tail = Member("rest", rest.codec, "never")
        properties["rest"] = {"type": "array", "items": rest.schema}
        least, most = max(0, low - len(head)), None if high is None else high - len(head)
        _bound(builder, properties["rest"], least, most, here)
    return Built(builder.object(properties), Positions(tuple(members), tail))
