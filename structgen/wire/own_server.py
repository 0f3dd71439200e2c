"""What `structgen serve` says of its answers besides what Chat Completions has members for.

A request that has `x_structgen: {"details": true}` gets it: the engine that held the answer to its
schema while it was written, the options of decided values, and where the grammar pressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structgen.values import Alternatives, Json

MEMBER: Final = "x_structgen"
"""The member of requests and answers."""
DETAILS: Final[Mapping[str, Json]] = {"details": True}
"""The value of the member in a request that asks for everything."""


def engine_in(raw: Any) -> str | None:
    """Name the engine that held an answer; None if the server is another, or held nothing.

    Args:
        raw: The parsed body of the answer, or the last event of its stream.
    """
    engine = _own(raw).get("engine")
    return engine if isinstance(engine, str) else None


def names_in(raw: Any, member: str) -> tuple[str, ...]:
    """Give a list of texts that the server has about an answer, such as `shortened`.

    Args:
        raw: As for `engine_in`.
        member: The name of the list.
    """
    names = _own(raw).get(member)
    return tuple(map(str, names)) if isinstance(names, list) else ()


def decided_in(raw: Any) -> dict[str, Any]:
    """Give what the server decided about the values of an answer, as members of an `Answer`.

    Args:
        raw: As for `engine_in`.
    """
    own = _own(raw)
    if "alternatives" not in own and "pressure" not in own:
        return {}
    pressure = own.get("pressure")
    pairs = pressure.items() if isinstance(pressure, dict) else ()
    return {
        "alternatives": _alternatives(own.get("alternatives")),
        "pressure": {path: float(value) for path, value in pairs if _is_share(value)},
    }


def _own(raw: Any) -> Mapping[str, Any]:
    own = raw.get(MEMBER) if isinstance(raw, dict) else None
    return own if isinstance(own, dict) else {}


def _alternatives(found: Any) -> Alternatives:
    """Options by JSON Pointer; lists that are malformed are left out."""
    if not isinstance(found, dict):
        return {}
    return {
        path: tuple((value, float(share)) for value, share in options)
        for path, options in found.items()
        if isinstance(options, list) and all(map(_is_option, options))
    }


def _is_option(option: Any) -> bool:
    return isinstance(option, list) and len(option) == 2 and _is_share(option[1])


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= 1
