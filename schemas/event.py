"""An event with time and place, as in an announcement or an invitation.

Example text::

    Join us for the Winter Lecture by Prof. Ines Duarte, "Ice Cores and Memory", on Thursday 8
    February 2024, 6:30-8 pm, Old Hall, University of Bergen. Admission free, registration until
    1 February at lecture@uib.example.
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Event"]


class Event(BaseModel):
    """An event. Dates and times are local to the place."""

    title: str = Field(description="Name of the event")
    kind: Literal[
        "meeting",
        "talk",
        "conference",
        "concert",
        "exhibition",
        "sport",
        "course",
        "party",
        "deadline",
        "other",
    ] = Field("other", description="What kind of event it is")
    start_date: date | None = Field(None, description="First day")
    start_time: time | None = Field(None, description="Time of the beginning on the first day")
    end_date: date | None = Field(None, description="Last day, where it differs from the first")
    end_time: time | None = Field(None, description="Time of the end")
    time_zone: str | None = Field(
        None, description='Time zone as written, such as "CET" or "UTC+2"'
    )
    recurrence: str | None = Field(
        None, description='How it repeats, as written, such as "every first Monday"'
    )
    venue: str | None = Field(None, description="Building or room")
    location: str | None = Field(None, description="City or address")
    online_url: str | None = Field(None, description="Address to take part online")
    organizer: str | None = Field(None, description="Who organises it")
    participants: list[str] = Field(
        default=[], description="Speakers, artists, teams or invited people"
    )
    price: Decimal | None = Field(None, description="Price of admission; 0 where it is free")
    currency: str | None = Field(None, description="ISO 4217 code of the price")
    registration: str | None = Field(None, description="How and until when to register, as written")
    summary: str | None = Field(None, description="What it is about, in one or two sentences")
