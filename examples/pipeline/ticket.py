"""What is taken from a support ticket."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Ticket(BaseModel):
    product: str = Field(description="the product the customer writes about", max_length=40)
    kind: Literal["question", "fault", "refund"]
    urgent: bool
