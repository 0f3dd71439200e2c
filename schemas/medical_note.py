"""A clinical note: complaints, findings, diagnoses, medication, plan.

For documentation, not for treatment decisions.

Example text::

    67 yo f, c/o productive cough x 5 d, no chest pain. PMH: HTN. T 38.4, BP 142/88, SpO2 94 % RA.
    Crackles R base.
    A: community-acquired pneumonia, likely.
    P: amoxicillin 1 g PO TID x 7 d, CXR, recheck in 48 h. Allergic to sulfa (rash).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Allergy", "Diagnosis", "Finding", "Measurement", "MedicalNote", "Medication"]


class Finding(BaseModel):
    """A symptom or a sign, present or denied."""

    name: str = Field(description="The symptom or sign, in the note's words")
    status: Literal["present", "absent", "uncertain"] = Field(
        "present", description="absent for what is denied or ruled out"
    )
    body_site: str | None = Field(None, description="Where in the body, with the side")
    severity: str | None = Field(None, description="Severity, as written")
    duration: str | None = Field(
        None, description='Since when or for how long, as written, such as "5 d"'
    )


class Measurement(BaseModel):
    """A vital sign or a laboratory value."""

    name: str = Field(description='What was measured, such as "SpO2"')
    value: str = Field(description='Value as written, such as "142/88"')
    unit: str | None = Field(None, description='Unit, such as "mmHg"')
    abnormal: bool | None = Field(
        None, description="True where the note marks it as abnormal, false where as normal"
    )


class Diagnosis(BaseModel):
    """A diagnosis or problem."""

    name: str = Field(description="The diagnosis, in the note's words")
    code: str | None = Field(None, description="ICD or SNOMED code, only where the note gives one")
    certainty: Literal["confirmed", "suspected", "ruled out"] = Field(
        "confirmed", description="How sure the note is"
    )
    status: Literal["active", "past", "family history"] = Field(
        "active", description="Whether it is now, was, or is a relative's"
    )


class Medication(BaseModel):
    """A drug and how it is taken."""

    name: str = Field(description="Drug or brand name")
    dose: str | None = Field(None, description='Dose as written, such as "1 g"')
    route: str | None = Field(None, description='Route, such as "PO" or "IV"')
    frequency: str | None = Field(None, description='How often, as written, such as "TID"')
    duration: str | None = Field(None, description='For how long, as written, such as "7 d"')
    action: Literal["start", "continue", "change", "stop", "taken"] = Field(
        "taken", description="What the note says to do; taken where it only reports"
    )


class Allergy(BaseModel):
    """An allergy or intolerance."""

    substance: str = Field(description="What the patient does not tolerate")
    reaction: str | None = Field(None, description='What happens, such as "rash"')


class MedicalNote(BaseModel):
    """A clinical note. Nothing is inferred: what the note does not say is null or an empty list."""

    note_date: date | None = Field(None, description="Date of the note or visit")
    age_years: float | None = Field(None, description="Age of the patient in years")
    sex: Literal["female", "male", "other"] | None = Field(None, description="Sex of the patient")
    reason: str | None = Field(None, description="Chief complaint or reason of the visit")
    findings: list[Finding] = Field(description="Symptoms and signs, the denied ones too")
    measurements: list[Measurement] = Field(
        default=[], description="Vital signs and laboratory values"
    )
    diagnoses: list[Diagnosis] = Field(default=[], description="Diagnoses and history")
    medications: list[Medication] = Field(default=[], description="Drugs taken or ordered")
    allergies: list[Allergy] = Field(default=[], description="Allergies and intolerances")
    no_known_allergies: bool = Field(
        False, description="True only where the note says that there are none"
    )
    procedures: list[str] = Field(default=[], description="Procedures and tests done or ordered")
    follow_up: str | None = Field(
        None, description="When and how the patient is seen again, as written"
    )
