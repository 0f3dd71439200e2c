"""Many guests book at once: does the service keep every form as its guest meant it?

    python -m examples.form_service.rehearse [--guests 500] [--seed 1]

No model is asked: what is said gives any values. So each guest enters the right ones at the end.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi.testclient import TestClient

from examples.form_service.booking import Booking
from examples.form_service.service import create_app
from examples.form_service.store import Store
from structgen import Client
from structgen.testing import AnyModel

NAMES = ["Ada", "Bo", "Carla", "Dev", "Eun-ji", "Zoë"]
DAYS = ["Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
AT_ONCE = 8


def wishes(number: int, seed: int) -> dict[str, Any]:
    """What a guest wants."""
    chance = random.Random(f"{seed} {number}")
    return {
        "/guest": chance.choice(NAMES),
        "/people": chance.randint(1, 6),
        "/day": chance.choice(DAYS),
        "/hour": chance.randint(12, 22),
        "/outdoors": chance.random() < 0.3,
    }


def book(service: TestClient, wanted: dict[str, Any]) -> bool:
    """Book a table; tell whether the booking is what the guest wanted."""
    name = service.post("/forms").json()["id"]
    told = f"{wanted['/guest']} here, {wanted['/people']} of us on {wanted['/day']}."
    said = service.post(f"/forms/{name}/say", json={"text": told})
    said.raise_for_status()
    stale = {"path": "/hour", "value": 12, "revision": -1}
    if service.put(f"/forms/{name}/field", json=stale).status_code != 409:
        return False
    for path, value in wanted.items():
        entered = service.put(f"/forms/{name}/field", json={"path": path, "value": value})
        entered.raise_for_status()
    done = service.post(f"/forms/{name}/complete")
    return bool(done.json() == {path[1:]: value for path, value in wanted.items()})


def main() -> int:
    parser = ArgumentParser(description="Let many guests book at once.")
    parser.add_argument("--guests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/forms.db", Booking, Client(AnyModel()))
        with TestClient(create_app(store)) as service, ThreadPoolExecutor(AT_ONCE) as guests:
            numbers = range(arguments.guests)
            wanted = [wishes(number, arguments.seed) for number in numbers]
            right = sum(guests.map(lambda one: book(service, one), wanted))
        store.close()
    seconds = time.perf_counter() - began
    print(f"{right} of {arguments.guests} bookings are as entered, in {seconds:.1f} s")
    return 0 if right == arguments.guests else 1


if __name__ == "__main__":
    sys.exit(main())
