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
    │   ├── ConnectionFailedError    refused, reset, name not found, TLS
    │   ├── RequestTimeoutError      one try took longer than its `timeout`
    │   ├── StreamBrokenError        a stream ended without its end marker, or broke its framing
    │   ├── CircuitOpenError         the backend failed too often in a row and is left alone for a while
    │   └── TotalTimeoutError    the total `total_timeout` is over, waits included
    ├── APIError                the server answered with an error (.status_code .code .type .param .request_id .retry_after)
    │   ├── BadRequestError          400, 413, 422 and other 4xx
    │   │   └── APIPromptTooLongError   the prompt does not fit (.tokens, .limit)
    │   ├── AuthenticationError    401, 403
    │   ├── NotFoundError            404: the model or the path
    │   ├── RateLimitError         429, 498
    │   ├── ServerError         5xx
    │   └── OutputRejectedError      the server rejected what its own model wrote (.failed_generation)
    ├── OutputError             the model's answer is no value of the target (.attempts)
    │   ├── Refused             the model declined (.refusal)
    │   ├── Truncated           it stopped at a token limit (.partial: what was closed by then)
    │   ├── NotJsonError             it is not JSON (.position)
    │   └── InvalidOutputError       it is JSON, but not of this target (.violations, .salvaged, .rejected)
    │       └── InvalidDocumentError     the parts of a long document make no value of the target together (.document)
    ├── BudgetExceededError          the call's `token_budget` or `cost_budget` is used up (.budget, .used, .unit)
    ├── JobError                a job over many inputs cannot begin, go on or write its output
    │   ├── JournalError        its journal is in use elsewhere, is none, or the disk does not take it
    │   └── JobStoppedError          it stopped before its end; the same job started again goes on (.summary)
    ├── FormError               a form cannot do what was asked of it
    │   ├── FormIncompleteError      it makes no whole value yet (.missing, .invalid)
    │   ├── StaleFormError           it was changed elsewhere in the meantime (.expected, .revision)
    │   └── FormChangedError         a saved form is of another schema, or none
    └── EngineError             the in-process engine
        ├── MissingPackage      a package is not installed
        ├── ModelMissingError        no such model here, or it could not be fetched
        ├── ModelCorruptError        the file is not the model it should be
        ├── EnginePromptTooLongError     the prompt does not fit the context (.tokens, .limit)
        └── GrammarError        the grammar engine refuses the schema

A message says what happened and what to do next. It never holds a key or the text of a document: what a model answered is
in attributes (`attempts`, `failed_generation`, `partial`), never in the message or the repr.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from structgen.values import Mode, Rejected, Usage, Violation


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

    def to_dict(self) -> dict[str, Any]:
        """What is wrong, as plain JSON data: `type`, `message` and `hint`."""
        return {"type": type(self).__name__, "message": self.message, "hint": self.hint}

    def __reduce__(self) -> tuple[Any, ...]:
        # The signatures below take keywords; the default protocol would call them with `args` alone, so errors would not
        # cross a process pool or a pickle.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(
    cls: type[StructgenError], args: tuple[Any, ...], state: dict[str, Any]
) -> StructgenError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One question put to one backend. `error` is why it did not end the matter, None for the one that did; `cost`: US dollars,
    None where the price is not known."""

    backend: str
    mode: Mode
    text: str | None = field(default=None, repr=False)
    finish_reason: str | None = None
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0
    error: StructgenError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The attempt as plain JSON data."""
        plain = {
            name: getattr(self, name)
            for name in ("backend", "mode", "text", "finish_reason", "cost")
        }
        error = self.error.to_dict() if self.error else None
        return {
            **plain,
            "usage": asdict(self.usage),
            "seconds": round(self.seconds, 4),
            "error": error,
        }


# ---- before any request ---------------------------------------------------------------------------------------------------


class UsageError(StructgenError):
    """The call itself has to change. Nothing was sent."""


class TargetError(UsageError):
    """The target does not import, or is neither a type Pydantic knows nor a JSON Schema."""


