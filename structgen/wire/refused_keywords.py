"""The schema keywords that a server's error names, from the wordings that are in use.

A server that does not take a keyword answers 400 (some 422, 500 or 501) and says so in its own
words. Each wording has its source, all read in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from structgen.errors import APIError

FORMAT: Final = "format:"
"""What a refused value of `format` begins with, as in "format:uri"."""

_STATUSES: Final = frozenset({400, 422, 500, 501})
"""vLLM's route for Anthropic's clients answers 500, Vertex AI 501."""

_WORDINGS: Final = tuple(
    re.compile(wording, re.DOTALL)
    for wording in (
        # OpenAI, Azure: In context=('properties', 'name'), 'minLength' is not permitted.
        r"In context=\(.{0,400}?\), '(?P<names>[^']+)' is not permitted",
        # OpenAI: In context=('properties', 'site'), 'uri' is not a valid format.
        r"'(?P<formats>[\w-]+)' is not a valid format",
        # Groq: response_format/json_schema/next_step: minItems is not supported (beeai-framework
        # issue 1215)
        r"[:/] ?[`'\"]?(?P<names>\$?[A-Za-z]+)[`'\"]? is not (?:supported|permitted|allowed)",
        # Anthropic: For 'array' type, property 'maxItems' is not supported (req_llm, pull request
        # 706); 'minItems' values other than 0 or 1 are not supported (memorize-everything,
        # issue 93); properties maximum, minimum are not supported
        r"For '[\w, ]+' types?, (?:propert(?:y|ies) )?(?P<names>.{1,200}?)"
        r" (?:is|are|values other than .{1,40}? are) not supported",
        # Gemini: Unknown name "const" at 'generation_config.response_schema...': Cannot find field.
        # (zed, issue 44875)
        r"Unknown name \"(?P<names>[^\"]+)\"",
        # Gemini: ...properties[day].format: only 'enum' and 'date-time' are supported for STRING
        r"\.(?P<names>format): only .{1,80}? (?:is|are) supported",
        # Vertex AI: one or more response schemas specified unsupported field min_length
        # (vertex-ai-samples, issue 3618); Cerebras: Unsupported JSON schema fields: {'minItems',
        # 'items'} (claude-code-router, issues 338 and 708)
        r"[Uu]nsupported (?:JSON )?(?:[Ss]chema )?(?:fields?|keywords?|keys?|propert(?:y|ies))"
        r"[: ]+(?P<names>[\[({'\"`]*[\w$]+[^.;\n]{0,200})",
        # llguidance, in vLLM and SGLang: Unimplemented keys: ["propertyNames"] (club-3090, issue
        # 45); Unknown format: "iri"
        r"Unimplemented keys: (?P<names>\[[^\]]{1,200}\])",
        r"Unknown format:? ['\"]?(?P<formats>[\w-]+)",
        # xgrammar, in SGLang: Keyword minProperties is not supported
        r"[Kk]eywords? (?P<names>[`'\"]?[\w$]+[`'\"]?(?:, [`'\"]?[\w$]+[`'\"]?)*)"
        r" (?:is|are) (?:not supported|unsupported|not allowed)",
        # The servers that others have built on these.
        r"(?P<names>[`'\"][\w$]+[`'\"])(?: keyword| property| field)?"
        r" (?:is|are) (?:not (?:supported|permitted|allowed|implemented|recognized)|unsupported)",
    )
)
_WORD: Final = re.compile(r"\$?[A-Za-z][A-Za-z_]*")
_MOST_READ: Final = 20_000
"""Characters of a message that are looked at."""


def refused_keywords(error: APIError, sent: Collection[str]) -> frozenset[str]:
    """Tell which keywords of a schema a server's error names as not taken.

    Args:
        error: The server's error.
        sent: The keywords of the schema that was sent, with `format:` and its value for each
            format. Other words are passed over.

    Returns:
        Those keywords; none if the error names none.
    """
    if error.status_code not in _STATUSES:
        return frozenset()
    named = {word for text in _texts(error) for word in _named(text)}
    return frozenset(word for word in named if word in sent)


def _texts(error: APIError) -> Iterator[str]:
    """What the server says: and what its own provider said, if it passes a request on."""
    yield error.message[:_MOST_READ]
    body: Any = error.body
    metadata = body.get("metadata") if isinstance(body, dict) else None
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str):  # OpenRouter: JSON text of the provider's error
        yield raw[:_MOST_READ].replace('\\"', '"')


def _named(text: str) -> Iterator[str]:
    for wording in _WORDINGS:
        for found in wording.finditer(text):
            groups = found.groupdict()
            if groups.get("formats"):
                yield FORMAT + groups["formats"]
            for word in _WORD.findall(groups.get("names") or ""):
                yield _in_camel_case(word)


def _in_camel_case(word: str) -> str:
    """A keyword as JSON Schema writes it: `min_length` is `minLength`."""
    head, *rest = word.split("_")
    return head + "".join(part.capitalize() for part in rest)
