"""The record that the loopback server answers with. It stands alone: peers load it by its path."""

from __future__ import annotations

import random
from typing import Literal

from pydantic import BaseModel


class Address(BaseModel):
    street: str
    city: str
    country: str
    postal_code: str


class Entity(BaseModel):
    name: str
    kind: Literal["person", "organisation", "product", "place"]
    confidence: float
    start: int
    end: int
    aliases: list[str]
    address: Address | None


class Report(BaseModel):
    """The record that the answers hold."""

    title: str
    language: Literal["en", "de", "fr"]
    entities: list[Entity]


def report(size: int) -> str:
    """Write a Report as JSON text.

    Args:
        size: The least length, in bytes.
    """
    draw = random.Random(7)
    entities: list[Entity] = []
    while True:
        found = Report(
            title="Quarterly report of the Acme group", language="en", entities=entities
        ).model_dump_json()
        if len(found) >= size:
            return found
        count = len(entities)
        address = Address(
            street=f'{draw.randint(1, 200)} Main "Old" Street',
            city="Berlin",
            country="DE",
            postal_code="10115",
        )
        entities.append(
            Entity(
                name=f"Ada Byron {count}",
                kind="person",
                confidence=round(draw.random(), 3),
                start=count * 37,
                end=count * 37 + 11,
                aliases=["A. Byron", "Byron"][: draw.randint(0, 2)],
                address=address if draw.random() < 0.6 else None,
            )
        )
