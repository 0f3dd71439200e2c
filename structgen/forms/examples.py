"""The worked examples of a form: turns, and what each of them states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from structgen.extraction.examples import (
    budget_for,
    examples_of,
    is_pool,
    tokens_of,
)
from structgen.forms.fields import Fields
from structgen.schema.json import to_text
from structgen.values import Chooser, Example, Json

GREETING: Final = Example("Hello, can you help me?", {})
"""A turn that states nothing. Without this example, small models find something for every field."""


class TurnExamples:
    """The examples of a form, as far as the fields go that are asked about."""

    def __init__(self, fields: Fields[Any], given: Any, context: int | None) -> None:
        """Check the examples.

        Args:
            fields: The fields of the form.
            given: A pool, or what `examples_of` reads.
            context: The tokens of prompt and answer together; None if that is not known.

        Raises:
            InputError: If something is no example, or one has a member that is no field.
        """
        self._fields, self._budget = fields, budget_for(context, 0)
        self._chooser: Chooser | None = None
        if is_pool(given):
            self._chooser = given.chooser(fields.target, partial=True)
            examples = self._chooser.examples
        else:
            examples = [GREETING, *examples_of(given)]
        self._stated = [(one.text, fields.values_by_field("", one.value)) for one in examples]

    def about(self, text: str, paths: Collection[str]) -> list[tuple[str, Json]]:
        """Give the examples to show with a turn.

        Args:
            text: What the user says.
            paths: The fields that are asked about.
        """
        return list(self._shown(text, paths))

    def _shown(self, text: str, paths: Collection[str]) -> Iterator[tuple[str, Json]]:
        if self._chooser is None:
            yield from ((said, self._record(stated, paths)) for said, stated in self._stated)
            return
        yield GREETING.text, GREETING.value
        numbers = self._chooser.choose(
            text,
            whole=None,
            tokens=lambda number: self._tokens(number, paths),
            budget=self._budget,
        )
        for number in numbers:
            said, stated = self._stated[number]
            yield said, self._record(stated, paths)

    def _tokens(self, number: int, paths: Collection[str]) -> int:
        said, stated = self._stated[number]
        return tokens_of(said, to_text(self._record(stated, paths)))

    def _record(self, stated: Mapping[str, Json], paths: Collection[str]) -> Json:
        asked = {path: value for path, value in stated.items() if path in paths}
        return self._fields.record_of(asked)
