"""What is known of the values of an answer that is being written."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class ByPlace(Generic[V]):
    """Facts by JSON Pointer, which go when the text that they are about is taken back."""

    def __init__(self) -> None:
        self.facts: dict[str, V] = {}
        self._starts: dict[str, int] = {}

    def put(self, place: str, start: int, fact: V) -> None:
        """Note a fact.

        Args:
            place: The JSON Pointer of a value.
            start: Where it begins in the answer, in bytes.
            fact: What is known of it.
        """
        self.facts[place], self._starts[place] = fact, start

    def forget(self, size: int) -> None:
        """Forget the values that begin after so many bytes."""
        gone = [place for place, start in self._starts.items() if start >= size]
        for place in gone:
            del self.facts[place], self._starts[place]
