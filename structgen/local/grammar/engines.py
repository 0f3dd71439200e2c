"""The grammar engines, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from structgen.extras import load

if TYPE_CHECKING:
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.grammar.matcher import Tokens
    from structgen.values import JsonSchema

Compile: TypeAlias = "Callable[[JsonSchema, str | None], Grammar]"
"""Compiles a schema, for a document whose values may be copied, or None."""

GRAMMAR_ENGINES: Final[Mapping[str, tuple[str, str]]] = {
    "llguidance": ("structgen.local.grammar.grammar", "local"),
    "xgrammar": ("structgen.local.grammar.with_xgrammar", "xgrammar"),
}
"""Grammar engines by name, which is that of the schema language too: the module, and the extra
that installs its package."""


def compiler_for(engine: str, tokens: Tokens) -> Compile:
    """Give what compiles schemas for the tokens of a model.

    Args:
        engine: A name in `GRAMMAR_ENGINES`.
        tokens: The tokens.

    Raises:
        MissingPackage: If the engine's package is not installed.
    """
    module = load(*GRAMMAR_ENGINES[engine])
    if engine == "xgrammar":
        found: Compile = module.XGrammarCompiler(tokens).compile
        return found
    return lambda schema, document: module.compile_grammar(schema, tokens.engine, document)
