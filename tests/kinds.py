"""One model with every common kind of field, for tests and benchmarks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal, Optional

from pydantic import BaseModel, Field


class Tone(Enum):
    neutral = "neutral"
    positive = "positive"
    negative = "negative"


class Place(BaseModel):
    city: str = Field(description="Town or city.")
    country: Optional[str] = None


class Item(BaseModel):
    label: str
    count: int = 1


class Sixteen(BaseModel):
    """What a short text says, in sixteen kinds of field."""

    subject: str = Field(description="What the text is about, in a few words.")
    words: int = Field(description="A number in the text, else 0.")
    score: float = Field(description="A decimal number in the text, else 0.")
    question: bool = Field(description="Is it a question?")
    person: Optional[str] = Field(description="A person named in the text.")
    language: str = "English"
    kind: Literal["command", "record", "story", "notice"]
    tone: Tone
    terms: list[str] = Field(description="Up to three key words.", max_length=3)
    place: Place
    items: list[Item] = Field(max_length=2)
    day: date
    at: datetime
    amount: Decimal = Field(max_digits=8, decimal_places=2)
    tally: dict[str, int] = Field(max_length=2)
    pair: tuple[str, int]
