"""Read a text into a record of your own type; say what held it and what the text did not state.

    python examples/text_to_record.py [MODEL]

MODEL is as for `structgen.Client`, by default $STRUCTGEN_MODEL, else the embedded model.
"""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import BaseModel, Field

from structgen import Client

TEXT = "Order 4711: two large lattes with oat milk for Ada, please. She pays by card."


class Order(BaseModel):
    number: int = Field(description="The order's number.")
    drink: Literal["latte", "espresso", "tea"]
    count: int = Field(ge=1, le=20, description="How many drinks.")
    customer: str | None = Field(default=None, description="The first name of who ordered.")
    table: str | None = Field(default=None, description="The table, if the text names one.")


def main(model: str | None = None) -> None:
    with Client(model, temperature=0.0) as client:
        result = client.extract_result(Order, TEXT)
    print(result.value.model_dump_json(indent=2))
    print("not stated:", ", ".join(sorted(result.absent)) or "nothing", file=sys.stderr)
    print(result.guarantee, file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:2])
