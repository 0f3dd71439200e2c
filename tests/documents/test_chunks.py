"""Each chunk is in the text where it says, none is too long, and only white space is left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from structgen.documents.boundaries import is_between_characters
from structgen.documents.chunk import Chunk, chunks, estimate_tokens, halves, text_before
from structgen.errors import ConfigurationError
from structgen.reading.document import Document
from structgen.reading.layout import Cell, CellSpan, Layout

texts = st.text(alphabet=st.sampled_from("ab .!?\n#ö—𝔸\r\t"), max_size=400) | st.text(max_size=200)


@given(texts, st.integers(1, 40), st.integers(0, 10), st.booleans())
def test_every_chunk_stands_in_the_text_where_it_says(
    text: str, tokens: int, overlap: int, markdown: bool
) -> None:
    found = chunks(text, tokens, overlap=min(overlap, tokens - 1), markdown=markdown)
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in found)
    assert all(estimate_tokens(chunk.text) <= tokens or len(chunk.text) == 1 for chunk in found)
    covered = {at for chunk in found for at in range(chunk.start, chunk.end)}
    assert all(at in covered or character.isspace() for at, character in enumerate(text))
    assert [chunk.start for chunk in found] == sorted(chunk.start for chunk in found)


@given(texts, st.integers(4, 40))
def test_halves_stand_in_the_text_where_they_say(text: str, tokens: int) -> None:
    for chunk in chunks(text, tokens):
        pieces = halves(chunk)
        assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
        assert len(pieces) == 1 or all(len(piece.text) < len(chunk.text) for piece in pieces)


def test_chunks_end_where_sentences_end() -> None:
    text = "One sentence here. Another one there. A third.\n\nA new paragraph. It goes on."
    assert [chunk.text for chunk in chunks(text, 12)] == [
        "One sentence here. Another one there. A third.\n\n",
        "A new paragraph. It goes on.",
    ]


def test_tokens_are_counted_as_told() -> None:
    assert [chunk.text for chunk in chunks("a b c d", 2, count=lambda text: len(text.split()))] == [
        "a b ",
        "c d",
    ]


def test_what_stands_before_a_chunk_begins_with_a_word() -> None:
    text = "The first words. The second ones. The third ones."
    last = chunks(text, 5)[-1]
    assert text[: last.start].endswith(text_before(text, last, 3)) and not text_before(
        text, last, 3
    ).startswith(" ")


@pytest.mark.parametrize(("tokens", "overlap"), [(0, 0), (5, 5), (5, -1)])
def test_sizes_that_cannot_be_are_refused(tokens: int, overlap: int) -> None:
    with pytest.raises(ConfigurationError):
        chunks("text", tokens, overlap=overlap)


def characters(text: str) -> int:
    """The length of a text as a count of tokens."""
    return len(text)


words = st.text(alphabet="abcdefgxyz0189é", min_size=1, max_size=14)
gaps = st.sampled_from([" ", "  ", ". ", "! ", ", ", "\n", "\n\n", "\t", "/", "-"])


@given(st.lists(st.tuples(words, gaps), min_size=1, max_size=60), st.integers(1, 40))
def test_no_word_is_cut_if_white_space_is_within_reach(
    pieces: list[tuple[str, str]], tokens: int
) -> None:
    text = "".join(word + gap for word, gap in pieces)
    for chunk in chunks(text, tokens, count=characters)[:-1]:
        is_within = not (text[chunk.end - 1].isspace() or text[chunk.end : chunk.end + 1].isspace())
        assert not is_within or not any(map(str.isspace, chunk.text))


people = st.sampled_from(
    ["e\u0301", "👩‍👩‍👧", "👍🏽", "🇫🇷", "🇩🇪", "한", "\r\n", "a", "ा", "क", "水", "、", "。"]
)


@given(st.lists(people, max_size=60).map("".join), st.integers(8, 40), st.integers(0, 4))
def test_no_character_that_people_see_is_cut(text: str, tokens: int, overlap: int) -> None:
    assume(all(len(one) <= tokens - overlap for one in clusters(text)))
    for chunk in chunks(text, tokens, overlap=overlap, count=characters):
        assert is_between_characters(text, chunk.start) and is_between_characters(text, chunk.end)


def clusters(text: str) -> list[str]:
    """A text as a list of the characters that people see."""
    places = [at for at in range(len(text) + 1) if is_between_characters(text, at)]
    return [text[one:other] for one, other in pairwise(places)]


def test_characters_of_several_code_points_are_known() -> None:
    seen = ["e\u0301", "👩‍👩‍👧", "👍🏽", "🇫🇷", "🇩🇪", "\u1112\u1161\u11ab", "क्", "\r\n", "b"]
    assert clusters("".join(seen)) == seen


def rejoined(found: tuple[Chunk, ...]) -> str:
    """The text of chunks, each without what it shares with those before it."""
    text, end = "", 0
    for chunk in found:
        text += chunk.text[max(0, end - chunk.start) :]
        end = max(end, chunk.end)
    return text


@given(
    st.lists(
        st.sampled_from(["水が", "ab", "c. ", "d\n", "e\n\n", "| f |"]), min_size=1, max_size=80
    ),
    st.integers(4, 40),
    st.integers(0, 20),
)
def test_chunks_without_what_they_share_are_the_text(
    pieces: list[str], tokens: int, overlap: int
) -> None:
    text = "".join(pieces)
    found = chunks(text, tokens, overlap=min(overlap, tokens - 1), count=characters)
    # White space alone may be left out.
    assert "".join(rejoined(found).split()) == "".join(text.split())
    assert all(len(chunk.text) <= tokens for chunk in found)


def test_a_text_without_spaces_is_cut_after_sentences_and_clauses_and_overlaps() -> None:
    text = "東京は日本の首都です。人口は千四百万人、面積は二千平方キロです。大阪は第二の都市です。"
    found = [chunk.text for chunk in chunks(text, 16, count=characters)]
    assert found == [
        "東京は日本の首都です。",
        "人口は千四百万人、",
        "面積は二千平方キロです。",
        "大阪は第二の都市です。",
    ]
    later = chunks(text, 20, overlap=4, count=characters)[1:]
    assert all(text[: chunk.start] and chunk.text[:4] in text[: chunk.start + 4] for chunk in later)
    assert "首都です。" in chunks(text, 20, overlap=6, count=characters)[1].text


def test_a_sentence_does_not_end_after_an_initial_or_before_a_small_letter() -> None:
    text = "He met J. Smith of the U.S. embassy, e.g. on Monday. They talked."
    assert [chunk.text for chunk in chunks(text, 60, count=characters)] == [
        "He met J. Smith of the U.S. embassy, e.g. on Monday. ",
        "They talked.",
    ]


TABLE = "# Stock\n\n| name | note |\n|---|---|\n| Coffee | black. Very black. |\n| Tea | green |\n"


@pytest.mark.parametrize("tokens", range(40, 70))
def test_no_row_that_fits_is_cut(tokens: int) -> None:
    texts = [chunk.text for chunk in chunks(TABLE, tokens, count=characters, markdown=True)]
    for row in TABLE.splitlines()[4:]:
        assert any(row in text for text in texts)


def test_a_row_that_is_too_long_is_cut_after_a_cell() -> None:
    texts = [chunk.text for chunk in chunks(TABLE, 20, count=characters, markdown=True)]
    assert "| Coffee" in texts and " | black. " in texts


def test_a_row_of_several_lines_stays_whole() -> None:
    text = "Coffee\n\nblack\n\n5\nTea\n\ngreen\n\n7\nMilk\n\nwhite\n\n9"
    starts = [text.index(name) for name in ("Coffee", "Tea", "Milk")]
    ends = [text.index(number) + 1 for number in "579"]
    cells = [
        CellSpan(start, end, Cell(1, row, 1))
        for row, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]
    document = Document(text, layout=Layout(cells=tuple(cells)))
    rows = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    found = [chunk.text.strip() for chunk in chunks(document, 17, count=characters)]
    assert found == rows
    assert [chunk.text.strip() for chunk in chunks(text, 17, count=characters)] != rows
    small = [chunk.text.strip() for chunk in chunks(document, 8, count=characters)]
    assert small[:2] == ["Coffee", "black"]  # a row that does not fit
