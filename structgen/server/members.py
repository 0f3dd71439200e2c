"""The members of a request, and the values that each of them takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from structgen.errors import BadRequestError

TYPE: Final = "invalid_request_error"
"""The type of errors that a client has made."""

_TIERS: Final = ("auto", "on_demand", "flex", "performance", "default", "priority", "scale")
_EFFORTS: Final = ("none", "default", "low", "medium", "high")
_UNSUPPORTED: Final = frozenset(
    {
        *(
            "top_logprobs",
            "logit_bias",
            "frequency_penalty",
            "presence_penalty",
            "metadata",
            "store",
        ),
        *(
            "functions",
            "function_call",
            "documents",
            "citation_options",
            "search_settings",
            "compound_custom",
        ),
        *(
            "include_domains",
            "exclude_domains",
            "audio",
            "modalities",
            "prediction",
            "web_search_options",
        ),
    }
)


def _number(low: float, high: float) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "value must be a number"
        return None if low <= value <= high else f"number must be between {low:g} and {high:g}"

    return fault


def _whole(low: int, high: int) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "value must be an integer"
        return None if low <= value <= high else f"integer must be between {low} and {high}"

    return fault


def _one_of(*values: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in values else f"value must be one of {', '.join(values)}"


def _of(kind: type, name: str) -> Callable[[Any], str | None]:
    return lambda value: None if isinstance(value, kind) else f"value must be {name}"


def _list(low: int, high: int) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if not isinstance(value, list):
            return "value must be an array"
        return (
            None
            if low <= len(value) <= high
            else f"number of items must be between {low} and {high}"
        )

    return fault


_BOOLEAN: Final = _of(bool, "a boolean")
_CHECKS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "model": _of(str, "a string"),
    "messages": _list(1, 4096),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "seed": _whole(-(1 << 63), (1 << 63) - 1),
    "max_completion_tokens": _whole(1, 1 << 31),
    "max_tokens": _whole(1, 1 << 31),
    "n": _whole(1, 1),
    "stop": lambda value: None,
    "stream": _BOOLEAN,
    "stream_options": _of(dict, "an object"),
    "response_format": _of(dict, "an object"),
    "tools": _list(0, 128),
    "tool_choice": lambda value: None,
    "parallel_tool_calls": _BOOLEAN,
    "logprobs": _BOOLEAN,
    "disable_tool_validation": _BOOLEAN,
    "user": _of(str, "a string"),
    "service_tier": _one_of(*_TIERS),
    "x_structgen": _of(dict, "an object"),
    # These change nothing: the models here do not reason.
    "reasoning_effort": _one_of(*_EFFORTS),
    "reasoning_format": _one_of("hidden", "raw", "parsed"),
    "include_reasoning": _BOOLEAN,
}
"""The members of a request. Each check gives the fault of a value, or None."""


def check_member(name: str, value: Any) -> None:
    """Raise BadRequestError if a member of a request is not taken.

    Args:
        name: Its name.
        value: Its value, not null.
    """
    if name in _UNSUPPORTED:
        if value:
            refuse(f"`{name}` is not supported with this model", param=name)
    elif name not in _CHECKS:
        refuse(f"property '{shown(name)}' is unsupported", param=shown(name))
    elif fault := _CHECKS[name](value):
        refuse(f"'{name}' : {fault}", param=name)


def refuse(message: str, *, param: str | None = None, code: str | None = None) -> NoReturn:
    """Refuse a request.

    Args:
        message: Why, in Groq's words.
        param: The member that is refused.
        code: The code of the error.

    Raises:
        BadRequestError: Always.
    """
    raise BadRequestError(message, status_code=400, type=TYPE, param=param, code=code)


def shown(name: str) -> str:
    """Shorten a name that a client sent, for an error."""
    return name if len(name) <= 64 else name[:64] + "..."