class SchemaError(UsageError):
    """A type or schema that has no JSON form, or that this schema language cannot hold.

    `path`: JSON Pointer into the source schema ("" is the root); `keyword`: the construct, where one is to blame.
    """

    def __init__(
        self, message: str, *, path: str = "", keyword: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.keyword = keyword


class SchemaLimitError(SchemaError):
    """The compiled schema is over a limit of the language: `limit` is allowed, `actual` was needed."""

    def __init__(
        self,
        message: str,
        *,
        limit: int,
        actual: int,
        path: str = "",
        keyword: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, path=path, keyword=keyword, hint=hint)
        self.limit = limit
        self.actual = actual


class InputError(UsageError):
    """The document is empty, or is no text."""


class ConfigurationError(UsageError):
    """An unknown provider, a missing key, or an option this backend does not take."""


class MissingPackage(UsageError, ImportError):
    """An optional package is not installed. `package`: its name; `extra`: the extra of structgen that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The package {package} is not installed.",
            hint=f"Run: pip install 'structgen[{extra}]'",
        )
        self.package = self.name = package
        self.extra = extra


class PromptTooLongError(StructgenError):
    """The prompt is longer than the model's context. `tokens`: its length; `limit`: the context; None if nobody said."""

    def __init__(
        self,
        message: str,
        *,
        tokens: int | None = None,
        limit: int | None = None,
        hint: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message, hint=hint, **more)
        self.tokens = tokens
        self.limit = limit


# ---- no usable answer -----------------------------------------------------------------------------------------------------


class TransportError(StructgenError):
    """No usable answer came. `sent` tells whether the server may have processed (and billed) the request."""

    def __init__(self, message: str, *, sent: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class ConnectionFailedError(TransportError):
    """The connection was refused or reset, the name does not resolve, or TLS failed."""


class RequestTimeoutError(TransportError):
    """One try took longer than its `timeout` (seconds)."""


class StreamBrokenError(TransportError):
    """A stream ended without its end marker, or broke its framing."""


class CircuitOpenError(TransportError):
    """The backend failed too often in a row and is left alone for a while. Nothing was sent."""


class TotalTimeoutError(TransportError):
    """The total `total_timeout` (seconds, waits included) is over. `wait`: the seconds the server asked for, where it did."""

    def __init__(
        self,
        message: str,
        *,
        sent: bool = False,
        wait: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, sent=sent, hint=hint)
        self.wait = wait


# ---- the server answered with an error ------------------------------------------------------------------------------------


class APIError(StructgenError):
    """The server answered with an error.

    `status_code`: HTTP status (of the error event where the status line said 200); `code`, `type`, `param`: as the server named
    them; `request_id`: for its support; `retry_after`: seconds it asked to wait; `should_retry`: what it said about that, if it
    did (`x-should-retry`); `body`: the parsed error object.
    """

    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: Any = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body


class BadRequestError(APIError):
    """400, 413, 422 and other 4xx: the same request will fail again."""


class APIPromptTooLongError(PromptTooLongError, BadRequestError):
    """The server says that the prompt is longer than the model's context."""


class AuthenticationError(APIError):
    """401 or 403: the key is missing, wrong, or lacks the right."""


class NotFoundError(APIError):
    """404: no such model or path."""


class RateLimitError(APIError):
    """429 (rate limit) or 498 (Groq: flex capacity)."""


class ServerError(APIError):
    """5xx."""


class OutputRejectedError(APIError):
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
    """The answer stopped at a token limit.

    `partial`: plain data of what was closed by then, or None. `salvaged`: if the decoder ended the answer so that it is valid but
    says less than the model wanted to, that value, typed; `shortened`: JSON Pointers of the parts that were cut short in it.
    """

    salvaged: Any = None
    shortened: frozenset[str] = frozenset()

    def __init__(self, message: str, *, partial: Any = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.partial = partial


class NotJsonError(OutputError):
    """The answer is not one JSON document. `position`: the character offset of the first fault."""

    def __init__(self, message: str, *, position: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class InvalidOutputError(OutputError):
    """The answer is JSON but no value of the target. `violations`: where, what was found, what was wanted.

    `salvaged`: where only items of lists are at fault, the value without them, typed and checked; else None. `rejected`: those
    items, each with its violations.
    """

    salvaged: Any = None
    rejected: tuple[Rejected, ...] = ()

    def __init__(
        self, message: str, *, violations: Sequence[Violation] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.violations = tuple(violations)


class InvalidDocumentError(InvalidOutputError):
    """What the parts of a long document state makes no value of the target. `document`: the parts, the conflicts and the merged
    data, as a DocumentExtraction of plain data."""

    document: Any = None


class BudgetExceededError(StructgenError):
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


class JobStoppedError(JobError):
    """The job stopped before its end: a limit was reached, too much failed, or it was `interrupted`. `summary`: how far it came."""

    def __init__(
        self, message: str, *, summary: Any, interrupted: bool = False, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.summary = summary
        self.interrupted = interrupted


# ---- forms ----------------------------------------------------------------------------------------------------------------


class FormError(StructgenError):
    """A form cannot do what was asked of it."""


class FormIncompleteError(FormError):
    """The form makes no whole value yet. `missing`: JSON Pointers of fields it needs; `invalid`: what is wrong with the others."""

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str] = (),
        invalid: Sequence[Violation] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = tuple(missing)
        self.invalid = tuple(invalid)


class StaleFormError(FormError):
    """The form was changed elsewhere in the meantime: `revision` is where it stands, `expected` where it was thought to stand."""

    def __init__(
        self, message: str, *, expected: int, revision: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.expected = expected
        self.revision = revision


class FormChangedError(FormError):
    """A saved form is of another schema than the one given, of a later version, or no saved form at all."""


# ---- the in-process engine ------------------------------------------------------------------------------------------------


class EngineError(StructgenError):
    """The in-process engine could not do its work."""


class ModelMissingError(EngineError):
    """There is no such model here, or it could not be fetched."""


class ModelCorruptError(EngineError):
    """The file is not the model it should be."""


class EnginePromptTooLongError(PromptTooLongError, EngineError):
    """The prompt is longer than the context of the model in this process."""


class GrammarError(EngineError):
    """The grammar engine refuses the schema, or failed while decoding with it."""
