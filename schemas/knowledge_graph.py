"""What a text says, as entities and the relations between them.

Example text::

    The Brenner Base Tunnel, under construction since 2008 by BBT SE, will link Innsbruck in
    Austria with Franzensfeste in Italy.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["KnowledgeGraph", "Node", "Triple"]


class Node(BaseModel):
    """One thing of the world, however often the text mentions it."""

    name: str = Field(
        description="Its fullest name in the text; relations refer to it by this name"
    )
    type: str = Field(
        description='What it is, in one or two words, such as "person", "company" or "tunnel"'
    )
    aliases: list[str] = Field(
        default=[], description="Other names for it in the text, copied verbatim"
    )


class Triple(BaseModel):
    """One statement: subject, relation, object."""

    subject: str = Field(description="Name of the node that the statement is about")
    predicate: str = Field(
        description='The relation, in snake_case and present tense, such as "located_in"'
    )
    object: str = Field(description="Name of a node, or a plain value such as a year or an amount")
    when: str | None = Field(None, description="When it holds or held, as written")
    negated: bool = Field(False, description="Does the text deny the statement?")
    quote: str | None = Field(None, description="The words that say it, copied verbatim")


class KnowledgeGraph(BaseModel):
    """Entities first, then the statements that connect them. Only what the text says."""

    nodes: list[Node] = Field(description="The entities")
    triples: list[Triple] = Field(description="The statements")
