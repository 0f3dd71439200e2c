"""The parameters of `client.chat.completions.create`, as Groq and OpenAI document them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Params(TypedDict, total=False):
    """The parameters of a chat call, besides `messages`, `model` and `stream`.

    A parameter that is left out is not sent; None is sent as null. Those without a description
    are documented by Groq (console.groq.com/docs/api-reference) and OpenAI.
    """

    temperature: float | None
    """How random the answer is, from 0 to 2."""
    top_p: float | None
    """The share of probability from which tokens are sampled, from 0 to 1."""
    max_completion_tokens: int | None
    """The greatest length of the answer, in tokens."""
    max_tokens: int | None
    """The older name of `max_completion_tokens`; each server gets the one it reads."""
    stop: str | Sequence[str] | None
    """Texts before which the answer ends; at most 4 on Groq."""
    seed: int | None
    """Makes sampling repeatable, as far as the server can."""
    n: int | None
    response_format: Mapping[str, Any] | None
    """JSON object mode, or a schema that the answer must have."""
    tools: Sequence[Mapping[str, Any]] | None
    """Functions that the model may call."""
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    disable_tool_validation: bool | None
    functions: Sequence[Mapping[str, Any]] | None
    function_call: str | Mapping[str, Any] | None
    reasoning_effort: str | None
    reasoning_format: str | None
    include_reasoning: bool | None
    service_tier: str | None
    user: str | None
    stream_options: Mapping[str, Any] | None
    """`{"include_usage": True}` ends a stream with its token counts."""
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, int] | None
    logprobs: bool | None
    top_logprobs: int | None
    metadata: Mapping[str, str] | None
    store: bool | None
    citation_options: str | None
    documents: Sequence[Mapping[str, Any]] | None
    search_settings: Mapping[str, Any] | None
    include_domains: Sequence[str] | None
    exclude_domains: Sequence[str] | None
    compound_custom: Mapping[str, Any] | None
    modalities: Sequence[str] | None
    prediction: Mapping[str, Any] | None
    verbosity: str | None
    web_search_options: Mapping[str, Any] | None
    prompt_cache_key: str | None
    prompt_cache_options: Mapping[str, Any] | None
    prompt_cache_retention: str | None
    audio: Mapping[str, Any] | None
    moderation: Mapping[str, Any] | None
    safety_identifier: str | None
    extra_body: Mapping[str, Any] | None
    """Further members of the request body. They go before the parameters of the call, and those
    before the `extra_body` and other options of the client."""
    extra_headers: Mapping[str, str] | None
    """Further HTTP headers."""
    extra_query: Mapping[str, Any] | None
    """Further parameters of the URL's query."""
    timeout: float | None
    """Seconds for one try; not sent."""
    total_timeout: float | None
    """Seconds for the whole call, waits included; not sent."""
    max_retries: int
    """The number of further tries after a failure; not sent."""
