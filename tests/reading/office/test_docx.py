"""A Word document is read as printed: numbers of lists, notes, fields, all versions."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml

import structgen
from structgen import Document
from structgen.reading import Cell

MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
CT = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def document_of(body: str, **parts: str) -> bytes:
    """A DOCX with this body, and parts such as `footnotes`, each the XML inside their root."""
    relations, types, files = [], [], {}
    roots = {"numbering": "numbering", "styles": "styles", "settings": "settings"}
    for at, (name, inner) in enumerate(parts.items()):
        root = roots.get(name, {"header": "hdr", "footer": "ftr"}.get(name, name))
        files[f"word/{name}.xml"] = f'<w:{root} xmlns:w="{MAIN}">{inner}</w:{root}>'
        relations.append(
            f'<Relationship Id="p{at}" Type="{OFFICE}/relationships/{name}" Target="{name}.xml"/>'
        )
        types.append(f'<Override PartName="/word/{name}.xml" ContentType="{CT}.{name}+xml"/>')
    relations.append(
        f'<Relationship Id="link" Type="{OFFICE}/relationships/hyperlink" '
        'Target="https://x.example/a" TargetMode="External"/>'
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    files["[Content_Types].xml"] = (
        f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{CT}.document.main+xml"/>'
        f"{''.join(types)}</Types>"
    )
    files["_rels/.rels"] = (
        f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{OFFICE}/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    files["word/_rels/document.xml.rels"] = (
        f'<Relationships xmlns="{package}/relationships">{"".join(relations)}</Relationships>'
    )
    files["word/document.xml"] = (
        f'<w:document xmlns:w="{MAIN}" xmlns:r="{OFFICE}/relationships" '
        f'xmlns:m="{OFFICE}/math"><w:body>{body}</w:body></w:document>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def p(inner: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def field(kind: str, inside: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{inside}</w:fldChar></w:r>'


def code(text: str) -> str:
    return f"<w:r><w:instrText>{text}</w:instrText></w:r>"


def read(body: str, parts: dict[str, str] | None = None, **options: Any) -> Document:
    return structgen.read(document_of(body, **(parts or {})), **options)


def level(at: int, form: str, text: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


OF_H1, OF_H2 = '<w:pStyle w:val="H1"/>', '<w:isLgl/><w:pStyle w:val="H2"/>'
NUMBERING = (
    f'<w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}'
    f"{level(1, 'lowerLetter', '(%2)')}{level(2, 'lowerRoman', '%1.%3')}</w:abstractNum>"
    f'<w:abstractNum w:abstractNumId="1">{level(0, "bullet", "x")}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="2">'
    f"{level(0, 'upperRoman', 'Article %1', OF_H1)}{level(1, 'decimal', '%1.%2', OF_H2)}"
    '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>'
    '<w:num w:numId="4"><w:abstractNumId w:val="0"/>'
    '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>'
)  # fmt: skip
STYLES = (
    '<w:style w:styleId="H1"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="3"/>'
    '</w:numPr></w:pPr></w:style><w:style w:styleId="H2"><w:name w:val="own"/><w:pPr>'
    '<w:outlineLvl w:val="1"/><w:numPr><w:ilvl w:val="1"/><w:numId w:val="3"/></w:numPr></w:pPr>'
    '</w:style><w:style w:styleId="H3"><w:name w:val="mine"/><w:basedOn w:val="H2"/></w:style>'
    '<w:style w:styleId="Secret"><w:name w:val="s"/><w:rPr><w:vanish/></w:rPr></w:style>'
)


def item(text: str, number: int, at: int = 0) -> str:
    properties = f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{number}"/></w:numPr>'
    return p(r(text), properties)


def styled(text: str, style: str) -> str:
    return p(r(text), f'<w:pStyle w:val="{style}"/>')


def test_items_of_lists_have_the_numbers_that_are_printed() -> None:
    body = [item("a", 1), item("b", 1, 1), item("c", 1, 1), item("d", 1, 2), item("e", 1)]
    body += [item("f", 1, 1), item("g", 4), item("h", 2), item("i", 0), item("", 1), item("j", 9)]
    found = read("".join(body), {"numbering": NUMBERING})
    assert found.split("\n\n") == [
        "1. a", "(a) b", "(b) c", "1.i d", "2. e", "(a) f", "7. g", "- h", "i", "j",
    ]  # fmt: skip


def test_headings_have_the_numbers_of_their_styles() -> None:
    body = styled("Parties", "H1") + styled("Seller", "H2") + styled("Buyer", "H3")
    body += styled("Price", "H1") + p(r("words"))
    document = read(body, {"numbering": NUMBERING, "styles": STYLES})
    assert [(one.level, one.title) for one in document.headings] == [
        (1, "Article I Parties"),
        (2, "1.1 Seller"),
        (2, "1.2 Buyer"),
        (1, "Article II Price"),
    ]
    assert document.locate(document.index("words")).headings == ("Article II Price",)


def test_notes_are_marked_where_they_belong() -> None:
    def noted(kind: str, number: int) -> str:
        return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'

    def note(kind: str, number: int, text: str, more: str = "") -> str:
        return f'<w:{kind} w:id="{number}" {more}>{p(r(text))}</w:{kind}>'

    footnotes = note("footnote", 0, "---", 'w:type="separator"') + note("footnote", 2, "first")
    footnotes += note("footnote", 1, "second") + note("footnote", 3, "gone")
    body = p(r("100") + noted("footnote", 2) + r(" and 5") + noted("footnote", 1))
    body += p(r("end") + noted("endnote", 4))
    parts = {"footnotes": footnotes, "endnotes": note("endnote", 4, "last")}
    assert read(body, parts).split("\n\n") == [
        "100[^1] and 5[^2]", "end[^i]", "[^1]: first", "[^2]: second", "[^i]: last",
    ]  # fmt: skip


def test_of_fields_the_result_is_read() -> None:
    body = p(r("page ") + field("begin") + code("PAGE") + field("separate") + r("3") + field("end"))
    inner = field("begin") + code("MERGEFIELD x") + field("separate") + r("no") + field("end")
    outer = field("begin") + code("IF ") + inner + field("separate") + r("yes") + field("end")
    body += p(outer + r(" after")) + p(field("begin") + code("BROKEN")) + p(r("still read"))
    assert read(body).split("\n\n") == ["page 3", "yes after", "still read"]


def test_fields_of_forms_show_what_is_chosen() -> None:
    def box(inside: str) -> str:
        return field("begin", f"<w:ffData><w:checkBox>{inside}</w:checkBox></w:ffData>")

    choices = "".join(f'<w:listEntry w:val="{one}"/>' for one in ("red", "green"))
    drop = f'<w:ffData><w:ddList><w:result w:val="1"/>{choices}</w:ddList></w:ffData>'
    end = code("FORM") + field("end")
    body = p(box("<w:checked/>") + end + r(" yes ") + box('<w:default w:val="0"/>') + end)
    body += p(field("begin", drop) + end)
    body += p('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>' + r(" symbol"))
    empty = "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    body += empty.format(p(r("Click here"))) + p(r("Name: ") + empty.format(r("Click here")))
    body += empty.replace("<w:showingPlcHdr/>", "").format(p(r("filled in")))
    assert read(body).split("\n\n") == ["☑ yes ☐", "green", "☑ symbol", "Name: ", "filled in"]


def test_hidden_text_is_told_and_read_on_request() -> None:
    body = p(r("seen ") + r("hidden", "<w:vanish/>") + r("!", '<w:vanish w:val="0"/>'))
    body += styled("secret", "Secret")
    document = read(body, {"styles": STYLES})
    assert document == "seen !"
    [note] = document.notes
    assert "2 passages" in note
    assert read(body, {"styles": STYLES}, hidden=True) == "seen hidden!\n\nsecret"


def test_raised_numbers_struck_text_links_and_formulas() -> None:
    raised = '<w:vertAlign w:val="superscript"/>'
    body = p(r("10") + r("2", raised) + r(" 1") + r("st", raised))
    body += p(r("100", "<w:strike/>") + r(" 90"))
    body += p(f'<w:hyperlink r:id="link">{r("here")}</w:hyperlink>')
    body += p(f'<w:hyperlink r:id="link">{r("https://x.example/a")}</w:hyperlink>')
    body += p("<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>")
    assert read(body).split("\n\n") == [
        "10^2 1st", "~~100~~ 90", "[here](https://x.example/a)", "https://x.example/a", "x=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "text"),
    [("accepted", "one two\n\n2"), ("original", "one\n\ntwo\n\n1\n\nmoved"), ("both", None)],
)
def test_a_deleted_end_of_a_paragraph_joins_it_to_the_next(version: str, text: str | None) -> None:
    body = p(r("one "), "<w:rPr><w:del/></w:rPr>") + p(r("two"))
    body += p(f"<w:ins>{r('2')}</w:ins><w:del><w:r><w:delText>1</w:delText></w:r></w:del>")
    body += p(f"<w:moveFrom>{r('moved')}</w:moveFrom>")
    found = read(body, tracked_changes=version)
    if text is None:
        assert found.split() == ["one", "two", "21", "moved"]
    else:
        assert found.replace("one \n", "one\n") == text


def row(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(r(text)) if text else p('')}</w:tc>"


def test_headers_of_several_rows_name_all_their_columns() -> None:
    repeated = "<w:tblHeader/>"
    down, more = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = "<w:tbl>"
    body += row(cell("Region", down), cell("Sales", '<w:gridSpan w:val="2"/>'), properties=repeated)
    body += row(cell("", more), cell("2024"), cell("2025"), properties=repeated)
    body += row(cell("North", down), cell("1"), cell("2"))
    body += row(cell("", more), cell("3"), cell("4"))
    document = read(body + "</w:tbl>")
    assert document.splitlines() == [
        "Region | Sales", " | 2024 | 2025", "North | 1 | 2", " | 3 | 4",
    ]  # fmt: skip
    assert document.locate(document.index("North")).cell == Cell(1, 3, 1, "Region")
    assert document.locate(document.index("4", 35)).cell == Cell(1, 4, 3, "Sales 2025")


def test_lines_of_a_cell_are_kept_apart() -> None:
    address = p(r("1 Main St") + "<w:r><w:br/></w:r>" + r("Paris"))
    body = f"<w:tbl>{row(f'<w:tc>{address}</w:tc>')}</w:tbl>"
    assert read(body) == "1 Main St / Paris"


def test_comments_are_read_on_request() -> None:
    body = p(r("text") + '<w:r><w:commentReference w:id="0"/></w:r>')
    comments = f'<w:comment w:id="0" w:author="Ada">{p(r("check"))}{p(r("this"))}</w:comment>'
    assert read(body, {"comments": comments}) == "text"
    found = read(body, {"comments": comments}, comments=True)
    assert found == "text\n\nComment by Ada: check / this"


def test_documents_with_macros_templates_and_the_strict_form() -> None:
    for kind in ("template.main", "document.macroEnabled.main"):
        data = document_of(p(r("words")))
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                text = old.read(name).replace(b"document.main", kind.encode())
                new.writestr(name, text.replace(MAIN.encode(), STRICT.encode()))
        for named in ("a.docm", "a.dotx", None):
            assert structgen.read(file.getvalue(), name=named) == "words"


STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"


def test_what_python_docx_writes_is_read() -> None:
    made, file = docx.Document(), io.BytesIO()
    for style in ("List Number", "List Bullet", "Heading 2", "Quote"):
        made.add_paragraph("words", style)
    made.element.body.append(parse_xml(f'<w:p xmlns:w="{MAIN}"><w:r><w:t>x</w:t></w:r></w:p>'))
    made.save(file)
    document = structgen.read(file.getvalue())
    assert document == "1. words\n\n- words\n\nwords\n\nwords\n\nx"
    assert [(one.level, one.title) for one in document.headings] == [(2, "words")]
