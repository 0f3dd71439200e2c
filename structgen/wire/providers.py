"""The abilities of each provider's models, in rows. Add a provider here and nowhere else.

The sources are the vendors' documentation (Groq, OpenAI, Azure, Together, Fireworks, Mistral,
DeepSeek, Cerebras, OpenRouter, Gemini, LM Studio) and the servers' own code (vLLM 0.33, SGLang
0.5.23, llama.cpp, llama-cpp-python 0.3.36, Ollama, Text Generation Inference), as of autumn 2026.
If a source says nothing, the row promises less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from structgen.errors import ConfigurationError
from structgen.values import Mode
from structgen.wire.dialect import Capabilities
from structgen.wire.dialects.chat_completions import CHAT_COMPLETIONS
from structgen.wire.models.known import facts_of
from structgen.wire.models.reasoning import Reasoning, with_facts
from structgen.wire.models.rows import EXAMPLE_MODEL
from structgen.wire.native_providers import NATIVE_ROWS
from structgen.wire.own_server import DETAILS, MEMBER

_NEW_TOKEN_LIMIT = (("max_tokens", "max_completion_tokens"),)
_OLD_TOKEN_LIMIT = (("max_completion_tokens", "max_tokens"),)
_GROQ_UNSUPPORTED = frozenset(
    {
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "frequency_penalty",
        "presence_penalty",
        "metadata",
        "store",
    }
)
# Parameters that vLLM once took for schemas, and now silently ignores.
_VLLM_REMOVED = frozenset(
    f"guided_{name}"
    for name in ("json", "regex", "choice", "grammar", "decoding_backend", "whitespace_pattern")
)

_DEVELOPER = (("system", "developer"),)
_NO_DEVELOPER = (("developer", "system"),)
_LOGPROBS = frozenset({"logprobs", "top_logprobs"})
_NEVER_REASONS = Reasoning(levels=())


def _modes(
    strict: str | None,
    *,
    tool: str | None = "best-effort",
    best_effort: bool = False,
    json_object: bool = True,
) -> tuple[tuple[Mode, str], ...]:
    """The output modes of a row, strongest first, with the schema subset of each."""
    offered: tuple[tuple[Mode, str | None], ...] = (
        ("strict", strict),
        ("best-effort", "best-effort" if best_effort else None),
        ("tool", tool),
        ("json-object", "json-object" if json_object else None),
        ("prompt", "json-object"),
    )
    return tuple((mode, subset) for mode, subset in offered if subset)


_GROQ = Capabilities(
    dialect=CHAT_COMPLETIONS,
    provider="groq",
    base_url="https://api.groq.com/openai/v1",
    base_path="/openai/v1",
    adds_base_path=True,
    base_url_env=("GROQ_BASE_URL",),
    key_env=("GROQ_API_KEY",),
    headers_env=("GROQ_CUSTOM_HEADERS",),
    needs_key=True,
    modes=_modes(None, tool="groq-tool"),
    rename=_NEW_TOKEN_LIMIT,
    unsupported=_GROQ_UNSUPPORTED,
    stop_max=4,
    one_call=True,
    stream_with_schema=False,
    tools_with_schema=False,
    needs_json_word=True,
    stream_usage=False,
    retried=frozenset({422}),
    context=131_072,
    service_tiers=("auto", "on_demand", "flex", "performance"),
)
_GROQ_STRICT = replace(_GROQ, modes=_modes("groq-strict", tool="groq-tool", best_effort=True))
_OPENAI = Capabilities(
    dialect=CHAT_COMPLETIONS,
    provider="openai",
    base_url="https://api.openai.com/v1",
    base_path="/v1",
    base_url_env=("OPENAI_BASE_URL",),
    key_env=("OPENAI_API_KEY",),
    needs_key=True,
    modes=_modes("openai-strict", tool="openai-strict", best_effort=True),
    tool_strict=True,
    rename=_NEW_TOKEN_LIMIT,
    stop_max=4,
    one_call=True,
    needs_json_word=True,
    service_tiers=("auto", "default", "flex", "priority"),
)
# They take system messages under the name of developer messages, and give no probabilities. Some
# of them refuse `parallel_tool_calls`.
_OPENAI_REASONING = replace(_OPENAI, unsupported=_LOGPROBS, roles=_DEVELOPER, one_call=False)
# GPT-6 refuses tools while it reasons.
_GPT_6 = replace(_OPENAI_REASONING, modes=_modes("openai-strict", tool=None, best_effort=True))
# Services that follow OpenAI.
_HOSTED = replace(
    _OPENAI,
    base_url_env=(),
    tool_strict=False,
    one_call=False,
    service_tiers=None,
    modes=_modes("openai-strict"),
    rename=_OLD_TOKEN_LIMIT,
    stop_max=None,
    needs_json_word=False,
    roles=_NO_DEVELOPER,
)
_CEREBRAS = replace(
    _HOSTED,
    provider="cerebras",
    base_url="https://api.cerebras.ai/v1",
    key_env=("CEREBRAS_API_KEY",),
    modes=_modes("cerebras", tool="cerebras"),
    tool_strict=True,
    rename=_NEW_TOKEN_LIMIT,
    tools_with_schema=False,
    reasoning=_NEVER_REASONS,
)
# Servers that one runs oneself.
_SERVER = Capabilities(
    dialect=CHAT_COMPLETIONS,
    provider="generic",
    key_env=("GENERIC_API_KEY",),
    base_path="/v1",
    needs_json_word=False,
    roles=_NO_DEVELOPER,
    service_tiers=(),
)

_CHAT_ROWS: Final[tuple[Capabilities, ...]] = (
    replace(_GROQ_STRICT, model=EXAMPLE_MODEL),
    replace(_GROQ_STRICT, model="openai/gpt-oss-120b"),
    replace(_GROQ_STRICT, model="qwen/qwen3.8-27b"),
    replace(
        _GROQ,
        model="openai/gpt-oss-safeguard-20b",
        modes=_modes(None, tool="groq-tool", best_effort=True),
    ),
    _GROQ,
    # The only model of the beta of decisions.
    replace(_GPT_6, model="gpt-6-luna*", decisions="decisions"),
    replace(_GPT_6, model="gpt-6*"),
    *(replace(_OPENAI_REASONING, model=model) for model in ("gpt-5*", "o1*", "o3*", "o4*")),
    _OPENAI,
    replace(
        _OPENAI,
        provider="azure",
        base_url=None,
        base_path="/openai/v1",
        adds_base_path=True,
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        key_env=("AZURE_OPENAI_API_KEY",),
        key_header="api-key",
        modes=_modes("azure-openai", tool="azure-openai", best_effort=True),
        one_call=False,  # a deployment may be of a reasoning model
    ),
    # structgen's own server holds every schema while it decodes, so `strict`, by which it would
    # refuse those that break Groq's rules, is not said.
    replace(
        _SERVER,
        provider="structgen",
        decisions="systemone",
        base_url="http://127.0.0.1:8000/v1",
        base_url_env=("STRUCTGEN_BASE_URL",),
        key_env=("STRUCTGEN_API_KEY",),
        modes=(
            ("decoder", "llguidance"),
            ("json-object", "json-object"),
            ("prompt", "json-object"),
        ),
        unsupported=_GROQ_UNSUPPORTED - {"logprobs"},
        stop_max=4,
        tools_with_schema=False,
        needs_json_word=True,
        schema_extra=((MEMBER, DETAILS),),
    ),
    replace(
        _SERVER,
        provider="vllm",
        decisions="decisions",
        base_url="http://127.0.0.1:8000/v1",
        base_url_env=("VLLM_BASE_URL",),
        key_env=("VLLM_API_KEY",),
        modes=_modes("vllm"),
        unsupported=_VLLM_REMOVED,
    ),
    replace(
        _SERVER,
        provider="sglang",
        decisions="decisions",
        base_url="http://127.0.0.1:30000/v1",
        base_url_env=("SGLANG_BASE_URL",),
        key_env=("SGLANG_API_KEY",),
        modes=_modes("sglang"),
        tools_with_schema=False,
    ),
    replace(
        _SERVER,
        provider="llamacpp",
        decisions="systemone",
        base_url="http://127.0.0.1:8080/v1",
        base_url_env=("LLAMACPP_BASE_URL",),
        key_env=("LLAMA_API_KEY",),
        modes=_modes("llama.cpp-server", tool=None),
        unsupported=_VLLM_REMOVED | {"structured_outputs"},
    ),
    replace(
        _SERVER,
        provider="llama-cpp-python",
        key_env=("LLAMA_CPP_PYTHON_API_KEY",),
        base_url="http://127.0.0.1:8000/v1",
        modes=_modes("llama.cpp-server"),
        schema_form="json_object",
        rename=_OLD_TOKEN_LIMIT,
        unsupported=_VLLM_REMOVED | {"structured_outputs", "json_schema"},
    ),
    replace(
        _SERVER,
        provider="ollama",
        base_url="http://127.0.0.1:11434/v1",
        base_port=11_434,
        base_url_env=("OLLAMA_HOST",),
        key_env=("OLLAMA_API_KEY",),
        modes=_modes("ollama"),
        rename=_OLD_TOKEN_LIMIT,
        unsupported=frozenset({"n", "tool_choice", "logit_bias"}),
        reasoning=Reasoning(levels=("none", "low", "medium", "high"), default="default"),
    ),
    replace(
        _SERVER,
        provider="tgi",
        key_env=("TGI_API_KEY",),
        base_url="http://127.0.0.1:3000/v1",
        base_url_env=("TGI_BASE_URL",),
        modes=_modes("tgi", tool=None, json_object=False),
        schema_form="tgi",
        rename=_OLD_TOKEN_LIMIT,
        unsupported=frozenset({"n", "logit_bias"}),
        stop_list=True,
        tools_with_schema=False,
        retried=frozenset({424}),
        reasoning=_NEVER_REASONS,
    ),
    replace(
        _SERVER,
        provider="lmstudio",
        key_env=("LMSTUDIO_API_KEY",),
        base_url="http://127.0.0.1:1234/v1",
        base_url_env=("LMSTUDIO_BASE_URL",),
        modes=_modes("ollama", tool=None, json_object=False),
        rename=_OLD_TOKEN_LIMIT,
    ),
    replace(
        _HOSTED,
        provider="together",
        base_url="https://api.together.ai/v1",
        key_env=("TOGETHER_API_KEY",),
        needs_json_word=True,
    ),
    replace(
        _HOSTED,
        provider="fireworks",
        reasoning=Reasoning(levels=("none", "low", "medium", "high")),
        base_url="https://api.fireworks.ai/inference/v1",
        key_env=("FIREWORKS_API_KEY",),
        stream_usage=False,
    ),
    replace(
        _HOSTED,
        provider="mistral",
        one_call=True,
        reasoning=_NEVER_REASONS,
        base_url="https://api.mistral.ai/v1",
        key_env=("MISTRAL_API_KEY",),
        rename=(*_OLD_TOKEN_LIMIT, ("seed", "random_seed")),
        needs_json_word=True,
        stream_usage=False,
    ),
    replace(
        _HOSTED,
        provider="deepseek",
        reasoning=_NEVER_REASONS,
        base_url="https://api.deepseek.com/v1",
        key_env=("DEEPSEEK_API_KEY",),
        modes=_modes(None),
        needs_json_word=True,
    ),
    _CEREBRAS,
    replace(
        _HOSTED,
        provider="openrouter",
        reasoning=Reasoning(
            levels=("none", "minimal", "low", "medium", "high", "xhigh"),
            member=("reasoning", "effort"),
        ),
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        needs_json_word=True,
        schema_extra=(("provider", {"require_parameters": True}),),
    ),
    replace(
        _HOSTED,
        provider="gemini",
        reasoning=Reasoning(levels=("none", "minimal", "low", "medium", "high"), default="default"),
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        modes=_modes("gemini"),
    ),
    replace(
        _SERVER,
        rename=_OLD_TOKEN_LIMIT,
        modes=_modes(None, tool=None),
        needs_json_word=True,
        service_tiers=None,
    ),
)

ROWS: Final[tuple[Capabilities, ...]] = (*_CHAT_ROWS, *NATIVE_ROWS)
"""The built-in rows. The first one whose provider and model fit is used."""

PROVIDERS: Final[tuple[str, ...]] = tuple(dict.fromkeys(row.provider for row in ROWS))
"""The names of the built-in providers, as in "groq:openai/gpt-oss-20b"."""


def capabilities(provider: str, model: str, rows: Sequence[Capabilities] = ()) -> Capabilities:
    """Find what a model can do.

    Args:
        provider: The provider's name.
        model: The model's name.
        rows: The user's own rows, which go before the built-in ones.

    Returns:
        The first row of this provider whose pattern fits the model. A built-in row gets what is
        known of the model: its lengths, and how it reasons.

    Raises:
        ConfigurationError: If there is no such provider.
    """
    for row in (*rows, *ROWS):
        if row.provider == provider and fnmatchcase(model.lower(), row.model.lower()):
            return row if row in rows else _with_facts(row, model)
    raise ConfigurationError(
        f"There is no provider {provider!r}.",
        hint=f"Known: {', '.join(PROVIDERS)}. For any other server give `base_url`.",
    )


def _with_facts(row: Capabilities, model: str) -> Capabilities:
    """A built-in row with what is known of one of its models."""
    facts = facts_of(row.owner, model)
    reasoning = with_facts(row.reasoning, facts)
    if facts.context is None and facts.max_output is None and reasoning == row.reasoning:
        return row
    return replace(
        row,
        context=facts.context or row.context,
        max_output=facts.max_output,
        reasoning=reasoning,
    )
