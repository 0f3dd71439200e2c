"""Every error structgen raises, in one tree.

::

    StructgenError
    ├── UsageError              change the call; nothing was sent
    │   ├── TargetError         the target does not import, or is no type and no JSON Schema
    │   ├── SchemaError         a construct has no JSON form, or this schema language cannot hold it (.path, .keyword)
    │   │   └── SchemaLimitError    the compiled schema is over a limit of the language (.limit, .actual)
    │   ├── InputError          the text is empty, or is no text
    │   └── ConfigurationError  unknown provider, missing key, an option this backend does not take
    ├── TransportError          no usable answer came (.sent: may it have been processed, and billed?)
    │   ├── ConnectionFailed    refused, reset, name not found, TLS
    │   ├── RequestTimeout      one try took longer than its `timeout`
    │   ├── StreamBroken        a stream ended without its end marker, or broke its framing
    │   ├── CircuitOpen         the backend failed too often in a row and is left alone for a while
    │   └── DeadlineExceeded    the total `deadline` is over, waits included
    ├── APIError                the server answered with an error (.status .code .type .param .request_id .retry_after)
    │   ├── BadRequest          400, 413, 422 and other 4xx
    │   │   └── ContextLengthExceeded   the prompt does not fit (.tokens, .limit)
    │   ├── AuthenticationFailed    401, 403
    │   ├── NotFound            404: the model or the path
    │   ├── RateLimited         429, 498
    │   ├── ServerError         5xx
    │   └── OutputRejected      the server rejected what its own model wrote (.failed_generation)
    ├── OutputError             the model's answer is no value of the target (.attempts)
    │   ├── Refused             the model declined (.refusal)
    │   ├── Truncated           it stopped at a token limit (.partial: what was closed by then)
    │   ├── NotJson             it is not JSON (.position)
    │   └── InvalidOutput       it is JSON, but not of this target (.violations, .salvaged, .rejected)
    │       └── InvalidDocument     the parts of a long document make no value of the target together (.document)
    ├── BudgetExceeded          the call's `token_budget` or `cost_budget` is used up (.budget, .used, .unit)
    ├── JobError                a job over many inputs cannot begin, go on or write its output
    │   ├── JournalError        its journal is in use elsewhere, is none, or the disk does not take it
    │   └── JobStopped          it stopped before its end; the same job started again goes on (.summary)
    ├── FormError               a form cannot do what was asked of it
    │   ├── FormIncomplete      it makes no whole value yet (.missing, .invalid)
    │   ├── StaleForm           it was changed elsewhere in the meantime (.expected, .revision)
    │   └── FormChanged         a saved form is of another schema, or none
    └── EngineError             the in-process engine
        ├── RuntimeMissing      a package is not installed
        ├── ModelMissing        no such model here, or it could not be fetched
        ├── ModelCorrupt        the file is not the model it should be
        ├── ContextExceeded     the prompt does not fit the context (.tokens, .limit)
        └── GrammarError        the grammar engine refuses the schema

A message says what happened and what to do next. It never holds a key or the text of a document: what a model answered is
in attributes (`attempts`, `failed_generation`, `partial`), never in the message or the repr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structgen.types import Attempt, Rejected, Violation


class StructgenError(Exception):
    """The root: `except StructgenError` catches everything this library raises.

    `message` is what happened; `hint`, where there is one, is what to do about it. `str()` gives both.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.attempts: tuple[Attempt, ...] = ()

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # The signatures below take keywords; the default protocol would call them with `args` alone, so errors would not
        # cross a process pool or a pickle.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[StructgenError], args: tuple[Any, ...], state: dict[str, Any]) -> StructgenError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


# ---- before any request ---------------------------------------------------------------------------------------------------


class UsageError(StructgenError):
    """The call itself has to change. Nothing was sent."""


class TargetError(UsageError):
    """The target does not import, or is neither a type Pydantic knows nor a JSON Schema."""


