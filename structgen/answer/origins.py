"""Where each part of an answer went in the value, as JSON Pointers.

The codecs hand strings and numbers on as they are. So the answer is restored once more with values
that remember where they stood, and the value's JSON form is searched for them. What cannot remember
(true, false, null) went where its neighbours went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from structgen.errors import InvalidOutputError
from structgen.schema.codecs.codec import KEY, VALUE
from structgen.schema.compiler import Compiled
from structgen.schema.json import escape, pointer_of
from structgen.values import Json


class _Text(str):
    at: str


class _Integer(int):
    at: str


class _Number(float):
    at: str


_MARKED: Final[Mapping[type, Any]] = {str: _Text, int: _Integer, float: _Number}


class Origins:
    """The way from an answer's places to the value's.

    Args:
        compiled: The target, as the model was asked for it.
        data: The answer, as plain data.
    """

    def __init__(self, compiled: Compiled[Any], data: Json) -> None:
        self._leaves: dict[str, str] = {}
        self._containers = {f"/{VALUE}" if compiled.wrapped else "": ""}
        self._places: set[str] = set()
        self._names: Mapping[str, str] = {}
        try:
            restored, trace = compiled.traced(_marked(data, ""))
        except InvalidOutputError:
            return
        self._names = trace.names
        self._places.update(map(pointer_of, trace.absent))
        for origin, place in _origins_and_places(restored, ""):
            self._places.add(place)
            if origin is not None:
                self._learn(origin, place)

    def place(self, origin: str) -> str | None:
        """Map one place.

        Args:
            origin: A JSON Pointer into the answer.

        Returns:
            The JSON Pointer into the value; None if it has no place there, for example inside a
            text that is read as JSON.
        """
        place = self._leaves.get(origin, self._containers.get(origin))
        if place is None and origin:
            place = self._beside_others(origin)
        return place if place in self._places else None

    def _beside_others(self, origin: str) -> str:
        """Where a part went that cannot remember: where its record went, which stays in place."""
        parent, _, key = origin.rpartition("/")
        above = self._containers.get(parent)
        if above is None:
            above = self._beside_others(parent) if parent and self._names else parent
        return self._own(f"{above}/{key}")

    def _learn(self, origin: str, place: str) -> None:
        entry = origin.removesuffix(f"/{KEY}")
        is_key_of_entry = entry != origin and not place.endswith(f"/{KEY}")
        if is_key_of_entry:  # a map is written as a list of entries
            self._containers[f"{entry}/{VALUE}"] = place
            return
        self._leaves[origin] = place
        while origin and place:
            (origin, _, key), (place, _, name) = origin.rpartition("/"), place.rpartition("/")
            has_its_place = key == name or self._own(f"{place}/{key}") == f"{place}/{name}"
            if not has_its_place or origin in self._containers:
                return
            self._containers[origin] = place

    def _own(self, place: str) -> str:
        """A place, if it is that of a member with another name in the answer, under its own."""
        name = self._names.get(place)
        return place if name is None else f"{place.rpartition('/')[0]}/{escape(name)}"


def _marked(value: Json, at: str) -> Json:
    """The data with strings and numbers that remember where they stood."""
    if isinstance(value, dict):
        return {key: _marked(item, f"{at}/{escape(key)}") for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, f"{at}/{index}") for index, item in enumerate(value)]
    if (kind := _MARKED.get(type(value))) is None:
        return value
    marked = kind(value)
    marked.at = at
    return marked


def _origins_and_places(value: Json, at: str) -> Iterator[tuple[str | None, str]]:
    """Where each value stood, None if it does not remember, and where it is now."""
    yield getattr(value, "at", None), at
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{at}/{escape(key)}"
            if isinstance(key, _Text):
                yield key.at, inner
            yield from _origins_and_places(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _origins_and_places(item, f"{at}/{index}")
