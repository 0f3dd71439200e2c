"""The named entities of a text, each copied as it stands.

Example text::

    Marie Skłodowska left Warsaw for the Sorbonne in 1891 and, with Pierre Curie, found polonium.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Entity", "NamedEntities"]


class Entity(BaseModel):
    """One mention of an entity."""

    text: str = Field(
        description="The mention, copied verbatim from the text: "
        "same letters, same case, nothing added"
    )
    label: Literal[
        "person",
        "organization",
        "location",
        "facility",
        "product",
        "event",
        "work",
        "law",
        "group",
        "date",
        "time",
        "money",
        "quantity",
        "substance",
        "disease",
        "other",
    ] = Field(description="What kind of entity it is; group: a nationality, religion or party")


class NamedEntities(BaseModel):
    """All mentions in the order of the text. A name that occurs twice is listed twice."""

    entities: list[Entity] = Field(description="The mentions; empty where the text names nothing")
