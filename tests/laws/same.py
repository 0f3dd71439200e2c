"""Equality that does not take 1 for True, 1.0 for 1, or a list for a tuple."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from pydantic import BaseModel


def same(one: Any, other: Any) -> bool:
    """Are these two the same value, of the same types all the way down?"""
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseModel):
        extra = (one.__pydantic_extra__ or {}, other.__pydantic_extra__ or {})
        return same(one.__dict__, other.__dict__) and same(*extra)
    if dataclasses.is_dataclass(one):
        return all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(
            same(a, b) for a, b in zip(one.items(), other.items(), strict=True)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (set, frozenset)):
        return bool(one == other) and _kinds(one) == _kinds(other)
    return bool(one == other)


def _kinds(members: Any) -> Counter[type]:
    return Counter(map(type, members))
