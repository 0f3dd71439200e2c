"""Names for what compilation adds: definitions, tags and members."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

OTHER_MEMBERS: Final = "other_members"
"""The member of an object that holds what the object does not declare."""


def definition_name(name: str) -> str:
    """`name` with only the characters that every language takes in the name of a definition."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name) or "_"


def unused_name(name: str, taken: Container[str]) -> str:
    """`name`, or `name_2`, `name_3` and so on: the first that is not taken."""
    own, n = name, 1
    while own in taken:
        n += 1
        own = f"{name}_{n}"
    return own


def other_members_name(properties: Container[str]) -> str:
    """A name for the member that holds undeclared ones, which no declared member has."""
    name = OTHER_MEMBERS
    while name in properties:
        name += "_"
    return name
