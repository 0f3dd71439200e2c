"""What is attached to a mail is named, or read if it is asked for."""

from __future__ import annotations

from email.message import EmailMessage

import structgen
from tests.reading.pdfs import Text, pdf_of


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "ada@x.example", "Invoice"
    message.set_content("See the attachment.")
    invoice = pdf_of([[Text(50, 50, "Total 42")]])
    message.add_attachment(invoice, "application", "pdf", filename="invoice.pdf")
    message.add_attachment(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x", "y", filename="old.doc")
    return message.as_bytes()


def test_attachments_are_named_or_read() -> None:
    named = structgen.read(mail())
    assert named.endswith("Attachments: invoice.pdf, old.doc")
    document = structgen.read(mail(), attachments=True)
    assert document == f"{named}\n\n# invoice.pdf\n\nTotal 42"
    found = document.locate(document.index("42"))
    assert (found.page, found.headings) == (1, ("invoice.pdf",))
    assert len(found.boxes) == 1
    [note] = document.notes
    assert "old.doc was not read" in note
