"""Every error structgen raises, in one tree; docs/errors.md draws it.

A message says what happened and what to do next. It never holds a key or the text of a document;
what a model answered is in attributes (`attempts`), its beginning in `str(InvalidOutputError)`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from structgen.values import Mode, Rejected, Usage, Violation, shorten

__all__ = [
    "APIError", "APIPromptTooLongError", "Attempt", "AuthenticationError", "BadRequestError",
    "BudgetExceededError", "CalibrationError", "CircuitOpenError", "ConfigurationError",
    "ConnectionFailedError", "DocumentError", "EngineError", "EnginePromptTooLongError",
    "FormChangedError", "FormError", "FormIncompleteError", "GrammarError", "InputError",
    "InvalidDocumentError", "InvalidOutputError", "JobError", "JobStoppedError", "JournalError",
    "MissingPackage", "ModelCorruptError", "ModelMissingError", "ModelRetiredError",
    "NotFoundError", "NotJsonError", "OutputError", "OutputRejectedError", "PromptTooLongError",
    "RateLimitError", "Refused", "RequestTimeoutError", "SchemaError", "SchemaLimitError",
    "ServerError", "StaleFormError", "StreamBrokenError", "StructgenError", "TargetError",
    "TotalTimeoutError", "TransportError", "Truncated", "UsageError",
]  # fmt: skip
_SHOWN, _SHOWN_TEXT = 3, 500  # violations, and characters of the answer, in `str()` of an error


@dataclass(eq=False, repr=False, kw_only=True)
class StructgenError(Exception):
    """The root of everything this library raises. `str()` gives the message and the hint."""

    __module__ = "structgen"  # so annotations are not deferred: nobody could look them up there

    message: str = field(kw_only=False)
    """What happened."""
    hint: str | None = None
    """What to do about it, if anything helps."""

    def __init_subclass__(cls, **members: Any) -> None:
        super().__init_subclass__(**members)
        if cls.__module__ == __name__:
            cls.__module__ = "structgen"

    def __post_init__(self) -> None:
        super().__init__(self.message)
        self.attempts: tuple[Attempt, ...] = ()  # every try of the call that ended in this error

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """Give `type`, `message` and `hint` as plain JSON data."""
        return {"type": type(self).__name__, "message": self.message, "hint": self.hint}

    def __reduce__(self) -> tuple[Any, ...]:  # by default, keywords would be lost
        return type(self).__new__, (type(self), *self.args), self.__dict__.copy()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let Pydantic take errors as they are and write them as `to_dict` does."""
        from pydantic_core import core_schema

        written = core_schema.plain_serializer_function_ser_schema(cls.to_dict, when_used="json")
        return core_schema.is_instance_schema(cls, serialization=written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One question put to one backend."""

    backend: str
    """The backend's name, such as "groq:openai/gpt-oss-20b"."""
    mode: Mode
    """How the answer was held to the schema."""
    text: str | None = field(default=None, repr=False)
    """What the model wrote."""
    finish_reason: str | None = None
    """Why the answer ended, in the server's word."""
    usage: Usage = Usage()
    """Tokens of this attempt."""
    cost: float | None = None
    """US dollars, None if the price is not known."""
    seconds: float = 0.0
    """How long it took."""
    error: StructgenError | None = None
    """Why it did not settle the call; None for the attempt that did."""

    def to_dict(self) -> dict[str, Any]:
        """Give the attempt as plain JSON data."""
        names = ("backend", "mode", "text", "finish_reason", "cost")
        plain = {name: getattr(self, name) for name in names}
        usage, seconds = asdict(self.usage), round(self.seconds, 4)
        error = self.error.to_dict() if self.error else None
        return {**plain, "usage": usage, "seconds": seconds, "error": error}


class UsageError(StructgenError):
    """The call itself has to change. Nothing was sent."""


class TargetError(UsageError):
    """The target does not import, or is neither a type Pydantic knows nor a JSON Schema."""


@dataclass(eq=False, repr=False, kw_only=True)
class SchemaError(UsageError):
    """A type or schema has no JSON form, or this schema language cannot hold it."""

    path: str = ""
    """JSON Pointer into the source schema; "" is the root."""
    keyword: str | None = None
    """The construct at fault, if one is."""


@dataclass(eq=False, repr=False, kw_only=True)
class SchemaLimitError(SchemaError):
    """The compiled schema is over a limit of the language."""

    limit: int
    """What the language allows."""
    actual: int
    """What the schema needs."""


class InputError(UsageError):
    """The document is empty, or is no text."""


@dataclass(eq=False, repr=False, kw_only=True)
class DocumentError(InputError):
    """A file cannot be read as a document."""

    reason: Literal["damaged", "locked", "scanned", "too-large", "unsupported"]
    """Why, in a word. `locked`: it needs a password. `scanned`: its pages are images, not text."""


class ConfigurationError(UsageError):
    """An unknown provider, a missing key, or an option this backend does not take."""


class CalibrationError(ConfigurationError):
    """A confidence has no calibration, or one of too few labels, or its file is none."""


class MissingPackage(UsageError, ImportError):
    """An optional package is not installed.

    Args:
        package: The name of the package.
        extra: The extra of structgen that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        message = f"The package {package} is not installed."
        super().__init__(message, hint=f"Run: pip install 'structgen[{extra}]'")
        self.package, self.name, self.extra = package, package, extra

    def __reduce__(self) -> tuple[Any, ...]:
        return MissingPackage, (self.package, self.extra), {"attempts": self.attempts}


@dataclass(eq=False, repr=False, kw_only=True)
class PromptTooLongError(StructgenError):
    """The prompt is longer than the model's context."""

    tokens: int | None = None
    """Length of the prompt, if known."""
    limit: int | None = None
    """Tokens that the context holds, if known."""


@dataclass(eq=False, repr=False, kw_only=True)
class TransportError(StructgenError):
    """No usable answer came."""

    sent: bool = False
    """Whether the server may have processed, and billed, the request."""


class ConnectionFailedError(TransportError):
    """The connection was refused or reset, the name does not resolve, or TLS failed."""


class RequestTimeoutError(TransportError):
    """One try took longer than its `timeout` (seconds)."""


class StreamBrokenError(TransportError):
    """A stream ended without its end marker, or broke its framing."""


class CircuitOpenError(TransportError):
    """The backend failed too often in a row and is left alone for a while. Nothing was sent."""


@dataclass(eq=False, repr=False, kw_only=True)
class TotalTimeoutError(TransportError):
    """The `total_timeout` (seconds, waits included) is over."""

    wait: float | None = None
    """Seconds that the server asked to wait, if it did."""


@dataclass(eq=False, repr=False, kw_only=True)
class APIError(StructgenError):
    """The server answered with an error."""

    status_code: int | None = None
    """HTTP status; that of the error event if a stream began with 200."""
    code: str | None = None
    """The server's own code."""
    type: str | None = None
    """The server's own type."""
    param: str | None = None
    """The parameter that the server blames."""
    request_id: str | None = None
    """What the server's support asks for."""
    retry_after: float | None = None
    """Seconds that the server asked to wait."""
    body: Any = None
    """The parsed error object, without API keys."""
    should_retry: bool | None = None
    """Whether the server says that a retry may help (`x-should-retry`), if it does."""


class BadRequestError(APIError):
    """400, 413, 422 and other 4xx: the same request will fail again."""


@dataclass(eq=False, repr=False, kw_only=True)
class APIPromptTooLongError(PromptTooLongError, BadRequestError):
    """The server says that the prompt is longer than the model's context."""


class AuthenticationError(APIError):
    """401 or 403: the key is missing, wrong, or lacks the right."""


class NotFoundError(APIError):
    """404: no such model or path."""


class ModelRetiredError(NotFoundError):
    """The provider switched this model off; `replacement` is one to take instead, if known."""

    replacement: str | None = None


class RateLimitError(APIError):
    """429 (rate limit) or 498 (Groq: flex capacity)."""


class ServerError(APIError):
    """5xx."""


@dataclass(eq=False, repr=False, kw_only=True)
class OutputRejectedError(APIError):
    """The server rejected what its own model wrote (Groq: json_validate_failed)."""

    failed_generation: str | None = None
    """The rejected text: whole, broken or empty."""


class OutputError(StructgenError):
    """The model's answer is not a value of the target. `attempts` holds every try with its text."""


@dataclass(eq=False, repr=False, kw_only=True)
class Refused(OutputError):
    """The model declined to answer."""

    refusal: str
    """What it said instead."""


@dataclass(eq=False, repr=False, kw_only=True)
class Truncated(OutputError):
    """The answer stopped at a token limit."""

    partial: Any = None
    """Plain data of what was closed by then, or None."""
    salvaged: Any = None
    """A valid value that says less than the model wanted to, if the decoder could end in one."""
    shortened: frozenset[str] = frozenset()
    """JSON Pointers of the parts of `salvaged` that were cut short."""


@dataclass(eq=False, repr=False, kw_only=True)
class NotJsonError(OutputError):
    """The answer is not one JSON document."""

    position: int = 0
    """Character offset of the first fault."""


@dataclass(eq=False, repr=False, kw_only=True)
class InvalidOutputError(OutputError):
    """The answer is JSON but no value of the target."""

    violations: tuple[Violation, ...] = ()
    """Where, what was found, and what was wanted."""
    salvaged: Any = None
    """The value without the `rejected` items, checked, if only items of lists are at fault."""
    rejected: tuple[Rejected, ...] = ()
    """Those items, each with its violations."""

    def __str__(self) -> str:
        lines = [super().__str__(), *(f"  {one}" for one in self.violations[:_SHOWN])]
        if hidden := len(self.violations[_SHOWN:]):
            lines.append(f"  and {hidden} more")
        if self.attempts and (text := self.attempts[-1].text):
            lines.append(f"The answer was: {shorten(text, _SHOWN_TEXT)}")
        return "\n".join(lines)


@dataclass(eq=False, repr=False, kw_only=True)
class InvalidDocumentError(InvalidOutputError):
    """The parts of a long document make no value of the target together."""

    document: Any = None
    """A DocumentExtraction of plain data: the parts, the conflicts and the merged data."""


@dataclass(eq=False, repr=False, kw_only=True)
class BudgetExceededError(StructgenError):
    """The call has used up its `token_budget` or `cost_budget` without a valid answer."""

    budget: float
    """What was allowed."""
    used: float
    """What was used."""
    unit: Literal["tokens", "US dollars"] = "tokens"
    """What both numbers count."""


class JobError(StructgenError):
    """A job over many inputs cannot begin, go on, or write its output."""


class JournalError(JobError):
    """The journal is in use by another process, is no journal, or cannot be written."""


@dataclass(eq=False, repr=False, kw_only=True)
class JobStoppedError(JobError):
    """The job stopped before its end: a limit was reached, too much failed, or Ctrl-C came."""

    summary: Any
    """How far the job came, as a `structgen.pipeline.Summary`."""
    interrupted: bool = False
    """Whether an interrupt stopped it."""


class FormError(StructgenError):
    """A form cannot do what was asked of it."""


@dataclass(eq=False, repr=False, kw_only=True)
class FormIncompleteError(FormError):
    """The form does not make a whole value yet."""

    missing: tuple[str, ...] = ()
    """JSON Pointers of fields that it needs."""
    invalid: Sequence[Violation] = ()
    """What is wrong with other fields."""


@dataclass(eq=False, repr=False, kw_only=True)
class StaleFormError(FormError):
    """The form was changed elsewhere in the meantime."""

    expected: int
    """The revision that the change was meant for."""
    revision: int | None = None
    """The revision that the form is at."""


class FormChangedError(FormError):
    """A saved form is of another schema than the one given, of a later version, or no form."""


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
