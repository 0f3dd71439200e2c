"""How one asks with the SDKs of Google and Ollama, and what one hears from any SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.wire.dialects.gemini_server import GEMINI
from tests.wire.dialects.ollama_server import OLLAMA
from tests.wire.dialects.said import Said, Server


class Heard(NamedTuple):
    """What came of an answer, whoever asked."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()
    tokens: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Of the prompt, of the answer, from the cache, of the reasoning."""


class Sdk(NamedTuple):
    """A vendor's SDK, and how one asks with it."""

    server: Server
    whole: Callable[[str, Said], Heard]
    stream: Callable[[str, Said], Heard]
    status: Callable[[str], int]
    """Asks, and gives the status of the error that it raises."""


def _added_up(pieces: list[Heard]) -> Heard:
    """What came in several pieces, with the counts of the last one."""
    return Heard(
        "".join(one.text for one in pieces),
        "".join(one.reasoning for one in pieces),
        tuple(call for one in pieces for call in one.calls),
        pieces[-1].tokens,
    )


# ---- Google --------------------------------------------------------------------------


def _genai(base_url: str) -> Any:
    genai = pytest.importorskip("google.genai")
    options = genai.types.HttpOptions(base_url=base_url.removesuffix("/v1"), api_version="v1")
    return genai.Client(api_key="secret", http_options=options)


def _heard_gemini(answer: Any) -> Heard:
    parts = answer.candidates[0].content.parts or []
    calls = [part.function_call for part in parts if part.function_call]
    counts = answer.usage_metadata
    thoughts = counts.thoughts_token_count
    return Heard(
        "".join(part.text for part in parts if part.text and not part.thought),
        "".join(part.text for part in parts if part.text and part.thought),
        tuple((call.id, call.name, call.args) for call in calls),
        (
            counts.prompt_token_count,
            counts.candidates_token_count + thoughts,
            counts.cached_content_token_count,
            thoughts,
        ),
    )


def _gemini(base_url: str, said: Said) -> Heard:
    client = _genai(base_url)
    heard = _heard_gemini(client.models.generate_content(model="gemini", contents="Hello"))
    client.close()
    return heard


def _gemini_stream(base_url: str, said: Said) -> Heard:
    client = _genai(base_url)
    chunks = client.models.generate_content_stream(model="gemini", contents="Hello")
    heard = _added_up([_heard_gemini(chunk) for chunk in chunks])
    client.close()
    return heard


def _gemini_status(base_url: str) -> int:
    client = _genai(base_url)
    errors = pytest.importorskip("google.genai.errors")
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(model="gemini", contents="Hello")
    client.close()
    return int(caught.value.code)


# ---- Ollama --------------------------------------------------------------------------

_ASKED: dict[str, Any] = {"model": "qwen", "messages": [{"role": "user", "content": "Hello"}]}


def _heard_ollama(answer: Any, said: Said) -> Heard:
    """Its SDK drops the ids of calls, so that those that were sent are put in."""
    message = answer.message
    functions = [call.function for call in message.tool_calls or ()]
    ids = {name: id_ for id_, name, _ in said.calls}
    return Heard(
        message.content or "",
        message.thinking or "",
        tuple((ids[one.name], one.name, dict(one.arguments)) for one in functions),
        (answer.prompt_eval_count or 0, answer.eval_count or 0, 0, 0),
    )


def _ollama(base_url: str, said: Said) -> Heard:
    client = pytest.importorskip("ollama").Client(host=base_url)
    heard = _heard_ollama(client.chat(**_ASKED), said)
    client.close()
    return heard


def _ollama_stream(base_url: str, said: Said) -> Heard:
    client = pytest.importorskip("ollama").Client(host=base_url)
    heard = _added_up([_heard_ollama(one, said) for one in client.chat(**_ASKED, stream=True)])
    client.close()
    return heard


def _ollama_status(base_url: str) -> int:
    ollama = pytest.importorskip("ollama")
    client = ollama.Client(host=base_url)
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat(**_ASKED)
    client.close()
    return int(caught.value.status_code)


GEMINI_SDK = Sdk(GEMINI, _gemini, _gemini_stream, _gemini_status)
OLLAMA_SDK = Sdk(OLLAMA, _ollama, _ollama_stream, _ollama_status)
