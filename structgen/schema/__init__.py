"""Types and JSON Schemas, and what each schema language can hold of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.schema.audit import Audit as Audit
    from structgen.schema.audit import Finding as Finding
    from structgen.schema.check import validate_json as validate_json
    from structgen.schema.code.typescript import to_typescript as to_typescript
    from structgen.schema.code.zod import to_zod as to_zod
    from structgen.schema.compiler import Compiled as Compiled
    from structgen.schema.compiler import compile_schema as compile_schema
    from structgen.schema.load import load_target as load_target
    from structgen.schema.subset import SUBSETS as SUBSETS
    from structgen.schema.subset import SchemaLimits as SchemaLimits
    from structgen.schema.subset import SchemaSubset as SchemaSubset
    from structgen.schema.subset import subset_of as subset_of
    from structgen.schema.target import Target as Target
    from structgen.schema.target import target_of as target_of
    from structgen.schema.verbatim import Inferred as Inferred
    from structgen.schema.verbatim import Verbatim as Verbatim
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.schema.audit": "Audit Finding",
            "structgen.schema.check": "validate_json",
            "structgen.schema.code.typescript": "to_typescript",
            "structgen.schema.code.zod": "to_zod",
            "structgen.schema.compiler": "Compiled compile_schema",
            "structgen.schema.subset": "SUBSETS SchemaLimits SchemaSubset subset_of",
            "structgen.schema.load": "load_target",
            "structgen.schema.target": "Target target_of",
            "structgen.schema.verbatim": "Inferred Verbatim",
        },
    )
