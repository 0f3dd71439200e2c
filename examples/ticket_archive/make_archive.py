"""Write an archive of support tickets: compressed JSON Lines, a file a month; the same by seed.

python examples/ticket_archive/make_archive.py FOLDER [--count 20000] [--seed 1]
"""

from __future__ import annotations

import gzip
import json
import random
from argparse import ArgumentParser
from pathlib import Path

PRODUCTS = ["Aurora", "Borealis", "Cirrus", "Dawn"]
SAID = [
    "Can the {product} be used in a bathroom?",
    "My {product} no longer switches on.",
    "The {product} sparks when it is plugged in!",
    "Please send me my money back for the {product}.",
    "We love the {product}, thank you.",
    "How long is the guarantee of the {product}?",
]
HASTE = ["URGENT: ", "As soon as you can, please. ", "", "", "", "No hurry. "]
SAME = "Where is my parcel?"
"""What many customers write, in the same words: a job asks about it once."""


def ticket(number: int, chance: random.Random) -> dict[str, str]:
    text = SAME
    if chance.random() > 0.1:
        product = chance.choice(PRODUCTS)
        text = f"{chance.choice(HASTE)}{chance.choice(SAID).format(product=product)}"
        if chance.random() < 0.7:
            text += f" Its serial number is SN-{chance.randint(10_000, 99_999)}."
    return {"id": f"T-{number:07}", "text": text, "channel": chance.choice(["mail", "chat"])}


def main() -> None:
    parser = ArgumentParser(description="Write an archive of support tickets.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    arguments.folder.mkdir(parents=True)
    rows = [json.dumps(ticket(number, chance)) for number in range(arguments.count)]
    for month in range(12):
        file = arguments.folder / f"2026-{month + 1:02}.jsonl.gz"
        with gzip.open(file, "wt", encoding="utf-8") as out:
            out.writelines(f"{row}\n" for row in rows[month::12])


if __name__ == "__main__":
    main()
