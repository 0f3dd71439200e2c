"""What a schema language does not hold, said in words for the model."""

from __future__ import annotations

from typing import Any, Final

from structgen.schema.json import to_text
from structgen.schema.verbatim import VERBATIM

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
    VERBATIM: "copied word for word from the text",
}
_MAX_WORDS: Final = 200


def in_words(keyword: str, value: Any) -> str:
    """A constraint as a short phrase, "" where there is none that helps."""
    if keyword == "dependentRequired":
        return "; ".join(
            f"with {name}, also {', '.join(needed)}" for name, needed in value.items() if needed
        )
    phrase = _WORDS.get(keyword)
    if phrase is None or value is False:
        return ""
    return phrase.format(value)[:_MAX_WORDS]


def example_words(examples: list[Any]) -> str:
    """Examples as a phrase, for languages without the keyword."""
    return (
        ("e.g. " + ", ".join(to_text(example) for example in examples[:3]))[:_MAX_WORDS]
        if examples
        else ""
    )


def joined(description: str, words: list[str]) -> str:
    """A description with phrases after it."""
    phrases = [word for word in dict.fromkeys(words) if word]
    if not phrases:
        return description
    text = "; ".join(phrases)
    if not description:
        return text[0].upper() + text[1:] + "."
    return f"{description}{'' if description.rstrip().endswith(('.', '!', '?', ':')) else '.'} ({text})"
