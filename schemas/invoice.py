"""A commercial invoice with its line items, taxes and totals.

Example text::

    INVOICE No. 2024-0117          Date: 17 January 2024      Due: 16 February 2024
    From: Borealis Print Ltd, VAT GB123456789        To: Green Fern Café
    2 x Poster A2 @ 14.50                29.00
    1 x Design, flat fee                120.00
    Subtotal 149.00   VAT 20 % 29.80   Total GBP 178.80
    IBAN GB33 BUKB 2020 1555 5555 55
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from structgen.schemas.address import Address

__all__ = ["Invoice", "LineItem", "Party", "Tax"]


class Party(BaseModel):
    """The seller or the buyer."""

    name: str | None = Field(None, description="Name of the company or person")
    address: Address | None = Field(None, description="Postal address")
    tax_id: str | None = Field(None, description="VAT or tax number, as written")
    email: str | None = Field(None, description="E-mail address")
    phone: str | None = Field(None, description="Telephone number")


class LineItem(BaseModel):
    """One line of the invoice."""

    description: str = Field(description="What was sold")
    code: str | None = Field(None, description="Article number or SKU")
    quantity: Decimal | None = Field(None, description="How many units")
    unit: str | None = Field(None, description='Unit of the quantity, such as "h", "kg" or "pcs"')
    unit_price: Decimal | None = Field(None, description="Price of one unit")
    discount: Decimal | None = Field(
        None, description="Amount taken off this line, as a positive number"
    )
    tax_rate: Decimal | None = Field(
        None, description="Tax rate of this line in percent, 20 for 20 %"
    )
    amount: Decimal | None = Field(None, description="Total of this line; negative for a credit")


class Tax(BaseModel):
    """One tax of the invoice."""

    name: str | None = Field(None, description='Name of the tax, such as "VAT"')
    rate: Decimal | None = Field(None, description="Rate in percent, 20 for 20 %")
    base: Decimal | None = Field(None, description="Amount that is taxed")
    amount: Decimal | None = Field(None, description="Amount of the tax")


class Invoice(BaseModel):
    """An invoice. Amounts are numbers without currency signs or thousands separators."""

    number: str | None = Field(None, description="Invoice number, as written")
    issue_date: date | None = Field(None, description="Date of the invoice")
    due_date: date | None = Field(None, description="Date by which it is to be paid")
    order_number: str | None = Field(None, description="Purchase order or reference of the buyer")
    seller: Party = Field(description="Who sent the invoice")
    buyer: Party = Field(description="Who is to pay")
    currency: str | None = Field(None, description='ISO 4217 code of all amounts, such as "GBP"')
    lines: list[LineItem] = Field(description="The line items in their order")
    subtotal: Decimal | None = Field(None, description="Sum before tax and discount")
    discount: Decimal | None = Field(
        None, description="Discount on the whole invoice, as a positive number"
    )
    shipping: Decimal | None = Field(None, description="Shipping and handling")
    taxes: list[Tax] = Field(default=[], description="Taxes, one entry per rate")
    total: Decimal | None = Field(None, description="Amount with tax")
    amount_due: Decimal | None = Field(
        None, description="What is still to be paid, where it differs from the total"
    )
    iban: str | None = Field(None, description="Bank account to pay to, without spaces")
    payment_terms: str | None = Field(
        None, description='Terms of payment as written, such as "30 days net"'
    )
    notes: str | None = Field(None, description="Remarks that belong to no other field")
