"""The abilities of models on servers with a wire format of their own, in rows.

The sources are the vendors' documentation, as of autumn 2026 (platform.openai.com/docs for OpenAI,
platform.claude.com/docs for Anthropic, ai.google.dev for Gemini, docs.ollama.com for Ollama), and
the types of their SDKs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from structgen.wire.dialect import Capabilities
from structgen.wire.dialects.anthropic import ANTHROPIC
from structgen.wire.dialects.gemini import GEMINI
from structgen.wire.dialects.ollama import OLLAMA
from structgen.wire.dialects.responses import RESPONSES
from structgen.wire.models.reasoning import Reasoning

# ---- OpenAI's Responses --------------------------------------------------------------

_RESPONSES = Capabilities(
    dialect=RESPONSES,
    provider="openai-responses",
    vendor="openai",
    base_url="https://api.openai.com/v1",
    base_path="/v1",
    base_url_env=("OPENAI_BASE_URL",),
    key_env=("OPENAI_API_KEY",),
    needs_key=True,
    path="responses",
    service_tiers=("auto", "default", "flex", "priority"),
    modes=(
        ("strict", "openai-strict"),
        ("best-effort", "best-effort"),
        ("tool", "openai-strict"),
        ("json-object", "json-object"),
        ("prompt", "json-object"),
    ),
    tool_strict=True,
    one_call=True,
    needs_json_word=True,
)
# Models that reason give no probabilities of tokens.
_RESPONSES_REASONING = replace(_RESPONSES, unsupported=frozenset({"logprobs", "top_logprobs"}))

# ---- Anthropic -----------------------------------------------------------------------

# .../about-claude/models: an effort, and thinking that adapts to it.
_ANTHROPIC = Capabilities(
    dialect=ANTHROPIC,
    provider="anthropic",
    base_url="https://api.anthropic.com/v1",
    base_path="/v1",
    adds_base_path=True,
    base_url_env=("ANTHROPIC_BASE_URL",),
    key_env=("ANTHROPIC_API_KEY",),
    headers_env=("ANTHROPIC_CUSTOM_HEADERS",),
    key_header="x-api-key",
    needs_key=True,
    path="messages",
    service_tiers=("auto", "standard_only"),
    headers=(("anthropic-version", "2023-06-01"),),
    modes=(("strict", "anthropic"), ("tool", "anthropic"), ("prompt", "json-object")),
    tool_strict=True,
    unsupported=frozenset({"seed", "logprobs"}),
    reasoning=Reasoning(levels=("none", "low", "medium", "high", "xhigh", "max"), reasons=True),
    caches_prefix=True,
    default_max_tokens=8192,
)
# .../api/migration-2026-10-21: this version refuses parameters that steer the sampling, which the
# newest models do not take under any version. Older models take them under the older one.
_ANTHROPIC_NEWEST = replace(
    _ANTHROPIC,
    headers=(("anthropic-version", "2026-10-21"),),
    unsupported=_ANTHROPIC.unsupported | {"temperature", "top_p"},
    reasoning=replace(
        _ANTHROPIC.reasoning, default="high", refuses=frozenset({"temperature", "top_p"})
    ),
)
# .../build-with-claude/extended-thinking: a budget of at least 1,024 tokens. Temperature must be 1
# meanwhile.
_ANTHROPIC_BUDGET = replace(
    _ANTHROPIC,
    reasoning=Reasoning(
        levels=("none", "low", "medium", "high"),
        reasons=True,
        refuses=frozenset({"temperature", "top_p"}),
    ),
    thinking_budgets=(("low", 1024), ("medium", 4096), ("high", 16_384)),
)
# Models from before structured outputs and strict tools.
_ANTHROPIC_OLD = replace(
    _ANTHROPIC_BUDGET,
    modes=(("tool", "best-effort"), ("prompt", "json-object")),
    tool_strict=False,
)
_ANTHROPIC_OLDEST = replace(
    _ANTHROPIC_OLD, reasoning=Reasoning(levels=()), thinking_budgets=(), default_max_tokens=4096
)

# ---- Gemini and Ollama ---------------------------------------------------------------

_GEMINI = Capabilities(
    dialect=GEMINI,
    provider="gemini-native",
    vendor="gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    base_path="/v1beta",
    adds_base_path=True,
    key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    key_header="x-goog-api-key",
    needs_key=True,
    modes=(
        ("strict", "gemini"),
        ("tool", "gemini"),
        ("json-object", "json-object"),
        ("prompt", "json-object"),
    ),
    # "Logprobs is not enabled for models/gemini-2.5-flash" (python-genai, issue 1921), and so for
    # later models. Vertex AI gives them for some.
    unsupported=frozenset({"logprobs", "top_logprobs"}),
    reasoning=Reasoning(levels=("minimal", "low", "medium", "high"), default="default"),
    service_tiers=("standard", "flex", "priority"),
)
_OLLAMA = Capabilities(
    dialect=OLLAMA,
    provider="ollama-native",
    vendor="ollama",
    base_url="http://127.0.0.1:11434/api",
    base_port=11_434,
    base_path="/api",
    base_url_env=("OLLAMA_HOST",),
    key_env=("OLLAMA_API_KEY",),
    path="chat",
    models_path="tags",
    modes=(("strict", "ollama"), ("json-object", "json-object"), ("prompt", "json-object")),
    reasoning=Reasoning(levels=("none", "low", "medium", "high"), default="default"),
    service_tiers=(),
)

NATIVE_ROWS: Final[tuple[Capabilities, ...]] = (
    *(
        replace(_RESPONSES_REASONING, model=model)
        for model in ("gpt-5*", "gpt-6*", "o1*", "o3*", "o4*")
    ),
    _RESPONSES,
    *(
        replace(row, model=model)
        for row, models in (
            (_ANTHROPIC_OLD, ("claude-3-7-*", "claude-sonnet-4-0*", "claude-sonnet-4-2025*")),
            (_ANTHROPIC_OLD, ("claude-opus-4-0*", "claude-opus-4-2025*")),
            (_ANTHROPIC_OLDEST, ("claude-3-*",)),
            (_ANTHROPIC_BUDGET, ("claude-opus-4-1*", "claude-*-4-5*")),
            (_ANTHROPIC, ("claude-*-4-6*",)),
        )
        for model in models
    ),
    _ANTHROPIC_NEWEST,
    _GEMINI,
    _OLLAMA,
)
"""The first row whose provider and model fit is used."""
