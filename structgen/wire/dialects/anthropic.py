"""Anthropic's Messages API."""

from __future__ import annotations

from typing import Final

from structgen.wire.dialect import Dialect
from structgen.wire.dialects.anthropic_replies import parse, parse_event
from structgen.wire.dialects.anthropic_requests import build
from structgen.wire.dialects.anthropic_stream import BlockDecoder
from structgen.wire.error_bodies import parse_error

ANTHROPIC: Final = Dialect(build, parse, parse_event, parse_error, BlockDecoder)
"""The Messages dialect."""
