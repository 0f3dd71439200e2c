"""The values that calls take and give, for annotations: `from structgen.types import Usage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.errors import Attempt as Attempt
    from structgen.extraction.planned import Plan as Plan
    from structgen.extraction.planned import PlannedPart as PlannedPart
    from structgen.options import UNSET as UNSET
    from structgen.options import CallArgs as CallArgs
    from structgen.options import OptionArgs as OptionArgs
    from structgen.options import Options as Options
    from structgen.options import PromptWriter as PromptWriter
    from structgen.options import Unset as Unset
    from structgen.results import ConfidenceBy as ConfidenceBy
    from structgen.results import Escalation as Escalation
    from structgen.results import Extraction as Extraction
    from structgen.results import FoldedNote as FoldedNote
    from structgen.results import Guarantee as Guarantee
    from structgen.results import folded_notes as folded_notes
    from structgen.values import Answer as Answer
    from structgen.values import Attachment as Attachment
    from structgen.values import DocumentLike as DocumentLike
    from structgen.values import Evidence as Evidence
    from structgen.values import Json as Json
    from structgen.values import JsonSchema as JsonSchema
    from structgen.values import Message as Message
    from structgen.values import Mode as Mode
    from structgen.values import Note as Note
    from structgen.values import PromptParts as PromptParts
    from structgen.values import Rejected as Rejected
    from structgen.values import Removed as Removed
    from structgen.values import Reply as Reply
    from structgen.values import Request as Request
    from structgen.values import Usage as Usage
    from structgen.values import Violation as Violation
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.errors": "Attempt",
            "structgen.extraction.planned": "Plan PlannedPart",
            "structgen.options": "UNSET CallArgs OptionArgs Options PromptWriter Unset",
            "structgen.results": """
                ConfidenceBy Escalation Extraction FoldedNote Guarantee folded_notes
            """,
            "structgen.values": """
                Answer Attachment DocumentLike Evidence Json JsonSchema Message Mode Note
                PromptParts Rejected Removed Reply Request Usage Violation
            """,
        },
    )
