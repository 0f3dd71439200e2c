"""Strategies over models, dataclasses, typed dictionaries and named tuples, and their unions."""

# Types are made from values here, which a type checker cannot follow.
# mypy: disable-error-code="name-defined,valid-type,misc,arg-type,call-overload,assignment"

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar, Union

import pydantic
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import NotRequired, TypedDict

from tests.laws.containers import types
from tests.laws.leaves import JSON, TEXT, Mood, Typed, kinds, or_null, without_name

T = TypeVar("T")

NAMES = [
    "a",
    "b",
    "c",
    "x",
    "name",
    "kind",
    "key",
    "value",
    "entries",
    "extra",
    "items",
    "type",
    "title",
    "count",
    "enum",
    "first_name",
]
ALIASES = [
    "class",
    "$ref",
    "type",
    "a/b",
    "a~b",
    "a.b c",
    "key",
    "value",
    "items",
    "",
    "ключ",
    'say "x"',
    "anyOf",
    "$defs",
    "0",
    "name",
]
TITLES = ["Thing", "Item", "A_B", "Ünïcode", "Model", "Model"]
DESCRIPTIONS = [None, None, "What it is", 'With "quotes"\nand lines.', "Ends with a colon:"]


@dataclass(frozen=True)
class Member:
    """A field."""

    name: str
    """Its name in Python."""
    key: str
    """Its key in JSON."""
    item: Typed
    annotation: Any
    default: Any = ...

    @property
    def optional(self) -> bool:
        return self.default is not ...


def default_types(draw: DrawFn, item: Typed) -> tuple[Typed, dict[str, Any]]:
    """The type a field ends up with, and the keywords of `Field` that make it required or not."""
    form = draw(
        st.sampled_from(["required", "required", "null", "nullable", "default", "three", "factory"])
    )
    if form == "null":
        return or_null(item), {"default": None}
    if form == "nullable":
        return or_null(item), {}
    if form == "default":
        return item, {"default": draw(item.values)}
    if form == "three":
        return or_null(item), {"default": draw(item.values.map(without_name))}
    if form == "factory":
        value = draw(item.values)
        return item, {"default_factory": lambda: value}
    return item, {}


@st.composite
def members(
    draw: DrawFn, depth: int, *, min_size: int = 0, max_size: int = 4, aliases: bool = True
) -> list[Member]:
    names = draw(
        st.lists(st.sampled_from(NAMES), min_size=min_size, max_size=max_size, unique=True)
    )
    keys = list(names)
    if aliases and names and draw(st.integers(0, 2)) == 0:
        others = draw(
            st.lists(
                st.sampled_from(ALIASES), min_size=len(names), max_size=len(names), unique=True
            )
        )
        # One alias for all or none: a mixture may give two fields one key.
        keys = others
    made = []
    for name, key in zip(names, keys, strict=True):
        item, options = default_types(draw, draw(types(depth)))
        if key != name:
            options |= (
                {"alias": key}
                if draw(st.booleans())
                else {"validation_alias": key, "serialization_alias": f"out {key}"}
            )
        annotation = Annotated[
            item.type, Field(description=draw(st.sampled_from(DESCRIPTIONS)), **options)
        ]
        made.append(
            Member(
                name,
                key,
                item,
                annotation,
                ... if not options.keys() & {"default", "default_factory"} else None,
            )
        )
    return made


def objects(
    fields: list[Member], extras: SearchStrategy[dict[str, Any]] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """Values by their keys in JSON, any of the optional members left out."""
    required = {m.key: m.item.values for m in fields if not m.optional}
    optional = {m.key: m.item.values for m in fields if m.optional}

    def ordered(data: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        taken = {m.key for m in fields} | {m.name for m in fields}
        return {m.key: data[m.key] for m in fields if m.key in data} | {
            k: v for k, v in more.items() if k not in taken
        }

    return st.builds(
        ordered,
        st.fixed_dictionaries(required, optional=optional),
        st.just({}) if extras is None else extras,
    )


def model_types(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth))
    extra: Any = draw(st.sampled_from(["ignore", "forbid", "allow"]))
    model = pydantic.create_model(
        draw(st.sampled_from(TITLES)),
        __config__=ConfigDict(
            extra=extra,
            title=draw(st.sampled_from([None, None, "A: title!"])),
            protected_namespaces=(),
        ),
        __doc__=draw(st.sampled_from([None, "A thing."])),
        **{m.name: m.annotation for m in fields},
    )
    extras = st.dictionaries(TEXT, JSON, max_size=2) if extra == "allow" else None
    return Typed(model, objects(fields, extras).map(model.model_validate), kinds("object"))


def dataclass_types(draw: DrawFn, depth: int) -> Typed:
    fields = sorted(draw(members(depth, aliases=False)), key=lambda m: m.optional)
    made = dataclasses.make_dataclass(
        draw(st.sampled_from(TITLES)),
        [
            (m.name, m.item.type)
            if not m.optional
            else (m.name, m.item.type, plain_default_types(draw, m))
            for m in fields
        ],
        kw_only=draw(st.booleans()),
    )
    decorate: Callable[[Any], Any] = draw(
        st.sampled_from([pydantic.dataclasses.dataclass, lambda cls: cls])
    )
    made = decorate(made)
    return Typed(made, objects(fields).map(lambda data: made(**data)), kinds("object"))


def plain_default_types(draw: DrawFn, member: Member) -> Any:
    value = draw(member.item.values)
    return dataclasses.field(default_factory=lambda: value)


def typed_dict_types(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth, aliases=False))
    made = TypedDict(
        draw(st.sampled_from(TITLES)),
        {m.name: NotRequired[m.item.type] if m.optional else m.item.type for m in fields},
    )
    return Typed(made, objects(fields), kinds("object"))


