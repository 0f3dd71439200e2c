"""What a program may say about servers: capabilities, prices and rate limits; and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.extraction.learned import LearnedRow as LearnedRow
    from structgen.extraction.probe import Outcome as Outcome
    from structgen.extraction.probe import Probe as Probe
    from structgen.wire.dialect import AttachmentLimits as AttachmentLimits
    from structgen.wire.dialect import Capabilities as Capabilities
    from structgen.wire.models.facts import ModelFacts as ModelFacts
    from structgen.wire.models.known import facts_of as facts_of
    from structgen.wire.models.prices import PRICES as PRICES
    from structgen.wire.models.prices import Price as Price
    from structgen.wire.models.prices import price_of as price_of
    from structgen.wire.models.reasoning import Reasoning as Reasoning
    from structgen.wire.providers import PROVIDERS as PROVIDERS
    from structgen.wire.providers import capabilities as capabilities
    from structgen.wire.rate_limits import RateLimits as RateLimits
    from structgen.wire.telemetry import CallRecord as CallRecord
    from structgen.wire.telemetry import Hook as Hook
    from structgen.wire.telemetry import otel_hook as otel_hook
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.extraction.learned": "LearnedRow",
            "structgen.extraction.probe": "Outcome Probe",
            "structgen.wire.dialect": "AttachmentLimits Capabilities",
            "structgen.wire.models.facts": "ModelFacts",
            "structgen.wire.models.known": "facts_of",
            "structgen.wire.models.prices": "PRICES Price price_of",
            "structgen.wire.providers": "PROVIDERS capabilities",
            "structgen.wire.rate_limits": "RateLimits",
            "structgen.wire.models.reasoning": "Reasoning",
            "structgen.wire.telemetry": "CallRecord Hook otel_hook",
        },
    )
