"""A postal address of any country, in parts.

Example text::

    Please send it to Flat 3, 221B Baker Street, Marylebone, London NW1 6XE, United Kingdom.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["Address"]


class Address(BaseModel):
    """A postal address. Each part is copied as written; what is not there is null."""

    recipient: str | None = Field(
        None, description="Addressee or organisation, where it is part of the address"
    )
    unit: str | None = Field(None, description='Flat, suite, floor or building, such as "Flat 3"')
    house_number: str | None = Field(None, description='Number in the street, such as "221B"')
    street: str | None = Field(None, description="Street name, without the house number")
    po_box: str | None = Field(None, description="Post office box number")
    district: str | None = Field(None, description="Neighbourhood, suburb or borough")
    city: str | None = Field(None, description="City, town or village")
    region: str | None = Field(None, description="State, province or county")
    postal_code: str | None = Field(None, description="Postcode or ZIP code")
    country: str | None = Field(None, description="Country, as written")
    country_code: str | None = Field(
        None, description='ISO 3166-1 alpha-2 code of the country, such as "GB"'
    )
