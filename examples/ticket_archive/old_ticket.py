"""A support ticket, as a record."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Ticket(BaseModel):
    product: Literal["Aurora", "Borealis", "Cirrus", "Dawn"] | None = Field(
        default=None, description="the product the customer writes about"
    )
    kind: Literal["question", "fault", "refund", "praise"]
    urgent: bool = Field(description="whether the customer asks for haste")
    serial: str | None = Field(default=None, description="serial number, such as SN-20417")
