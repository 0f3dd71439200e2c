"""An order by mail, as a record."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field


class Line(BaseModel):
    article: str = Field(description="number of the article, such as B-204")
    count: int = Field(ge=1, description="how many are ordered")


class Order(BaseModel):
    """An order that a customer writes in a mail."""

    customer: str = Field(description="who orders: the name under the mail")
    lines: list[Line] = Field(description="every article that is ordered", max_length=20)
    deliver_by: date | None = Field(default=None, description="the latest day of delivery")
    shipping: Literal["collect", "parcel", "express"] | None = Field(
        default=None, description="how it is sent"
    )
