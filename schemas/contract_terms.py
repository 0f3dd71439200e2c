"""The terms of a contract that people look up: parties, term, money, notice, law.

Example text::

    This Services Agreement is made on 3 May 2023 between Halden Systems AS ("Supplier") and
    Fjord Retail ASA ("Customer"). It runs for 24 months from 1 June 2023 and renews for 12
    months unless either party gives 90 days' written notice. The Customer pays NOK 48,000
    monthly within 30 days. Liability is capped at the fees of twelve months. Norwegian law
    applies.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Amount", "Clause", "ContractTerms", "Duration", "Party"]


class Party(BaseModel):
    """One side of the contract."""

    name: str = Field(description="Legal name")
    role: str | None = Field(None, description='Role or defined term, such as "Supplier"')
    address: str | None = Field(None, description="Registered address in one line")
    registration: str | None = Field(None, description="Company number")
    signatory: str | None = Field(None, description="Who signs for it, with the function")


class Duration(BaseModel):
    """A length of time."""

    number: float = Field(description="How many units")
    unit: Literal["days", "business days", "weeks", "months", "years"] = Field(
        description="Unit of time"
    )


class Amount(BaseModel):
    """A sum that one party owes."""

    purpose: str = Field(description="What is paid for")
    amount: Decimal | None = Field(None, description="The figure, where one is given")
    currency: str | None = Field(None, description='ISO 4217 code, such as "NOK"')
    period: Literal["once", "day", "week", "month", "quarter", "year", "use"] | None = Field(
        None, description="How often it is due"
    )
    due: Duration | None = Field(None, description="Time to pay after the invoice")
    payer: str | None = Field(None, description="Which party pays, by its name or role")


class Clause(BaseModel):
    """A clause worth knowing, with where it stands."""

    topic: Literal[
        "confidentiality",
        "liability",
        "indemnity",
        "warranty",
        "intellectual property",
        "data protection",
        "non-compete",
        "assignment",
        "exclusivity",
        "force majeure",
        "penalty",
        "other",
    ] = Field(description="What the clause is about")
    summary: str = Field(description="What it says, in one sentence")
    section: str | None = Field(None, description='Number of the section, such as "7.2"')
    quote: str | None = Field(None, description="The decisive words, copied verbatim")


class ContractTerms(BaseModel):
    """The terms of a contract, as it states them."""

    title: str | None = Field(None, description="Title of the contract")
    kind: Literal[
        "services",
        "sale",
        "lease",
        "employment",
        "loan",
        "licence",
        "confidentiality",
        "partnership",
        "other",
    ] = Field("other", description="Kind of contract")
    parties: list[Party] = Field(description="Everyone bound by it")
    signed: date | None = Field(None, description="Date of the contract")
    effective: date | None = Field(None, description="Date from which it applies")
    expires: date | None = Field(None, description="Date on which it ends, where one is given")
    term: Duration | None = Field(None, description="Initial term")
    renewal: Literal["automatic", "by agreement", "none"] | None = Field(
        None, description="What happens at the end of the term"
    )
    renewal_term: Duration | None = Field(None, description="Length of a renewal")
    notice: Duration | None = Field(None, description="Notice to end it, or to stop its renewal")
    termination_causes: list[str] = Field(
        default=[], description="Causes that let a party end it early"
    )
    amounts: list[Amount] = Field(default=[], description="What is to be paid")
    governing_law: str | None = Field(None, description="Law that applies")
    jurisdiction: str | None = Field(None, description="Court or arbitration agreed")
    clauses: list[Clause] = Field(default=[], description="Other clauses of weight")
