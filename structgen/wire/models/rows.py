"""Facts of single models, in rows, each with its source. Add a model here and nowhere else.

A provider says for some days before and after the end of a model that it is gone (Groq: 400
`model_decommissioned`); later it says that there is no such model, as it does of a name with a
typo (404 `model_not_found`). Only a table of dates can tell the two apart.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.image_tokens import Patches, Tiles

EXAMPLE_MODEL: Final = "openai/gpt-oss-20b"
"""The Groq model that documentation and examples ask for. Tests hold them to it, so that a model
which Groq switches off is replaced here and everywhere at once."""

# ---- Groq ----------------------------------------------------------------------------

_LARGE: Final = "openai/gpt-oss-120b"
_SEES: Final = "qwen/qwen3.8-27b"

_groq = partial(
    ModelFacts, provider="groq", source="console.groq.com/docs/models, read in October 2026"
)
_gpt_oss = partial(
    _groq,
    context=131_072,
    max_output=65_536,
    efforts=("low", "medium", "high"),
    default_effort="medium",
)
_groq_ended = partial(
    ModelFacts, provider="groq", source="console.groq.com/docs/deprecations, autumn 2026"
)
_GROQ: Final = (
    _gpt_oss(model=EXAMPLE_MODEL),
    _gpt_oss(model=_LARGE),
    _gpt_oss(model="openai/gpt-oss-safeguard-20b"),
    _groq(
        model=_SEES,
        context=131_042,
        max_output=16_384,
        image_tokens=2048,
        efforts=("none", "default", "low", "medium", "high"),
        default_effort="default",
    ),
    _groq(
        model="qwen/qwen3.6-27b",
        context=131_072,
        max_output=16_384,
        image_tokens=2048,
        efforts=("none", "default"),
        default_effort="default",
    ),
    _groq(model="*llama*", efforts=()),
    _groq(model="minimaxai/minimax-m2.7", context=196_608, max_output=131_072),
    _groq_ended(
        model="meta-llama/llama-4-maverick-17b-128e-instruct",
        ends=date(2026, 3, 9),
        replacement=_SEES,
    ),
    _groq_ended(
        model="meta-llama/llama-4-scout-17b-16e-instruct",
        ends=date(2026, 7, 17),
        replacement=_SEES,
    ),
    _groq_ended(model="qwen/qwen3-32b", ends=date(2026, 7, 17), replacement=_SEES),
    _groq_ended(model="llama-3.3-70b-versatile", ends=date(2026, 8, 16), replacement=_LARGE),
    _groq_ended(model="llama-3.1-8b-instant", ends=date(2026, 8, 16), replacement=EXAMPLE_MODEL),
    _groq_ended(model="groq/compound", ends=date(2026, 9, 21), replacement=_LARGE),
    _groq_ended(model="groq/compound-mini", ends=date(2026, 9, 21), replacement=EXAMPLE_MODEL),
)

# ---- OpenAI --------------------------------------------------------------------------

_openai_ends = partial(
    ModelFacts,
    provider="openai",
    source="developers.openai.com/api/docs/deprecations, read in November 2026",
)
_openai = partial(
    ModelFacts,
    provider="openai",
    source="developers.openai.com/api/docs/guides/reasoning, read in October 2026",
)
_patches = partial(Patches, 32, 1536, None)
_openai_reasons = partial(_openai, temperature="without-reasoning")
_LEVELS: Final = ("low", "medium", "high")
_october = partial(_openai_ends, ends=date(2026, 10, 23))
_december = partial(_openai_ends, deprecated=date(2026, 6, 11), ends=date(2026, 12, 11))
_january = partial(_openai_ends, deprecated=date(2026, 10, 14), ends=date(2027, 1, 14))
_OPENAI: Final = (
    _october(model="gpt-3.5-turbo", replacement="gpt-5.6-terra"),
    _october(model="gpt-3.5-turbo-0125", replacement="gpt-5.6-terra"),
    _october(model="gpt-4", replacement="gpt-5.6-sol"),
    _october(model="gpt-4-0613", replacement="gpt-5.6-sol"),
    _october(model="gpt-4-turbo", replacement="gpt-5.6-sol"),
    _october(model="gpt-4-turbo-2024-04-09", replacement="gpt-5.6-sol"),
    _october(model="gpt-4o-2024-05-13", replacement="gpt-5.6-sol"),
    _october(model="gpt-4.1-nano", replacement="gpt-5.6-luna"),
    _october(model="gpt-4.1-nano-2025-04-14", replacement="gpt-5.6-luna"),
    _october(model="o1", replacement="gpt-5.6-sol"),
    _october(model="o3-mini", replacement="gpt-5.6-sol"),
    _october(model="o4-mini", replacement="gpt-5.6-terra"),
    _december(model="gpt-5", replacement="gpt-6.1-sol", image_tokens=Tiles(70, 140)),
    _december(model="gpt-5-2025-08-07", replacement="gpt-6.1-sol"),
    _december(model="gpt-5-mini", replacement="gpt-6.1-terra"),
    _december(model="gpt-5-mini-2025-08-07", replacement="gpt-6.1-terra"),
    _december(model="gpt-5-nano", replacement="gpt-6-luna"),
    _december(model="gpt-5-nano-2025-08-07", replacement="gpt-6-luna"),
    _december(model="o3", replacement="gpt-6.1-sol"),
    _january(model="gpt-4o", replacement="gpt-6.1-sol"),
    _january(model="gpt-4o-2024-08-06", replacement="gpt-6.1-sol"),
    _january(model="gpt-4o-2024-11-20", replacement="gpt-6.1-sol"),
    _january(model="gpt-4o-mini", replacement="gpt-6-luna"),
    _january(model="gpt-4o-mini-2024-07-18", replacement="gpt-6-luna"),
    _january(model="gpt-4.1", replacement="gpt-6.1-sol"),
    _january(model="gpt-4.1-2025-04-14", replacement="gpt-6.1-sol"),
    _january(model="gpt-4.1-mini", replacement="gpt-6-luna"),
    _january(model="gpt-4.1-mini-2025-04-14", replacement="gpt-6-luna"),
    _openai_ends(model="gpt-5.1", ends=date(2027, 4, 1), replacement="gpt-6.1-sol"),
    # .../guides/images-vision: what an image counts as. Nothing is said here of later models.
    _openai(model="gpt-4o-mini*", image_tokens=Tiles(2833, 5667)),
    _openai(model="gpt-4o*", image_tokens=Tiles(85, 170)),
    _openai(model="gpt-4.1-mini*", image_tokens=_patches(1.62)),
    _openai(model="gpt-4.1-nano*", image_tokens=_patches(2.46)),
    _openai(model="gpt-4.1*", image_tokens=Tiles(85, 170)),
    _openai(model="gpt-5-mini*", image_tokens=_patches(1.62)),
    _openai(model="gpt-5-nano*", image_tokens=_patches(2.46)),
    _openai(model="gpt-5-2*", image_tokens=Tiles(70, 140)),
    _openai(model="o4-mini*", image_tokens=_patches(1.72)),
    _openai(model="o[13]*", image_tokens=Tiles(75, 150)),
    _openai_reasons(model="gpt-6*", efforts=("none", *_LEVELS, "xhigh"), default_effort="medium"),
    _openai_reasons(
        model="gpt-5.1*",
        efforts=("none", *_LEVELS),
        default_effort="none",
        image_tokens=Tiles(70, 140),
    ),
    _openai_reasons(model="gpt-5.*", efforts=("none", *_LEVELS, "xhigh"), default_effort="none"),
    _openai_reasons(model="gpt-5*", efforts=("minimal", *_LEVELS), default_effort="medium"),
    _openai_reasons(model="o[134]*", efforts=_LEVELS, default_effort="medium", temperature="never"),
    _openai(model="gpt-4*", efforts=()),
    _openai(model="gpt-3.5*", efforts=()),
)

# ---- Anthropic -----------------------------------------------------------------------

_claude = partial(
    ModelFacts,
    provider="anthropic",
    source="platform.claude.com/docs/en/about-claude/models, read in November 2026",
)
# The types of Anthropic's SDK (2.14) have no temperature any more.
_claude_5 = partial(_claude, context=1_000_000, max_output=128_000, temperature="never")
_claude_ends = partial(
    ModelFacts,
    provider="anthropic",
    source="platform.claude.com/docs/en/about-claude/model-deprecations, read in November 2026",
)
_ANTHROPIC: Final = (
    # As open-source clients count: patches of 28 pixels, more of them since Opus 4.7.
    _claude(model="claude-opus-4-[78]*", image_tokens=Patches(28, 4784, 2576)),
    _claude(model="claude-3*", image_tokens=Patches(28, 1568, 1568)),
    _claude(model="claude-*-4*", image_tokens=Patches(28, 1568, 1568)),
    _claude_5(model="claude-fable-5*", default_effort="high"),
    _claude_5(model="claude-opus-5-5*", default_effort="medium"),
    _claude_5(model="claude-sonnet-5-5*", default_effort="high"),
    _claude_5(model="claude-haiku-5-5*", default_effort="medium"),
    _claude_ends(
        model="claude-sonnet-4-5-20250929",
        context=200_000,
        max_output=64_000,
        ends=date(2026, 11, 30),
        replacement="claude-sonnet-5-5",
    ),
    _claude_ends(
        model="claude-sonnet-4-5",
        context=200_000,
        max_output=64_000,
        ends=date(2026, 11, 30),
        replacement="claude-sonnet-5-5",
    ),
    _claude_ends(
        model="claude-opus-4-20250514", ends=date(2026, 6, 15), replacement="claude-opus-4-8"
    ),
    _claude_ends(model="claude-opus-4-0", ends=date(2026, 6, 15), replacement="claude-opus-4-8"),
    _claude_ends(
        model="claude-sonnet-4-20250514", ends=date(2026, 6, 15), replacement="claude-sonnet-4-6"
    ),
    _claude_ends(
        model="claude-sonnet-4-0", ends=date(2026, 6, 15), replacement="claude-sonnet-4-6"
    ),
    _claude_ends(
        model="claude-3-7-sonnet-20250219",
        ends=date(2026, 2, 19),
        replacement="claude-sonnet-4-6",
    ),
)

# ---- Gemini --------------------------------------------------------------------------

_gemini = partial(
    ModelFacts,
    provider="gemini",
    source="ai.google.dev/gemini-api/docs (models, thinking, media-resolution), "
    "read in November 2026",
)
_gemini_ends = partial(
    ModelFacts,
    provider="gemini",
    source="ai.google.dev/gemini-api/docs/deprecations, read in November 2026",
)
_GEMINI: Final = (
    _gemini(model="gemini-3.8-flash", efforts=("low", "medium", "high")),
    _gemini(model="gemini-3.7-flash", efforts=("low", "medium", "high")),
    _gemini(
        model="gemini-3.5-flash",
        efforts=("minimal", "low", "medium", "high"),
        default_effort="medium",
    ),
    _gemini(model="gemini-3.1-pro*", efforts=("low", "medium", "high"), default_effort="high"),
    _gemini(
        model="gemini-3-flash-preview",
        efforts=("minimal", "low", "medium", "high"),
        default_effort="high",
    ),
    _gemini(model="gemini-3*", context=1_048_576, max_output=65_536, image_tokens=1120),
    _gemini(model="gemini-2.5-flash*", efforts=("none", "low", "medium", "high")),
    _gemini(
        model="gemini-2.5*",
        context=1_048_576,
        max_output=65_536,
        image_tokens=258,
        efforts=("low", "medium", "high"),
    ),
    _gemini_ends(model="gemini-2.5-pro", ends=date(2026, 12, 1), replacement="gemini-3.8-flash"),
    _gemini_ends(
        model="gemini-2.5-flash", ends=date(2026, 12, 1), replacement="gemini-3.5-flash-lite"
    ),
    _gemini_ends(
        model="gemini-3-pro-preview", ends=date(2026, 3, 9), replacement="gemini-3.1-pro-preview"
    ),
    _gemini_ends(
        model="gemini-3.1-flash-lite", ends=date(2027, 5, 7), replacement="gemini-3.5-flash-lite"
    ),
)

# ---- others --------------------------------------------------------------------------

_OTHERS: Final = (
    # Without thoughts, its answers are empty (ollama takes only these levels for it).
    ModelFacts(
        provider="ollama",
        model="gpt-oss*",
        efforts=("low", "medium", "high"),
        default_effort="medium",
        source="docs.ollama.com/capabilities/thinking, read in autumn 2026",
    ),
    ModelFacts(
        provider="cerebras",
        model="gpt-oss-120b",
        context=131_072,
        efforts=("low", "medium", "high"),
        default_effort="medium",
        source="inference-docs.cerebras.ai, read in autumn 2026",
    ),
    ModelFacts(
        provider="cerebras",
        model="llama-3.3-70b",
        ends=date(2026, 2, 16),
        replacement="gpt-oss-120b",
        source="inference-docs.cerebras.ai/support/deprecation, read in autumn 2026",
    ),
    ModelFacts(
        provider="cerebras",
        model="qwen-3-32b",
        ends=date(2026, 2, 16),
        replacement="gpt-oss-120b",
        source="inference-docs.cerebras.ai/support/deprecation, read in autumn 2026",
    ),
    ModelFacts(
        provider="deepseek",
        model="deepseek-chat",
        ends=date(2026, 7, 24),
        replacement="deepseek-flash",
        source="api-docs.deepseek.com, as quoted in October 2026",
    ),
)

MODELS: Final[tuple[ModelFacts, ...]] = (*_GROQ, *_OPENAI, *_ANTHROPIC, *_GEMINI, *_OTHERS)
"""The facts of models by row. Contracts of single customers may keep a model for longer."""
