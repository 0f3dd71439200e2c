"""Strategies over Python types, each with a strategy for valid values of the type."""

# Types are made from values here, which a type checker cannot follow.
# mypy: disable-error-code="name-defined,valid-type,misc,arg-type,call-overload,assignment"

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Union

import pydantic
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import Field
from typing_extensions import TypeAliasType

from tests.laws.containers import dict_, list_, optional_types, set_, tuple_, union_types
from tests.laws.leaves import INTS, LEAVES, TEXT, Typed, constrained, kinds, nullable
from tests.laws.objects import (
    DESCRIPTIONS,
    dataclass_types,
    extended_types,
    generic_types,
    model_types,
    named_tuple_types,
    root_model_types,
    tagged_types,
    typed_dict_types,
    untagged_types,
)

# ---- recursion -----------------------------------------------------------------------

SELF = "Self"
LINKS: dict[str, tuple[Any, Any, Callable[[SearchStrategy[Any]], SearchStrategy[Any]]]] = {
    "list": (list[SELF], [], lambda below: st.lists(below, max_size=2)),
    "optional": (nullable(SELF), None, lambda below: st.none() | below),
    "map": (dict[str, SELF], {}, lambda below: st.dictionaries(TEXT, below, max_size=2)),
    "pair": (
        tuple[int, nullable(SELF)],
        (1, None),
        lambda below: st.tuples(INTS, st.none() | below),
    ),
    "mixed": (list[Union[SELF, str]], [], lambda below: st.lists(below | TEXT, max_size=2)),
}
"""Ways to refer to oneself: the type, a value of it that leads nowhere, and values that lead on."""


def _recursive(draw: DrawFn, depth: int) -> Typed:
    """A model that refers to itself, with a value of any type beside the link."""
    item = draw(types(depth))
    link, end, values = LINKS[draw(st.sampled_from(sorted(LINKS)))]
    options = {"default": None} if end is None and draw(st.booleans()) else {}
    annotation = Annotated[link, Field(description=draw(st.sampled_from(DESCRIPTIONS)), **options)]
    model = pydantic.create_model(SELF, item=(item.type, ...), below=annotation)
    model.model_rebuild(_types_namespace={SELF: model})

    def build(data: Any, below: Any) -> Any:
        return model.model_validate({"item": data, "below": below})

    level: SearchStrategy[Any] = st.builds(build, item.values, st.just(end))
    for _ in range(2):
        level = st.builds(build, item.values, values(level))
    return Typed(model, level, kinds("object"))


def _mutual(draw: DrawFn, depth: int) -> Typed:
    """Two models that refer to one another."""
    item = draw(types(depth))
    seconds = list["Second"]  # noqa: F821 - defined below
    first = pydantic.create_model("First", item=(item.type, ...), seconds=(seconds, []))
    second = pydantic.create_model("Second", first=(nullable(first), None), name=(str, ""))
    first.model_rebuild(_types_namespace={"Second": second})
    second.model_rebuild()
    leaf = item.values.map(lambda data: first(item=data))
    seconds = st.builds(lambda f, n: second(first=f, name=n), st.none() | leaf, TEXT)
    values = st.builds(
        lambda data, below: first(item=data, seconds=below),
        item.values,
        st.lists(seconds, max_size=2),
    )
    return Typed(first, leaf | values, kinds("object"))


Tree = TypeAliasType("Tree", "Union[bool, list[Tree], dict[str, Tree]]")


def _alias(draw: DrawFn, depth: int) -> Typed:
    """A recursive type alias."""
    trees = st.recursive(
        st.booleans(),
        lambda t: st.lists(t, max_size=2) | st.dictionaries(TEXT, t, max_size=2),
        max_leaves=4,
    )
    return Typed(Tree, trees, kinds("boolean", "array", "object"))


# ---- all of them ---------------------------------------------------------------------

CONTAINERS = [
    list_,
    set_,
    tuple_,
    dict_,
    optional_types,
    optional_types,
    union_types,
    union_types,
    root_model_types,
    generic_types,
    named_tuple_types,
]
OBJECTS = [
    model_types,
    model_types,
    model_types,
    dataclass_types,
    typed_dict_types,
    tagged_types,
    untagged_types,
    extended_types,
    _recursive,
    _mutual,
    _alias,
]


@st.composite
def types(draw: DrawFn, depth: int = 3) -> Typed:
    """A type nested up to so many levels."""
    form = draw(st.integers(0, 9))
    if depth <= 0 or form < 3:
        return draw(st.sampled_from(LEAVES))
    if form == 3:
        return draw(constrained())
    return draw(st.sampled_from(CONTAINERS if form < 6 else OBJECTS))(draw, depth - 1)
