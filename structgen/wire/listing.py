"""The models that a server has, as it lists them itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from structgen.errors import (
    APIError,
    ConfigurationError,
    NotFoundError,
    ServerError,
    TransportError,
)
from structgen.flow.steps import Flow, Send, Sleep
from structgen.options import UNSET, Options
from structgen.values import Reply, Request
from structgen.wire.link import Link
from structgen.wire.retry import decide, seconds_left
from structgen.wire.tries import TIMEOUT

_MAX_PAGES: Final = 20
"""Pages of a list that are fetched at most; Anthropic and Gemini give 20 to 50 models a page."""

_BY_NAME: Final = "models"
"""The path of a list whose models have paths of their own below it. Ollama's have none."""

_CONTEXTS: Final = (
    "context_window",  # Groq, and our own server
    "context_length",  # OpenRouter, Together, Fireworks
    "max_model_len",  # vLLM, SGLang
    "max_context_length",  # Mistral, LM Studio
    "inputTokenLimit",  # Gemini
    "max_input_tokens",  # Anthropic
)
"""Members of a listed model that may hold its context, in tokens."""


def list_models(link: Link, options: Options) -> Flow[list[dict[str, Any]]]:
    """Ask a server for its models, and remember the context of each that says it.

    Args:
        link: The way to the server.
        options: The timeouts and the number of tries.

    Returns:
        The models, each with its `id`.

    Raises:
        TransportError: If no answer came, after all tries.
        APIError: If the server answered with an error, after all tries.
    """
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    for _ in range(_MAX_PAGES):
        path = link.caps.models_path
        page = yield from _fetch(link, f"{path}?{urlencode(query)}" if query else path, options)
        found += _models_of(page, link)
        query = _next_page(page)
        if not query:
            break
    link.contexts.update(_contexts_in(found))
    return found


def retrieve_model(link: Link, name: str, options: Options) -> Flow[dict[str, Any]]:
    """Ask a server about one model.

    Args:
        link: The way to the server.
        name: The model's name.
        options: As for `list_models`.

    Raises:
        ConfigurationError: If the name is none: it is empty, or leads to another path.
        NotFoundError: If the server has no such model.
        TransportError, APIError: As for `list_models`.
    """
    if not name or not {".", ".."}.isdisjoint(name.split("/")):
        raise ConfigurationError(
            f"{name!r} is no name of a model.", hint="Give one that `models.list()` names."
        )
    if link.caps.models_path != _BY_NAME:
        return _named((yield from list_models(link, options)), name, link)
    path = f"{link.caps.models_path}/{quote(name)}"
    row = _with_id((yield from _fetch(link, path, options)))
    link.contexts.update(_contexts_in([row]))
    return row


def _named(rows: Sequence[dict[str, Any]], name: str, link: Link) -> dict[str, Any]:
    """The model of this name; Ollama adds the tag `latest` to names without a tag."""
    for row in rows:
        if row.get("id") in (name, f"{name}:latest"):
            return row
    raise NotFoundError(
        f"{link.caps.provider} has no model {name!r}.",
        status_code=404,
        hint="`models.list()` names those that it has.",
    )


def _fetch(link: Link, path: str, options: Options) -> Flow[dict[str, Any]]:
    """A JSON object from the server, after as many tries as `retry` allows."""
    headers = {"accept": "application/json", **dict(link.caps.headers)}
    request = Request("GET", path, headers, b"")
    total, timeout = options.total_timeout, options.timeout
    ends_at = time.monotonic() + total if isinstance(total, (int, float)) else None
    policy = link.policy
    if options.max_retries is not UNSET:
        policy = replace(policy, max_retries=options.max_retries)
    tries = 0
    while True:
        left = seconds_left(ends_at, sent=tries > 0)
        seconds = TIMEOUT if timeout is UNSET else timeout
        within = min((one for one in (left, seconds) if one is not None), default=None)
        tries += 1
        try:
            reply: Reply = yield Send(link.port, request, within)
            return _read(reply, link)
        except (TransportError, APIError) as error:
            remaining = None if ends_at is None else ends_at - time.monotonic()
            wait = decide(error, tries=tries, policy=policy, remaining=remaining)
        yield Sleep(wait)


def _read(reply: Reply, link: Link) -> dict[str, Any]:
    if reply.status != 200:
        raise link.caps.dialect.parse_error(reply, link.caps, None)
    try:
        body = from_json(reply.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _no_list(link)
    return body


def _models_of(page: Mapping[str, Any], link: Link) -> Iterator[dict[str, Any]]:
    """The models of a page: under `data`, and `models` of Gemini and Ollama."""
    rows = page.get("data", page.get("models"))
    if not isinstance(rows, list):
        raise _no_list(link)
    return (_with_id(row) for row in rows if isinstance(row, dict))


def _with_id(row: dict[str, Any]) -> dict[str, Any]:
    """A model with its name under `id`, where OpenAI has it."""
    if "id" in row:
        return row
    name = row.get("name", row.get("model"))
    return {**row, "id": name.removeprefix("models/")} if isinstance(name, str) else row


def _contexts_in(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Each model that is listed with its context, and that context in tokens."""
    for row in rows:
        found = (row.get(name) for name in _CONTEXTS)
        context = next((one for one in found if isinstance(one, int) and one > 0), None)
        if context is not None and isinstance(row.get("id"), str):
            yield row["id"], context


def _next_page(page: Mapping[str, Any]) -> dict[str, str]:
    """The query of the next page, as Anthropic and Gemini want it; empty if there is none."""
    if page.get("has_more") is True and isinstance(page.get("last_id"), str):
        return {"after_id": page["last_id"]}
    token = page.get("nextPageToken")
    return {"pageToken": token} if isinstance(token, str) and token else {}


def _no_list(link: Link) -> ServerError:
    return ServerError(
        f"{link.caps.provider} answered 200, but with no list of models.",
        status_code=200,
        hint="Check that `base_url` is the address of the server's API.",
    )
