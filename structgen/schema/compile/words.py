"""Constraints in words, for what a schema language does not enforce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from structgen.schema.json import to_text
from structgen.schema.validate import text_forms
from structgen.schema.verbatim import VERBATIM
from structgen.values import JsonSchema

NOT_STATED: Final = "null if the text does not state it"
"""What null means for one field, in notes."""
NULL_MEANS: Final = "null is what the text does not state"
"""The same for all fields, said once in the description of the root."""

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
    "contentEncoding": "encoded in {}",
    "contentMediaType": "content of the type {}",
    VERBATIM: "copied word for word from the text",
}
_CONTENT: Final = ("contentEncoding", "contentMediaType")
_MAX_WORDS: Final = 200
"""The longest phrase, in characters."""


def in_words(keyword: str, value: Any) -> str:
    """A constraint as a short phrase; "" if no phrase helps."""
    if keyword == "dependentRequired":
        needs = [f"with {name}, also {', '.join(names)}" for name, names in value.items() if names]
        return "; ".join(needs)
    known = known_form(keyword, value)
    if known:
        return known
    phrase = _WORDS.get(keyword)
    if phrase is None or value is False:
        return ""
    return phrase.format(value)[:_MAX_WORDS]


def known_form(keyword: str, value: Any) -> str | None:
    """The words for a form of text that people have a name for; None for any other keyword.

    Args:
        keyword: The keyword.
        value: Its value.
    """
    if keyword == "pattern":
        return text_forms.in_words(value)
    return text_forms.FORMATS_IN_WORDS.get(value) if keyword == "format" else None


def content_in_words(schema: JsonSchema) -> Iterator[tuple[str, str]]:
    """The keywords that say what a string holds, each in words. They check nothing.

    Args:
        schema: The source schema of the string.
    """
    for keyword in _CONTENT:
        if isinstance(schema.get(keyword), str):
            yield keyword, in_words(keyword, schema[keyword])


def repeats(title: str, name: str) -> bool:
    """Whether a title only repeats the name of its field or definition, as Pydantic's do."""
    return title.replace(" ", "").replace("_", "").lower() == name.replace("_", "").lower()


def without_repeated_title(schema: Any, name: str) -> Any:
    """A schema without a title that says no more than a name."""
    title = schema.get("title") if isinstance(schema, dict) else None
    if not isinstance(title, str) or not repeats(title, name):
        return schema
    return {key: value for key, value in schema.items() if key != "title"}


def example_words(examples: Sequence[Any]) -> str:
    """Examples as a phrase, for languages without the keyword."""
    if not examples:
        return ""
    return f"e.g. {', '.join(map(to_text, examples[:3]))}"[:_MAX_WORDS]


def joined(description: str, words: Sequence[str]) -> str:
    """A description followed by phrases."""
    phrases = [word for word in dict.fromkeys(words) if word]
    if not phrases:
        return description
    text = "; ".join(phrases)
    if not description:
        return f"{text[0].upper()}{text[1:]}."
    is_closed = description.rstrip().endswith((".", "!", "?", ":"))
    return f"{description} ({text})" if is_closed else f"{description}. ({text})"


def described(compiled: JsonSchema, words: str) -> JsonSchema:
    """A compiled schema with a phrase more in its description.

    Args:
        compiled: The schema.
        words: The phrase.
    """
    head = {"description": joined(compiled.get("description", ""), [words])}
    if "$ref" in compiled:
        return {**head, "anyOf": [compiled]}
    return {**head, **{key: value for key, value in compiled.items() if key not in head}}


def annotated(
    compiled: JsonSchema,
    source: JsonSchema,
    words: Sequence[str],
    takes: AbstractSet[str],
    *,
    title: bool,
) -> JsonSchema:
    """A compiled schema with the source's title, description and examples.

    Args:
        compiled: The schema to annotate.
        source: The schema that it was compiled from.
        words: Phrases for the description.
        takes: The annotations that the language takes.
        title: Whether the source's title says more than its name does.
    """
    head: JsonSchema = {}
    examples, description = source.get("examples"), source.get("description")
    if "title" in takes and title:
        head["title"] = source["title"]
    if isinstance(examples, list) and "examples" not in takes:
        words = [*words, example_words(examples)]
    text = joined(description if isinstance(description, str) else "", words)
    # The only option beside null has a description of its own, which ours would replace.
    inner = compiled.get("description", "")
    if text and "description" in takes:
        head["description"] = text if inner in text else f"{text} {inner}"
    if isinstance(examples, list) and examples and "examples" in takes:
        head["examples"] = examples
    if not head:
        return compiled
    if "$ref" in compiled:
        return {**head, "anyOf": [compiled]}
    return {**head, **{key: value for key, value in compiled.items() if key not in head}}
