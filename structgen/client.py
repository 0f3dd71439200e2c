"""Client and AsyncClient: defaults, one backend, and the flows driven over it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from typing_extensions import Self, Unpack

from structgen import extraction
from structgen.dialects.tables import PROVIDERS, capabilities
from structgen.errors import ConfigurationError
from structgen.extraction import Backend
from structgen.prompt import messages_for
from structgen.schema.compiler import Compiled
from structgen.schema.compiler import compile as compile_target
from structgen.transport import HttpTransport, aperform, perform
from structgen.types import Extraction, Message, Options, Plan

if TYPE_CHECKING:
    from structgen.flow import Flow
    from structgen.schema.target import TargetLike

T = TypeVar("T")

DEFAULTS = Options(max_retries=2, max_reasks=1, timeout=60.0, deadline=None)


class OptionArgs(TypedDict, total=False):
    """The members of `Options`, as keyword arguments."""

    temperature: float
    top_p: float
    seed: int
    stop: str | Sequence[str]
    max_tokens: int
    timeout: float | None
    deadline: float | None
    max_retries: int
    max_reasks: int
    extra: Mapping[str, Any]


class _Base:
    """What both clients share: which backend, which defaults, and the flow of a call."""

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        http_client: Any = None,
        **options: Unpack[OptionArgs],
    ) -> None:
        """`model`: "provider:model" ("groq:openai/gpt-oss-20b"), "local", "local:NAME" or a .gguf file, or any name with `base_url`.

        Without one, $STRUCTGEN_MODEL, else "local". `api_key` and `base_url` default to the provider's environment variables. The
        options are the defaults of every call. Raises ConfigurationError; a local model is loaded on the first call.
        """
        self._options = _options(options).over(DEFAULTS)
        self._backend = _backend(model or os.environ.get("STRUCTGEN_MODEL") or "local", base_url, api_key, http_client)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._backend.name!r})"

    def plan(
        self,
        target: TargetLike[Any],
        document: str | Sequence[Message],
        *,
        instructions: str | None = None,
        examples: Sequence[tuple[str, Any]] = (),
        **options: Unpack[OptionArgs],
    ) -> Plan:
        """What `extract` would ask, without asking it."""
        compiled, messages = self._question(target, document, instructions, examples)
        return extraction.plan(self._backend, compiled, messages, _options(options).over(self._options))

    def _flow(
        self,
        target: TargetLike[T],
        document: str | Sequence[Message],
        instructions: str | None,
        examples: Sequence[tuple[str, T]],
        options: OptionArgs,
    ) -> Flow[Extraction[T]]:
        compiled, messages = self._question(target, document, instructions, examples)
        return extraction.extract(self._backend, compiled, messages, _options(options).over(self._options))

    def _question(
        self, target: TargetLike[T], document: str | Sequence[Message], instructions: str | None, examples: Sequence[tuple[str, T]]
    ) -> tuple[Compiled[T], tuple[Message, ...]]:
        compiled = compile_target(target, self._backend.subset)
        shown = [(text, compiled.encode(value)) for text, value in examples]
        show_schema = self._backend.mode in {"best-effort", "json-object", "prompt"}
        return compiled, messages_for(compiled.schema, document, instructions=instructions, examples=shown, show_schema=show_schema)


class Client(_Base):
    """Typed records from texts, blocking. Safe to share between threads; close it, or use it as a context manager.

    >>> client = Client("groq:openai/gpt-oss-20b")     # doctest: +SKIP
    >>> client.extract(Person, "Ada is 36.")           # doctest: +SKIP
    Person(name='Ada', age=36)
    """

    def extract(
        self,
        target: TargetLike[T],
        document: str | Sequence[Message],
        *,
        instructions: str | None = None,
        examples: Sequence[tuple[str, T]] = (),
        **options: Unpack[OptionArgs],
    ) -> T:
        """The value of `target` that the document states.

        `target`: a type Pydantic knows, or a JSON Schema (dict). `document`: a text, or messages. `instructions`: what else the model
        should know. `examples`: (text, value) pairs. Raises a StructgenError for anything else than a valid value.
        """
        return self.extract_result(target, document, instructions=instructions, examples=examples, **options).value

    def extract_result(
        self,
        target: TargetLike[T],
        document: str | Sequence[Message],
        *,
        instructions: str | None = None,
        examples: Sequence[tuple[str, T]] = (),
        **options: Unpack[OptionArgs],
    ) -> Extraction[T]:
        """As `extract`, with everything known about the value: what held it, which fields were absent, every attempt."""
        return perform(self._flow(target, document, instructions, examples, options))

    def close(self) -> None:
        """Close connections and unload the model. The client can be used again; it then opens them anew."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncClient(_Base):
    """The same as `Client`, for asyncio. An in-process engine runs in a worker thread and never blocks the event loop."""

    async def extract(
        self,
        target: TargetLike[T],
        document: str | Sequence[Message],
        *,
        instructions: str | None = None,
        examples: Sequence[tuple[str, T]] = (),
        **options: Unpack[OptionArgs],
    ) -> T:
        """As `Client.extract`."""
        return (await self.extract_result(target, document, instructions=instructions, examples=examples, **options)).value

    async def extract_result(
        self,
        target: TargetLike[T],
        document: str | Sequence[Message],
        *,
        instructions: str | None = None,
        examples: Sequence[tuple[str, T]] = (),
        **options: Unpack[OptionArgs],
    ) -> Extraction[T]:
        """As `Client.extract_result`."""
        return await aperform(self._flow(target, document, instructions, examples, options))

    async def close(self) -> None:
        """As `Client.close`."""
        await self._backend.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
