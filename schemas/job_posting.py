"""A job advertisement: what, where, for how much, and what is asked.

Example text::

    Platform Engineer (m/f/d), full-time, Lisbon or remote within the EU. €55,000-70,000 a year
    plus equity. You bring 3+ years with Kubernetes and Go; Rust is a plus. 27 days of leave.
    Apply by 30 June 2024 at jobs.lusotech.example, reference PE-17.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["JobPosting", "Requirement", "Salary"]


class Salary(BaseModel):
    """The pay offered."""

    minimum: Decimal | None = Field(
        None, description="Lower end, or the one figure given; 55000 for 55k"
    )
    maximum: Decimal | None = Field(None, description="Upper end of a range")
    currency: str | None = Field(None, description='ISO 4217 code, such as "EUR"')
    period: Literal["hour", "day", "week", "month", "year"] | None = Field(
        None, description="What the figures are paid for"
    )


class Requirement(BaseModel):
    """One thing asked of applicants."""

    text: str = Field(description="The requirement, in few words")
    required: bool = Field(True, description="False for what is only a plus")
    years: float | None = Field(None, description="Years of experience asked for")


class JobPosting(BaseModel):
    """A job advertisement."""

    title: str = Field(description="Job title, without gender markers such as (m/f/d)")
    company: str | None = Field(None, description="Employer")
    locations: list[str] = Field(default=[], description="Places of work")
    workplace: Literal["on-site", "hybrid", "remote"] | None = Field(
        None, description="Where the work is done"
    )
    employment: (
        Literal[
            "full-time",
            "part-time",
            "contract",
            "temporary",
            "internship",
            "apprenticeship",
            "other",
        ]
        | None
    ) = Field(None, description="Kind of employment")
    seniority: Literal["junior", "mid", "senior", "lead", "executive"] | None = Field(
        None, description="Level, where the text says it"
    )
    salary: Salary | None = Field(None, description="Pay, where any figure is given")
    responsibilities: list[str] = Field(default=[], description="Tasks of the job, one entry each")
    requirements: list[Requirement] = Field(default=[], description="What applicants should bring")
    benefits: list[str] = Field(default=[], description="What is offered beside the pay")
    start: str | None = Field(
        None, description='When the work begins, as written ("1 March 2024", "immediately")'
    )
    apply_by: date | None = Field(None, description="Last day to apply")
    apply_at: str | None = Field(None, description="Web or e-mail address for applications")
    reference: str | None = Field(None, description="Reference number of the posting")
