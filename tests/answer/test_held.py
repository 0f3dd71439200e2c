"""Which texts a document holds, in whatever form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.answer.held import HeldTexts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It costs $5.", "USD"),
        ("It costs 5 dollars.", "$"),
        ("Es kostet 5 €.", "EUR"),
        ("ten per cent, or 10 %", "10 percent"),
        ("He pays $2.5 million.", "$2,500,000"),
        ("am 3. März 2021", "3 March 2021"),
        ("on the third of May 2021", "2021-05-03"),
        ("2021-05-03", "May 3, 2021"),
        ("call 555 012-3456", "+44 (555) 012-3456"),
        ("see www.example.com/a", "https://www.example.com/a"),
        ("the United States of America", "USA"),
        ("the U.S.A.", "United States of America"),
        ("Smith & Sons", "Smith and Sons"),
        ("Dr. Smith", "Doctor Smith"),
        ("Saint Louis", "St. Louis"),
        ("12 Main St", "12 Main Street"),
        ("a city", "cities"),
        ("two wolves", "wolf"),
        ("в Москве", "Москва"),
        ("Mueller", "Müller"),
        ("Müller", "Mueller"),
        ("Straße", "STRASSE"),
        ("inter-\nnational", "international"),
        ("the ﬁrst oﬃce", "first office"),
        ("１２３", "123"),
    ],
)
def test_other_forms_of_words_are_held(text: str, value: str) -> None:
    assert HeldTexts(text).holds(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It costs $5.", "EUR"),
        ("am 3. März 2021", "3 May 2021"),
        ("the United Nations", "USA"),
        ("call 555 012-3456", "+1 555 012 3457"),
        ("Smith, Sons", "Smith and Sons"),
        ("He walks his dog.", "cat"),
        ("In it. As we call.", "Indiana"),
        ("In it. As we call.", "Italy"),
        ("In it. As we call.", "CA"),
    ],
)
def test_other_words_are_not(text: str, value: str) -> None:
    assert not HeldTexts(text).holds(value)


@pytest.mark.parametrize("part", ["1,", "1 ", "A.B.", "A of the and ", "Aa of "])
def test_long_texts_are_looked_up_in_bounded_time(part: str) -> None:
    assert not HeldTexts(part * 50_000).holds("Zed: $2.5 million")


WORDS = ["Ada", "lives", "in", "Rome", "St.", "12", "and", "Zed", "north-west", "5.5", "(old)"]


@given(
    document=st.lists(st.sampled_from(WORDS)).map(" ".join),
    value=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),
    data=st.data(),
)
def test_what_cannot_become_held_never_does(document: str, value: list[str], data: Any) -> None:
    held = HeldTexts(document)
    beginning = value[: data.draw(st.integers(1, len(value)))]
    if not held.may_hold(" ".join(beginning)):
        assert not held.holds(" ".join(value))


def test_a_long_text_is_given_up_while_it_is_written() -> None:
    held = HeldTexts("GET /login from 10.0.0.1, Mozilla/5.0 (Macintosh)")
    assert held.may_hold("Mozilla/5.0 (Windows NT 10")
    assert not held.may_hold("Mozilla/5.0 (Windows NT 10.0; Win")


def test_scripts_without_spaces_are_looked_up_by_their_letters() -> None:
    assert HeldTexts("東京都に住んでいます").holds("東京都")
    assert HeldTexts("東京都に住んでいます").holds("都")
    assert not HeldTexts("東京都に住んでいます").holds("大阪")
