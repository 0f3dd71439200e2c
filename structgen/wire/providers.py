"""The rows: what each provider's models can do. A provider is added here and nowhere else.

Sources: the vendors' documentation (Groq, OpenAI, Azure, Together, Fireworks, Mistral, DeepSeek, Cerebras, OpenRouter, Gemini, LM
Studio) and the servers' own code (vLLM 0.33, SGLang 0.5.23, llama.cpp, llama-cpp-python 0.3.36, Ollama, TGI), autumn 2026. Where
a source is silent, a row takes the safe side.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from structgen.errors import ConfigurationError
from structgen.values import Mode
from structgen.wire.chat_completions import CHAT_COMPLETIONS
from structgen.wire.dialect import Capabilities

_TO_NEW = (("max_tokens", "max_completion_tokens"),)
_TO_OLD = (("max_completion_tokens", "max_tokens"),)
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
_VLLM_REMOVED = frozenset(
    f"guided_{name}"
    for name in ("json", "regex", "choice", "grammar", "decoding_backend", "whitespace_pattern")
)


def _modes(
    strict: str | None,
    *,
    tool: str | None = "best-effort",
    best_effort: bool = False,
    json_object: bool = True,
) -> tuple[tuple[Mode, str], ...]:
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
    base_url_env=("GROQ_BASE_URL",),
    key_env=("GROQ_API_KEY",),
    headers_env=("GROQ_CUSTOM_HEADERS",),
    needs_key=True,
    modes=_modes(None),
    rename=_TO_NEW,
    unsupported=_GROQ_UNSUPPORTED,
    stop_max=4,
    stream_with_schema=False,
    tools_with_schema=False,
    needs_json_word=True,
    stream_usage=False,
    retried=frozenset({422}),
    context=131_072,
)
_GROQ_STRICT = replace(_GROQ, modes=_modes("groq-strict", best_effort=True))

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
    rename=_TO_NEW,
    stop_max=4,
    needs_json_word=True,
)
_HOSTED = replace(
    _OPENAI,
    base_url_env=(),
    tool_strict=False,
    modes=_modes("openai-strict"),
    rename=_TO_OLD,
    stop_max=None,
    needs_json_word=False,
)
_SERVER = Capabilities(
    dialect=CHAT_COMPLETIONS, provider="generic", base_path="/v1", needs_json_word=False
)

ROWS: Final[tuple[Capabilities, ...]] = (
    replace(_GROQ_STRICT, model="openai/gpt-oss-20b", max_output=65_536),
    replace(_GROQ_STRICT, model="openai/gpt-oss-120b", max_output=65_536),
    replace(_GROQ_STRICT, model="qwen/qwen3.8-27b", max_output=16_384),
    replace(
        _GROQ,
        model="openai/gpt-oss-safeguard-20b",
        modes=_modes(None, best_effort=True),
        max_output=65_536,
    ),
    replace(_GROQ, model="llama-3.3-70b-versatile", max_output=32_768),
    replace(_GROQ, model="groq/compound*", modes=_modes(None, tool=None), max_output=8_192),
    _GROQ,
    _OPENAI,
    replace(
        _OPENAI,
        provider="azure",
        base_url=None,
        base_path="/openai/v1",
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        key_env=("AZURE_OPENAI_API_KEY",),
        key_header="api-key",
        modes=_modes("azure-openai", tool="azure-openai", best_effort=True),
    ),
    replace(
        _SERVER,
        provider="vllm",
        base_url="http://127.0.0.1:8000/v1",
        base_url_env=("VLLM_BASE_URL",),
        key_env=("VLLM_API_KEY",),
        modes=_modes("vllm"),
        unsupported=_VLLM_REMOVED,
    ),
    replace(
        _SERVER,
        provider="sglang",
        base_url="http://127.0.0.1:30000/v1",
        base_url_env=("SGLANG_BASE_URL",),
        key_env=("SGLANG_API_KEY",),
        modes=_modes("sglang"),
        tools_with_schema=False,
    ),
    replace(
        _SERVER,
        provider="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        base_url_env=("LLAMACPP_BASE_URL",),
        key_env=("LLAMA_API_KEY",),
        modes=_modes("llama.cpp-server", tool=None),
        unsupported=_VLLM_REMOVED | {"structured_outputs"},
    ),
    replace(
        _SERVER,
        provider="llama-cpp-python",
        base_url="http://127.0.0.1:8000/v1",
        modes=_modes("llama.cpp-server"),
        schema_form="json_object",
        rename=_TO_OLD,
        unsupported=_VLLM_REMOVED | {"structured_outputs", "json_schema"},
    ),
    replace(
        _SERVER,
        provider="ollama",
        base_url="http://127.0.0.1:11434/v1",
        base_url_env=("OLLAMA_HOST",),
        key_env=("OLLAMA_API_KEY",),
        modes=_modes("ollama"),
        rename=_TO_OLD,
        unsupported=frozenset({"n", "tool_choice", "logit_bias"}),
    ),
    replace(
        _SERVER,
        provider="tgi",
        base_url="http://127.0.0.1:3000/v1",
        base_url_env=("TGI_BASE_URL",),
        modes=_modes("tgi", tool=None, json_object=False),
        schema_form="tgi",
        rename=_TO_OLD,
        unsupported=frozenset({"n", "logit_bias"}),
        stop_list=True,
        tools_with_schema=False,
        retried=frozenset({424}),
    ),
    replace(
        _SERVER,
        provider="lmstudio",
        base_url="http://127.0.0.1:1234/v1",
        base_url_env=("LMSTUDIO_BASE_URL",),
        modes=_modes("ollama", tool=None, json_object=False),
        rename=_TO_OLD,
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
        base_url="https://api.fireworks.ai/inference/v1",
        key_env=("FIREWORKS_API_KEY",),
        stream_usage=False,
    ),
    replace(
        _HOSTED,
        provider="mistral",
        base_url="https://api.mistral.ai/v1",
        key_env=("MISTRAL_API_KEY",),
        rename=(*_TO_OLD, ("seed", "random_seed")),
        needs_json_word=True,
        stream_usage=False,
    ),
    replace(
        _HOSTED,
        provider="deepseek",
        base_url="https://api.deepseek.com/v1",
        key_env=("DEEPSEEK_API_KEY",),
        modes=_modes(None),
        needs_json_word=True,
    ),
    replace(
        _HOSTED,
        provider="cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_env=("CEREBRAS_API_KEY",),
        modes=_modes("cerebras", tool="cerebras"),
        tool_strict=True,
        rename=_TO_NEW,
        tools_with_schema=False,
    ),
    replace(
        _HOSTED,
        provider="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        needs_json_word=True,
        schema_extra=(("provider", {"require_parameters": True}),),
    ),
    replace(
        _HOSTED,
        provider="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        modes=_modes("gemini"),
    ),
    replace(_SERVER, rename=_TO_OLD, modes=_modes(None, tool=None), needs_json_word=True),
)

PROVIDERS: Final[tuple[str, ...]] = tuple(dict.fromkeys(row.provider for row in ROWS))
"""Names of the providers there are rows for."""


def capabilities(provider: str, model: str, rows: Sequence[Capabilities] = ()) -> Capabilities:
    """The first row for this provider whose pattern fits the model; `rows` of the user go before ours.

    Raises ConfigurationError for an unknown provider.
    """
    for row in (*rows, *ROWS):
        if row.provider == provider and fnmatchcase(model.lower(), row.model.lower()):
            return row
    raise ConfigurationError(
        f"There is no provider {provider!r}.",
        hint=f"Known: {', '.join(PROVIDERS)}. For any other server give `base_url`.",
    )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a backend is, and the headers every request to it carries (the key among them: never shown)."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)


def endpoint(
    caps: Capabilities,
    base_url: str | None = None,
    api_key: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """The address and headers of a provider: as given, else from its environment variables, else its default.

    A base URL may be given with or without the path that the provider's API stands under (the Groq SDK wants it without, OpenAI
    clients with). Raises ConfigurationError where the address or a needed key is missing.
    """
    environ = os.environ if environ is None else environ
    url = base_url or _first(environ, caps.base_url_env) or caps.base_url
    if not url:
        named = f" or set {caps.base_url_env[0]}" if caps.base_url_env else ""
        raise ConfigurationError(
            f"{caps.provider} needs an address.", hint=f"Give `base_url`{named}."
        )
    key = (api_key if api_key is not None else _first(environ, caps.key_env) or "").strip()
    if not key and caps.needs_key:
        raise ConfigurationError(
            f"{caps.provider} needs an API key.", hint=f"Set {caps.key_env[0]}, or give `api_key`."
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            "The API key holds characters that no HTTP header can carry.",
            hint="Was it copied whole?",
        )
    headers = dict(_custom_headers(_first(environ, caps.headers_env) or ""))
    if key:
        headers[caps.key_header] = f"Bearer {key}" if caps.key_header == "authorization" else key
    return Endpoint(_normal(url, caps), headers)


def _first(environ: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _custom_headers(lines: str) -> list[tuple[str, str]]:
    pairs = [line.partition(":") for line in lines.splitlines() if ":" in line]
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]


def _normal(url: str, caps: Capabilities) -> str:
    url = (url if "://" in url else f"http://{url}").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{parts.scheme}://{parts.hostname or ''} is no address of a server.",
            hint="Give an http(s) URL as `base_url`.",
        )
    if not re.search(r"/v\d", parts.path) and (not parts.path or caps.base_path == "/openai/v1"):
        url += caps.base_path or "/v1"
    return url