def named_tuple_types(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth, min_size=1, max_size=3, aliases=False))
    made: Any = NamedTuple(draw(st.sampled_from(TITLES)), [(m.name, m.item.type) for m in fields])
    return Typed(
        made,
        st.tuples(*(m.item.values for m in fields)).map(lambda items: made(*items)),
        kinds("array"),
    )


class Box(BaseModel, Generic[T]):
    content: T
    others: list[T] = []


def generic_types(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    box = Box[item.type]
    values = st.builds(
        lambda c, o: box(content=c, others=o) if o else box(content=c),
        item.values,
        st.lists(item.values, max_size=2),
    )
    return Typed(box, values, kinds("object"))


def root_model_types(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    model = RootModel[item.type]
    return Typed(model, item.values.map(model), item.kinds)


# ---- unions of objects ---------------------------------------------------------------


def tagged_types(draw: DrawFn, depth: int) -> Typed:
    """A discriminated union; its tag is a string, a number or an enum member, maybe aliased."""
    tags: list[Any] = draw(
        st.sampled_from([["cat", "dog", "a/b"], [1, 2, 3], [Mood.GOOD, Mood.BAD]])
    )
    alias = draw(st.sampled_from([None, "@type"]))
    variants, values = [], []
    for i, tag in enumerate(tags[: draw(st.integers(2, 3))]):
        fields = [
            m for m in draw(members(depth, max_size=2)) if m.name != "kind" and m.key != "kind"
        ]
        annotation = Annotated[Literal[tag], Field(alias=alias)] if alias else Literal[tag]
        model = pydantic.create_model(
            f"Variant{i}", kind=(annotation, ...), **{m.name: m.annotation for m in fields}
        )
        variants.append(model)
        values.append(
            objects(fields).map(
                lambda data, m=model, t=tag: m.model_validate({alias or "kind": t, **data})
            )
        )
    return Typed(
        Annotated[Union[tuple(variants)], Field(discriminator="kind")],
        st.one_of(values),
        kinds("object"),
    )


def untagged_types(draw: DrawFn, depth: int) -> Typed:
    """A union of models that share keys and differ by one that each requires for itself."""
    shared = draw(types(0))
    variants, values = [], []
    for own in ["own_a", "own_b", "own_c"][: draw(st.integers(2, 3))]:
        item = draw(types(depth))
        model = pydantic.create_model(
            f"With_{own}", name=(shared.type, ...), **{own: (item.type, ...)}
        )
        variants.append(model)
        both = st.fixed_dictionaries({"name": shared.values, own: item.values})
        values.append(both.map(lambda data, m=model: m.model_validate(data)))
    return Typed(Union[tuple(variants)], st.one_of(values), kinds("object"))


def extended_types(draw: DrawFn, depth: int) -> Typed:
    """A union of models each of which has the members of a smaller one, which may have none."""
    fields = draw(members(depth, min_size=1, max_size=3, aliases=False))
    required = [Member(m.name, m.key, m.item, m.item.type) for m in fields]
    extra: Any = draw(st.sampled_from(["ignore", "forbid"]))
    variants, values = [], []
    for size in draw(st.permutations(range(len(required) + 1))):
        own = required[:size]
        model = pydantic.create_model(
            f"Of{size}",
            __config__=ConfigDict(extra=extra, protected_namespaces=()),
            **{m.name: (m.annotation, ...) for m in own},
        )
        variants.append(model)
        values.append(objects(own).map(model.model_validate))
    return Typed(Union[tuple(variants)], st.one_of(values), kinds("object"))
