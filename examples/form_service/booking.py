"""What the form asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from structgen import Verbatim


class Booking(BaseModel):
    """A table in a restaurant."""

    guest: Annotated[str, Verbatim()] = Field(description="the name to book under")
    people: int = Field(ge=1, le=12, description="how many come")
    day: Literal["Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] = Field(
        description="day of the week"
    )
    hour: int = Field(ge=12, le=22, description="from 12 to 22")
    outdoors: bool = Field(default=False, description="in the garden")

    @model_validator(mode="after")
    def fits_the_garden(self) -> Booking:
        if self.outdoors and self.people > 6:
            raise ValueError("at most 6 people in the garden")
        return self
