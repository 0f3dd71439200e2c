"""The Chat Completions format, as Groq, OpenAI and every compatible server speak it."""

from __future__ import annotations

from typing import Final

from structgen.wire.dialect import Dialect
from structgen.wire.dialects.chat_replies import parse, parse_event
from structgen.wire.dialects.chat_requests import build
from structgen.wire.error_bodies import parse_error

CHAT_COMPLETIONS: Final = Dialect(build, parse, parse_event, parse_error)
"""The Chat Completions dialect; `Capabilities` say how a provider differs from it."""
