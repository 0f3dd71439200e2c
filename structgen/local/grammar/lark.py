"""Write a compiled schema as a grammar, in llguidance's Lark dialect.

A schema without grounded values is embedded as it is (`%json`). If there are grounded values,
the objects, lists and unions that lead to them are written as rules; parts without one stay
embedded, and a grounded value is a terminal made of the document (`terminals`). A grounded value
for which the document has nothing is left out of its union or list.

The separators are `", "` and `": "`, as in the texts that models are trained on. There is no
optional white space, because small models loop on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from structgen.answer.grounding import schema_is_grounded
from structgen.errors import GrammarError
from structgen.local.grammar.terminals import Terminals, literal
from structgen.schema.compile.keywords import types_of
from structgen.schema.inside import DUPLICATES
from structgen.schema.json import to_text
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

_FORM: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_OURS: Final = (VERBATIM, DUPLICATES)
"""Keywords that the grammar engine does not know."""
_SCALARS: Final = ("string", "number", "integer")
_UNWRITTEN: Final = (
    "oneOf",
    "allOf",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "uniqueItems",
)
"""Keywords that no rule is written for: our compiler makes none of them around grounded values."""


def to_lark(
    schema: JsonSchema, document: str | None = None, options: Mapping[str, Json] | None = None
) -> str:
    """Write a schema as a grammar.

    Args:
        schema: The compiled schema.
        document: The text that `x-verbatim` values must be copied from; None ignores the keyword.
        options: Further members of `x-guidance`, for the embedded parts.

    Raises:
        GrammarError: If the document holds nothing for a grounded value that is required.
    """
    form = {**_FORM, **(options or {})}
    if document is None or not schema_is_grounded(schema):
        embedded = {**without_ours(schema), "x-guidance": form}
        return f"%llguidance {{}}\nstart: %json {to_text(embedded)}"
    grammar = _Grammar(schema, document, form)
    start = grammar.start()
    if start is None:
        raise GrammarError(
            "The document holds nothing that the grounded fields could be copied from.",
            hint="Make these fields optional, or lists that may be empty.",
        )
    return "\n".join(
        [
            "%llguidance {}",
            f"start: {start}",
            *(f"{name}: {body}" for name, body in grammar.rules().items()),
        ]
    )


class _Grammar:
    """The rules of one grammar.

    An expression is the right side of a rule; None if no answer can match it.
    """

    def __init__(self, schema: JsonSchema, document: str, form: Mapping[str, Json]) -> None:
        self._form = form
        self._refs = {
            "#": schema,
            **{f"#/$defs/{name}": node for name, node in schema.get("$defs", {}).items()},
        }
        self._terminals = Terminals(document)
        self._definitions: dict[str, str] = {}
        self._grounded = _leading(self._refs)
        self._impossible: set[str] = set()

    def start(self) -> str | None:
        """The expression of the root.

        Definitions turn out to be impossible while they are written, so they are written again
        until no further one does.
        """
        before = -1
        while before < len(self._impossible):
            before = len(self._impossible)
            self._definitions.clear()
            start = self._of(self._refs["#"])
        return start

    def rules(self) -> dict[str, str]:
        return {**self._definitions, **self._terminals.rules}

    def _of(self, node: Json) -> str | None:
        if not _leads(node, self._grounded):
            return self._embedded(node)
        if "$ref" in node:
            return self._reference(node["$ref"])
        if "anyOf" in node:
            return _either(map(self._of, node["anyOf"]))
        if VERBATIM in node:
            return self._scalar(node)
        if not node.keys().isdisjoint(_UNWRITTEN):
            return self._embedded(without_ours(node))
        return _either(self._typed(node, kind) for kind in types_of(node) or ("object", "array"))

    def _typed(self, node: JsonSchema, kind: str) -> str | None:
        if kind == "object" and node.get("additionalProperties") is False:
            return self._object(node)
        if kind == "array":
            return self._array(node)
        return self._embedded({**without_ours(node), "type": kind})

    def _reference(self, ref: str) -> str | None:
        if ref in self._impossible:
            return None
        name = f"r{list(self._refs).index(ref)}"
        if name not in self._definitions:
            self._definitions[name] = ""  # under way: a definition may use itself
            body = self._of(
                {key: value for key, value in self._refs[ref].items() if key != "$defs"}
            )
            if body is None:
                self._impossible.add(ref)
                return None
            self._definitions[name] = body
        return name

    def _object(self, node: JsonSchema) -> str | None:
        """Members in the order of the schema.

        The rest of the members is kept twice: as the first ones, and as those after a comma.
        """
        needed = set(node.get("required", ()))
        first = later = ""
        for name, part in reversed(list(node.get("properties", {}).items())):
            value = self._of(part)
            if value is None:
                if name in needed:
                    return None
                continue
            key = to_text(name) + ": "
            alone, behind = f"{literal(key)} {value} {later}", f"{literal(', ' + key)} {value}"
            if name in needed:
                first, later = alone, f"{behind} {later}"
            else:
                first, later = f"({alone} | {first or _NOTHING})", f"({behind})? {later}"
        return f'("{{" {first} "}}")'

    def _array(self, node: JsonSchema) -> str | None:
        """The first positions, of which those from `minItems` on may be left out, and further
        items.
        """
        low, high = node.get("minItems", 0), node.get("maxItems")
        head = [self._of(part) for part in node.get("prefixItems", ())][:high]
        item = self._of(node.get("items", True)) if node.get("items", True) is not False else None
        if not head and item is not None and high != 0:
            head = [item]
        if None in head[:low] or (item is None and low > len(head)):
            return None
        most = "" if high is None else high - len(head)
        text = (
            ""
            if item is None or most == 0
            else f'(", " {item}){{{max(0, low - len(head))},{most}}}'
        )
        for place, value in reversed(list(enumerate(head))):
            whole = "" if value is None else f"{literal(', ') if place else ''} {value} {text}"
            text = whole if place < low or not whole else f"({whole})?"
        return f'("[" {text} "]")'

    def _scalar(self, node: JsonSchema) -> str | None:
        """A grounded string or number, or a value of another type that the node allows."""
        by, rest = node[VERBATIM], {key: value for key, value in node.items() if key != VERBATIM}
        if "enum" in node or "const" in node:
            return self._terminals.listed(node["enum"] if "enum" in node else [node["const"]], by)
        types = types_of(node) or ("string",)
        parts = [self._terminals.string(rest, by)] if "string" in types else []
        if number := [kind for kind in types if kind in ("number", "integer")]:
            parts.append(self._terminals.number({**rest, "type": number[0]}))
        others = [kind for kind in types if kind not in _SCALARS]
        return _either([*parts, *(self._embedded({"type": kind}) for kind in others)])

    def _embedded(self, node: Json) -> str:
        """A part without grounded values, with the definitions that it needs."""
        if node == {"type": "null"}:
            return '"null"'
        node = {} if node is True else node
        needed = _reached(node, self._refs)
        defs = {
            "$defs": {
                ref.removeprefix("#/$defs/"): without_ours(self._refs[ref])
                for ref in self._refs
                if ref in needed
            }
        }
        inner = {key: value for key, value in without_ours(node).items() if key != "$defs"}
        text = to_text({**inner, **(defs if needed else {}), "x-guidance": self._form})
        return self._terminals.rule("j", f"%json {text}")


_NOTHING: Final = '""'


def _either(options: Iterator[str | None] | list[str | None]) -> str | None:
    found = list(dict.fromkeys(option for option in options if option is not None))
    return f"({' | '.join(found)})" if len(found) > 1 else found[0] if found else None


# ---- what leads where ----------------------------------------------------------------------------


def _parts(node: JsonSchema) -> Iterator[Json]:
    """The schemas directly inside one, without its definitions."""
    for keyword in ("properties", "patternProperties"):
        yield from node.get(keyword, {}).values()
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from node.get(keyword, ())
    for keyword in ("items", "additionalProperties"):
        yield node.get(keyword)


def _leads(node: Json, grounded: set[str]) -> bool:
    """Whether a schema holds a grounded value, itself or through one of the `grounded`
    references.
    """
    if not isinstance(node, dict):
        return False
    own = VERBATIM in node and not {*(types_of(node) or ("string",))}.isdisjoint(_SCALARS)
    return (
        own or node.get("$ref") in grounded or any(_leads(part, grounded) for part in _parts(node))
    )


def _leading(refs: Mapping[str, JsonSchema]) -> set[str]:
    """The references to schemas that hold grounded values."""
    found: set[str] = set()
    before = -1
    while before < len(found):
        before = len(found)
        found |= {ref for ref, node in refs.items() if _leads(node, found)}
    return found


def _reached(node: Json, refs: Mapping[str, JsonSchema]) -> set[str]:
    """The references that a schema leads to."""
    found: set[str] = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            ref = str(part.get("$ref"))
            if ref in refs and ref not in found:
                found.add(ref)
                todo.append(refs[ref])
            todo += _parts(part)
    return found


def without_ours(node: Json) -> Json:
    """Leave our own keywords out of a schema. A field of such a name has a schema, and stays.

    Args:
        node: A compiled schema. It stays as it is.
    """
    if isinstance(node, list):
        return [without_ours(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_ours(value)
        for key, value in node.items()
        if key not in _OURS or isinstance(value, dict)
    }
