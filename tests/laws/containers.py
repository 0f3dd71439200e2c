"""Strategies over lists, sets, tuples, maps and unions of generated types."""

# Types are made from values here, which a type checker cannot follow.
# mypy: disable-error-code="name-defined,valid-type,misc,arg-type,call-overload,assignment"

from __future__ import annotations

import string
import uuid
from datetime import date
from typing import Annotated, Any, Literal, Union

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import Field

from tests.laws.leaves import (
    CHARACTERS,
    DATES,
    INTS,
    LEAVES,
    TEXT,
    UUIDS,
    Rank,
    Tone,
    Typed,
    constrained,
    kinds,
    or_null,
)


def types(depth: int) -> SearchStrategy[Typed]:
    """Any type, imported late: it is one of the forms here, which may hold any type."""
    from tests.laws.strategies import types as any_type

    return any_type(depth)


KEYS: list[tuple[Any, SearchStrategy[Any]]] = [
    (str, TEXT),
    (str, st.text(string.ascii_letters + " _", max_size=4)),
    (int, INTS),
    (bool, st.booleans()),
    (date, DATES),
    (uuid.UUID, UUIDS),
    (Tone, st.sampled_from(Tone)),
    (Rank, st.sampled_from(Rank)),
    (Literal["k", "key"], st.sampled_from(["k", "key"])),
    (
        Annotated[str, Field(pattern="^[a-z]+$")],
        st.text(string.ascii_lowercase, min_size=1, max_size=3),
    ),
    (
        Annotated[str, Field(min_length=1, max_length=3)],
        st.text(CHARACTERS, min_size=1, max_size=3),
    ),
]


def limits(draw: DrawFn) -> tuple[int, int | None]:
    low = draw(st.sampled_from([0, 0, 0, 1, 2]))
    return low, draw(st.sampled_from([None, None, low, low + 2]))


def sized(type_: Any, low: int, high: int | None) -> Any:
    return (
        type_
        if low == 0 and high is None
        else Annotated[type_, Field(min_length=low, max_length=high)]
    )


def list_(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    low, high = limits(draw)
    return Typed(
        sized(list[item.type], low, high),
        st.lists(item.values, min_size=low, max_size=low + 2 if high is None else high),
        kinds("array"),
    )


def set_(draw: DrawFn, depth: int) -> Typed:
    item = draw(hashables(depth))
    maker: Any = draw(st.sampled_from([set, frozenset]))
    return Typed(maker[item.type], st.lists(item.values, max_size=3).map(maker), kinds("array"))


def tuple_(draw: DrawFn, depth: int) -> Typed:
    if draw(st.booleans()):
        item = draw(types(depth))
        return Typed(
            tuple[item.type, ...], st.lists(item.values, max_size=3).map(tuple), kinds("array")
        )
    items = draw(st.lists(types(depth), min_size=0, max_size=3))
    type_ = tuple[tuple(item.type for item in items)] if items else tuple[()]
    return Typed(type_, st.tuples(*(item.values for item in items)), kinds("array"))


def dict_(draw: DrawFn, depth: int) -> Typed:
    key, keys = draw(st.sampled_from(KEYS))
    item = draw(types(depth))
    return Typed(
        dict[key, item.type], st.dictionaries(keys, item.values, max_size=3), kinds("object")
    )


def optional_types(draw: DrawFn, depth: int) -> Typed:
    return or_null(draw(types(depth)))


def union_types(draw: DrawFn, depth: int) -> Typed:
    """Alternatives that JSON tells apart; no reader could tell others."""
    chosen: list[Typed] = []
    for item in draw(st.lists(types(depth), min_size=2, max_size=4)):
        if all(item.kinds.isdisjoint(other.kinds) for other in chosen):
            chosen.append(item)
    if len(chosen) < 2:
        return chosen[0]
    return Typed(
        Union[tuple(item.type for item in chosen)],
        st.one_of([item.values for item in chosen]),
        frozenset().union(*(item.kinds for item in chosen)),
        all(item.hashable for item in chosen),
    )


@st.composite
def hashables(draw: DrawFn, depth: int) -> Typed:
    """What may stand in a set."""
    if depth > 0 and draw(st.integers(0, 3)) == 0:
        items = draw(st.lists(hashables(depth - 1), min_size=1, max_size=2))
        return Typed(
            tuple[tuple(i.type for i in items)],
            st.tuples(*(i.values for i in items)),
            kinds("array"),
            True,
        )
    # Floats and numbers that are booleans would merge in a set of mixed kinds; one kind a set.
    return draw(
        st.sampled_from([leaf for leaf in LEAVES if leaf.hashable and len(leaf.kinds) == 1])
        | constrained()
    )
