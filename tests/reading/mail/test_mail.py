"""Mails as mail programs write them: forwarded ones, attachments, encodings, malformed headers."""

from __future__ import annotations

from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

import structgen
from structgen import Document, DocumentError


def mail(source: str | bytes, **options: object) -> Document:
    data = source if isinstance(source, bytes) else source.encode()
    return structgen.read(data, name="a.eml", **options)  # type: ignore[arg-type]


def message(subject: str, text: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ada@x.example", "bob@x.example", subject
    made.set_content(text)
    return made


HEAD = "From: ada@x.example\nSubject: Hi\n"


def parts(kind: str, *texts: str) -> str:
    """A mail of several parts, each with its own headers."""
    joined = "".join(f"--B\n{text}\n" for text in texts)
    return f"{HEAD}MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=B\n\n{joined}--B--\n"


PLAIN = "Content-Type: text/plain; charset=utf-8\n\nplain words"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>html <b>words</b></p>"
PDF = 'Content-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n\nx'
SHOWN = "From: ada@x.example\nSubject: Hi\n\n"


def test_a_mail_that_is_forwarded_inside_is_read_under_its_subject() -> None:
    inner, middle, outer = (
        message("Order 7", "Seven."),
        message("Fwd", "see"),
        message("Top", "see"),
    )
    middle.add_attachment(inner, disposition="inline")
    outer.add_attachment(middle, disposition="inline")
    document = mail(outer.as_bytes())
    assert document.index("# Fwd") < document.index("# Order 7") < document.rindex("Seven.")
    assert document.locate(document.rindex("Seven.")).headings == ("Fwd", "Order 7")
    assert document.count("From: ada@x.example") == 3


def test_a_mail_that_is_attached_is_named_or_read() -> None:
    outer = message("Top", "see")
    outer.add_attachment(message("Order 7", "Seven."))
    assert mail(outer.as_bytes()).endswith("see\n\nAttachments: Order 7")
    read = mail(outer.as_bytes(), attachments=True)
    assert read.locate(read.index("Seven.")).headings == ("Order 7",)


def test_an_attached_html_page_and_table_are_read() -> None:
    made = message("Top", "see")
    made.add_attachment(b"<h2>Part</h2><p>words", "text", "html", filename="page.html")
    made.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="rows.csv")
    assert mail(made.as_bytes()).endswith("see\n\nAttachments: page.html, rows.csv")
    document = mail(made.as_bytes(), attachments=True)
    assert "# rows.csv\n\na,b\n1,2" in document
    assert document.locate(document.index("words")).headings == ("page.html", "Part")


@pytest.mark.parametrize(
    ("source", "body"),
    [
        (parts("alternative", PLAIN, HTML), "plain words"),
        (parts("alternative", "Content-Type: text/plain\n\n \n", HTML), "html words"),
        (parts("alternative", HTML), "html words"),
        (parts("mixed", PLAIN, PDF), "plain words\n\nAttachments: a.pdf"),
        (parts("mixed", PLAIN, HTML, PLAIN), "plain words\n\nhtml words\n\nplain words"),
        (parts("signed", PLAIN, "Content-Type: application/pgp-signature\n\nxx"), "plain words"),
        (
            parts("related", HTML, "Content-Type: image/png\nContent-ID: <a>\n\nxx"),
            "html words",
        ),
        (
            parts("alternative", PLAIN, "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"),
            "plain words\n\nAttachments: text/calendar",
        ),
        (
            parts(
                "report",
                PLAIN,
                "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nStatus: 5.1.1",
            ),
            "plain words\n\nReporting-MTA: dns; x\n\n\nStatus: 5.1.1",
        ),
    ],
)
def test_the_body_is_what_a_mail_program_shows(source: str, body: str) -> None:
    assert mail(source) == f"{SHOWN}{body}"


QUOTED = "Content-Transfer-Encoding: quoted-printable"
BASE64 = "Content-Transfer-Encoding: base64"
FLOWED = "one \ntwo\n> three \n> four\n-- \nAda"


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (f"text/plain; charset=latin-1\n{QUOTED}", "Caf=E9 =\nx", "Café x"),
        (f"text/plain; charset=utf-8\n{BASE64}", "Q2Fmw6k=", "Café"),
        (f"text/plain; charset=utf-8\n{BASE64}", "Q2Fmw6k", "Café"),
        ("text/plain; charset=klingon", "Café", "Café"),
        ("text/plain; charset=us-ascii", "Café", "Café"),
        ("text/plain", "Café", "Café"),
        ("text/html; charset=utf-8", "<p>Caf&eacute;<br>x", "Café\nx"),
        ("text/plain; format=flowed", FLOWED, "one two\n> three four\n-- \nAda"),
        ("text/plain; format=flowed; delsp=yes", "lo \nng", "long"),
        ("application/pgp; charset", "Café", None),
    ],
)
def test_encodings_of_bodies(head: str, body: str, text: str | None) -> None:
    document = mail(f"{HEAD}Content-Type: {head}\n\n{body}\n")
    expected = "Attachments: application/pgp" if text is None else text
    assert document == f"{SHOWN}{expected}"


def test_iso_2022_jp_and_other_charsets() -> None:
    for charset, text in (("iso-2022-jp", "日本"), ("koi8-r", "мир"), ("gb2312", "中国")):
        made = MIMEText(text, "plain", charset)
        made["Subject"], made["From"] = text, "a@x.example"
        assert mail(made.as_bytes()) == f"From: a@x.example\nSubject: {text}\n\n{text}"


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        (b"Subject: =?utf-8?q?Caf=C3=A9?= and\n =?utf-8?b?YmFy?=", "Café and bar"),
        ("Subject: Café".encode(), "Café"),
        ("Subject: Café".encode("latin-1"), "Caf\ufffd"),
        (b"Subject: =?klingon?q?x?=", "x"),
        (b"Subject:", None),
        (b"Subject: a\n\tb", "a b"),
    ],
)
def test_headers_may_be_malformed(headers: bytes, shown: str | None) -> None:
    document = mail(b"To: bob <b@x.example>, <, @\n" + headers + b"\n\nbody")
    assert document.endswith("\n\nbody")
    assert "To: " in document
    if shown is not None:
        assert f"Subject: {shown}\n" in document


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe=2Etxt?="',
        "attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt",
        "attachment; filename=Grüße.txt",
    ],
)
def test_names_of_attachments_in_any_form(disposition: str) -> None:
    part = f"Content-Type: text/plain\nContent-Disposition: {disposition}\n\ninside"
    source = parts("mixed", PLAIN, part)
    assert mail(source).endswith("Attachments: Grüße.txt")
    assert mail(source, attachments=True).endswith("# Grüße.txt\n\ninside")


def test_an_encrypted_mail_says_so() -> None:
    made = MIMEMultipart("encrypted")
    made["Subject"] = "Secret"
    smime = f"{HEAD}Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIIB"
    for source in (made.as_bytes(), smime.encode()):
        with pytest.raises(DocumentError, match="is encrypted") as caught:
            mail(source)
        assert caught.value.reason == "locked"
    attached = message("Top", "see")
    attached.add_attachment(message("Inner", "x"))
    assert "Attachments: Inner" in mail(attached.as_bytes())


def test_parts_that_never_end_and_boundaries_that_lie() -> None:
    source = parts("mixed", PLAIN, PDF)
    for cut in range(len(HEAD), len(source), 7):
        assert isinstance(mail(source[:cut] + "x"), Document)
    assert "plain words" in mail(source.replace("boundary=B", "boundary=C"))
    assert "plain words" in mail(source.replace("; boundary=B", ""))
