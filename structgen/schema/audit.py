"""Show which parts of a target a schema language enforces, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import SchemaError
from structgen.schema.compiler import compile_schema
from structgen.schema.json import escape
from structgen.schema.subset import SUBSETS, SchemaSubset, subset_of
from structgen.schema.target import Target, target_of
from structgen.values import JsonSchema, Note

Status: TypeAlias = Literal["enforced", "rewritten", "checked", "wider", "narrowed", "refused"]
"""How a field fares in a language.

`enforced`: held while decoding. `rewritten`: held in another shape, and mapped back.
`checked`: checked afterwards. `wider`: the type reads more than its schema says.
`narrowed`: some values cannot be answered. `refused`:
the language cannot take it.
"""

_ORDER: Final[tuple[Status, ...]] = (
    "enforced",
    "rewritten",
    "checked",
    "wider",
    "narrowed",
    "refused",
)
_LETTERS: Final[dict[Status, str]] = {
    "enforced": "e",
    "rewritten": "r",
    "checked": "c",
    "wider": "w",
    "narrowed": "n",
    "refused": "X",
}
_MAPS: Final = ("properties", "$defs", "patternProperties")
_ONES: Final = ("items", "additionalProperties")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")


@dataclass(frozen=True, slots=True)
class Finding:
    """One field in one language."""

    subset: str
    """The name of the language."""
    path: str
    """The field's JSON Pointer in the source schema."""
    status: Status
    how: str
    """One line for people, "" if there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings for one target."""

    target: str
    """The target's name."""
    findings: tuple[Finding, ...]

    def of(self, subset: str) -> tuple[Finding, ...]:
        """The findings for one language.

        Args:
            subset: The name of the language.
        """
        return tuple(finding for finding in self.findings if finding.subset == subset)

    @property
    def subsets(self) -> tuple[str, ...]:
        """The names of the languages."""
        return tuple(dict.fromkeys(finding.subset for finding in self.findings))

    def summary(self, subset: str) -> str:
        """The number of findings of each kind, such as "9 enforced, 3 rewritten".

        Args:
            subset: The name of the language.
        """
        counts = Counter(finding.status for finding in self.of(subset))
        return ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status])

    def matrix(self) -> str:
        """The fields as rows and the languages as columns, for a terminal.

        Each cell has the letter of the field's weakest finding; the last line says what
        the letters mean.
        """
        subsets = self.subsets
        worst: dict[str, dict[str, Status]] = {}
        for finding in self.findings:
            row = worst.setdefault(finding.path or "/", {})
            known = row.get(finding.subset, finding.status)
            row[finding.subset] = max(known, finding.status, key=_ORDER.index)
        width = max(map(len, worst))
        lines = [f"{'':<{width}}  " + " ".join(subsets)]
        for path, row in worst.items():
            marks = [_LETTERS[row[name]] if name in row else " " for name in subsets]
            cells = (f"{m:<{len(name)}}" for m, name in zip(marks, subsets, strict=True))
            lines.append(f"{path:<{width}}  {' '.join(cells)}".rstrip())
        lines.append(", ".join(f"{_LETTERS[status]} {status}" for status in _ORDER))
        return "\n".join(lines)

    def table(self) -> str:
        """The findings as plain text for a terminal.

        One language: a line for each finding. Several: a matrix, and a line for each
        language that refuses the target.
        """
        subsets = self.subsets
        if len(subsets) > 1:
            refused = [f for f in self.findings if f.status == "refused"]
            lines = [f"{f.subset} refuses {f.path or '/'}: {f.how}" for f in refused]
            return "\n".join([f"{self.target}:", self.matrix(), *lines])
        blocks = []
        for subset in self.subsets:
            findings = self.of(subset)
            width = max(len(finding.path or "/") for finding in findings)
            lines = [f"{self.target} in {subset}: {self.summary(subset)}"]
            for finding in findings:
                line = f"  {finding.path or '/':<{width}}  {finding.status:<9}  {finding.how}"
                lines.append(line.rstrip())
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def markdown(self) -> str:
        """The findings as Markdown, a section per language."""
        blocks = []
        for subset in self.subsets:
            rows = [
                f"| `{_cell(finding.path or '/')}` | {finding.status} | {_cell(finding.how)} |"
                for finding in self.of(subset)
            ]
            head = [
                f"### {self.target} in {subset}",
                "",
                self.summary(subset),
                "",
                "| field | | how |",
                "|---|---|---|",
            ]
            blocks.append("\n".join([*head, *rows]))
        return "\n\n".join(blocks) + "\n"


def audit(source: Any, subset: str | SchemaSubset | None = None) -> Audit:
    """Show what each field of a target becomes in a schema language.

    A language that cannot take the target is a finding, not an error.

    Args:
        source: A Target, anything that a Pydantic TypeAdapter takes, or a JSON Schema.
        subset: A name in `SUBSETS` or a row; every language if None.

    Raises:
        TargetError: If `source` is not a target.
        SchemaError: If it has no JSON form.
        ConfigurationError: If the language is unknown.
    """
    target = target_of(source)
    rows = SUBSETS.values() if subset is None else [subset_of(subset)]
    fields = list(dict.fromkeys(_fields(target.schema)))
    found = tuple(finding for row in rows for finding in _findings(target, row, fields))
    return Audit(target.name, found)


def _findings(target: Target[Any], subset: SchemaSubset, fields: list[str]) -> Iterator[Finding]:
    try:
        notes = compile_schema(target, subset).notes
    except SchemaError as error:
        yield Finding(subset.name, error.path, "refused", str(error))
        return
    said: dict[str, list[Note]] = {}
    known = frozenset(fields)
    for note in notes:
        said.setdefault(_field_of(note.path, known), []).append(note)
    for path in fields:
        if path in said:
            for note in said[path]:
                yield Finding(subset.name, path, note.action, f"{note.keyword}: {note.detail}")
        elif subset.holds:
            yield Finding(subset.name, path, "enforced", "")
        else:
            how = "the model is asked for it; only the check enforces it"
            yield Finding(subset.name, path, "checked", how)


def _field_of(path: str, fields: frozenset[str]) -> str:
    """The field that a place in the schema belongs to: itself, or the nearest around it."""
    while path and path not in fields:
        path = path.rpartition("/")[0]
    return path


def _fields(schema: JsonSchema) -> Iterator[str]:
    """The root, and every declared property, in order."""
    todo: list[tuple[str, Any]] = [("", schema)]
    yield ""
    while todo:
        at, node = todo.pop()
        if not isinstance(node, dict):
            continue
        inner: list[tuple[str, Any]] = []
        for key in _MAPS:
            steps = [(f"{at}/{key}/{escape(name)}", sub) for name, sub in node.get(key, {}).items()]
            if key == "properties":
                yield from (place for place, _ in steps)
            inner += steps
        inner += [(f"{at}/{key}", node[key]) for key in _ONES if key in node]
        for key in _LISTS:
            inner += [(f"{at}/{key}/{i}", sub) for i, sub in enumerate(node.get(key, ()))]
        todo += reversed(inner)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
