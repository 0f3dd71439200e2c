"""structgen inside the tools that people use already. Each part loads its package on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.integrations.dataframes import add_accessor as add_accessor
    from structgen.integrations.dspy import StructgenAdapter as StructgenAdapter
    from structgen.integrations.dspy import dspy_lm as dspy_lm
    from structgen.integrations.duckdb import add_duckdb_function as add_duckdb_function
    from structgen.integrations.flat import FlatForm as FlatForm
    from structgen.integrations.instructor import from_structgen as from_structgen
    from structgen.integrations.langchain import ChatStructgen as ChatStructgen
    from structgen.integrations.langchain import extractor as extractor
    from structgen.integrations.mcp import mcp_server as mcp_server
    from structgen.integrations.pydantic_ai import StructgenModel as StructgenModel
    from structgen.integrations.sdk import wrap as wrap
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.integrations.dataframes": "add_accessor",
            "structgen.integrations.dspy": "StructgenAdapter dspy_lm",
            "structgen.integrations.duckdb": "add_duckdb_function",
            "structgen.integrations.flat": "FlatForm",
            "structgen.integrations.instructor": "from_structgen",
            "structgen.integrations.langchain": "ChatStructgen extractor",
            "structgen.integrations.mcp": "mcp_server",
            "structgen.integrations.pydantic_ai": "StructgenModel",
            "structgen.integrations.sdk": "wrap",
        },
    )
