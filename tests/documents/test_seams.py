"""However a list is cut into chunks, with whatever overlap, the merged list is the whole one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from structgen.documents.chunk import Chunk, chunks
from structgen.documents.merge import merge
from structgen.documents.merged import Part
from tests.documents.rows import cells, row_of, text_of

names = st.sampled_from(["Coffee", "Tea", "Black coffee", "水", "Ünal & Co", "12", "2"])
rows = st.lists(st.tuples(names, st.integers(1, 12)), max_size=40)


def part_of(chunk: Chunk, document: str) -> Part:
    """What a perfect model states of a chunk: the rows that are whole in it."""
    return Part({"rows": cells(document, chunk.start, chunk.end)}, start=chunk.start, end=chunk.end)


def merged(document: str, pieces: Sequence[Chunk]) -> Any:
    parts = [part_of(chunk, document) for chunk in pieces]
    return merge(parts, document=document).data


@given(rows, st.integers(12, 60), st.integers(0, 11), st.integers(0, 3))
def test_law_13(
    listed: list[tuple[str, int]], tokens: int, overlap: int, lines_between: int
) -> None:
    document = text_of(listed, between="Some words, 7 of them.\n" * lines_between)
    pieces = chunks(document, tokens, overlap=overlap)
    expected = {"rows": [row_of(name, number) for name, number in listed]}
    assert merged(document, pieces) == (expected if pieces else None)


@given(rows.filter(bool), st.data())
def test_law_13_whatever_the_overlaps(listed: list[tuple[str, int]], data: st.DataObject) -> None:
    document = text_of(listed)
    lines = [0]
    for line in document.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    pieces, end = [], 0
    while end < len(document):
        start = data.draw(st.sampled_from([at for at in lines if at <= end][-4:]))
        end = data.draw(st.sampled_from([at for at in lines if at > end][:5]))
        pieces.append(Chunk(document[start:end], start, end))
    assert merged(document, pieces)["rows"] == [row_of(name, number) for name, number in listed]


def test_an_item_that_a_part_cuts_off_is_taken_whole_from_the_other() -> None:
    document = "Ada Lovelace of London. Charles Babbage of Walworth. Mary Somerville of Jedburgh."
    first = Part(
        {"x": [{"name": "Ada Lovelace", "town": "London"}, {"name": "Charles Babbage"}]},
        start=0,
        end=43,
    )
    second = Part(
        {
            "x": [
                {"name": "Charles Babbage", "town": "Walworth"},
                {"name": "Mary Somerville", "town": "Jedburgh"},
            ]
        },
        start=24,
        end=len(document),
    )
    assert [one["name"] for one in merge([first, second], document=document).data["x"]] == [
        "Ada Lovelace",
        "Charles Babbage",
        "Mary Somerville",
    ]


def test_two_passes_over_one_chunk_state_its_list_once() -> None:
    document = text_of([("Coffee", 3), ("Coffee", 3), ("Tea", 1)])
    whole = Chunk(document, 0, len(document))
    both = part_of(whole, document)
    fewer = Part({"rows": both.data["rows"][1:]}, start=0, end=len(document))
    assert merge([both, fewer], document=document).data == both.data
    assert merge([fewer, both], document=document).data == both.data


def test_what_nothing_tells_the_place_of_is_one_only_as_far_as_the_overlap_goes() -> None:
    document = "x" * 100
    first = Part({"n": [True, False, True, True]}, start=0, end=60)
    second = Part({"n": [True, False, False, False]}, start=45, end=100)
    assert merge([first, second], document=document).data["n"] == [
        True, False, True, True, False, False, False,
    ]  # fmt: skip
