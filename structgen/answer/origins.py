"""Where each part of an answer went in the value: JSON Pointers into the one -> JSON Pointers into the other.

The codecs hand strings and numbers on as they are. So the answer is read once more with values that remember where they stood, and
the value's JSON form is asked for them. What cannot remember (true, false, null) went where its neighbours went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from structgen.errors import InvalidOutputError
from structgen.schema.codecs.codec import KEY, VALUE
from structgen.schema.compiler import Compiled
from structgen.schema.json import escape
from structgen.values import Json


class _Text(str):
    at: str


class _Integer(int):
    at: str


class _Number(float):
    at: str


_MARKED: Final[Mapping[type, Any]] = {str: _Text, int: _Integer, float: _Number}


class Origins:
    """The way from an answer's places to the value's. `data` is the answer, plain JSON."""

    def __init__(self, compiled: Compiled[Any], data: Json) -> None:
        self._leaves: dict[str, str] = {}
        self._containers = {f"/{VALUE}" if compiled.wrapped else "": ""}
        self._places: set[str] = set()
        try:
            restored, absent = compiled.restored(_marked(data, ""))
        except InvalidOutputError:
            return
        self._places.update(absent)
        for origin, place in _found(restored, ""):
            self._places.add(place)
            if origin is not None:
                self._learn(origin, place)

    def place(self, origin: str) -> str | None:
        """The value's place for an answer's, None where it has none: in text that is read as JSON, for one."""
        place = self._leaves.get(origin, self._containers.get(origin))
        if place is None and origin:
            parent, _, key = origin.rpartition("/")
            place = f"{self._containers[parent]}/{key}" if parent in self._containers else None
        return place if place in self._places else None

    def _learn(self, origin: str, place: str) -> None:
        entry = origin.removesuffix(f"/{KEY}")
        if entry != origin and not place.endswith(
            f"/{KEY}"
        ):  # the key of a map that is written as entries
            self._containers[f"{entry}/{VALUE}"] = place
            return
        self._leaves[origin] = place
        while origin and place:
            (origin, _, key), (place, _, name) = origin.rpartition("/"), place.rpartition("/")
            if key != name or origin in self._containers:
                return
            self._containers[origin] = place


def _marked(value: Json, at: str) -> Json:
    if isinstance(value, dict):
        return {key: _marked(item, f"{at}/{escape(key)}") for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, f"{at}/{index}") for index, item in enumerate(value)]
    if (kind := _MARKED.get(type(value))) is None:
        return value
    marked = kind(value)
    marked.at = at
    return marked


def _found(value: Json, at: str) -> Iterator[tuple[str | None, str]]:
    """(where it stood, where it stands) of all values; None for those that do not remember."""
    yield getattr(value, "at", None), at
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{at}/{escape(key)}"
            if isinstance(key, _Text):
                yield key.at, inner
            yield from _found(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _found(item, f"{at}/{index}")
