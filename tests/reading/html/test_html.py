"""A web page is read as a browser shows it, with its structure."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import structgen
from structgen import Document
from structgen.reading import Cell


def page(source: str, **options: object) -> Document:
    return structgen.read(source.encode(), name="a.html", **options)  # type: ignore[arg-type]


def cells_of(document: Document) -> list[tuple[str, Cell]]:
    return [(document[one.start : one.end].text, one.cell) for one in document.layout.cells]


def test_text_is_as_it_is_shown() -> None:
    assert page("<p>snake_case *x* 1. a_b@c.example &amp; &eacute; &#8364; &lt;b&gt;") == (
        "snake_case *x* 1. a_b@c.example & é € <b>"
    )
    assert page("a&nbsp;b  \n c soft&shy;hyphen zero\u200bwidth<wbr>s") == (
        "a b c softhyphen zerowidths"
    )
    assert page("one<br>two<br/>three<p>four") == "one\ntwo\nthree\n\nfour"
    assert page("<p>of</p><pre>  x = 1\n    y &lt; 2\n</pre>") == "of\n\n  x = 1\n    y < 2"
    assert page("<b>bold</b>face <i>and</i> <code>a_b</code>") == "boldface and a_b"


def test_a_raised_number_is_no_part_of_the_one_before_it() -> None:
    assert page(
        "10<sup>2</sup> m<sup>2</sup>, Zhang<sup>3</sup>, 1<sup>st</sup>, H<sub>2</sub>O"
    ) == ("10^2 m^2, Zhang^3, 1st, H2O")
    assert page("<del>100</del> <s>95</s> 90") == "~~100~~ ~~95~~ 90"


def test_links_and_images_tell_what_their_text_does_not() -> None:
    source = (
        "<a href='https://x.example'>site</a> <a href='https://y.example'>https://y.example</a> "
        "<a href='mailto:a@x.example'>a@x.example</a> <a href='#top'>top</a> "
        "<img src='data:image/png;base64,AAAA' alt='logo'><img src='pixel.gif'>"
    )
    assert page(source) == ("[site](https://x.example) https://y.example a@x.example top ![logo]()")


@pytest.mark.parametrize(
    "source",
    [
        "<script>no</script>",
        "<style>no</style>",
        "<template>no</template>",
        "<noscript>no</noscript>",
        "<svg><text>no</text></svg>",
        "<!-- no -->",
        "<p style='color: red; display : NONE'>no",
        "<div style='visibility:hidden'>no</div>",
        "<div hidden>no</div>",
        "<dialog>no</dialog>",
        "<input type='hidden' value='no'>",
    ],
)
def test_what_is_not_shown_is_not_read(source: str) -> None:
    assert page(f"<p>one</p>{source}<p>two</p>").split() == ["one", "two"]


def test_what_is_hidden_is_read_on_request() -> None:
    source = "<p>one<p hidden>two<p style='display:none'>three<script>no</script>"
    assert page(source, hidden=True).split() == ["one", "two", "three"]


def test_fields_of_forms_have_their_values() -> None:
    source = (
        "Name <input value='Ada'> <select><option>a<option selected>b</select> "
        "<select><optgroup><option>c<option>d</optgroup></select> <input type=checkbox checked>yes "
        "<input type=radio>no <textarea>line one\nline two</textarea>"
    )
    assert page(source) == "Name Ada b c [x] yes [ ] no line one\nline two"


def test_lists_have_the_marks_that_are_shown() -> None:
    source = (
        "<ul><li>a<ol start=3><li>x<li value=7>y<p>more</ol><li>b</ul>"
        "<dl><dt>term<dd>meaning<dt>other<dd>thing</dl>"
    )
    assert page(source).splitlines() == [
        "- a",
        "  3. x",
        "  7. y",
        "     more",
        "- b",
        "term",
        ": meaning",
        "other",
        ": thing",
    ]


def test_headings_are_noted() -> None:
    document = page("<h1>A <b>b</b></h1><p>one<h3><a href='/x'>C</a></h3>two")
    assert document == "# A b\n\none\n\n### [C](/x)\n\ntwo"
    assert document.locate(document.index("two")).headings == ("A b", "[C](/x)")


@pytest.mark.parametrize("end", ["", "</head>"])
def test_end_tags_may_be_left_out(end: str) -> None:
    source = f"<head><title>T</title><meta name=x>{end}<body><p>a<p>b<ul><li>c<li>d</ul>e"
    assert page(source) == "a\n\nb\n\n- c\n- d\n\ne"
    assert page("<table><tr><td>a<td>b<tr><td>c<td>d</table>e") == "a | b\nc | d\n\ne"


def test_stray_end_tags_leave_a_table_as_it_is() -> None:
    source = "<div><table><tr><td>a</div></p></td><td>b</td></tr><tr><td>c<td>d</table></div>e"
    assert page(source) == "a | b\nc | d\n\ne"


# ---- tables ----------------------------------------------------------------------------------


def test_cells_that_span_rows_and_columns_keep_their_headers() -> None:
    document = page(
        "<table><thead><tr><th rowspan=2>Region<th colspan=2>Sales<tr><th>2024<th>2025</thead>"
        "<tfoot><tr><td>Total<td>4<td>6</tfoot>"
        "<tr><td rowspan=2>North<td>1<td>2<tr><td>3<td>5</table>"
    )
    assert document.splitlines() == [
        "Region | Sales",
        " | 2024 | 2025",
        "North | 1 | 2",
        " | 3 | 5",
        "Total | 4 | 6",
    ]
    assert cells_of(document) == [
        ("Region", Cell(1, 1, 1)),
        ("Sales", Cell(1, 1, 2)),
        ("2024", Cell(1, 2, 2)),
        ("2025", Cell(1, 2, 3)),
        ("North", Cell(1, 3, 1, "Region")),
        ("1", Cell(1, 3, 2, "Sales 2024")),
        ("2", Cell(1, 3, 3, "Sales 2025")),
        ("3", Cell(1, 4, 2, "Sales 2024")),
        ("5", Cell(1, 4, 3, "Sales 2025")),
        ("Total", Cell(1, 5, 1, "Region")),
        ("4", Cell(1, 5, 2, "Sales 2024")),
        ("6", Cell(1, 5, 3, "Sales 2025")),
    ]


def test_a_table_whose_rows_are_named_has_no_header() -> None:
    document = page("<table><tr><th>Name<td>Ada<br>L.<tr><th>Age<td><ul><li>36<li>37</ul></table>")
    assert document == "Name | Ada / L.\nAge | - 36 / - 37"
    assert {cell.header for _, cell in cells_of(document)} == {None}


def test_a_table_in_a_cell_is_one_of_its_own() -> None:
    document = page(
        "<table><caption>Orders</caption><tr><th>who<th>what"
        "<tr><td>Ada<td><table><tr><td>item<td>count<tr><td>oak<td>2</table></table>"
    )
    assert document == "Orders\n\nwho | what\nAda | item | count / oak | 2"
    assert document.locate(document.index("2")).cell == Cell(2, 2, 2, "count")
    assert document.locate(document.index("Ada")).cell == Cell(1, 2, 1, "who")


def test_a_table_that_arranges_a_page_is_no_table() -> None:
    document = page(
        "<table><tr><td><table role=presentation><tr><td><h2>Hi</h2><p>one<td><p>two</table>"
        "<tr><td><table><tr><td>item<td>12</table></table>"
    )
    assert document == "## Hi\n\none\n\ntwo\n\nitem | 12"
    assert [cell for _, cell in cells_of(document)] == [Cell(1, 1, 1), Cell(1, 1, 2)]


def test_hidden_rows_and_cells_are_left_out() -> None:
    source = "<table><tr><th>a<th hidden>b<tr style='display:none'><td>1<td>2<tr><td>3<td>4</table>"
    assert page(source) == "a\n3 | 4"


# ---- encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "notes"),
    [
        ("<meta charset=utf-8><p>Grüße €".encode(), "Grüße €", 0),
        ("<p>Grüße €".encode(), "Grüße €", 0),
        ("<meta charset='iso-8859-1'><p>Grüße €".encode("cp1252"), "Grüße €", 0),
        ("<meta charset='iso-8859-1'><p>Grüße €".encode(), "Grüße €", 0),
        ("<meta charset='klingon'><p>Grüße €".encode(), "Grüße €", 0),
        ("<p>Grüße €".encode("cp1252"), "Grüße €", 0),
        ("<meta charset=utf-8><p>Grüße €".encode("cp1252"), "Grüße €", 1),
        ("<meta charset=utf-8><p>Größe".encode() + b"\xff", "Größe\ufffd", 1),
        (b"\xef\xbb\xbf<meta charset='cp1252'><p>" + "Grüße".encode(), "Grüße", 0),
        ("<meta charset=utf-8><p>Grüße".encode("utf-16"), "Grüße", 0),
        (
            b'<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">'
            + "日本".encode("shift_jis"),
            "日本",
            0,
        ),
        (b"<meta charset='iso-2022-jp'>" + "日本".encode("iso2022-jp"), "日本", 0),
        (b'<?xml version="1.0" encoding="cp1251"?><p>' + "мир".encode("cp1251"), "мир", 0),
    ],
)
def test_the_encoding_is_what_the_bytes_are(data: bytes, text: str, notes: int) -> None:
    document = structgen.read(data, name="a.html")
    assert document == text
    assert len(document.notes) == notes


def test_no_page_is_nested_too_deeply() -> None:
    for tag in ("div", "span", "ul><li", "table><tr><td", "blockquote"):
        assert page(f"<{tag}>" * 5000 + "deep").strip("- ").endswith("deep")
    closed = "<div>" * 5000 + "deep" + "</div>" * 5000 + "after"
    assert page(closed).split() == ["deep", "after"]


NAMES = """
a b blockquote caption dd del div dl dt form h1 h2 i li ol option p pre s section select span sup
table tbody td tfoot th thead tr ul
"""
TAGS = NAMES.split()


@given(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from("<>/ |")), max_size=40))
def test_no_soup_of_tags_loses_a_word_or_has_it_twice(soup: list[tuple[str, str]]) -> None:
    """A `select` is left out: it shows one of its options alone."""
    source, words = "first ", []
    for at, (tag, kind) in enumerate(soup):
        is_text = kind in " |" or tag in ("select", "option")
        words += [f"word{at}x"] if is_text else []
        source += f" word{at}x " if is_text else f"<{'/' * (kind == '/')}{tag}>"
    document = page(source)
    assert [document.count(word) for word in words] == [1] * len(words)
    spans = document.layout.cells
    assert all(one.end <= two.start for one, two in pairwise(spans))
    assert all(one.start <= two.start for one, two in pairwise(document.headings))
