"""The parts of a mail: which are its body, which are attached, and which are mails themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final

_ENCRYPTED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURES: Final = frozenset(
    {
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
    }
)
"""Parts that prove who wrote a mail, and are nothing to read."""
_REPORTS: Final = frozenset({"message/delivery-status", "message/disposition-notification"})
_TEXTS: Final = ("text/plain", "text/html")
"""The kinds of a body, the one that is read first."""


@dataclass(slots=True)
class MailParts:
    """The parts of a mail."""

    body: list[EmailMessage] = field(default_factory=list)
    """Its texts, in order."""
    attached: list[EmailMessage] = field(default_factory=list)
    """Its attachments, except mails."""
    forwarded: list[EmailMessage] = field(default_factory=list)
    """The mails that are shown inside it."""
    forwarded_as_files: list[EmailMessage] = field(default_factory=list)
    """The mails that are attached to it."""
    is_encrypted: bool = False
    """Whether its body can be read with a key alone."""


def parts_of(message: EmailMessage) -> MailParts:
    """Sort the parts of a mail.

    Args:
        message: The mail.
    """
    parts = MailParts()
    _sort(message, parts)
    return parts


def _sort(part: EmailMessage, parts: MailParts) -> None:
    kind = part.get_content_type()
    if kind == "multipart/encrypted" or (kind in _ENCRYPTED and _is_enveloped(part)):
        parts.is_encrypted = True
    elif part.get_content_maintype() == "multipart" and not part.is_multipart():
        parts.body.append(part)  # its boundary is missing, so nothing tells its parts apart
    elif part.get_content_maintype() == "multipart":
        for inner in _shown(part, kind):
            _sort(inner, parts)
    elif kind in _SIGNATURES:
        pass
    elif kind == "message/rfc822" and part.is_multipart():
        (parts.forwarded_as_files if _is_attached(part) else parts.forwarded).append(part)
    elif kind in _REPORTS or (kind in _TEXTS and not _is_attached(part)):
        parts.body.append(part)
    else:
        parts.attached.append(part)


def _shown(part: EmailMessage, kind: str) -> Iterator[EmailMessage]:
    """The parts of a part that are read: of the same text in several kinds, one."""
    inner = [one for one in part.iter_parts() if isinstance(one, EmailMessage)]
    if kind == "multipart/alternative":
        yield from _alternatives(inner)
    elif kind == "multipart/related" and inner:
        yield inner[0]
        yield from (one for one in inner[1:] if one.get_content_disposition() == "attachment")
    else:
        yield from inner


def _alternatives(inner: list[EmailMessage]) -> Iterator[EmailMessage]:
    ranked = sorted(inner, key=_rank)
    if ranked:
        yield ranked[0]
    for one in ranked[1:]:
        if one.get_content_maintype() != "multipart" and one.get_content_type() not in _TEXTS:
            yield one  # such as an invitation


def _rank(part: EmailMessage) -> int:
    """Plain text first, if there is any in it; then HTML, also with its images."""
    kind = part.get_content_type()
    if kind == "text/plain":
        payload = part.get_payload(decode=True)
        return 0 if isinstance(payload, bytes) and payload.strip() else 3
    return 1 if kind == "text/html" or part.is_multipart() else 2


def _is_attached(part: EmailMessage) -> bool:
    if part.get_content_disposition() == "attachment":
        return True
    try:
        return bool(part.get_filename())
    except Exception:  # a malformed header; the parser raises what it likes
        return False


def _is_enveloped(part: EmailMessage) -> bool:
    return str(part.get_param("smime-type", "enveloped-data")).lower() != "signed-data"
