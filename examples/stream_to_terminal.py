"""Show a record on the terminal while the model writes it.

    python examples/stream_to_terminal.py [MODEL]

MODEL is as for `structgen.Client`, by default $STRUCTGEN_MODEL, else the embedded model.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel

from structgen import Client, Partial

TEXT = (
    "Ada Lovelace was born in London in 1815. "
    "She wrote the first program for a machine: Babbage's Analytical Engine."
)


class Person(BaseModel):
    name: str
    birthplace: str
    born: int
    machine: str


MARKS = {"absent": " ", "growing": "…", "done": "✓"}


def lines(partial: Partial[Person]) -> list[str]:
    """Give a line for each field: its state, its name, and its text so far."""
    shown = []
    for name in Person.model_fields:
        state, value = partial.state(name), getattr(partial.value, name)
        visible = state == "done" or isinstance(value, str)
        shown.append(f"{MARKS[state]} {name:<12} {value if visible else ''}")
    return shown


def main(model: str | None = None) -> None:
    terminal, back = sys.stdout.isatty(), ""
    clear = "\x1b[2K" if terminal else ""
    with Client(model) as client, client.stream(Person, TEXT) as partials:
        for partial in partials:
            shown = lines(partial)
            print(back + "\n".join(f"{clear}{line}" for line in shown), flush=True)
            back = f"\x1b[{len(shown)}A" if terminal else ""
    print(partials.result.guarantee if partials.result else "")


if __name__ == "__main__":
    main(*sys.argv[1:2])
