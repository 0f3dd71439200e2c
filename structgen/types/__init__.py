"""The values that calls take and give, for annotations: `from structgen.types import Document, Usage`."""

from structgen.errors import Attempt
from structgen.options import UNSET, CallArgs, OptionArgs, Options, Unset
from structgen.results import Extraction, Guarantee, Plan
from structgen.values import (
    Answer,
    Document,
    Evidence,
    Json,
    JsonSchema,
    Message,
    Mode,
    Note,
    Rejected,
    Reply,
    Request,
    Usage,
    Violation,
)

__all__ = [
    "UNSET",
    "Answer",
    "Attempt",
    "CallArgs",
    "Document",
    "Evidence",
    "Extraction",
    "Guarantee",
    "Json",
    "JsonSchema",
    "Message",
    "Mode",
    "Note",
    "OptionArgs",
    "Options",
    "Plan",
    "Rejected",
    "Reply",
    "Request",
    "Unset",
    "Usage",
    "Violation",
]
