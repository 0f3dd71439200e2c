"""The walk over a source schema: the steps that every node takes, whatever its form.

Each form is one function, in `scalars.py`, `arrays.py`, `objects.py` and
`alternatives.py`; `compiler.py` hands them in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from structgen.errors import SchemaError
from structgen.schema.codecs.codec import SAME, Codec, Listed, Nullable, Only, Ref, Text
from structgen.schema.codecs.unions import Union
from structgen.schema.compile.forms import nullable
from structgen.schema.compile.here import Here
from structgen.schema.compile.holding import test_of
from structgen.schema.compile.keywords import (
    SCALARS,
    TYPE_OF_KEYWORD,
    TYPES,
    Schema,
    Unsatisfiable,
    assertions,
    types_of,
    without_single_all_of,
)
from structgen.schema.compile.names import definition_name, unused_name
from structgen.schema.compile.source import Source, refs_above
from structgen.schema.compile.words import annotated, content_in_words, in_words, repeats
from structgen.schema.json import to_text
from structgen.schema.subset import SchemaSubset
from structgen.schema.target import Target
from structgen.values import Json, JsonSchema, Note

UNROLL: Final = 4
"""How many times a definition may use itself in a language without recursion; below
that a value is JSON text."""
AT: Final = "x-structgen-at"
"""Marks a long enum with its place in the source, for `limits.py`; gone from a finished
schema."""
LONG: Final = 100
"""How many values make an enum a long one, which may have to be left to the check."""
MAX_NODES: Final = 50_000
"""How many schemas one compilation may visit: options written out together can
multiply."""
_LOOKING_BACK: Final = ("unevaluatedProperties", "unevaluatedItems")
"""Keywords about what other keywords have not seen."""


class Built(NamedTuple):
    """A compiled schema and the way there and back."""

    schema: JsonSchema
    codec: Codec


class Alternatives(NamedTuple):
    """A compiled union, and the source of each of its options."""

    codec: Union
    sources: list[Schema]
    here: Here


Shape: TypeAlias = "Callable[[Builder, JsonSchema, Here], Built]"


class Builder:
    """One compilation: everything that is collected while walking the source.

    Args:
        target: The target to compile.
        subset: The schema language to compile it for.
        shapes: A function for each JSON type, and for `values` and `alternatives`.
    """

    def __init__(
        self, target: Target[Any], subset: SchemaSubset, shapes: Mapping[str, Shape]
    ) -> None:
        self.target = target
        self.subset = subset
        self.source = Source(target.schema)
        self.keeps_undeclared = target.adapter is None
        """Whether undeclared members are part of a value, as for a JSON Schema; a type
        drops them.
        """
        self.notes: list[Note] = []
        self.defs: dict[str, JsonSchema] = {}
        self.codecs: dict[str, Codec] = {}
        self.unions: list[Alternatives] = []
        self.has_long_enums = False
        self.says_null = False
        """Whether null says of some field that it is absent."""
        self.needs_other_members = False
        """Whether the root needs a member for what has no place elsewhere."""
        self._shapes = shapes
        self._has_recursion = subset.defs and subset.recursion
        self._names: dict[tuple[str, int | None], str] = {}
        self._taken: set[str] = set()
        self._queue: deque[tuple[str, Schema, Here]] = deque()
        self._visited = 0

    # ---- notes -----------------------------------------------------------------------

    def note(
        self,
        here: Here,
        keyword: str,
        action: Literal["rewritten", "checked", "narrowed", "wider"],
        detail: str,
    ) -> None:
        """Add a note on a keyword of the source."""
        self.notes.append(Note(here.at, keyword, action, detail))

    def drop(self, here: Here, keyword: str, value: Any) -> None:
        """Leave a keyword out: say it in words, and have it checked afterwards."""
        words = in_words(keyword, value)
        here.words.append(words)
        detail = f"{words or keyword}: not enforced by {self.subset.name}"
        self.note(here, keyword, "checked", detail)

    def keep(
        self, core: JsonSchema, type_: str, names: Iterable[str], into: JsonSchema, here: Here
    ) -> None:
        """Keep the keywords that the language takes for this type, and drop the others."""
        for name in names:
            if name not in core:
                continue
            word = f"{type_}.{name}"
            if not self.is_taken(word) or self._is_over_bound(name, core[name]):
                self.drop(here, name, core[name])
                continue
            into[name] = core[name]
            if word in self.subset.taken:
                self.note_taken(here, name, core[name])

    def is_taken(self, word: str) -> bool:
        """Whether the language takes a keyword, given as `type.keyword`."""
        return word in self.subset.keywords or word in self.subset.taken

    def note_taken(self, here: Here, keyword: str, value: Any) -> None:
        """Note a keyword that is sent, but may not be enforced."""
        words = in_words(keyword, value) or keyword
        self.note(here, keyword, "checked", f"{words}: sent; {self.subset.name} may not enforce it")

    def _is_over_bound(self, keyword: str, value: Any) -> bool:
        limits = self.subset.limits
        most = {"Items": limits.item_bound, "Length": limits.length_bound}.get(keyword[3:])
        return most is not None and value > most

    # ---- the root --------------------------------------------------------------------

    def root(self) -> Built:
        """The root, and all definitions that it needs.

        Raises:
            SchemaError: If no value meets the schema, or it cannot be compiled.
        """
        here = Here("")
        schema: Schema = self.source.root
        try:
            while isinstance(schema, dict) and assertions(schema).keys() == {"$ref"}:
                self.source.follow(schema)
                name = self.source.name_of(schema["$ref"])
                here.unrolls_left = self._unrolls_left(name, here.unrolls_left)
                inner, here.at = self.source.resolve(schema["$ref"])
                beside = {k: v for k, v in schema.items() if k not in ("$ref", "$defs")}
                schema = {**inner, **beside} if isinstance(inner, dict) else inner
            built = self.node(schema, here)
            while self._queue:
                name, sub, here = self._queue.popleft()
                self.defs[name], self.codecs[name] = self.node(sub, here)
        except Unsatisfiable:
            where = "this definition" if here.at else "this schema"
            raise SchemaError(
                f"No value can meet {where}: its constraints exclude one another.",
                path=here.at,
                hint="Loosen one of the constraints.",
            ) from None
        return built

    # ---- one node --------------------------------------------------------------------

    def node(self, schema: Schema, here: Here) -> Built:
        """Compile one schema.

        Raises:
            Unsatisfiable: If no value meets it.
            SchemaError: If it cannot be compiled.
        """
        self._visited += 1
        if self._visited > MAX_NODES:
            raise SchemaError(
                f"The schema has more than {MAX_NODES} parts once its options are written out.",
                path=here.at,
                hint="Split the target, or leave out what you do not need.",
            )
        if schema is False:
            raise Unsatisfiable
        schema = without_single_all_of({} if schema is True else schema)
        core = assertions(schema)
        if core.keys() == {"$ref"}:
            built = self._reference(core["$ref"], here)
        elif core.keys() & {"$ref", "allOf"}:
            merged = self.source.flat(
                schema, lambda keyword, value: self.drop(here, keyword, value)
            )
            loop = self._recursive_name(core)
            if loop is not None:
                key = to_text(core), self._unrolls_left(loop, here.unrolls_left)
                return self._definition(key, loop, merged, here)
            schema = merged
            built = self.shape(assertions(merged), here)
        else:
            built = self.shape(core, here)
        if self.keeps_undeclared:
            for keyword, words in content_in_words(schema):
                here.words.append(words)
                self.note(here, keyword, "wider", "nothing checks what the string holds")
        title = schema.get("title")
        name = here.at.rsplit("/", 1)[-1] or self.target.name
        has_own_title = isinstance(title, str) and not repeats(title, name)
        compiled = annotated(
            built.schema, schema, here.words, self.subset.annotations, title=has_own_title
        )
        return Built(compiled, built.codec)

    def _recursive_name(self, core: JsonSchema) -> str | None:
        """The recursive definition that a node refers to on its own level."""
        names = map(self.source.name_of, refs_above(core))
        return next((name for name in names if name in self.source.recursive), None)

    def shape(self, core: JsonSchema, here: Here) -> Built:
        """Compile a node without references."""
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
            return self._shapes["alternatives"](self, core, here)
        types = types_of(core)
        if types is None:
            implied = {TYPE_OF_KEYWORD[key] for key in core if key in TYPE_OF_KEYWORD}
            if not implied:
                return self.anything(here)
            types = tuple(t for t in TYPES if t in implied)
            detail = f"no type is declared; only {' or '.join(types)} values are asked for"
            self.note(here, "type", "narrowed", detail)
            schema, codec = self._typed(core, types, here)
            return Built(schema, Only(codec, types))
        return self._typed(core, types, here)

    def _without_looking_back(self, core: JsonSchema, here: Here) -> JsonSchema:
        """Drop the keywords about what others have not seen: they cannot be split over options."""
        for keyword in _LOOKING_BACK:
            if core.get(keyword, True) not in (True, {}):
                self.drop(here, keyword, core[keyword])
        return {key: value for key, value in core.items() if key not in _LOOKING_BACK}

    def _typed(self, core: JsonSchema, types: tuple[str, ...], here: Here) -> Built:
        """A node of declared types: one, several scalars in one schema, or a union."""
        if len(types) == 1:
            return self._shapes[types[0]](self, core, here)
        scalars = [t for t in types if t in SCALARS]
        built: list[Built] = []
        sources: list[Schema] = []
        if scalars:
            schema: JsonSchema = {}
            for t in scalars:
                schema |= self._shapes[t](self, core, here).schema
            schema = {**schema, "type": scalars if len(scalars) > 1 else scalars[0]}
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

    # ---- references ------------------------------------------------------------------

    def _reference(self, ref: str, here: Here) -> Built:
        name = self.source.name_of(ref)
        schema, at = self.source.resolve(ref)
        left = self._unrolls_left(name, here.unrolls_left)
        if self.subset.defs or (left is not None and left < 0):
            place = Here(at, here.depth, here.unrolls_left, here.words)
            return self._definition((f"#{name}", left), name, schema, place)
        return self.node(schema, Here(at, here.down("$ref").depth, left))

    def _unrolls_left(self, name: str, left: int | None) -> int | None:
        """How much unrolling is left inside a definition; None if it needs none."""
        if self._has_recursion:
            return None
        if name not in self.source.recursive:
            return left
        return UNROLL if left is None else left - 1

    def _definition(
        self, key: tuple[str, int | None], name: str, schema: Schema, here: Here
    ) -> Built:
        """A use of a definition, which is queued to be compiled if it is new."""
        left = key[1]
        name = name or self.target.name
        if left is not None and left < 0:
            return self._as_text(here, "$ref", f"a {name} more than {UNROLL} levels down")
        if key not in self._names:
            own = unused_name(definition_name(name), self._taken)
            self._taken.add(own)
            self._names[key] = own
            self._queue.append((own, schema, Here(here.at, 0, left)))
        own = self._names[key]
        return Built({"$ref": f"#/$defs/{own}"}, Ref(own))

    # ---- tests on values -------------------------------------------------------------

    def validator(self, schema: Schema) -> Callable[[Json], bool]:
        """A test for a part of the source: by type first, by jsonschema if that is not enough."""
        return test_of(self.target, self.source, schema)

    def null_on_wire(self, source: Schema, built: Built) -> bool:
        """Whether a value of `source` may be written as null."""
        return not isinstance(built.codec, Text | Listed) and self.source.admits_null(source)

    # ---- compiled schemas ------------------------------------------------------------

    def nullable(self, schema: JsonSchema) -> JsonSchema:
        """A schema for null and the values of a compiled one."""
        return nullable(schema, mixed_enums=self.subset.mixed_enums)

    def object(
        self, properties: dict[str, JsonSchema], required: Iterable[str] | None = None
    ) -> JsonSchema:
        """A closed object; all its properties are required if `required` is None."""
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties if required is None else required),
            "additionalProperties": False,
        }

    def constant(self, text: str) -> JsonSchema:
        """The schema of one string."""
        if self.subset.const:
            return {"type": "string", "const": text}
        return {"type": "string", "enum": [text]}

    def _null_as_text(self, option: Built, source: Schema, here: Here) -> Built:
        """An option; null beside objects is written as text in languages that refuse it."""
        if option.schema.get("type") != "null" and not self.source.is_null(source):
            return option
        self.note(here, "type", "rewritten", "null beside an object, written as JSON text")
        return Built({"type": "string", "enum": ["null"]}, Listed((None,)))

    def union(self, built: list[Built], sources: list[Schema], here: Here) -> Built:
        """One of several options; `tags.py` tells them apart once all definitions are known."""
        if any(not assertions(option.schema) for option in built):
            return Built({}, SAME)
        if not self.subset.null_objects and any(map(self.source.may_be_object, sources)):
            built = [
                self._null_as_text(option, source, here)
                for option, source in zip(built, sources, strict=True)
            ]
        rest = [i for i, option in enumerate(built) if option.schema.get("type") != "null"]
        has_null = len(rest) < len(built)
        if not rest:
            return built[0]
        if len(rest) == 1:
            option = built[rest[0]]
            if not has_null:
                return option
            codec = SAME if option.codec is SAME else Nullable(option.codec)
            return Built(self.nullable(option.schema), codec)
        schemas = [built[i].schema for i in rest]
        choice = Union(tuple(built[i].codec for i in rest), schemas)
        self.unions.append(Alternatives(choice, [sources[i] for i in rest], here))
        if not has_null:
            return Built({"anyOf": schemas}, choice)
        schemas.append({"type": "null"})
        return Built({"anyOf": schemas}, Nullable(choice))