class SchemaError(UsageError):
    """A type or schema that has no JSON form, or that this schema language cannot hold.

    `path`: JSON Pointer into the source schema ("" is the root); `keyword`: the construct, where one is to blame.
    """

    def __init__(self, message: str, *, path: str = "", keyword: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.keyword = keyword


class SchemaLimitError(SchemaError):
    """The compiled schema is over a limit of the language: `limit` is allowed, `actual` was needed."""

    def __init__(
        self, message: str, *, limit: int, actual: int, path: str = "", keyword: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, path=path, keyword=keyword, hint=hint)
        self.limit = limit
        self.actual = actual


class InputError(UsageError):
    """The document is empty, or is no text."""


class ConfigurationError(UsageError):
    """An unknown provider, a missing key, or an option this backend does not take."""


# ---- no usable answer -----------------------------------------------------------------------------------------------------


class TransportError(StructgenError):
    """No usable answer came. `sent` tells whether the server may have processed (and billed) the request."""

    def __init__(self, message: str, *, sent: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class ConnectionFailed(TransportError):
    """The connection was refused or reset, the name does not resolve, or TLS failed."""


class RequestTimeout(TransportError):
    """One try took longer than its `timeout` (seconds)."""


class StreamBroken(TransportError):
    """A stream ended without its end marker, or broke its framing."""


class CircuitOpen(TransportError):
    """The backend failed too often in a row and is left alone for a while. Nothing was sent."""


class DeadlineExceeded(TransportError):
    """The total `deadline` (seconds, waits included) is over. `wait`: the seconds the server asked for, where it did."""

    def __init__(self, message: str, *, sent: bool = False, wait: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, sent=sent, hint=hint)
        self.wait = wait


# ---- the server answered with an error ------------------------------------------------------------------------------------


class APIError(StructgenError):
    """The server answered with an error.

    `status`: HTTP status (of the error event where the status line said 200); `code`, `type`, `param`: as the server named
    them; `request_id`: for its support; `retry_after`: seconds it asked to wait; `should_retry`: what it said about that, if it
    did (`x-should-retry`); `body`: the parsed error object.
    """

    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: Any = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body


class BadRequest(APIError):
    """400, 413, 422 and other 4xx: the same request will fail again."""


class ContextLengthExceeded(BadRequest):
    """The prompt is longer than the model's context. `tokens` and `limit` where the server named them."""

    tokens: int | None = None
    limit: int | None = None


class AuthenticationFailed(APIError):
    """401 or 403: the key is missing, wrong, or lacks the right."""


class NotFound(APIError):
    """404: no such model or path."""


class RateLimited(APIError):
    """429 (rate limit) or 498 (Groq: flex capacity)."""


class ServerError(APIError):
    """5xx."""


class OutputRejected(APIError):
    """The server rejected what its own model wrote (Groq's `json_validate_failed`, `tool_use_failed`).

    `failed_generation` is the text it rejected; it may be whole, broken or empty.
    """

    failed_generation: str | None = None


# ---- the model's answer ---------------------------------------------------------------------------------------------------


class OutputError(StructgenError):
    """The model's answer is not a value of the target. `attempts` holds every try with its raw text."""


class Refused(OutputError):
    """The model declined to answer. `refusal` is what it said instead."""

    def __init__(self, message: str, *, refusal: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal


class Truncated(OutputError):
    """The answer stopped at a token limit. `partial`: plain data of what was closed by then, or None."""

    def __init__(self, message: str, *, partial: Any = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.partial = partial


class NotJson(OutputError):
    """The answer is not one JSON document. `position`: the character offset of the first fault."""

    def __init__(self, message: str, *, position: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class InvalidOutput(OutputError):
    """The answer is JSON but no value of the target. `violations`: where, what was found, what was wanted.

    `salvaged`: where only items of lists are at fault, the value without them, typed and checked; else None. `rejected`: those
    items, each with its violations.
    """

    salvaged: Any = None
    rejected: tuple[Rejected, ...] = ()

    def __init__(self, message: str, *, violations: Sequence[Violation] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.violations = tuple(violations)


class InvalidDocument(InvalidOutput):
    """What the parts of a long document state makes no value of the target. `document`: the parts, the conflicts and the merged
    data, as a DocumentExtraction of plain data."""

    document: Any = None


class BudgetExceeded(StructgenError):
    """The call has used up its `token_budget` or `cost_budget` without a valid answer. `budget` and `used` are in `unit`s."""

    def __init__(
        self,
        message: str,
        *,
        budget: float,
        used: float,
        unit: Literal["tokens", "US dollars"] = "tokens",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.budget = budget
        self.used = used
        self.unit = unit


# ---- jobs -----------------------------------------------------------------------------------------------------------------


class JobError(StructgenError):
    """A job over many inputs cannot begin, go on, or write its output."""


class JournalError(JobError):
    """The journal is in use by another process, is no journal, or cannot be written."""


class JobStopped(JobError):
    """The job stopped before its end: a limit was reached, too much failed, or it was `interrupted`. `summary`: how far it came."""

    def __init__(self, message: str, *, summary: Any, interrupted: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.summary = summary
        self.interrupted = interrupted


# ---- forms ----------------------------------------------------------------------------------------------------------------


class FormError(StructgenError):
    """A form cannot do what was asked of it."""


class FormIncomplete(FormError):
    """The form makes no whole value yet. `missing`: JSON Pointers of fields it needs; `invalid`: what is wrong with the others."""

    def __init__(
        self, message: str, *, missing: Sequence[str] = (), invalid: Sequence[Violation] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = tuple(missing)
        self.invalid = tuple(invalid)


class StaleForm(FormError):
    """The form was changed elsewhere in the meantime: `revision` is where it stands, `expected` where it was thought to stand."""

    def __init__(self, message: str, *, expected: int, revision: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.expected = expected
        self.revision = revision


class FormChanged(FormError):
    """A saved form is of another schema than the one given, of a later version, or no saved form at all."""


# ---- the in-process engine ------------------------------------------------------------------------------------------------


class EngineError(StructgenError):
    """The in-process engine could not do its work."""


class RuntimeMissing(EngineError):
    """A package of the in-process engine is not installed."""


class ModelMissing(EngineError):
    """There is no such model here, or it could not be fetched."""


class ModelCorrupt(EngineError):
    """The file is not the model it should be."""


class ContextExceeded(EngineError):
    """The prompt is longer than the context: `tokens` needed, `limit` there."""

    def __init__(self, message: str, *, tokens: int, limit: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.tokens = tokens
        self.limit = limit


class GrammarError(EngineError):
    """The grammar engine refuses the schema, or failed while decoding with it."""
