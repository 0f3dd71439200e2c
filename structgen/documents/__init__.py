"""Long documents: split into chunks, extracted piece by piece, merged into one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.documents.chunk import Chunk as Chunk
    from structgen.documents.chunk import chunks as chunks
    from structgen.documents.gaps import CountedRows as CountedRows
    from structgen.documents.gaps import Gap as Gap
    from structgen.documents.merged import Conflict as Conflict
    from structgen.documents.options import Chunked as Chunked
    from structgen.documents.options import ChunkingArgs as ChunkingArgs
    from structgen.documents.options import DocumentArgs as DocumentArgs
    from structgen.documents.options import InputArgs as InputArgs
    from structgen.documents.policies import Policy as Policy
    from structgen.documents.policies import PolicyName as PolicyName
    from structgen.documents.relax import Identity as Identity
    from structgen.documents.relax import Merge as Merge
    from structgen.documents.result import ChunkOutcome as ChunkOutcome
    from structgen.documents.result import DocumentExtraction as DocumentExtraction
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.documents.chunk": "Chunk chunks",
            "structgen.documents.gaps": "CountedRows Gap",
            "structgen.documents.merged": "Conflict",
            "structgen.documents.options": "Chunked ChunkingArgs DocumentArgs InputArgs",
            "structgen.documents.policies": "Policy PolicyName",
            "structgen.documents.relax": "Identity Merge",
            "structgen.documents.result": "ChunkOutcome DocumentExtraction",
        },
    )
