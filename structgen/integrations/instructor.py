"""A client of instructor that asks through a structgen client."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, get_args, get_origin, overload

from structgen.client.asynchronous import AsyncClient
from structgen.client.base import BaseClient
from structgen.client.blocking import Client
from structgen.errors import ConfigurationError, MissingPackage, OutputError
from structgen.integrations.given import client_of
from structgen.results import Extraction
from structgen.values import kind_of_value

try:
    from instructor import AsyncInstructor, Instructor, Mode
    from instructor.core.exceptions import InstructorRetryException
    from instructor.core.hooks import Hooks
    from instructor.dsl.partial import PartialBase
    from pydantic import BaseModel
except ImportError as error:
    raise MissingPackage("instructor", "instructor") from error


@overload
def from_structgen(client: AsyncClient, **defaults: Any) -> AsyncInstructor: ...
@overload
def from_structgen(client: Client | str = "local", **defaults: Any) -> Instructor: ...
def from_structgen(
    client: BaseClient | str = "local", **defaults: Any
) -> Instructor | AsyncInstructor:
    """Make a client of instructor over any structgen client, a model in this process included.

    `create`, `create_with_completion`, `create_partial` and `create_iterable` work as with other
    clients of instructor. The completion is the `Extraction`.

    >>> client = from_structgen("local")  # doctest: +SKIP
    >>> client.create(response_model=Person, messages=messages)  # doctest: +SKIP

    Args:
        client: The client to ask through, or the name of a model, as for `structgen.Client`; an
            AsyncClient makes an AsyncInstructor.
        **defaults: Arguments of every call, such as `temperature`.

    Raises:
        ConfigurationError: If the client is neither, or there is no such model.
    """
    own = client_of(client)
    if isinstance(own, AsyncClient):
        create = _AsyncCreate(own)
        return AsyncInstructor(own, create=create, mode=Mode.JSON_SCHEMA, **defaults)
    return Instructor(own, create=_Create(own), mode=Mode.JSON_SCHEMA, **defaults)


class _Asked(NamedTuple):
    """The question of a call of instructor, in structgen's terms."""

    target: Any
    document: Any
    call: dict[str, Any]
    hooks: Hooks


class _Create:
    """The function that an `Instructor` calls."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, *, stream: bool = False, **given: Any) -> Any:
        asked = _asked(self.client, given)
        if stream:
            return self._streamed(asked)
        with _told(asked):
            result = self.client.extract_result(asked.target, asked.document, **asked.call)
        return _with_raw_response(result, asked.hooks)

    def _streamed(self, asked: _Asked) -> Iterator[Any]:
        with _told(asked):
            if get_origin(asked.target) is list:
                yield from self.client.stream_items(asked.target, asked.document, **asked.call)
                return
            for partial in self.client.stream(asked.target, asked.document, **asked.call):
                yield partial.value


class _AsyncCreate:
    """The function that an `AsyncInstructor` calls."""

    def __init__(self, client: AsyncClient) -> None:
        self.client: Any = client

    async def __call__(self, *, stream: bool = False, **given: Any) -> Any:
        asked = _asked(self.client, given)
        if stream:
            return self._streamed(asked)
        with _told(asked):
            result = await self.client.extract_result(asked.target, asked.document, **asked.call)
        return _with_raw_response(result, asked.hooks)

    async def _streamed(self, asked: _Asked) -> AsyncIterator[Any]:
        with _told(asked):
            if get_origin(asked.target) is list:
                items = self.client.stream_items(asked.target, asked.document, **asked.call)
                async for item in items:
                    yield item
                return
            async for partial in self.client.stream(asked.target, asked.document, **asked.call):
                yield partial.value


def _asked(client: BaseClient, given: dict[str, Any]) -> _Asked:
    """Read the arguments with which instructor calls its `create` function."""
    call = dict(given)
    target = _target_of(call.pop("response_model"))
    messages = call.pop("messages")
    hooks = call.pop("hooks", None) or Hooks()
    tries, context = call.pop("max_retries", 1), call.pop("context", None)
    model = call.pop("model", None)
    call.pop("strict", None)  # values are checked as JSON data in any case
    if not isinstance(tries, int):
        raise ConfigurationError(
            f"`max_retries` is {kind_of_value(tries)}, not a number of tries.",
            hint="Give a number, such as max_retries=2: structgen waits and tries again itself.",
        )
    if context is not None:
        _require_no_template(messages)
        call["validation_context"] = context
    backend = client.caller.backends[0]
    if model not in (None, backend.model, backend.name):
        raise ConfigurationError(
            f"The call asks for the model {model!r}, but its client is one of {backend.name}.",
            hint=f"Leave out `model`, or make a client of it: from_structgen({model!r}).",
        )
    hooks.emit_completion_arguments(**given)
    told = [one["content"] for one in messages if one["role"] == "system"]
    said = [one for one in messages if one["role"] != "system"]
    if told:
        call["instructions"] = "\n\n".join(told)
    call["max_reasks"] = max(tries - 1, 0)
    return _Asked(target, _document(said), call, hooks)


def _require_no_template(messages: Sequence[Any]) -> None:
    if any(mark in str(message["content"]) for message in messages for mark in ("{{", "{%")):
        raise ConfigurationError(
            "A message is a template, and structgen fills none: `context` is for validators.",
            hint="Fill the template before the call.",
        )


def _target_of(response_model: Any) -> Any:
    """The user's type: without instructor's wrapping for partial values, and lists as lists."""
    if response_model is None:
        raise ConfigurationError(
            "There is no `response_model`.",
            hint="Give a type. For an answer in words, call `chat` of a structgen.Client.",
        )
    if get_origin(response_model) is Iterable:
        return types.GenericAlias(list, get_args(response_model))
    if isinstance(response_model, type) and issubclass(response_model, PartialBase):
        return response_model.__mro__[1]
    return response_model


def _document(messages: Sequence[Any]) -> Any:
    """The conversation; its text alone if the user said just one."""
    if len(messages) == 1 and isinstance(messages[0]["content"], str):
        return messages[0]["content"]
    return messages


@contextmanager
def _told(asked: _Asked) -> Iterator[None]:
    """Raise what is known to instructor if no valid answer comes, and tell its hooks."""
    try:
        yield
    except OutputError as error:
        asked.hooks.emit_parse_error(error)
        texts = [attempt.text for attempt in error.attempts]
        raise InstructorRetryException(
            str(error),
            last_completion=texts[-1] if texts else None,
            n_attempts=len(texts),
            total_usage=sum(attempt.usage.total_tokens for attempt in error.attempts),
            create_kwargs=asked.call,
        ) from error
    except Exception as error:
        asked.hooks.emit_completion_error(error)
        raise


def _with_raw_response(result: Extraction[Any], hooks: Hooks) -> Any:
    """The value, with the result as what `create_with_completion` gives beside it."""
    hooks.emit_completion_response(result)
    value = result.value
    if isinstance(value, BaseModel):
        object.__setattr__(value, "_raw_response", result)
    return value
