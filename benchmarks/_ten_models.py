"""Models of every construct, each with a value: what `benchmarks.tokens` counts beside the
ready-made targets.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field


class Line(BaseModel):
    description: str
    quantity: int
    price: Decimal


class Invoice(BaseModel):
    number: str = Field(description="As printed, with its prefix.")
    issued: date
    due: date | None = None
    currency: Literal["EUR", "USD", "GBP"] = "EUR"
    lines: list[Line]
    total: Decimal


class Contact(BaseModel):
    name: str
    email: str | None = None
    phone: str | None = Field(default=None, description="With its country code.")
    company: str | None = None
    role: Literal["buyer", "seller", "other"] | None = None


class Entity(BaseModel):
    text: str
    kind: Literal["person", "place", "organisation"]


class Entities(BaseModel):
    entities: list[Entity]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    breed: str | None = None


class Pets(BaseModel):
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]


class Search(BaseModel):
    query: str
    limit: int = 10


class Answer(BaseModel):
    text: str


class Step(BaseModel):
    action: Search | Answer | str


class Metrics(BaseModel):
    counters: dict[str, int]
    labels: dict[str, str] = {}


class Node(BaseModel):
    name: str
    children: list[Node] = []


class Boxes(BaseModel):
    boxes: list[tuple[float, float, float, float]]
    size: tuple[int, int]


class Free(BaseModel):
    title: str
    payload: Any


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    level: int


class Patient(BaseModel):
    name: str
    allergies: set[str] = set()
    visits: dict[date, str] = {}
    weight: float | None = Field(default=None, gt=0, lt=500)


VALUES: Final[dict[str, BaseModel]] = {
    "Invoice (lines, decimals, dates)": Invoice(
        number="R-17",
        issued=date(2026, 5, 1),
        currency="EUR",
        lines=[
            Line(description="Bolts", quantity=40, price=Decimal("0.12")),
            Line(description="Nuts", quantity=40, price=Decimal("0.08")),
        ],
        total=Decimal("8.00"),
    ),
    "Contact (optional fields)": Contact(name="Ada Byron", email="ada@example.org"),
    "Entities (list of records)": Entities(
        entities=[Entity(text="Ada", kind="person"), Entity(text="London", kind="place")]
    ),
    "Pets (tagged union)": Pets(pets=[Cat(kind="cat", lives=9), Dog(kind="dog", breed="beagle")]),
    "Step (union of models and text)": Step(action=Search(query="herons", limit=10)),
    "Metrics (maps)": Metrics(counters={"a": 1, "b": 2}, labels={"x": "y"}),
    "Node (recursive)": Node(name="a", children=[Node(name="b"), Node(name="c")]),
    "Boxes (tuples)": Boxes(boxes=[(0.5, 1.0, 2.0, 3.5)], size=(640, 480)),
    "Free (any value)": Free(title="x", payload={"a": [1, 2], "b": None}),
    "Open (further members)": Open(name="x", level=1, note="hello"),  # type: ignore[call-arg]
    "Patient (set, map of dates)": Patient(
        name="Ada", allergies={"nuts"}, visits={date(2026, 5, 1): "flu"}
    ),
}
"""A value of each model, by what it shows."""
