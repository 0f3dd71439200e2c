"""A customer's message to support, classified and taken apart.

Example text::

    Hi, since yesterday's update to 5.2 the Android app crashes whenever I open Reports (Pixel
    8). I've reinstalled twice. I need the numbers for a board meeting tomorrow!! Account:
    maria@lumen.example, order 88-1203. Maria
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Request", "SupportTicket"]


class Request(BaseModel):
    """One thing the customer wants."""

    kind: Literal[
        "bug",
        "question",
        "refund",
        "cancellation",
        "change",
        "feature",
        "complaint",
        "praise",
        "other",
    ] = Field(description="What kind of request it is")
    summary: str = Field(description="The request in one sentence")
    product: str | None = Field(None, description="Product, app or service concerned")


class SupportTicket(BaseModel):
    """A message to support."""

    subject: str = Field(description="What it is about, in at most ten words")
    requests: list[Request] = Field(description="What the customer wants, the most important first")
    urgency: Literal["low", "normal", "high", "critical"] = Field(
        "normal",
        description="critical: work is stopped or safety at risk; "
        "high: a deadline is named or a main function fails",
    )
    sentiment: Literal["positive", "neutral", "negative", "angry"] = Field(
        "neutral", description="Tone of the message"
    )
    customer_name: str | None = Field(None, description="Who writes")
    customer_email: str | None = Field(None, description="E-mail address given")
    account_ids: list[str] = Field(
        default=[], description="Account, order, ticket and serial numbers, as written"
    )
    software_version: str | None = Field(None, description="Version of the software")
    environment: list[str] = Field(
        default=[], description='Devices, systems and browsers, such as "Pixel 8"'
    )
    steps: list[str] = Field(default=[], description="What leads to the fault, step by step")
    error_messages: list[str] = Field(
        default=[], description="Error messages and codes, copied verbatim"
    )
    tried: list[str] = Field(default=[], description="What the customer has already tried")
    language: str | None = Field(None, description='ISO 639-1 code of the message, such as "en"')
