"""Write mails with orders, and gold that says what each of them orders. A seed gives the same ones.

python examples/order_mails/make_mails.py FOLDER [--count 500] [--seed 1]
"""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from typing import Any

NAMES = ["Ada Byron", "Bo Lindqvist", "Carla Mendes", "Dev Patel", "Eun-ji Park", "Zoë O'Neill"]
HELLO = ["Hello,", "Dear team,", "Good morning!", "Hi there,"]
ASK = ["please send us", "we would like to order", "we need", "could you pack"]
SMALL_TALK = [
    "The last parcel came in good order, thank you.",
    "Our phone number has changed to 020 7946 0{number}.",
    "The invoice goes to the old address, as before.",
    "Your catalogue of {year} is still on my desk.",
]
SHIPPING = {
    "collect": "We will collect it ourselves.",
    "parcel": "A normal parcel will do.",
    "express": "Send it by express, please.",
}
FORMS = ["%d %B %Y", "%Y-%m-%d", "%B %d, %Y"]


def mail(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """One mail, and the order in it."""
    name = chance.choice(NAMES)
    articles = chance.sample(range(100, 999), chance.randint(1, 4))
    lines = [{"article": f"B-{one}", "count": chance.randint(1, 40)} for one in articles]
    order: dict[str, Any] = {"customer": name, "lines": lines}
    wanted = ", ".join(f"{one['count']} of {one['article']}" for one in lines)
    sentences = [f"{chance.choice(ASK)} {wanted}."]
    if chance.random() < 0.6:
        day = date(2026, 1, 1) + timedelta(days=chance.randrange(360))
        order["deliver_by"] = day.isoformat()
        sentences.append(f"It has to be here by {day.strftime(chance.choice(FORMS))}.")
    if chance.random() < 0.5:
        order["shipping"] = chance.choice(list(SHIPPING))
        sentences.append(SHIPPING[order["shipping"]])
    if chance.random() < 0.5:
        talk = chance.choice(SMALL_TALK)
        number, year = chance.randint(100, 999), chance.randint(2019, 2025)
        sentences.insert(chance.randint(0, 1), talk.format(number=number, year=year))
    text = " ".join(sentences)
    return f"{chance.choice(HELLO)}\n\n{text}\n\nRegards,\n{name}\n", order


def main() -> None:
    parser = ArgumentParser(description="Write mails with orders, and their gold.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    mails = arguments.folder / "mails"
    mails.mkdir(parents=True)
    with (arguments.folder / "gold.jsonl").open("w", encoding="utf-8") as gold:
        for number in range(arguments.count):
            text, order = mail(chance)
            file = mails / f"{number:05}.txt"
            file.write_text(text, encoding="utf-8")
            row = {"key": file.stem, "file": f"mails/{file.name}", "value": order}
            gold.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
