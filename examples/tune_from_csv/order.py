"""A note with an order, as a record: the first idea of it, which nobody has tuned."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Order(BaseModel):
    drink: str = Field(description="the drink, as the till writes it", max_length=20)
    count: int = Field(ge=1, le=20)
    table: int | None = Field(description="the number of the table; null if it is to go")
