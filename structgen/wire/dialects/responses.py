"""OpenAI's Responses API, without any state on the server."""

from __future__ import annotations

from typing import Final

from structgen.wire.dialect import Dialect
from structgen.wire.dialects.responses_replies import parse, parse_event
from structgen.wire.dialects.responses_requests import build
from structgen.wire.error_bodies import parse_error

RESPONSES: Final = Dialect(build, parse, parse_event, parse_error)
"""The Responses dialect, as OpenAI and the servers that follow it speak it."""
