"""Keep passwords out of every line, event and error."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from structgen.errors import ConfigurationError

_HIDDEN: Final = "***"
_PASSWORD: Final = re.compile(r"(?P<before>://[^/?#\s:@]*:)(?P<secret>[^/?#\s]*)(?=@)")
_ODD_PASSWORD: Final = re.compile(r"(?P<before>://[^/?#\s:@]*:)(?P<secret>[^@\s]*)(?=@)")
"""As SQLAlchemy takes it: a password that holds "/" or "?"."""
_TELLING: Final = r"[^&#=?]*(?:pass|pwd|secret|token|key|sig|credential|auth)[^&#=?]*"
"""The name of a parameter that holds a secret."""
_PARAMETER: Final = re.compile(rf"(?i)(?P<before>[?&;]{_TELLING}=)(?P<secret>[^&#\s]*)")
_REST_OF_PASSWORD: Final = re.compile(r"[^/\s]*@[^/\s@]+(?:/|$)")
"""What comes after a "#" inside a password: its rest, and the host."""
_PATTERNS: Final = (_PASSWORD, _ODD_PASSWORD, _PARAMETER)


def split_table(name: str) -> tuple[str, str]:
    """Split "URL#TABLE" into the URL and what it names: a table or a query; "" if there is none.

    Raises:
        ConfigurationError: If the password of the URL holds a "#", which would split it.
    """
    url, _, what = name.partition("#")
    host = url.partition("://")[2]
    if host and "/" not in host and _REST_OF_PASSWORD.match(what):
        raise ConfigurationError(
            'The password of the URL holds a "#".', hint="Write %23 for it, and %40 for an @."
        )
    return url, what


def redact(name: str) -> str:
    """Give the name of a source or an output without its secrets.

    Args:
        name: A path, a URL, or a URL with "#TABLE".

    Returns:
        The name, with "***" for the password and for parameters such as `token`.
    """
    if "://" not in name:
        return name
    for pattern in _PATTERNS:
        name = pattern.sub(rf"\g<before>{_HIDDEN}", name)
    return name


def scrub(text: str, name: str) -> str:
    """Take the secrets of a URL out of what a library said about it.

    Args:
        text: A message.
        name: The URL that may hold secrets.
    """
    found = {one["secret"] for pattern in _PATTERNS for one in pattern.finditer(name)}
    for secret in sorted(found | {unquote(one) for one in found}, key=len, reverse=True):
        if secret and secret != _HIDDEN:
            text = text.replace(secret, _HIDDEN)
    return redact(text)
