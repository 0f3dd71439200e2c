"""One checker per schema language, written from the documented rules, without structgen's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.checkers import engines, groq_strict, openai_strict, providers

Checker = Callable[[Any, str], list[str]]

CHECKERS: Mapping[str, Checker] = {
    "openai-strict": openai_strict.violations,
    "groq-strict": groq_strict.violations,
    "azure-openai": providers.azure_openai,
    "anthropic": providers.anthropic,
    "gemini": providers.gemini,
    "cerebras": providers.cerebras,
    "vllm": providers.vllm,
    "sglang": providers.sglang,
    "llama.cpp-server": providers.llama_cpp_server,
    "ollama": providers.llama_cpp_server,
    "tgi": providers.tgi,
    "llguidance": engines.violations,
    "xgrammar": engines.violations,
    "outlines-core": engines.violations,
    "best-effort": providers.any_schema,
    "groq-tool": providers.groq_tool,
    "json-object": providers.any_schema,
}
