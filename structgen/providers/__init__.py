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
    from structgen.wire.model_facts import ModelFacts as ModelFacts
    from structgen.wire.models import facts_of as facts_of
    from structgen.wire.prices import PRICES as PRICES
    from structgen.wire.prices import Price as Price
    from structgen.wire.prices import price_of as price_of
    from structgen.wire.providers import PROVIDERS as PROVIDERS
    from structgen.wire.providers import capabilities as capabilities
    from structgen.wire.rate_limits import RateLimits as RateLimits
    from structgen.wire.reasoning import Reasoning as Reasoning
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
            "structgen.wire.model_facts": "ModelFacts",
            "structgen.wire.models": "facts_of",
            "structgen.wire.prices": "PRICES Price price_of",
            "structgen.wire.providers": "PROVIDERS capabilities",
            "structgen.wire.rate_limits": "RateLimits",
            "structgen.wire.reasoning": "Reasoning",
            "structgen.wire.telemetry": "CallRecord Hook otel_hook",
        },
    )
