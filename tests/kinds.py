"""One model with every common kind of field, for tests and benchmarks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Tone(Enum):
    neutral = "neutral"
    positive = "positive"
    negative = "negative"


class Place(BaseModel):
    city: str = Field(description="Town or city.")
    country: str | None = None


class Item(BaseModel):
    label: str = Field(max_length=40)
    count: int = 1


class Sixteen(BaseModel):
    """What a short text says, in sixteen kinds of field."""

    subject: str = Field(description="What the text is about, in a few words.", max_length=60)
    words: int = Field(description="A number in the text, else 0.")
    score: float = Field(description="A decimal number in the text, else 0.")
    question: bool = Field(description="Is it a question?")
    person: str | None = Field(description="A person named in the text.")
    language: str = "English"
    kind: Literal["command", "record", "story", "notice"]
    tone: Tone
    terms: list[Annotated[str, Field(max_length=24)]] = Field(
        description="Up to three key words.", max_length=3
    )
    place: Place
    items: list[Item] = Field(max_length=1)
    day: date
    at: datetime
    amount: Decimal = Field(max_digits=8, decimal_places=2)
    tally: dict[Annotated[str, Field(max_length=24)], int] = Field(max_length=1)
    pair: tuple[Annotated[str, Field(max_length=24)], int]
