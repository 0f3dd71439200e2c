"""What all chat calls of a client share, and the flow of one call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from typing_extensions import Self

from structgen.chat.params import Params
from structgen.errors import ConfigurationError, InputError
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options, options_of
from structgen.values import Answer, Message, kind_of_value
from structgen.wire.dialect import ChatRequest, Delta
from structgen.wire.endpoint import check_headers
from structgen.wire.exchange import exchange, exchange_stream
from structgen.wire.link import Link
from structgen.wire.providers import capabilities
from structgen.wire.raw import RecordingPort, ReplyLog

_CALL_SETTINGS = frozenset({"timeout", "total_timeout", "max_retries"})
"""Parameters that steer a call and are not sent."""
_ENVELOPE = frozenset({"extra_body", "extra_headers", "extra_query"})
"""Parameters that hold further members of the body, headers and parameters of the query."""
_NAMES = frozenset(Params.__annotations__)
_MESSAGE: Final = 'Give messages such as {"role": "user", "content": "..."}.'


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings that all chat calls of a client share."""

    link: Link
    """The way to the server."""
    model: str | None
    """The model of calls that name none."""
    options: Options
    """The client's options, below those of a call."""

    @classmethod
    def of(cls, link: Link, model: str | None, options: Options) -> Self:
        """Make the defaults of a client.

        A chat call tries again after an output that the server itself rejected: there is nothing
        above it that could recover what the model wrote.

        Args:
            link: The way to the server.
            model: The model of calls that name none.
            options: The client's options.
        """
        policy = replace(link.policy, rejected=True)
        return cls(replace(link, policy=policy), model, options)

    def prepare(
        self, messages: Sequence[Message], model: str | None, stream: bool, params: Params
    ) -> tuple[Link, ChatRequest, Options]:
        """Turn the arguments of a call into a request, the way to its server, and its options.

        Args:
            messages: The conversation.
            model: The model of this call; None for the client's.
            stream: Whether to stream the answer.
            params: The other arguments of `create`.

        Raises:
            ConfigurationError: If there is no such parameter, a value is of another kind, or no
                model is named.
            InputError: If `messages` is no conversation.
        """
        if unknown := sorted(params.keys() - _NAMES):
            raise ConfigurationError(
                f"There is no parameter {unknown[0]!r}.",
                hint="Check its name. To send a parameter of the server's own, use `extra_body`.",
            )
        model = model or self.model
        if not model:
            raise ConfigurationError(
                "No model is named.", hint="Give `model` to this call or to the client."
            )
        _check_messages(messages)
        _check_kinds(model, params)
        apart = _CALL_SETTINGS | _ENVELOPE
        sent = {name: value for name, value in params.items() if name not in apart}
        chat_request = ChatRequest(
            model=model,
            messages=messages,
            options=self.options,
            members=sent,
            extra_body=params.get("extra_body") or {},
            headers=params.get("extra_headers") or {},
            query=params.get("extra_query") or {},
            stream=stream,
        )
        return self._link_for(model), chat_request, self._options_for(params)

    def recorded(self) -> tuple[Self, ReplyLog]:
        """Give the same defaults over a port that keeps the HTTP answers, and where they are."""
        log = ReplyLog()
        return replace(self, link=replace(self.link, port=RecordingPort(self.link.port, log))), log

    def _link_for(self, model: str) -> Link:
        if model == self.model:
            return self.link
        caps = capabilities(self.link.caps.provider, model, self.link.rows)
        return replace(self.link, caps=caps)

    def _options_for(self, params: Params) -> Options:
        changes: Any = {name: value for name, value in params.items() if name in _CALL_SETTINGS}
        return options_of(changes).over(self.options) if changes else self.options


def _check_messages(messages: Any) -> None:
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list:
        raise InputError(
            f"`messages` is {kind_of_value(messages)}, not a list of messages.", hint=_MESSAGE
        )
    if not messages:
        raise InputError("`messages` is empty.", hint=_MESSAGE)
    for number, message in enumerate(messages, 1):
        role = getattr(message, "role", None)
        if isinstance(message, Mapping):
            role = message.get("role")
        if not isinstance(role, str):
            raise InputError(f"Message {number} of `messages` has no role.", hint=_MESSAGE)


def _check_kinds(model: Any, params: Params) -> None:
    if not isinstance(model, str):
        raise ConfigurationError(
            f"`model` is {kind_of_value(model)}.", hint="Give the name of a model."
        )
    check_headers(params.get("extra_headers") or {}, "extra_headers")
    for name in ("extra_body", "extra_query"):
        given: Any = params.get(name) or {}
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f"`{name}` is {kind_of_value(given)}.", hint="Give a mapping of names to values."
            )


def complete(link: Link, chat_request: ChatRequest, options: Options) -> Flow[Answer]:
    """Ask for a whole answer."""
    return exchange(link, chat_request, options, _ends_at(options))


def stream_chunks(link: Link, chat_request: ChatRequest, options: Options) -> Flow[None]:
    """Ask for a streamed answer, and emit its parsed events."""
    return exchange_stream(link, chat_request, options, _raw_event, _ends_at(options))


def _raw_event(delta: Delta) -> tuple[Any, ...]:
    return () if delta.raw is None else (delta.raw,)


def _ends_at(options: Options) -> float | None:
    if options.total_timeout is UNSET or options.total_timeout is None:
        return None
    return time.monotonic() + options.total_timeout
