"""How a model that does not reason by itself is asked to think before it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from structgen.options import THINKING_TAGS

_OPENING, _CLOSING = THINKING_TAGS
TOLD: Final[Mapping[str, str]] = {
    "first": f"Before the JSON, think between {_OPENING} and {_CLOSING}: name in a few words what "
    "the document states about each field, and which fields it does not state.",
    "draft": "Before the JSON, draft the record: a line of text for each of these fields that the "
    "document states, and none for the others.\n{names}",
}
"""What a model is told that thinks in the text of its answer, by the option `reasoning`: the end
of a template."""
