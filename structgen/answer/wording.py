"""What the description or the name of a field asks for: a copy of the document's words, or more."""

from __future__ import annotations

import re
from typing import Final

_COPY: Final = re.compile(
    r"\b(?:cop(?:y|ied)\b|verbatim\b|word for word\b|literal(?:ly)?\b|exact(?:ly)? (?:substring|"
    r"quote|text|words?|wording|phrase)|as (?:it is |they are )?(?:written|spoken|said|stated|"
    r"given|printed|spelled|they stand|it stands)\b)",
    re.IGNORECASE,
)
_MORE: Final = re.compile(
    r"\b(?:label|tags?\b|categor|classif|summar|abstract of|describe|description of|paraphras|"
    r"reword|rewrit|explain|explanation|reason(?:ing)? (?:for|why)|translat|infer|guess|estimat|"
    r"deriv|comput|calculat|conclu|assess|judg|sentiment|tone\b|normali[sz]|canonical|standardi[sz]|"
    r"convert|resolv|expand|spelled out|abbreviat|acronym|initials|iso\b|codes?\b|slug\b|"
    r"in (?:the )?(?:singular|plural|english|(?:lower|upper|title|snake|camel) ?case|third person)|"
    r"lower-?case|upper-?case|capitali[sz]|one of\b|either\b|yes or no|your own words|in one "
    r"(?:word|sentence)|short (?:phrase|text|title)|yyyy|hh:mm|dd/mm|mm/dd)",
    re.IGNORECASE,
)
_LABELS: Final = frozenset(
    [
        "abstract",
        "action",
        "answer",
        "audience",
        "category",
        "class",
        "classification",
        "code",
        "comment",
        "comments",
        "conclusion",
        "description",
        "explanation",
        "format",
        "gender",
        "genre",
        "headline",
        "intent",
        "intention",
        "keyword",
        "keywords",
        "kind",
        "label",
        "labels",
        "lang",
        "language",
        "level",
        "mood",
        "note",
        "notes",
        "opinion",
        "outcome",
        "polarity",
        "priority",
        "question",
        "rating",
        "rationale",
        "reason",
        "reasoning",
        "recommendation",
        "relation",
        "relationship",
        "remark",
        "remarks",
        "risk",
        "role",
        "sentiment",
        "severity",
        "slug",
        "stance",
        "state",
        "status",
        "style",
        "subject",
        "summary",
        "tag",
        "tags",
        "theme",
        "themes",
        "thought",
        "thoughts",
        "title",
        "tone",
        "topic",
        "topics",
        "translation",
        "type",
        "verdict",
    ]
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WORKED_OUT: Final = re.compile(
    r"[-+P\d][-+\d:., TZ/WYMDHS]*(?: ?(?:s|sec|secs|seconds?|%))?", re.IGNORECASE
)


def asks_for_a_copy(text: str) -> bool:
    """Whether a text asks for the document's own words.

    Args:
        text: The description of a field or a record.
    """
    return _COPY.search(text) is not None


def asks_for_more(text: str) -> bool:
    """Whether a text asks for something that no document holds as it is.

    A label, a summary or a normal form does not have to consist of words of the document.

    Args:
        text: The description of a field, or instructions.
    """
    return _MORE.search(text) is not None


def names_a_label(name: str) -> bool:
    """Whether the name of a field is one that people give to labels and summaries.

    Args:
        name: The name, such as `productCategory` or `summary`.
    """
    return any(word.lower() in _LABELS for word in _WORD.findall(name))


def worked_out(value: str) -> bool:
    """Whether a text is a number, date, time or duration, which may have been worked out.

    Args:
        value: The text.
    """
    return _WORKED_OUT.fullmatch(value.strip()) is not None
