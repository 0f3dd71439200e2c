"""The walk over a source schema: what every node goes through, whatever its form. The forms themselves are one function each, in
`scalars.py`, `arrays.py` and `objects.py`; `compiler.py` hands them in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from structgen.errors import SchemaError
from structgen.schema.codecs.codec import SAME, Codec, Nullable, Ref, Text
from structgen.schema.codecs.unions import Union
from structgen.schema.compile.forms import SCALARS, nullable
from structgen.schema.compile.normalise import (
    MAX_DEPTH,
    TYPE_OF_KEYWORD,
    TYPES,
    Schema,
    Source,
    Unsatisfiable,
    apart,
    assertions,
    refs_above,
    types_of,
)
from structgen.schema.compile.words import example_words, in_words, joined
from structgen.schema.json import json_type, to_text
from structgen.schema.subset import SchemaSubset
from structgen.schema.target import Target
from structgen.values import Json, JsonSchema, Note

UNROLL: Final = 4
"""How many times a definition may use itself where a language has no recursion; below that a value is JSON text."""
AT: Final = "x-structgen-at"
"""Marks a long enum with its place in the source, for `limits.py`; gone from a finished schema."""
LONG: Final = 100
"""How many values make an enum a long one, which may have to be left to the check."""
MAX_NODES: Final = 50_000
"""How many schemas one compilation may visit: alternatives written out together can multiply."""
MAX_SPREAD: Final = 300
"""Alternatives are written out together with what stands beside them up to so many members; beyond, they are checked afterwards."""
_TELLING: Final = frozenset(
    (
        "properties",
        "patternProperties",
        "additionalProperties",
        "items",
        "prefixItems",
        "type",
        "enum",
        "const",
        "$ref",
        "allOf",
    )
) | {"anyOf", "oneOf"}
"""Keywords that give an alternative a form of its own."""


class Built(NamedTuple):
    """A compiled schema and the way there and back."""

    schema: JsonSchema
    codec: Codec


@dataclass(slots=True)
class Here:
    """A place in the source: where, how deep, how much unrolling is left, and the words that go into the description."""

    at: str
    depth: int = 0
    fuel: int | None = None
    words: list[str] = field(default_factory=list)

    def down(self, step: str) -> Here:
        if self.depth >= MAX_DEPTH:
            raise SchemaError(
                f"Schemas are nested more than {MAX_DEPTH} deep.",
                path=self.at,
                hint="Move parts into `$defs`.",
            )
        return Here(f"{self.at}/{step}", self.depth + 1, self.fuel)


class Alternatives(NamedTuple):
    """A union as compiled, and the source of each of its options."""

    codec: Union
    sources: list[Schema]
    here: Here


Shape: TypeAlias = "Callable[[Builder, JsonSchema, Here], Built]"


class Builder:
    """One compilation: what is built up while walking the source. `shapes`: a function for each JSON type, and for `values`."""

    def __init__(
        self, target: Target[Any], subset: SchemaSubset, shapes: Mapping[str, Shape]
    ) -> None:
        self.target = target
        self.subset = subset
        self.source = Source(target.schema)
        self.plain = (
            target.adapter is None
        )  # a JSON Schema: members that it does not declare are part of its values
        self.notes: list[Note] = []
        self.defs: dict[str, JsonSchema] = {}
        self.codecs: dict[str, Codec] = {}
        self.unions: list[Alternatives] = []
        self.long_enums = False
        self.others = False  # does anything go to the root's member for what has no place?
        self._shapes = shapes
        self._loops = subset.defs and subset.recursion
        self._names: dict[tuple[str, int | None], str] = {}
        self._taken: set[str] = set()
        self._queue: deque[tuple[str, Schema, Here]] = deque()
        self._visited = 0

    # ---- notes ------------------------------------------------------------------------------------------------------------

    def note(
        self,
        here: Here,
        keyword: str,
        action: Literal["rewritten", "checked", "narrowed"],
        detail: str,
    ) -> None:
        self.notes.append(Note(here.at, keyword, action, detail))

    def drop(self, here: Here, keyword: str, value: Any) -> None:
        """Leave a keyword out: say it in words, and have it checked afterwards."""
        words = in_words(keyword, value)
        here.words.append(words)
        self.note(here, keyword, "checked", f"{words or keyword}: not held by {self.subset.name}")

    def keep(
        self, core: JsonSchema, type_: str, names: Iterable[str], into: JsonSchema, here: Here
    ) -> None:
        """Keep the keywords that the language holds for this type, drop the others."""
        for name in names:
            if name in core:
                if f"{type_}.{name}" in self.subset.keywords:
                    into[name] = core[name]
                else:
                    self.drop(here, name, core[name])

    # ---- the whole --------------------------------------------------------------------------------------------------------

    def whole(self) -> Built:
        """The root, and all definitions that it needs. Raises SchemaError."""
        here = Here("")
        schema: Schema = self.source.root
        try:
            while isinstance(schema, dict) and assertions(schema).keys() == {"$ref"}:
                self.source.follow(schema)
                here.fuel = self._fuel(self.source.name_of(schema["$ref"]), here.fuel)
                inner, here.at = self.source.resolve(schema["$ref"])
                beside = {
                    key: value for key, value in schema.items() if key not in ("$ref", "$defs")
                }
                schema = {**inner, **beside} if isinstance(inner, dict) else inner
            built = self.node(schema, here)
            while self._queue:
                name, sub, here = self._queue.popleft()
                self.defs[name], self.codecs[name] = self.node(sub, here)
        except Unsatisfiable:
            where = "this definition" if here.at else "this schema"
            raise SchemaError(
                f"No value meets {where}.",
                path=here.at,
                hint="Its constraints exclude one another.",
            ) from None
        return built

    # ---- one node ---------------------------------------------------------------------------------------------------------

    def node(self, schema: Schema, here: Here) -> Built:
        """Compile one schema. Raises Unsatisfiable where no value meets it."""
        self._visited += 1
        if self._visited > MAX_NODES:
            raise SchemaError(
                f"The schema comes to more than {MAX_NODES} parts.",
                path=here.at,
                hint="Split it, or take out what is not asked for.",
            )
        if schema is False:
            raise Unsatisfiable
        if schema is True:
            schema = {}
        core = assertions(schema)
        if (
            core.keys() == {"allOf"}
            and len(core["allOf"]) == 1
            and isinstance(core["allOf"][0], dict)
        ):
            schema = {
                **core["allOf"][0],
                **{key: value for key, value in schema.items() if key != "allOf"},
            }
            core = assertions(schema)
        if core.keys() != {"$ref"} and core.keys() & {"$ref", "allOf"}:
            merged = self.source.flat(
                schema, lambda keyword, value: self.drop(here, keyword, value)
            )
            loop = next(
                (
                    name
                    for ref in refs_above(core)
                    if (name := self.source.name_of(ref)) in self.source.recursive
                ),
                None,
            )
            if loop is not None:
                return self._definition(
                    (to_text(core), self._fuel(loop, here.fuel)), loop, merged, here
                )
            schema, core = merged, assertions(merged)
        built = (
            self._reference(core["$ref"], here)
            if core.keys() == {"$ref"}
            else self.shape(core, here)
        )
        return Built(self._annotated(built.schema, schema, here), built.codec)

    def _annotated(self, compiled: JsonSchema, source: JsonSchema, here: Here) -> JsonSchema:
        """The compiled schema with what the source says about it in words."""
        takes = self.subset.annotations
        words = here.words
        head: JsonSchema = {}
        title, examples, description = (
            source.get("title"),
            source.get("examples"),
            source.get("description"),
        )
        if "title" in takes and isinstance(title, str) and not self._is_name(title, here.at):
            head["title"] = title
        if isinstance(examples, list) and "examples" not in takes:
            words = [*words, example_words(examples)]
        text = joined(description if isinstance(description, str) else "", words)
        inner = compiled.get(
            "description", ""
        )  # of the only alternative to null: its words would be lost behind ours
        if text and "description" in takes:
            head["description"] = text if inner in text else f"{text} {inner}"
        if isinstance(examples, list) and examples and "examples" in takes:
            head["examples"] = examples
        if not head:
            return compiled
        if "$ref" in compiled:
            return {**head, "anyOf": [compiled]}
        return {**head, **{key: value for key, value in compiled.items() if key not in head}}

    def _is_name(self, title: str, at: str) -> bool:
        """Is a title only the name of its field or definition, as Pydantic writes them?"""
        name = at.rsplit("/", 1)[-1] or self.target.name
        return title.replace(" ", "").replace("_", "").lower() == name.replace("_", "").lower()

    def shape(self, core: JsonSchema, here: Here) -> Built:
        """A node without references."""
        if "enum" in core or "const" in core:
            return self._shapes["values"](self, core, here)
        if core.get("not") in (True, {}):
            raise Unsatisfiable
        if core.keys() & {"anyOf", "oneOf", "if"}:
            core = self._without_looking_back(core, here)
        for keyword in ("not", "if", "$dynamicRef"):
            if core.get(keyword, False) is not False:
                self.drop(here, keyword, core[keyword])
        if "anyOf" in core or "oneOf" in core:
            return self._alternatives(core, here)
        types = types_of(core)
        if types is None:
            implied = {TYPE_OF_KEYWORD[key] for key in core if key in TYPE_OF_KEYWORD}
            if not implied:
                return self.anything(here)
            types = tuple(t for t in TYPES if t in implied)
            self.note(
                here,
                "type",
                "narrowed",
                f"no type is declared; only {' or '.join(types)} values are asked for",
            )
        return self._typed(core, types, here)

    def _without_looking_back(self, core: JsonSchema, here: Here) -> JsonSchema:
        """What looks at what other keywords have seen cannot be split over alternatives."""
        for keyword in ("unevaluatedProperties", "unevaluatedItems"):
            if core.get(keyword, True) not in (True, {}):
                self.drop(here, keyword, core[keyword])
        return {
            key: value
            for key, value in core.items()
            if key not in ("unevaluatedProperties", "unevaluatedItems")
        }

    def _typed(self, core: JsonSchema, types: tuple[str, ...], here: Here) -> Built:
        """A node of declared types: one, several scalars in one schema, or a union."""
        if len(types) == 1:
            return self._shapes[types[0]](self, core, here)
        scalars = [t for t in types if t in SCALARS]
        built: list[Built] = []
        sources: list[Schema] = []
        if scalars:
            schema: JsonSchema = {"type": scalars if len(scalars) > 1 else scalars[0]}
            for t in scalars:
                schema |= {
                    k: v for k, v in self._shapes[t](self, core, here).schema.items() if k != "type"
                }
            built.append(Built(schema, SAME))
            sources.append({**core, "type": scalars})
        for t in types:
            if t not in SCALARS:
                built.append(self._shapes[t](self, core, here))
                sources.append({**core, "type": t})
        return self.union(built, sources, here)

    def anything(self, here: Here) -> Built:
        """A value of any kind."""
        if self.subset.untyped:
            return Built({}, SAME)
        return self._as_text(here, "type", "any JSON value")

    def _as_text(self, here: Here, keyword: str, what: str) -> Built:
        self.note(here, keyword, "rewritten", f"{what}, written as JSON text")
        self.note(here, keyword, "checked", f"{what}: the text must be its JSON")
        here.words.append(f"{what}, written as JSON text")
        return Built({"type": "string"}, Text())

    # ---- references -------------------------------------------------------------------------------------------------------

    def _reference(self, ref: str, here: Here) -> Built:
        name = self.source.name_of(ref)
        schema, at = self.source.resolve(ref)
        fuel = self._fuel(name, here.fuel)
        if self.subset.defs or (fuel is not None and fuel < 0):
            return self._definition(
                (f"#{name}", fuel), name, schema, Here(at, here.depth, here.fuel, here.words)
            )
        inside = here.down("$ref")
        return self.node(schema, Here(at, inside.depth, fuel))

    def _fuel(self, name: str, fuel: int | None) -> int | None:
        """How much unrolling is left inside a definition, None where none is needed."""
        if self._loops or name not in self.source.recursive:
            return None if self._loops else fuel
        return UNROLL if fuel is None else fuel - 1

    def _definition(
        self, key: tuple[str, int | None], name: str, schema: Schema, here: Here
    ) -> Built:
        """A use of a definition, which is queued to be compiled when it is new."""
        if key[1] is not None and key[1] < 0:
            return self._as_text(
                here, "$ref", f"a {name or self.target.name} more than {UNROLL} levels down"
            )
        if key not in self._names:
            base = (
                "".join(
                    c if c.isascii() and (c.isalnum() or c in "_-.") else "_"
                    for c in name or self.target.name
                )
                or "_"
            )
            own, n = base, 1
            while own in self._taken:
                n += 1
                own = f"{base}_{n}"
            self._taken.add(own)
            self._names[key] = own
            self._queue.append((own, schema, Here(here.at, 0, key[1])))
        own = self._names[key]
        return Built({"$ref": f"#/$defs/{own}"}, Ref(own))

    # ---- tests on values --------------------------------------------------------------------------------------------------

    def validator(self, schema: Schema) -> Callable[[Json], bool]:
        """A test for a part of the source. The types are looked at first; jsonschema comes in where they are not enough."""
        plain = self.source.follow(schema)
        types = types_of(plain) if isinstance(plain, dict) else None
        target = self.target

        def test(value: Json) -> bool:
            if types is not None:
                actual = json_type(value)
                if actual not in types and not (actual == "integer" and "number" in types):
                    return False
                if isinstance(plain, dict) and assertions(plain).keys() == {"type"}:
                    return True
            from structgen.schema.validate.validator import OverBudgetError

            try:
                return bool(target.validator.evolve(schema=schema).is_valid(value))
            except (OverBudgetError, RecursionError):
                return False

        return test

    def null_on_wire(self, source: Schema, built: Built) -> bool:
        """May a value of `source` be written as null?"""
        return not isinstance(built.codec, Text) and self.source.admits_null(source)

    # ---- compiled schemas -------------------------------------------------------------------------------------------------

    def object(
        self, properties: dict[str, JsonSchema], required: Iterable[str] | None = None
    ) -> JsonSchema:
        """A closed object."""
        names = list(properties if required is None else required)
        return {
            "type": "object",
            "properties": properties,
            "required": names,
            "additionalProperties": False,
        }

    def constant(self, text: str) -> JsonSchema:
        return (
            {"type": "string", "const": text}
            if self.subset.const
            else {"type": "string", "enum": [text]}
        )

    # ---- alternatives -----------------------------------------------------------------------------------------------------

    def _alternatives(self, core: JsonSchema, here: Here) -> Built:
        """`anyOf` and `oneOf`, with what stands beside them merged into each branch."""
        keyword = "anyOf" if "anyOf" in core else "oneOf"
        beside = {
            key: value
            for key, value in core.items()
            if key not in ("anyOf", "oneOf", "not", "if", "then", "else")
        }
        if keyword == "anyOf" and "oneOf" in core:
            self.drop(here, "oneOf", core["oneOf"])
        branches = core[keyword]
        if beside and self._too_wide(beside, branches):
            self.drop(here, keyword, branches)
            return self.shape(beside, here)
        built: list[Built] = []
        sources: list[Schema] = []
        for i, branch in enumerate(branches):
            merged = {"allOf": [beside, branch]} if beside else branch
            try:
                built.append(self.node(merged, here.down(f"{keyword}/{i}")))
            except Unsatisfiable:
                continue
            sources.append(merged)
        if not built:
            raise Unsatisfiable
        if keyword == "oneOf" and not apart(self.source, sources):
            self.note(here, "oneOf", "checked", "exactly one of the options")
        return self.union(built, sources, here)

    def _too_wide(self, beside: JsonSchema, branches: list[Schema]) -> bool:
        """Would writing the branches out say no more than `beside` does, or take too much room?"""
        own = [self.source.follow(branch) for branch in branches]
        if beside.keys() & _TELLING and not any(
            isinstance(branch, dict) and branch.keys() & _TELLING for branch in own
        ):
            return True
        return len(branches) * len(beside.get("properties", ())) > MAX_SPREAD

    def union(self, built: list[Built], sources: list[Schema], here: Here) -> Built:
        """One of several; the options are told apart when all definitions are known (`separate.py`)."""
        if any(not assertions(option.schema) for option in built):
            return Built({}, SAME)
        rest = [i for i, option in enumerate(built) if option.schema.get("type") != "null"]
        nulls = len(rest) < len(built)
        if not rest:
            return built[0]
        if len(rest) == 1:
            option = built[rest[0]]
            if not nulls:
                return option
            return Built(
                nullable(option.schema), SAME if option.codec is SAME else Nullable(option.codec)
            )
        schemas = [built[i].schema for i in rest]
        codec = Union(tuple(built[i].codec for i in rest), schemas)
        self.unions.append(Alternatives(codec, [sources[i] for i in rest], here))
        whole: JsonSchema = {"anyOf": schemas}
        if not nulls:
            return Built(whole, codec)
        schemas.append({"type": "null"})
        return Built(whole, Nullable(codec))
