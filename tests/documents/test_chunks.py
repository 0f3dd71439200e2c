"""Each chunk is in the text where it says, none is too long, and only white space is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.documents.chunk import chunks, estimate_tokens, halves, text_before
from structgen.errors import ConfigurationError

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
