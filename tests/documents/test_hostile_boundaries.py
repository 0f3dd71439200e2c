"""Places to cut in texts that nobody writes by hand: long rows of one character, odd scripts."""

from __future__ import annotations

import pytest

from structgen.documents.boundaries import is_between_characters
from structgen.documents.chunk import chunks


@pytest.mark.parametrize(
    "character", [".", "?", "…", ".'", "\U0001f1e9\U0001f1ea", "\U0001f1e9", "e\u0301", "\u200d"]
)
def test_long_rows_of_one_character_take_linear_time(character: str) -> None:
    text = character * (200_000 // len(character))  # minutes, if each place looks at the whole row
    assert "".join(chunk.text for chunk in chunks(text)) == text


@pytest.mark.parametrize(
    "character",
    [
        "\u0e19\u0e49\u0e33",  # Thai, with a vowel that is a letter to Unicode
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
        "\u0646\u200c",  # a letter of Persian and a non-joiner
        "\uff76\uff9e",  # half-width kana and its mark
        "\U0001f44b\U0001f3fd",  # a hand and its colour
        "\U0001f469\u200d\U0001f467",  # two people
    ],
)
def test_no_chunk_ends_within_a_character(character: str) -> None:
    text = character * 50
    cuts = {chunk.end for chunk in chunks(text, tokens=10)}
    assert all(cut % len(character) == 0 for cut in cuts)
    assert not any(is_between_characters(character, at) for at in range(1, len(character)))


def test_no_sentence_ends_before_a_small_letter_after_two_spaces() -> None:
    text = "It is. The rate is ca.  three per cent of it."
    first, *_ = chunks(text, tokens=8)
    assert first.text == "It is. "
