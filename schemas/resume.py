"""A résumé or CV: work, education, skills.

Example text::

    Jonas Lindqvist, Gothenburg. jonas@lindqvist.example
    2019 - now    Senior Data Engineer, Polar Analytics AB. Built the event pipeline (Kafka, dbt).
    Aug 2016 - Dec 2018  Developer, Norrsken Labs
    MSc Computer Science, Chalmers, 2016. Swedish (native), English (C1).
    Skills: Python, SQL, Terraform
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from structgen.schemas.contact import Contact

__all__ = ["Certificate", "Education", "Job", "Language", "Resume"]

# Résumés give dates as "2019" or "Aug 2016" more often than to the day.
PARTIAL_DATE = 'as precise as the text gives it: "2019", "2019-08" or "2019-08-31"'


class Job(BaseModel):
    """One position held."""

    title: str | None = Field(None, description="Job title")
    employer: str | None = Field(None, description="Company or institution")
    location: str | None = Field(None, description="City or country, or remote")
    start: str | None = Field(None, description=f"First day, {PARTIAL_DATE}")
    end: str | None = Field(None, description=f"Last day, {PARTIAL_DATE}; none while it lasts")
    current: bool = Field(False, description="Does the person still hold the position?")
    highlights: list[str] = Field(default=[], description="Duties and achievements, one entry each")


class Education(BaseModel):
    """One course of study."""

    institution: str | None = Field(None, description="School or university")
    degree: str | None = Field(None, description='Degree, such as "MSc"')
    field: str | None = Field(None, description="Subject")
    start: str | None = Field(None, description=f"Beginning, {PARTIAL_DATE}")
    end: str | None = Field(None, description=f"End or graduation, {PARTIAL_DATE}")
    grade: str | None = Field(None, description="Grade or honours, as written")


class Language(BaseModel):
    """A language and how well it is spoken."""

    name: str = Field(description="The language, in English")
    level: Literal["native", "fluent", "advanced", "intermediate", "basic"] | None = Field(
        None, description="C2 is fluent, C1 advanced, B1 and B2 intermediate, A1 and A2 basic"
    )


class Certificate(BaseModel):
    """A certificate, licence or award."""

    name: str = Field(description="What it is called")
    issuer: str | None = Field(None, description="Who gave it")
    obtained: str | None = Field(None, description=f"When, {PARTIAL_DATE}")


class Resume(BaseModel):
    """A résumé, newest entries first."""

    contact: Contact = Field(description="Who the person is and how to reach them")
    summary: str | None = Field(None, description="Profile or objective, in the person's words")
    jobs: list[Job] = Field(description="Work experience")
    education: list[Education] = Field(default=[], description="Schools and degrees")
    skills: list[str] = Field(
        default=[], description="Skills, tools and technologies, one entry each"
    )
    languages: list[Language] = Field(default=[], description="Languages spoken")
    certificates: list[Certificate] = Field(
        default=[], description="Certificates, licences and awards"
    )
    publications: list[str] = Field(
        default=[], description="Publications and talks, one entry each"
    )
