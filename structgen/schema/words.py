"""What a schema language does not hold, said in words for the model; and strings: which patterns a language can take."""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-untyped,unused-ignore]
import re._parser as sre_parse  # type: ignore[import-untyped,unused-ignore]
from functools import lru_cache
from typing import Any, Final

from structgen.schema.codec import to_text

NOT_STATED: Final = "null if the text does not state it"

_WORDS: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches the pattern {}",
    "format": "format: {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "uniqueItems": "no item twice",
}
_MAX_WORDS: Final = 200


def in_words(keyword: str, value: Any) -> str:
    """A constraint as a short phrase, "" where there is none that helps."""
    if keyword == "dependentRequired":
        return "; ".join(f"with {name}, also {', '.join(needed)}" for name, needed in value.items() if needed)
    phrase = _WORDS.get(keyword)
    if phrase is None or value is False:
        return ""
    return phrase.format(value)[:_MAX_WORDS]


def example_words(examples: list[Any]) -> str:
    """Examples as a phrase, for languages without the keyword."""
    return ("e.g. " + ", ".join(to_text(example) for example in examples[:3]))[:_MAX_WORDS] if examples else ""


def joined(description: str, words: list[str]) -> str:
    """A description with phrases after it."""
    phrases = [word for word in dict.fromkeys(words) if word]
    if not phrases:
        return description
    text = "; ".join(phrases)
    if not description:
        return text[0].upper() + text[1:] + "."
    return f"{description}{'' if description.rstrip().endswith(('.', '!', '?', ':')) else '.'} ({text})"


# ---- times ----------------------------------------------------------------------------------------------------------------

_DATE: Final = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE: Final = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
TEMPORAL: Final = {
    "date-time": f"^{_DATE}T{_TIME}{_ZONE}$",
    "time": f"^{_TIME}{_ZONE}$",
    "duration": r"^-?P([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?$",
}
"""Patterns for what Python's types hold and the formats of RFC 3339 do not: times without an offset, durations with a sign or a
fraction. A grammar held to the format would make the model invent an offset."""

FORMAT_FAMILY: Final = {f"uuid{n}": "uuid" for n in range(1, 9)}
"""Formats of Pydantic that are a stricter form of a standard one."""


# ---- patterns -------------------------------------------------------------------------------------------------------------

_REFUSED: Final = {sre.ASSERT, sre.ASSERT_NOT, sre.GROUPREF, sre.GROUPREF_EXISTS} | {
    getattr(sre, name) for name in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP") if hasattr(sre, name)
}
_CLASSES: Final = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\s": " \\t\\n\\r\\f\\v"}


@lru_cache(maxsize=4096)
def pattern_for(pattern: str, dialect: str) -> str | None:
    """The pattern as a language's dialect takes it with the same meaning, None where it cannot (see SchemaSubset.patterns)."""
    if dialect == "none":
        return None
    try:
        parsed = list(sre_parse.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return None
    if _refused(parsed) or re.search(r"\\[AZpP]|\(\?", re.sub(r"\(\?:|\(\?P<\w+>", "(", pattern)):
        return None
    pattern = re.sub(r"\(\?P<\w+>", "(", pattern)
    if dialect == "search":
        return pattern if _inner_anchors(parsed) <= 0 else None
    opened = bool(parsed) and parsed[0] == (sre.AT, sre.AT_BEGINNING)
    closed = bool(parsed) and parsed[-1] == (sre.AT, sre.AT_END) and pattern.endswith("$")
    body = parsed[int(opened) : len(parsed) - int(closed)]
    if _inner_anchors(body) or (opened and not pattern.startswith("^")):
        return None
    inner = pattern[int(opened) : len(pattern) - int(closed)]
    if not (opened and closed):
        anything = r"[\s\S]*" if dialect == "full" else "(.|[\\n])*"
        inner = f"{'' if opened else anything}({inner}){'' if closed else anything}"
    return f"^{inner}$" if dialect == "full" else _basic(inner)


def _refused(parsed: Any) -> bool:
    """Lookaround, backreferences, word boundaries anywhere inside."""
    for op, argument in parsed:
        if op in _REFUSED or (op is sre.AT and argument not in (sre.AT_BEGINNING, sre.AT_END)):
            return True
        if any(_refused(part) for part in _inside(argument)):
            return True
    return False


def _inner_anchors(parsed: Any) -> int:
    """How many anchors stand elsewhere than at the very ends of an alternative."""
    found = 0
    last = len(parsed) - 1
    for i, (op, argument) in enumerate(parsed):
        if op is sre.AT:
            found += not ((i == 0 and argument is sre.AT_BEGINNING) or (i == last and argument is sre.AT_END))
        found += sum(sum(op is sre.AT for op, _ in _everything(part)) for part in _inside(argument))
    return found


def _everything(parsed: Any) -> Any:
    for op, argument in parsed:
        yield op, argument
        for part in _inside(argument):
            yield from _everything(part)


def _inside(argument: Any) -> list[Any]:
    """The sub-patterns of one parsed operation."""
    if isinstance(argument, sre_parse.SubPattern):
        return [argument]
    if isinstance(argument, (tuple, list)):
        return [part for item in argument for part in _inside(item)]
    return []


def _basic(inner: str) -> str | None:
    r"""With `\d`, `\w`, `\s` spelled out; None where another class stands."""
    out, in_class, i = [], False, 0
    while i < len(inner):
        pair = inner[i : i + 2]
        if pair[0] == "\\":
            if pair in _CLASSES:
                out.append(_CLASSES[pair] if in_class else f"[{_CLASSES[pair]}]")
            elif pair[1:].isalpha() and pair[1] not in "ntr":
                return None
            else:
                out.append(pair)
            i += 2
            continue
        if pair[0] in "[]":
            in_class = pair[0] == "["
        out.append(pair[0])
        i += 1
    return f"^{''.join(out)}$"
