"""The layouts of the system message, and which one a model gets: one row for what was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from structgen.errors import ConfigurationError
from structgen.options import UNSET, PromptWriter, Unset, did_you_mean
from structgen.prompt.template import check_template

LAYOUTS: Final[Mapping[str, str]] = {
    "fields": "{task} {nulls}\n\n{instructions}\n\nFields:\n{fields}\n\n{description}",
    "names": "{task} {nulls}\n\n{instructions}\n\nFields:\n{names}\n\n{description}",
    "description": "{task} {nulls}\n\n{instructions}\n\n{description}",
    "plain": "{task} {nulls}\n\n{instructions}",
    "line": "Extract from the text: {about} Use null for what the text does not state."
    "\n\n{instructions}",
}
"""The layouts by name, as templates. "line" is the line that people write who have no library.
The description of the target comes after its fields: before them, the smallest models take it
for the value of the first one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The layout for some models."""

    models: str
    """A regular expression that is found in the names of the models, in lower case."""
    billions: float
    """The size up to which the row holds, in thousand millions of parameters."""
    layout: str
    """The name of the layout."""
    measured: str
    """Why: leaf F1 by layout, over how many texts."""


ROWS: Final[tuple[Row, ...]] = (
    Row(
        models="smollm2",
        billions=0.2,
        layout="description",
        measured="8 restaurants: fields .32, names .30, description .42, plain .43, line .48; "
        "9 tasks of 3 texts, values that the text lacks read as null: fields .19, names .18, "
        "plain .21, description .23, line .23; but line gives no items of a list without a "
        "description. On 7 tasks of 3 other texts no mean differs: fields .26, description "
        ".23, plain .28, line .24. Cut answers as zero, 24 texts of 6 tasks: description .21, "
        "plain .20, line .22, names .20; line and names win logs (+.19, +.25) and lose "
        "restaurants (-.21, -.24)",
    ),
    Row(
        models="gemma",
        billions=0.3,
        layout="description",
        measured="28 texts of 7 tasks, cut answers as zero: names .14, plain .18, line .19, "
        "description .21 (+.07 [+.02, +.10] over names); on 42 other texts description .20, names "
        ".19, with half of what names makes up. Before, 6 tasks of 2 texts, values that the text "
        "lacks read as null: fields .17, plain .24, description .25, names .27",
    ),
)
"""The first row that holds for a model gives its layout."""

DEFAULT: Final = "fields"
"""The layout of models that no row holds for, and of those whose name does not tell their size."""

_ONE_WORD: Final = re.compile(r"[!-z|}~]+|[\w-]+")
"""A text that is no template: one word without a placeholder. Texts in scripts without spaces are
templates if they have punctuation."""
_SIZE: Final = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([mb])(?![a-z0-9])")


def layout_for(model: str) -> str:
    """Name the layout that a model gets if the call names none.

    Args:
        model: The name of the model, as its server or its file has it; what its file tells of
            family and size comes before it.

    Returns:
        A key of `LAYOUTS`.
    """
    name = model.lower()
    size = size_of(name)
    for row in ROWS:
        if size <= row.billions and re.search(row.models, name):
            return row.layout
    return DEFAULT


def template_of(prompt: str | Unset, model: str) -> str:
    """Give the template of a prompt.

    Args:
        prompt: The name of a layout, or a template; UNSET for what suits the model.
        model: The name of the model.

    Raises:
        ConfigurationError: If there is no such layout, or the template cannot be filled.
    """
    name = layout_for(model) if prompt is UNSET else prompt
    if name in LAYOUTS:
        return LAYOUTS[name]
    if _ONE_WORD.fullmatch(name):
        meant = did_you_mean([name], LAYOUTS)
        raise ConfigurationError(
            f"There is no prompt layout called {name!r}.",
            hint=f"{meant}Layouts: {', '.join(LAYOUTS)}. A text with spaces or placeholders is "
            "taken as a template.",
        )
    check_template(name)
    return name


def check_prompt(prompt: str | PromptWriter | Unset) -> None:
    """Raise if there is no such prompt.

    Args:
        prompt: The option `prompt`.

    Raises:
        ConfigurationError: If there is no such layout, or the template cannot be filled.
    """
    if isinstance(prompt, str):
        template_of(prompt, "")


def size_of(name: str) -> float:
    """Give the size that a name tells, in thousand millions of parameters.

    Args:
        name: The name of a model, in lower case.

    Returns:
        0.135 for "smollm2-135m"; infinity if the name tells none.
    """
    found = _SIZE.search(name)
    if found is None:
        return float("inf")
    return float(found[1]) / (1000 if found[2] == "m" else 1)
