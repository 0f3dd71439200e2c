"""How many fields one question may have: leaves right by the width of the parts (`split`).

Texts are made of sentences, one for each field, in an order of their own; values are drawn. Run
`python -m benchmarks width --texts 3 --widths 48,24,12,6`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from structgen import Client
from structgen.errors import StructgenError
from structgen.values import JsonSchema

_OF: Final = ("buyer", "seller", "carrier", "broker", "bank", "insurer")
_FACTS: Final[Mapping[str, tuple[str, Sequence[Any]]]] = {
    "name": ("The {of} is {value}.", ["Acme", "Borealis", "Cobalt", "Delphi", "Ember", "Fjord"]),
    "city": ("The {of} has its seat in {value}.", ["Oslo", "Turin", "Lyon", "Ghent", "Riga"]),
    "contact": ("{value} speaks for the {of}.", ["Ann Lee", "Bo Ek", "Cy Roth", "Di Marsh"]),
    "phone": ("Call the {of} at {value}.", ["555-0101", "555-0102", "555-0103", "555-0104"]),
    "staff": ("The {of} employs {value} people.", [12, 35, 80, 140, 260, 900]),
    "founded": ("The {of} was founded in {value}.", [1898, 1921, 1954, 1978, 1999, 2011]),
    "reference": ("The file of the {of} is {value}.", ["AB-17", "CD-22", "EF-38", "GH-41"]),
    "fee": ("The fee of the {of} is {value} EUR.", [150, 275, 420, 610, 880, 990]),
}
"""What is said of each party: the sentence, and the values that are drawn from."""


def schema() -> JsonSchema:
    """A record of 48 fields in six records."""
    fields = {
        name: {"type": "integer" if isinstance(values[0], int) else "string"}
        for name, (_, values) in _FACTS.items()
    }
    party = {"type": "object", "properties": fields, "required": list(fields)}
    parties = dict.fromkeys(_OF, party)
    return {"type": "object", "title": "Deal", "properties": parties, "required": list(parties)}


def drawn(seed: int) -> tuple[str, dict[str, dict[str, Any]]]:
    """A text and its right value."""
    chance = random.Random(seed)
    value = {
        of: {name: chance.choice(values) for name, (_, values) in _FACTS.items()} for of in _OF
    }
    sentences = []
    for of, facts in value.items():
        said = [_FACTS[name][0].format(of=of, value=fact) for name, fact in facts.items()]
        chance.shuffle(said)
        sentences += said
    return " ".join(sentences), value


def main(argv: Sequence[str] = ()) -> list[dict[str, float]]:
    """Give the share of leaves that are right, the failures and the seconds for each width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="local")
    parser.add_argument("--texts", type=int, default=3)
    parser.add_argument("--widths", default="48,24,12,6")
    arguments = parser.parse_args(argv)
    rows = []
    with Client(arguments.model) as client:
        for width in map(int, arguments.widths.split(",")):
            began, right, failed = time.monotonic(), 0, 0
            for seed in range(arguments.texts):
                text, value = drawn(seed)
                try:
                    found = client.extract(schema(), text, split=width, max_tokens=1200)
                except StructgenError:
                    failed += 1
                    continue
                right += sum(
                    found[of][name] == fact for of in _OF for name, fact in value[of].items()
                )
            row = {
                "width": width,
                "right": round(right / (48 * arguments.texts), 3),
                "failed": failed,
                "seconds": round((time.monotonic() - began) / arguments.texts, 1),
            }
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return rows
