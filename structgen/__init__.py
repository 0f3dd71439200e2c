"""structgen: turn free text into typed records, with a guarantee.

    import structgen
    person = structgen.extract(Person, "Ada is 36.")          # the embedded model
    client = structgen.Client("groq:openai/gpt-oss-20b")      # a hosted one
    person = client.extract(Person, "Ada is 36.")

Names load on first use (PEP 562), so that importing structgen costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.answer.evidence import find_evidence as find_evidence
    from structgen.answer.partial import ABSENT as ABSENT
    from structgen.answer.partial import GrowingText as GrowingText
    from structgen.answer.partial import Partial as Partial
    from structgen.answer.partial import View as View
    from structgen.client.asynchronous import AsyncClient as AsyncClient
    from structgen.client.blocking import Client as Client
    from structgen.client.default import extract as extract
    from structgen.client.default import extract_result as extract_result
    from structgen.client.default import plan as plan
    from structgen.documents.relax import Identity as Identity
    from structgen.documents.relax import Merge as Merge
    from structgen.errors import *  # noqa: F403
    from structgen.examples.nearest import Nearest as Nearest
    from structgen.extraction.planned import Plan as Plan
    from structgen.extraction.stream_handles import AsyncStreaming as AsyncStreaming
    from structgen.extraction.stream_handles import Streaming as Streaming
    from structgen.forms.session import Form as Form
    from structgen.integrations.sdk import wrap as wrap
    from structgen.options import UNSET as UNSET
    from structgen.pipeline.job import Job as Job
    from structgen.prompt.attachments import file as file
    from structgen.prompt.attachments import image as image
    from structgen.reading.document import Document as Document
    from structgen.reading.files import read as read
    from structgen.results import Extraction as Extraction
    from structgen.results import LeafEvidence as LeafEvidence
    from structgen.schema.audit import audit as audit
    from structgen.schema.check import validate as validate
    from structgen.schema.compiler import Compiled as Compiled
    from structgen.schema.compiler import compile_schema as compile_schema
    from structgen.schema.subset import SchemaSubset as SchemaSubset
    from structgen.schema.target import Target as Target
    from structgen.schema.verbatim import Inferred as Inferred
    from structgen.schema.verbatim import Verbatim as Verbatim
    from structgen.tuning.run import tune as tune
    from structgen.values import Evidence as Evidence
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.answer.evidence": "find_evidence",
            "structgen.answer.partial": "ABSENT GrowingText Partial View",
            "structgen.client.asynchronous": "AsyncClient",
            "structgen.client.blocking": "Client",
            "structgen.client.default": "extract extract_result plan",
            "structgen.documents.relax": "Identity Merge",
            "structgen.errors": """
                APIError APIPromptTooLongError Attempt AuthenticationError BadRequestError
                BudgetExceededError CalibrationError CircuitOpenError ConfigurationError
                ConnectionFailedError DocumentError EngineError EnginePromptTooLongError
                FormChangedError FormError FormIncompleteError GrammarError InputError
                InvalidDocumentError InvalidOutputError JobError JobStoppedError JournalError
                MissingPackage ModelCorruptError ModelMissingError ModelRetiredError
                NotFoundError NotJsonError OutputError OutputRejectedError PromptTooLongError
                RateLimitError Refused RequestTimeoutError SchemaError SchemaLimitError
                ServerError StaleFormError StreamBrokenError StructgenError TargetError
                TotalTimeoutError TransportError Truncated UsageError
            """,
            "structgen.examples.nearest": "Nearest",
            "structgen.extraction.planned": "Plan",
            "structgen.extraction.stream_handles": "AsyncStreaming Streaming",
            "structgen.forms.session": "Form",
            "structgen.integrations.sdk": "wrap",
            "structgen.options": "UNSET",
            "structgen.pipeline.job": "Job",
            "structgen.prompt.attachments": "file image",
            "structgen.reading.document": "Document",
            "structgen.reading.files": "read",
            "structgen.results": "Extraction LeafEvidence",
            "structgen.schema.audit": "audit",
            "structgen.schema.check": "validate",
            "structgen.schema.compiler": "Compiled compile_schema",
            "structgen.schema.subset": "SchemaSubset",
            "structgen.schema.target": "Target",
            "structgen.schema.verbatim": "Inferred Verbatim",
            "structgen.tuning.run": "tune",
            "structgen.values": "Evidence",
        },
    )

__version__ = "0.1.0"
