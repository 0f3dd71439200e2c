"""What both clients share: which backend, which defaults, and the flow of a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, overload

from typing_extensions import Self, TypeVar, Unpack

from structgen.client.cascade import (
    cascade_of,
    check_cascade,
    check_distinct,
    check_secrets,
    model_of,
)
from structgen.errors import ConfigurationError
from structgen.extraction.backends import engine_backend, http_backend, is_local, local_backend
from structgen.extraction.caller import Caller
from structgen.kinds import TEXT, TRUTH, Kind, check_values, instance, or_none, sequence, whole
from structgen.options import UNSET, CallArgs, OptionArgs, Options, options_of
from structgen.results import Extraction
from structgen.values import DocumentLike, JsonSchema
from structgen.wire.dialect import Capabilities
from structgen.wire.endpoint import ApiKey
from structgen.wire.link import Link
from structgen.wire.models.prices import Price
from structgen.wire.rate_limits import RateLimits

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.documents.options import DocumentArgs
    from structgen.documents.result import DocumentExtraction
    from structgen.extraction.backend import Backend
    from structgen.extraction.planned import Plan
    from structgen.extraction.probe import Probe
    from structgen.flow.ports import EnginePort, HttpPort
    from structgen.flow.steps import Flow
    from structgen.forms.session import Form, FormArgs
    from structgen.schema.target import Target
    from structgen.wire.telemetry import Hook

T = TypeVar("T", default=Any)

MODEL_ENV: Final = "STRUCTGEN_MODEL"
LOCAL: Final = "local"
_MAY_CARRY_A_KEY: Final = ("api_key", "default_headers", "default_query")
"""Arguments whose values are for one server alone."""


def _has(*methods: str) -> Callable[[Any], bool]:
    """Whether a value is an object, not a class, with these methods."""

    def fits(value: Any) -> bool:
        has_all = all(callable(getattr(value, name, None)) for name in methods)
        return has_all and not isinstance(value, type)

    return fits


class BaseClient:
    """The part of a client that performs nothing."""

    def __init__(
        self,
        model: str | EnginePort | None = None,
        *,
        base_url: str | None = None,
        api_key: ApiKey = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str] | None = None,
        capabilities: Sequence[Capabilities] = (),
        prices: Sequence[Price] = (),
        rate_limits: RateLimits | None = None,
        hooks: Sequence[Hook] = (),
        http_client: Any = None,
        http2: bool = False,
        max_connections: int = 512,
        transport: HttpPort | None = None,
        fallback: Sequence[BaseClient] = (),
        mmproj: str | os.PathLike[str] | None = None,
        cascade: Sequence[str | EnginePort | BaseClient] = (),
        **options: Unpack[OptionArgs],
    ) -> None:
        """Make a client of one model, or of a cascade. A local model is loaded by the first call.

        Args:
            model: "provider:model" ("groq:openai/gpt-oss-20b"), "structgen" for `structgen serve`,
                "local", "local:NAME", a .gguf file, the address of a server with a model
                ("http://host:8000/v1#model"), any name with a `base_url`, or an engine of your
                own. By default $STRUCTGEN_MODEL, else "local".
            base_url: Address of the server, by default that of the provider's environment
                variable, else the provider's own.
            api_key: Key of the server, by default that of the provider's environment variable; or a
                function that gives the key of each request, which may be async for async calls.
            default_headers: Further headers of every request, such as those of a gateway.
            default_query: Further members of every URL's query, such as Azure's `api-version`.
            capabilities: Rows of your own about what servers can do, before the built-in ones.
            prices: Prices of your own, before the built-in ones.
            rate_limits: What the key may use. The server's headers are heeded in any case.
            hooks: Called with a CallRecord after each try.
            http_client: An httpx client of your own, with its proxies and certificates.
            http2: Whether the client's own connections speak HTTP/2.
            max_connections: How many connections of its own the client opens at most.
            transport: Performs the HTTP requests instead of the client's own connections.
            fallback: Clients to ask, in this order, if this one's model fails. Each keeps its own
                connections.
            mmproj: The projector of a local model that sees, a .gguf file. By default the one file
                beside the model whose name has "mmproj" in it.
            cascade: Models to ask instead of `model`, the cheapest first: the first one answers,
                and the fields of its answer that are in doubt are escalated to the next one. Each
                is written as `model` is, and the arguments above go for all of them; or it is a
                client, which keeps its own connections. The options are those of this client.
            **options: Defaults of every call; see `OptionArgs`.

        Raises:
            ConfigurationError: If the provider or an option is unknown, or a key is missing; if
                there is a `model` beside a `cascade`, a cascade in another one or in `fallback`,
                or a key of one server would be sent to another one.
            ModelMissingError: If there is no such local model.
            ModelCorruptError: If the file is not a model.
        """
        given = {
            "model": model,
            "base_url": base_url,
            "api_key": api_key,
            "default_headers": default_headers,
            "default_query": default_query,
            "capabilities": capabilities,
            "prices": prices,
            "rate_limits": rate_limits,
            "hooks": hooks,
            "http_client": http_client,
            "http2": http2,
            "max_connections": max_connections,
            "transport": transport,
            "fallback": fallback,
            "mmproj": mmproj,
            "cascade": cascade,
        }
        check_values(given, _KINDS)
        check_cascade(model, cascade, fallback)
        specs = cascade or (model or os.environ.get(MODEL_ENV) or LOCAL,)
        in_process = [isinstance(one, str) and base_url is None and is_local(one) for one in specs]
        if mmproj is not None and not any(in_process):
            raise ConfigurationError(
                '`mmproj` goes with a local model, such as "local:model.gguf".',
                hint="Leave it unset: a server has its projector itself, and an engine of your own "
                "is opened with it.",
            )

        def backend_of(spec: str | EnginePort) -> Backend:
            if not isinstance(spec, str):
                return engine_backend(spec)
            if base_url is None and is_local(spec):
                return local_backend(spec, mmproj)
            return http_backend(
                spec,
                base_url=base_url,
                api_key=api_key,
                headers=default_headers,
                query=default_query,
                rows=capabilities,
                prices=prices,
                rate_limits=rate_limits,
                hooks=hooks,
                http_client=http_client,
                http2=http2,
                max_connections=max_connections,
                port=transport,
            )

        models = [model_of(one, backend_of) for one in specs]
        secrets = [name for name in _MAY_CARRY_A_KEY if given[name] is not None]
        check_secrets(models, secrets)
        check_distinct(models)
        self._owned: tuple[Backend, ...] = tuple(
            backend for one in models if one.is_owned for backend in one.backends
        )
        first, *further = models
        others = [backend for client in fallback for backend in client.caller.backends]
        own = options_of(options)
        self.caller: Final[Caller] = Caller(
            (*first.backends, *others), own.over(first.defaults), cascade_of(further, own)
        )

    def __repr__(self) -> str:
        names = [self._own.name]
        if self.caller.cascade is not None:
            names += [stage.name for stage in self.caller.cascade.stages]
        return f"{type(self).__name__}({' then '.join(names)!r})"

    def with_options(self, **options: Unpack[OptionArgs]) -> Self:
        """Give a client that differs in some options and shares everything else.

        Connections, rate limits and a model that was loaded are the same, so this costs next to
        nothing. Whichever of the two is closed closes both.

        Args:
            **options: The options to change; see `OptionArgs`.

        Raises:
            ConfigurationError: If there is no such option, or a value is of another kind.
        """
        copied = object.__new__(type(self))
        given = options_of(options)
        caller = replace(self.caller, options=given.over(self.caller.options))
        if caller.cascade is not None and given.on_ungrounded is not UNSET:
            caller = replace(caller, cascade=caller.cascade.with_own_rule())
        copied.caller = caller  # type: ignore[misc]  # its first value
        copied._owned = self._owned
        return copied

    @property
    def _own(self) -> Backend:
        """The model that answers first."""
        return self.caller.backends[0]

    def _link(self) -> tuple[Link, str | None, Options]:
        """Give what the chat surface needs."""
        backend = self._own
        if not isinstance(backend.via, Link):
            raise ConfigurationError(
                f"{backend.name} is a model in this process, which has no server.",
                hint="Call `extract`, or make a client of a server for `chat` and `models`.",
            )
        return backend.via, backend.model or None, self.caller.options

    def plan(
        self, target: Any, document: DocumentLike, *, stream: bool = False, **call: Unpack[CallArgs]
    ) -> Plan:
        """Tell what `extract` would ask first, without asking it.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            stream: Whether to plan for `stream` instead of `extract`.
            **call: As for `extract`.
        """
        from structgen.extraction.plan import plan

        return plan(self._own, self.caller.question(target, document, call, stream=stream))

    def _probing(self, options: OptionArgs) -> Flow[Probe]:
        from structgen.extraction.probe import probe

        return probe(self._own, options_of(options).over(self.caller.options))

    def _partials(
        self, target: Any, document: DocumentLike, call: CallArgs
    ) -> Flow[Extraction[Any]]:
        from structgen.extraction.stream import stream

        question = self.caller.question(target, document, call, stream=True)
        return stream(self.caller.backends, question)

    def _items(
        self, target: Any, document: DocumentLike, call: CallArgs
    ) -> Flow[Extraction[list[Any]]]:
        from structgen.extraction.stream import items_target, stream_items

        question = self.caller.question(items_target(target), document, call, stream=True)
        return stream_items(self.caller.backends, question)

    def _document(
        self, target: Any, document: DocumentLike, args: DocumentArgs
    ) -> Flow[DocumentExtraction[Any]]:
        from structgen.documents.extract import extract_document
        from structgen.documents.options import split_args

        given: dict[str, Any] = {**args}
        concurrency = given.pop("concurrency", None)
        chunking, call = split_args(given)
        question = self.caller.question(target, document, call)
        return extract_document(self.caller.backends, question, chunking, concurrency)

    @overload
    def form(self, target: TypeForm[T], **form: Unpack[FormArgs]) -> Form[T]: ...
    @overload
    def form(self, target: Target[T] | JsonSchema, **form: Unpack[FormArgs]) -> Form[T]: ...
    def form(self, target: Any, **form: Unpack[FormArgs]) -> Form[Any]:
        """Start an empty form, which this client's model fills in.

        Args:
            target: A type or JSON Schema of records.
            **form: As for `Form`.

        Raises:
            TargetError: If the target is no type or schema.
            SchemaError: If its schema is not one of records.
        """
        from structgen.forms.session import Form

        return Form(target, client=self, **form)


_is_engine: Final = _has("generate", "agenerate")
_KINDS: Final[Mapping[str, Kind]] = {
    "model": Kind(
        lambda value: value is None or isinstance(value, str) or _is_engine(value),
        "the name of a model, or an engine",
    ),
    "base_url": or_none(TEXT),
    "api_key": Kind(
        lambda value: value is None or isinstance(value, str) or callable(value),
        "a text, or a function that gives one",
    ),
    "default_headers": or_none(instance(Mapping, wanted="a mapping of names to texts")),
    "default_query": or_none(instance(Mapping, wanted="a mapping of names to texts")),
    "capabilities": sequence(
        lambda one: isinstance(one, Capabilities),
        "a list of structgen.providers.Capabilities",
    ),
    "prices": sequence(lambda one: isinstance(one, Price), "a list of structgen.providers.Price"),
    "rate_limits": or_none(instance(RateLimits, wanted="a structgen.providers.RateLimits")),
    "hooks": sequence(callable, "a list of functions"),
    "http_client": or_none(Kind(_has("send", "build_request"), "a client of httpx")),
    "http2": TRUTH,
    "max_connections": whole(1),
    "transport": or_none(Kind(_has("send", "asend"), "a transport with `send` and `asend`")),
    "fallback": sequence(
        lambda one: isinstance(one, BaseClient), "a list of clients: [Client(...)]"
    ),
    "mmproj": or_none(instance(str, os.PathLike, wanted="the path of a .gguf file")),
    "cascade": sequence(
        lambda one: isinstance(one, str | BaseClient) or _is_engine(one),
        "a list of models: their names, engines or clients",
    ),
}
"""Which values the arguments of a client take."""
