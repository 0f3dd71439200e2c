"""structgen: turn free text into typed records, with a guarantee.

    import structgen
    person = structgen.extract(Person, "Ada is 36.")          # the embedded model
    client = structgen.Client("groq:openai/gpt-oss-20b")      # a hosted one
    person = client.extract(Person, "Ada is 36.")

Names load on first use (PEP 562), so that importing structgen costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structgen.answer.partial import ABSENT as ABSENT
    from structgen.answer.partial import GrowingText as GrowingText
    from structgen.answer.partial import Partial as Partial
    from structgen.answer.partial import View as View
    from structgen.client import AsyncClient as AsyncClient
    from structgen.client import Client as Client
    from structgen.client import extract as extract
    from structgen.client import extract_result as extract_result
    from structgen.client import plan as plan
    from structgen.documents.relax import Identity as Identity
    from structgen.errors import APIError as APIError
    from structgen.errors import EngineError as EngineError
    from structgen.errors import InvalidOutputError as InvalidOutputError
    from structgen.errors import OutputError as OutputError
    from structgen.errors import StructgenError as StructgenError
    from structgen.errors import TransportError as TransportError
    from structgen.errors import Truncated as Truncated
    from structgen.errors import UsageError as UsageError
    from structgen.forms.session import Form as Form
    from structgen.options import UNSET as UNSET
    from structgen.pipeline.job import Job as Job
    from structgen.results import Extraction as Extraction
    from structgen.results import Plan as Plan
    from structgen.schema.audit import audit as audit
    from structgen.schema.check import validate as validate
    from structgen.schema.compiler import Compiled as Compiled
    from structgen.schema.compiler import compile_schema as compile_schema
    from structgen.schema.subset import SchemaSubset as SchemaSubset
    from structgen.schema.target import Target as Target
    from structgen.schema.verbatim import Verbatim as Verbatim
    from structgen.values import Evidence as Evidence

_HOMES = {
    "structgen.client": ("AsyncClient", "Client", "extract", "extract_result", "plan"),
    "structgen.documents.relax": ("Identity",),
    "structgen.errors": (
        "APIError",
        "EngineError",
        "InvalidOutputError",
        "OutputError",
        "StructgenError",
        "TransportError",
        "Truncated",
        "UsageError",
    ),
    "structgen.forms.session": ("Form",),
    "structgen.pipeline.job": ("Job",),
    "structgen.schema.audit": ("audit",),
    "structgen.schema.check": ("validate",),
    "structgen.schema.compiler": ("Compiled", "compile_schema"),
    "structgen.schema.subset": ("SchemaSubset",),
    "structgen.schema.target": ("Target",),
    "structgen.schema.verbatim": ("Verbatim",),
    "structgen.options": ("UNSET",),
    "structgen.results": ("Extraction", "Plan"),
    "structgen.values": ("Evidence",),
    "structgen.answer.partial": ("ABSENT", "GrowingText", "Partial", "View"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'structgen' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
