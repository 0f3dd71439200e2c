"""A till receipt, as scanned or photographed.

Example text::

    KONSUM MARKT  Leipzig, Karl-Str. 8
    14.03.2024  18:42   Kasse 3
    Vollmilch 1l      1,19
    Äpfel 0,842 kg    2,52
    SUMME EUR         3,71
    Bar 5,00   Rückgeld 1,29
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Receipt", "ReceiptItem"]


class ReceiptItem(BaseModel):
    """One line of the receipt."""

    name: str = Field(description="The article, as printed")
    quantity: Decimal | None = Field(None, description="Pieces or weight, where printed")
    unit: str | None = Field(None, description='Unit of the quantity, such as "kg"')
    unit_price: Decimal | None = Field(None, description="Price of one unit")
    price: Decimal | None = Field(
        None, description="Price of the line; negative for a refund or discount"
    )
    category: (
        Literal[
            "food",
            "drink",
            "household",
            "clothing",
            "electronics",
            "transport",
            "service",
            "deposit",
            "other",
        ]
        | None
    ) = Field(None, description="What kind of article it is")


class Receipt(BaseModel):
    """A receipt. Amounts are plain numbers: 3.71 for "3,71 EUR"."""

    merchant: str | None = Field(None, description="Name of the shop")
    merchant_address: str | None = Field(None, description="Address of the shop in one line")
    purchase_date: date | None = Field(None, description="Date of the purchase")
    purchase_time: time | None = Field(None, description="Time of the purchase, local")
    receipt_number: str | None = Field(None, description="Number of the receipt or transaction")
    currency: str | None = Field(None, description='ISO 4217 code, such as "EUR"')
    items: list[ReceiptItem] = Field(
        description="The articles in their order; no totals and no payment lines"
    )
    subtotal: Decimal | None = Field(None, description="Sum before tax")
    tax: Decimal | None = Field(None, description="All tax together")
    tip: Decimal | None = Field(None, description="Tip or service charge")
    total: Decimal | None = Field(None, description="Amount to pay")
    payment_method: Literal["cash", "card", "mobile", "voucher", "mixed", "other"] | None = Field(
        None, description="How it was paid"
    )
    card_last_digits: str | None = Field(None, description="Last digits of the card, where printed")
