"""A product, as in a shop's page, a catalogue or a data sheet.

Example text::

    Aurora Trail 40 backpack, pine green. 40 l, 1.25 kg, recycled ripstop nylon, rain cover
    included. EAN 4006381333931. Was $139.00, now $99.00. 4.6 of 5 stars (212 reviews). In
    stock, ships in 2 days.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Attribute", "Price", "Product"]


class Price(BaseModel):
    """What the product costs."""

    amount: Decimal = Field(description="Price to pay now")
    currency: str | None = Field(None, description='ISO 4217 code, such as "USD"')
    regular_amount: Decimal | None = Field(None, description="Price before a reduction")
    unit: str | None = Field(
        None,
        description='What the price is for, where it is not one piece, such as "kg" or "month"',
    )


class Attribute(BaseModel):
    """One technical property."""

    name: str = Field(description='Property, such as "volume"')
    value: str = Field(description='Value as written, without the unit, such as "40"')
    unit: str | None = Field(None, description='Unit, such as "l"')


class Product(BaseModel):
    """A product and what is said of it."""

    name: str = Field(description="Name, with the model but without the brand's slogan")
    brand: str | None = Field(None, description="Maker or brand")
    category: str | None = Field(
        None, description='Kind of product in one or two words, such as "backpack"'
    )
    sku: str | None = Field(None, description="Article number of the shop or maker")
    gtin: str | None = Field(None, description="EAN, UPC or ISBN, digits only")
    description: str | None = Field(None, description="What it is, in one or two sentences")
    price: Price | None = Field(None, description="Price, where one is given")
    availability: (
        Literal["in stock", "limited", "pre-order", "out of stock", "discontinued"] | None
    ) = Field(None, description="Whether it can be bought now")
    condition: Literal["new", "refurbished", "used"] | None = Field(
        None, description="Condition, where the text says it"
    )
    colours: list[str] = Field(default=[], description="Colours offered")
    sizes: list[str] = Field(default=[], description="Sizes offered")
    materials: list[str] = Field(default=[], description="Materials")
    attributes: list[Attribute] = Field(
        default=[], description="Technical properties that have no field of their own"
    )
    features: list[str] = Field(default=[], description="Selling points, one entry each")
    rating: float | None = Field(None, description="Average rating, in stars")
    rating_count: int | None = Field(None, description="How many ratings or reviews")
