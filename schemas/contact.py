"""A person's or organisation's contact details, as in a signature or a business card.

Example text::

    Dr. Amara Okafor
    Head of Procurement, Northwind Traders GmbH
    Hafenstrasse 12, 20457 Hamburg
    +49 40 1234 5678 (office) · +49 171 555 0199 (mobile)
    a.okafor@northwind.example · https://northwind.example
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from structgen.schemas.address import Address

__all__ = ["Contact", "Phone"]


class Phone(BaseModel):
    """One telephone number."""

    number: str = Field(
        description="The number as written, with country code and extension where given"
    )
    kind: Literal["work", "mobile", "home", "fax", "other"] = Field(
        "other", description="What the number is for"
    )


class Contact(BaseModel):
    """Who someone is and how to reach them."""

    name: str | None = Field(None, description="Full name of the person, without titles")
    honorific: str | None = Field(
        None, description='Title before or after the name, such as "Dr." or "PhD"'
    )
    organization: str | None = Field(None, description="Company or institution")
    department: str | None = Field(None, description="Department or unit in the organisation")
    job_title: str | None = Field(None, description="Role or position")
    emails: list[str] = Field(default=[], description="E-mail addresses, the main one first")
    phones: list[Phone] = Field(default=[], description="Telephone numbers, the main one first")
    addresses: list[Address] = Field(default=[], description="Postal addresses")
    websites: list[str] = Field(default=[], description="Web addresses and profile links")
    notes: str | None = Field(
        None,
        description="Anything else about reaching the person, "
        "such as hours or a preferred language",
    )
