"""What was used last is kept, as much as its texts allow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_CACHE_SIZE: Final = 8 << 20
"""Characters of schemas and documents whose grammars are kept."""
_ENTRY_SIZE: Final = 1 << 14
"""Characters that each grammar counts besides, so that small ones do not grow without bound."""


class Cache(Generic[T]):
    """The values used last, as many as the texts of their keys allow. Many threads may use it."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[Any, ...], T] = OrderedDict()
        self._lock = threading.Lock()
        self._size = 0

    def get(self, key: tuple[Any, ...]) -> T | None:
        """Give a value that is kept; None if it is not.

        Args:
            key: The texts that the value was made from, and what else tells it apart.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: tuple[Any, ...], value: T) -> T:
        """Keep a value, and give it back.

        Args:
            key: The texts that the value was made from, and what else tells it apart.
            value: The value.
        """
        with self._lock:
            if key not in self._values:
                self._size += _size(key)
            self._values[key] = value
            while self._size > _CACHE_SIZE and len(self._values) > 1:
                self._size -= _size(self._values.popitem(last=False)[0])
        return value


def _size(key: tuple[Any, ...]) -> int:
    return _ENTRY_SIZE + sum(len(part) for part in key if isinstance(part, str))
