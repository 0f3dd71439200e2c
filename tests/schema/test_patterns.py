"""Patterns mean what ECMA-262 says, and are matched in bounded time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_reader import parse
from structgen.schema.validate.patterns import matches

SAME_IN_PYTHON = [
    *(
        "^a*b$",
        "a|b",
        "(?=.*[A-Z])(?=.*\\d)^.{3,8}$",
        "^(?!foo).*$",
        "(?<=a)b",
        "(?<!a)b",
        "^[^a-c]+$",
        "\\bfoo\\b",
        "\\Boo",
    ),
    *(
        "^(a+)+$",
        "^(a|aa){2,3}$",
        "[\\w.-]+@[\\w-]+",
        "^$",
        "(ab)*c",
        "a{0}",
        "^(?:a(?=b)|c)+",
        "a(?!b(?=c))",
        "^(?!.*(aa|bb))",
    ),
    *(
        "(?<!a(?=b))b",
        "a??b+?",
        "[]a]|b" if False else "[\\]a]",
        "x{,3}",
        "^(?<name>a)b",
        "[a\\-c]",
        "\\x41|\\u0042",
    ),
]
words = st.text(alphabet="aabbcABfo1.@- x]", max_size=10)


@given(
    st.sampled_from(
        [
            pattern
            for pattern in SAME_IN_PYTHON
            if "(?<name>" not in pattern and "{,3}" not in pattern
        ]
    ),
    words,
)
def test_patterns_match_as_in_python_where_the_languages_agree(pattern: str, text: str) -> None:
    assert matches(pattern, text) is bool(re.search(pattern, text, re.ASCII))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        *(
            ("^a$", "a\n", False),
            ("^\\d$", "٣", False),
            ("^\\w$", "é", False),
            ("^\\s$", "\ufeff", True),
            ("^.$", "\u2028", False),
        ),
        *(
            ("^\\p{L}+$", "éß", True),
            ("^\\P{Lu}$", "A", False),
            ("^[^]$", "\n", True),
            ("[]", "a", False),
            ("^\\cJ$", "\n", True),
        ),
        *(
            ("^\\ud83d\\udc32$", "🐲", True),
            ("^🐲*$", "🐲🐲", True),
            ("^\\u{1F432}$", "🐲", True),
            ("^[\\d-x]+$", "1-x", True),
        ),
        *(("x{,3}", "x{,3}", True), ("^\\/\\-$", "/-", True), ("(?<name>a)b", "ab", True)),
    ],
)
def test_patterns_are_ecma_262(pattern: str, text: str, found: bool) -> None:
    assert matches(pattern, text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "a**",
        "*",
        "\\1",
        "\\k<a>",
        "a{3,1}",
        "[b-a]",
        "\\",
        "^*",
        "(" * 500,
        "(a{1000}){1000}",
        "a" * 300_000,
    ],
)
def test_what_is_no_pattern_or_has_no_bound_is_a_typed_error(pattern: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(pattern)
    assert caught.value.keyword == "pattern"


@given(
    st.text(alphabet="ab()[]{}*+?|\\^$.-,1<=!:dwpPu", max_size=30),
    st.text(alphabet="ab1-", max_size=20),
)
def test_any_text_is_a_pattern_or_a_typed_error(pattern: str, text: str) -> None:
    try:
        parse(pattern)
    except SchemaError:
        return
    assert matches(pattern, text) in (True, False)
