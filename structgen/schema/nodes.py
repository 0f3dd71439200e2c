"""From a source schema, node by node, to a compiled one with its codec: one function per construct."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from structgen.errors import SchemaError
from structgen.schema.codec import (
    KEY,
    SAME,
    VALUE,
    Choice,
    Codec,
    Entries,
    Fields,
    Items,
    Member,
    Nullable,
    Positions,
    Ref,
    Root,
    Text,
    Union,
    escape,
    same_json,
    to_text,
)
from structgen.schema.normalise import (
    MAX_DEPTH,
    TYPE_OF_KEYWORD,
    TYPES,
    Schema,
    Source,
    Unsatisfiable,
    assertions,
    json_type,
    property_of,
    refs_above,
    apart,
    types_of,
)
from structgen.schema.subset import SchemaSubset
from structgen.schema.target import Target
from structgen.schema.words import FORMAT_FAMILY, NOT_STATED, TEMPORAL, example_words, in_words, joined, pattern_for
from structgen.types import Json, JsonSchema, Note

UNROLL: Final = 4
"""How many times a definition may use itself where a language has no recursion; below that a value is JSON text."""
MAX_SPREAD: Final = 300
"""Alternatives are written out together with what stands beside them up to so many members; beyond, they are checked afterwards."""
_TELLING: Final = frozenset(
    ("properties", "patternProperties", "additionalProperties", "items", "prefixItems", "type", "enum", "const", "$ref", "allOf")
) | {"anyOf", "oneOf"}
"""Keywords that give a branch a form of its own."""
SCALARS: Final = ("string", "integer", "number", "boolean", "null")


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
            raise SchemaError(f"Schemas are nested more than {MAX_DEPTH} deep.", path=self.at, hint="Move parts into `$defs`.")
        return Here(f"{self.at}/{step}", self.depth + 1, self.fuel)


class Alternatives(NamedTuple):
    """A union as compiled, and the source of each of its options."""

    codec: Union
    sources: list[Schema]
    here: Here


def _redundant(title: str, at: str) -> bool:
    """Is a title only the name of its field or definition, as Pydantic writes them?"""
    name = at.rsplit("/", 1)[-1]
    return title.replace(" ", "").replace("_", "").lower() == name.replace("_", "").lower()


class Builder:
    """One compilation: what is built up while walking the source."""

    def __init__(self, target: Target[Any], subset: SchemaSubset) -> None:
        self.target = target
        self.subset = subset
        self.source = Source(target.schema)
        self.plain = target.adapter is None  # a JSON Schema target: what the schema does not declare is part of the value
        self.notes: list[Note] = []
        self.defs: dict[str, JsonSchema] = {}
        self.codecs: dict[str, Codec] = {}
        self.unions: list[Alternatives] = []
        self.others = False
        self._names: dict[tuple[str, int | None], str] = {}
        self._queue: list[tuple[str, Schema, Here]] = []

    # ---- notes ------------------------------------------------------------------------------------------------------------

    def note(self, here: Here, keyword: str, action: Any, detail: str) -> None:
        self.notes.append(Note(here.at, keyword, action, detail))

    def dropper(self, here: Here) -> Callable[[str, Any], None]:
        """For keywords that the language does not hold: told in words, checked afterwards."""

        def drop(keyword: str, value: Any) -> None:
            words = in_words(keyword, value)
            here.words.append(words)
            self.note(here, keyword, "checked", f"{words or keyword}: not held by {self.subset.name}")

        return drop

    # ---- the whole --------------------------------------------------------------------------------------------------------

    def root(self) -> Built:
        here = Here("")
        schema = self.source.root
        try:
            while isinstance(schema, dict) and assertions(schema).keys() == {"$ref"}:
                inner, here.at = self.source.resolve(schema["$ref"])
                here.fuel = self._fuel(self.source.name_of(schema["$ref"]), None) or here.fuel
                beside = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
                schema = {**inner, **beside} if isinstance(inner, dict) else inner
            built = self.node(schema, here)
            while self._queue:
                name, sub, place = self._queue.pop(0)
                self._define(name, sub, place)
        except Unsatisfiable:
            raise SchemaError("No value meets this schema.", path=here.at, hint="Its constraints exclude one another.") from None
        return self._as_root(built)

    def _define(self, name: str, schema: Schema, here: Here) -> None:
        try:
            self.defs[name], self.codecs[name] = self.node(schema, here)
        except Unsatisfiable:
            raise SchemaError("No value meets this definition.", path=here.at, hint="Take it out, or mend it.") from None

    def _as_root(self, built: Built) -> Built:
        schema, codec = built
        others = self.others_name(schema) if self.others else ""
        is_object = schema.get("type") == "object"
        wrapped = not is_object and (self.subset.root == "object" or bool(others))
        if not wrapped and not others:
            return built
        if wrapped:
            self.note(Here(""), "type", "rewritten", f"the root is wrapped in an object, as its member {VALUE!r}")
            schema = self.object({VALUE: schema})
        if others:
            self.note(Here(""), "additionalProperties", "rewritten", f"members that the schema does not declare go to {others!r}")
            self.note(Here(""), "additionalProperties", "checked", f"what {others!r} holds")
            entry = self.object({"path": {"type": "string"}, VALUE: {"type": "string"}})
            words = "Null. Only for what no other field can hold: its JSON Pointer, and its value as JSON text."
            member = {"description": words, "anyOf": [{"type": "array", "items": entry}, {"type": "null"}]}
            schema = {**schema, "properties": {**schema["properties"], others: member}}
            if self.subset.all_required:
                schema["required"] = [*schema["required"], others]
        return Built(schema, Root(codec, wrapped, others))

    @staticmethod
    def others_name(schema: JsonSchema) -> str:
        name = "other_members"
        while name in schema.get("properties", {}):
            name += "_"
        return name

    def assemble(self, schema: JsonSchema) -> JsonSchema:
        """The schema with the definitions it uses."""
        return {**schema, "$defs": self.defs} if self.defs else schema

    # ---- one node ---------------------------------------------------------------------------------------------------------

    def node(self, schema: Schema, here: Here) -> Built:
        """Compile one schema. Raises Unsatisfiable where no value meets it."""
        if schema is False:
            raise Unsatisfiable
        if schema is True:
            return self.anything({}, here)
        core = assertions(schema)
        single = core.get("allOf")
        if isinstance(single, list) and len(single) == 1 and len(core) == 1 and isinstance(single[0], dict):
            schema = {**single[0], **{key: value for key, value in schema.items() if key != "allOf"}}
            core = assertions(schema)
        if core.keys() == {"$ref"}:
            built = self.reference(core["$ref"], here)
        elif "$ref" in core or "allOf" in core:
            built = self.merged(schema, core, here)
        else:
            built = self.shape(core, here)
        return Built(self.annotated(built.schema, schema, here), built.codec)

    def annotated(self, compiled: JsonSchema, source: JsonSchema, here: Here) -> JsonSchema:
        """The compiled schema with what the source says about it in words."""
        takes = self.subset.annotations
        head: JsonSchema = {}
        words = list(here.words)
        if "title" in takes and isinstance(title := source.get("title"), str) and not _redundant(title, here.at):
            head["title"] = title
        examples = source.get("examples")
        if isinstance(examples, list) and examples:
            if "examples" in takes:
                head["examples"] = examples
            else:
                words.append(example_words(examples))
        description = source.get("description")
        text = joined(description if isinstance(description, str) else "", words)
        if text and "description" in takes:
            head["description"] = text
        if not head:
            return compiled
        if "$ref" in compiled:
            return {**head, "anyOf": [compiled]}
        return {**head, **{key: value for key, value in compiled.items() if key not in head}}

    def shape(self, core: JsonSchema, here: Here) -> Built:
        """A node without references."""
        if "enum" in core or "const" in core:
            return self.values(core, here)
        for keyword in ("not", "if", "$dynamicRef"):
            if keyword in core and not (keyword == "not" and core["not"] is False):
                self.dropper(here)(keyword, core[keyword])
        if "anyOf" in core or "oneOf" in core:
            return self.alternatives(core, here)
        types = types_of(core)
        if types is None:
            implied = {TYPE_OF_KEYWORD[key] for key in core if key in TYPE_OF_KEYWORD}
            if not implied:
                return self.anything(core, here)
            types = tuple(t for t in TYPES if t in implied)
            self.note(here, "type", "narrowed", f"no type is declared; only {' or '.join(types)} values are asked for")
        if not types:
            raise Unsatisfiable
        return self.typed(core, types, here)

    def typed(self, core: JsonSchema, types: tuple[str, ...], here: Here) -> Built:
        """A node of declared types: one, several scalars in one schema, or a union."""
        if len(types) == 1:
            return self.of_type(core, types[0], here)
        scalars = [t for t in types if t in SCALARS]
        built = []
        sources: list[Schema] = []
        if scalars:
            schema: JsonSchema = {"type": scalars if len(scalars) > 1 else scalars[0]}
            for t in scalars:
                schema.update((k, v) for k, v in self.of_type(core, t, here).schema.items() if k != "type")
            built.append(Built(schema, SAME))
            sources.append({**core, "type": scalars})
        for t in types:
            if t not in SCALARS:
                built.append(self.of_type(core, t, here))
                sources.append({**core, "type": t})
        return self.union(built, sources, here)

    def of_type(self, core: JsonSchema, type_: str, here: Here) -> Built:
        if type_ == "object":
            return self.members(core, here)
        if type_ == "array":
            return self.array(core, here)
        if type_ == "string":
            return Built({"type": "string", **self.string(core, here)}, SAME)
        kept: JsonSchema = {}
        if type_ in ("integer", "number"):
            self.keep(core, type_, ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), kept, here)
        return Built({"type": type_, **kept}, SAME)

    def keep(self, core: JsonSchema, type_: str, names: Iterable[str], into: JsonSchema, here: Here) -> None:
        """Keep the keywords that the language holds for this type, drop the others with a note."""
        for name in names:
            if name in core:
                if f"{type_}.{name}" in self.subset.keywords:
                    into[name] = core[name]
                else:
                    self.dropper(here)(name, core[name])

    # ---- references -------------------------------------------------------------------------------------------------------

    def reference(self, ref: str, here: Here) -> Built:
        name = self.source.name_of(ref)
        schema, at = self.source.resolve(ref)
        recursive = name in self.source.recursive
        if not self.subset.defs and (not recursive or not self.subset.recursion):
            fuel = self._fuel(name, here.fuel)
            if fuel is not None and fuel < 0:
                return self._cut(name, here)
            inside = here.down("$ref")
            return self.node(schema, Here(at, inside.depth, fuel))
        fuel = self._fuel(name, here.fuel)
        if fuel is not None and fuel < 0:
            return self._cut(name, here)
        own = self._named((f"#{name}", fuel), name, schema, at)
        return Built({"$ref": f"#/$defs/{own}"}, Ref(own))

    def _fuel(self, name: str, fuel: int | None) -> int | None:
        """How much unrolling is left inside a definition, None where none is needed."""
        if self.subset.recursion or name not in self.source.recursive:
            return fuel if not self.subset.recursion else None
        return UNROLL if fuel is None else fuel - 1

    def _cut(self, name: str, here: Here) -> Built:
        text = f"{self.subset.name} has no recursion: below {UNROLL} levels a value is written as JSON text"
        self.note(here, "$ref", "rewritten", text)
        self.note(here, "$ref", "checked", f"{name or 'the root'} as JSON text")
        here.words.append(f"a value of {name or 'the whole'} as JSON text")
        return Built({"type": "string"}, Text())

    def _named(self, key: tuple[str, int | None], name: str, schema: Schema, at: str) -> str:
        """The compiled name of a definition, which is queued to be compiled when it is new."""
        if key not in self._names:
            base = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name or self.target.name) or "_"
            own, n = base, 1
            while own in self._names.values():
                n += 1
                own = f"{base}_{n}"
            self._names[key] = own
            self._queue.append((own, schema, Here(at, 0, key[1])))
        return self._names[key]

    def merged(self, schema: JsonSchema, core: JsonSchema, here: Here) -> Built:
        """`allOf`, and `$ref` beside other keywords: one schema for all of it."""
        flat = assertions(self.source.flat(core, self.dropper(here)))
        if not any(self.source.name_of(ref) in self.source.recursive for ref in refs_above(core)):
            return self.shape(flat, here)
        name = next(name for ref in refs_above(core) if (name := self.source.name_of(ref)) in self.source.recursive)
        fuel = self._fuel(name, here.fuel)
        if fuel is not None and fuel < 0:
            return self._cut(name, here)
        own = self._named((to_text(core), fuel), name, flat, here.at)
        return Built({"$ref": f"#/$defs/{own}"}, Ref(own))

    # ---- values -----------------------------------------------------------------------------------------------------------

    def anything(self, core: JsonSchema, here: Here) -> Built:
        """A value of any kind."""
        if self.subset.untyped:
            return Built({}, SAME)
        self.note(here, "type", "rewritten", "a free-form value, written as JSON text")
        self.note(here, "type", "checked", "the text must be JSON")
        here.words.append("any JSON value, written as JSON text")
        return Built({"type": "string"}, Text())

    def values(self, core: JsonSchema, here: Here) -> Built:
        """`enum` and `const`: the listed values that meet the rest of the node."""
        listed = [core["const"]] if "const" in core else core["enum"]
        if "const" in core and "enum" in core:
            listed = [value for value in core["enum"] if same_json(value, core["const"])]
        rest = {key: value for key, value in core.items() if key not in ("enum", "const")}
        if rest:
            listed = [value for value in listed if self.valid(rest, value)]
        unique = list({to_text(value): value for value in listed}.values())
        if not unique:
            raise Unsatisfiable
        if self.subset.plain_enums and any(isinstance(value, (list, dict)) for value in unique):
            self.note(here, "enum", "rewritten", "one of the listed values, written as JSON text")
            return Built({"type": "string", "enum": [to_text(value) for value in unique]}, Choice())
        types = list(dict.fromkeys(map(json_type, unique)))
        if "number" in types and "integer" in types:
            types.remove("integer")
        head: JsonSchema = {"type": types[0] if len(types) == 1 else types}
        if len(unique) == 1 and self.subset.const:
            return Built({**head, "const": unique[0]}, SAME)
        return Built({**head, "enum": unique}, SAME)

    def valid(self, schema: Schema, value: Json) -> bool:
        """Is a value valid under a part of the source?"""
        if isinstance(schema, dict) and schema.keys() == {"type"}:
            types = types_of(schema) or ()
            actual = json_type(value)
            return actual in types or (actual == "integer" and "number" in types)
        return self.validator(schema)(value)

    def validator(self, schema: Schema) -> Callable[[Json], bool]:
        """A test for a part of the source, built when it is first needed."""
        made: list[Callable[[Json], bool]] = []

        def test(value: Json) -> bool:
            if not made:
                from jsonschema import Draft202012Validator

                whole = {**schema, "$defs": self.source.defs} if isinstance(schema, dict) else schema
                made.append(Draft202012Validator(whole).is_valid)
            return made[0](value)

        return test

    def string(self, core: JsonSchema, here: Here) -> JsonSchema:
        """The assertions on strings that the language holds."""
        subset, drop = self.subset, self.dropper(here)
        kept: JsonSchema = {}
        name = core.get("format")
        pattern = core.get("pattern")
        has_pattern = "string.pattern" in subset.keywords
        if pattern is not None:
            taken = pattern_for(pattern, subset.patterns) if has_pattern else None
            if taken is None:
                drop("pattern", pattern)
            else:
                kept["pattern"] = taken
        if name is not None:
            if not self.plain and name in TEMPORAL and subset.closed:
                drop("format", name)
                if has_pattern and pattern is None:
                    kept["pattern"] = pattern_for(TEMPORAL[name], subset.patterns)
            elif FORMAT_FAMILY.get(name, name) in subset.formats and not (subset.one_string_rule and kept):
                kept["format"] = FORMAT_FAMILY.get(name, name)
                if name in FORMAT_FAMILY:
                    drop("format", name)
            else:
                drop("format", name)
        for keyword in ("minLength", "maxLength"):
            if keyword in core and not (keyword == "minLength" and core[keyword] == 0):
                if f"string.{keyword}" in subset.keywords and not (subset.one_string_rule and kept.keys() & {"pattern", "format"}):
                    kept[keyword] = core[keyword]
                else:
                    drop(keyword, core[keyword])
        return kept

    # ---- arrays -----------------------------------------------------------------------------------------------------------

    def array(self, core: JsonSchema, here: Here) -> Built:
        drop = self.dropper(here)
        for keyword in ("contains", "uniqueItems", "unevaluatedItems"):
            if keyword in core and core[keyword] is not False and not (keyword == "contains" and core.get("minContains") == 0):
                if f"array.{keyword}" in self.subset.keywords:
                    continue
                drop(keyword, core[keyword])
        if core.get("prefixItems"):
            return self.tuple(core, here)
        low, high = core.get("minItems", 0), core.get("maxItems")
        if high is not None and low > high:
            raise Unsatisfiable
        try:
            item = self.node(core.get("items", True), here.down("items"))
        except Unsatisfiable:
            if low:
                raise
            item, high = Built({"type": "string"}, SAME), 0
        schema: JsonSchema = {"type": "array", "items": item.schema}
        bounds = {"minItems": low, "maxItems": high}
        self.keep({k: v for k, v in bounds.items() if v}, "array", bounds, schema, here)
        if high == 0:
            self.keep({"maxItems": 0}, "array", ("maxItems",), schema, here)
        if core.get("uniqueItems") and "array.uniqueItems" in self.subset.keywords and item.codec is SAME:
            schema["uniqueItems"] = True
        return Built(schema, SAME if item.codec is SAME else Items(item.codec))

    def tuple(self, core: JsonSchema, here: Here) -> Built:
        """`prefixItems`: as it is where the language knows it, else an object of positions."""
        prefix, low, high = core["prefixItems"], core.get("minItems", 0), core.get("maxItems")
        tail: Schema = core.get("items", True)
        head: list[Built] = []
        for i, sub in enumerate(prefix[: len(prefix) if high is None else high]):
            try:
                head.append(self.node(sub, here.down(f"prefixItems/{i}")))
            except Unsatisfiable:
                tail = False
                break
        if len(head) < len(prefix) or (high is not None and high <= len(head)):
            tail = False
        rest = None
        if tail is not False:
            try:
                rest = self.node(tail, here.down("items"))
            except Unsatisfiable:
                rest = None
        if rest is None and low > len(head):
            raise Unsatisfiable
        exact = rest is None and low == len(head)
        if head and (self.subset.tuples == "any" or (self.subset.tuples == "fixed" and exact)):
            return self._native_tuple(head, rest, low, high)
        return self._positions(core, head, rest, low, high, here)

    def _native_tuple(self, head: list[Built], rest: Built | None, low: int, high: int | None) -> Built:
        schema: JsonSchema = {"type": "array", "prefixItems": [built.schema for built in head]}
        if rest:
            schema["items"] = rest.schema
        if low:
            schema["minItems"] = low
        top = high if rest else len(head)
        if top is not None:
            schema["maxItems"] = top
        codecs = tuple(built.codec for built in head)
        tail = rest.codec if rest else SAME
        return Built(schema, SAME if all(codec is SAME for codec in (*codecs, tail)) else Items(tail, codecs))

    def _positions(self, core: JsonSchema, head: list[Built], rest: Built | None, low: int, high: int | None, here: Here) -> Built:
        self.note(here, "prefixItems", "rewritten", "a tuple, written as an object with one member per position")
        members, properties = [], {}
        for i, built in enumerate(head):
            name = f"item_{i + 1}"
            if i < low:
                members.append(Member(name, built.codec, "never"))
                properties[name] = built.schema
            else:
                boxed = self.null_on_wire(core["prefixItems"][i], built)
                members.append(Member(name, built.codec, "boxed" if boxed else "null"))
                properties[name] = self.nullable(self.object({VALUE: built.schema}) if boxed else built.schema)
        tail = None
        if rest:
            tail = Member("rest", rest.codec, "never")
            schema: JsonSchema = {"type": "array", "items": rest.schema}
            bounds = {"minItems": max(0, low - len(head)), "maxItems": None if high is None else high - len(head)}
            self.keep({k: v for k, v in bounds.items() if v}, "array", bounds, schema, here)
            properties["rest"] = schema
        if low < len(head):
            self.note(here, "minItems", "checked", "positions may be left out at the end only")
        return Built(self.object(properties), Positions(tuple(members), tail))

    # ---- objects ----------------------------------------------------------------------------------------------------------

    def object(self, properties: dict[str, JsonSchema], required: Iterable[str] | None = None) -> JsonSchema:
        """A closed object."""
        names = list(properties if required is None else required)
        return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}

    def members(self, core: JsonSchema, here: Here) -> Built:
        """An object: a map, a record, or both."""
        drop = self.dropper(here)
        for keyword in ("dependentRequired", "dependentSchemas", "propertyNames", "unevaluatedProperties"):
            if keyword in core and core[keyword] is not True:
                drop(keyword, core[keyword])
        declared = self._declared(core, here)
        patterns = core.get("patternProperties") or {}
        additional: Schema | None = core.get("additionalProperties")
        if additional is None and core.get("unevaluatedProperties") is False and not core.keys() & {"if", "dependentSchemas"}:
            additional = False
        extra, native = self._extra(patterns, additional, here)
        if extra and not declared and not native:
            return self._map(core, extra, here)
        for keyword in ("minProperties", "maxProperties"):
            if keyword in core and not (keyword == "minProperties" and core[keyword] <= len(core.get("required", ()))):
                drop(keyword, core[keyword])
        members, properties, required = self._members(core, declared, here)
        schema = self.object(properties, required)
        if not self.subset.closed and additional is None:
            del schema["additionalProperties"]
        if extra is None:
            others = self._undeclared(additional)
            return Built(schema, self._fields(members, others))
        if native:
            schema.update(native)
            return Built(schema, self._fields(members, "keep", extra.codec))
        name = "other_members"
        while name in properties:
            name += "_"
        self.note(here, "additionalProperties", "rewritten", f"further members, written as a list of entries in {name!r}")
        self.note(here, "additionalProperties", "checked", "each key once")
        properties[name] = {"description": "Further members.", "type": "array", "items": self._entry(core, extra)}
        required.append(name)
        return Built(self.object(properties, required), Fields(tuple(members), "entries", extra.codec, name))

    def _fields(self, members: list[Member], others: Any, extra: Codec = SAME) -> Codec:
        plain = extra is SAME and others == "keep" and all(m.absent in ("never",) and m.codec is SAME for m in members)
        return SAME if plain else Fields(tuple(members), others, extra)

    def _undeclared(self, additional: Schema | None) -> Any:
        """What becomes of members that the schema does not speak of."""
        if additional is False or not self.subset.closed:
            return "keep"
        if not self.plain:
            return "drop"
        self.others = True
        return "note"

    def _declared(self, core: JsonSchema, here: Here) -> dict[str, Schema]:
        declared: dict[str, Schema] = dict(core.get("properties") or {})
        for name in core.get("required", ()):
            if name not in declared:
                declared[name] = property_of(core, name)
        return declared

    def _extra(self, patterns: dict[str, Schema], additional: Schema | None, here: Here) -> tuple[Built | None, JsonSchema]:
        """The values of further members, and the keywords that say so where the language has them."""
        kinds = [(f"patternProperties/{escape(pattern)}", sub) for pattern, sub in patterns.items() if sub is not False]
        if additional is not None and additional is not False:
            kinds.append(("additionalProperties", additional))
        if not kinds:
            return None, {}
        built, sources = [], []
        for step, sub in kinds:
            try:
                built.append(self.node(sub, here.down(step)))
                sources.append(sub)
            except Unsatisfiable:
                continue
        if not built:
            return None, {}
        if patterns and "object.patternProperties" in self.subset.keywords and all(b.codec is SAME for b in built):
            taken = {pattern_for(p, self.subset.patterns): b.schema for p, b in zip(patterns, built, strict=False)}
            if None not in taken and len(taken) == len(patterns):
                last: Any = built[-1].schema if len(built) > len(patterns) else False
                if additional is None and not self.subset.closed:
                    return Built({}, SAME), {"patternProperties": taken}
                return Built({}, SAME), {"patternProperties": taken, "additionalProperties": last}
        if patterns:
            self.dropper(here)("patternProperties", patterns)
        value = built[0] if len(built) == 1 else self.union(built, sources, here)
        if patterns and additional is None and self.plain:
            value = self.anything({}, here)
        return (value, {"additionalProperties": value.schema}) if self.subset.maps else (value, {})

    def _map(self, core: JsonSchema, extra: Built, here: Here) -> Built:
        """An object with no member of its own, as a list of entries."""
        self.note(here, "additionalProperties", "rewritten", "a map, written as a list of entries of key and value")
        self.note(here, "additionalProperties", "checked", "each key once")
        schema: JsonSchema = {"type": "array", "items": self._entry(core, extra)}
        bounds = {"minItems": core.get("minProperties"), "maxItems": core.get("maxProperties")}
        self.keep({k: v for k, v in bounds.items() if v is not None}, "array", bounds, schema, here)
        return Built(schema, Entries(extra.codec))

    def _entry(self, core: JsonSchema, extra: Built) -> JsonSchema:
        return self.object({KEY: {"type": "string"}, VALUE: extra.schema})

    def _members(
        self, core: JsonSchema, declared: dict[str, Schema], here: Here
    ) -> tuple[list[Member], dict[str, JsonSchema], list[str]]:
        needed = core.get("required", ())
        members: list[Member] = []
        properties: dict[str, JsonSchema] = {}
        required: list[str] = []
        for name, sub in declared.items():
            place = here.down(f"properties/{escape(name)}")
            absent = "never" if name in needed else self._absent(sub)
            if absent not in ("never", "omitted"):
                place.words.append(NOT_STATED)
            try:
                built = self.node(sub, place)
            except Unsatisfiable:
                if name in needed:
                    raise
                continue
            if absent == "noted" and not self.null_on_wire(sub, built):
                absent = "null"
            members.append(Member(name, built.codec, absent))
            properties[name] = self._optional(built.schema, absent)
            if absent == "never" or (absent != "omitted" and self.subset.absent == "null"):
                required.append(name)
        return members, properties, required

    def _absent(self, sub: Schema) -> Any:
        """How an optional member that is not there is written."""
        if self.subset.absent == "omit":
            return "omitted"
        if not self.source.admits_null(sub):
            return "null"
        if self.subset.absent == "either":
            return "omitted"
        if self.plain:
            self.others = True
            return "noted"
        if isinstance(sub, dict) and "default" in sub and sub["default"] is None:
            return "null"
        return "boxed"

    def _optional(self, schema: JsonSchema, absent: str) -> JsonSchema:
        if absent in ("never", "omitted"):
            return schema
        if absent == "boxed":
            head = {key: schema[key] for key in ("title", "description") if key in schema}
            inner = {key: value for key, value in schema.items() if key not in head}
            return {**head, **self.nullable(self.object({VALUE: inner}))}
        return self.nullable(schema)

    def null_on_wire(self, sub: Schema, built: Built) -> bool:
        return not isinstance(built.codec, Text) and self.source.admits_null(sub)

    def nullable(self, schema: JsonSchema) -> JsonSchema:
        """The schema, or null."""
        head = {key: schema[key] for key in ("title", "description", "examples") if key in schema}
        body = {key: value for key, value in schema.items() if key not in head}
        if not body:
            return schema
        if "anyOf" in body:
            if {"type": "null"} not in body["anyOf"]:
                body["anyOf"].append({"type": "null"})
            return {**head, **body}
        types = types_of(body) or ()
        if types and all(t in SCALARS for t in types):
            if "null" not in types:
                body["type"] = [*types, "null"]
            if "const" in body and body["const"] is not None:
                body["enum"] = [body.pop("const"), None]
            elif "enum" in body and None not in body["enum"]:
                body["enum"] = [*body["enum"], None]
            return {**head, **body}
        return {**head, "anyOf": [body, {"type": "null"}]}

    # ---- alternatives -----------------------------------------------------------------------------------------------------

    def alternatives(self, core: JsonSchema, here: Here) -> Built:
        """`anyOf` and `oneOf`, with what stands beside them merged into each branch."""
        beside = {key: value for key, value in core.items() if key not in ("anyOf", "oneOf")}
        keyword = "anyOf" if "anyOf" in core else "oneOf"
        if "anyOf" in core and "oneOf" in core:
            self.dropper(here)("oneOf", core["oneOf"])
        branches = core[keyword]
        if beside and self._too_wide(beside, branches):
            self.dropper(here)(keyword, branches)
            return self.shape(beside, here)
        built: list[Built] = []
        sources: list[Schema] = []
        for i, branch in enumerate(branches):
            place = here.down(f"{keyword}/{i}")
            merged = {"allOf": [beside, branch]} if beside else branch
            try:
                option = self.node(merged, place)
            except Unsatisfiable:
                continue
            built.append(option)
            sources.append(merged)
        if not built:
            raise Unsatisfiable
        if keyword == "oneOf" and not apart(self.source, sources):
            self.note(here, "oneOf", "checked", "exactly one of the options")
        return self.union(built, sources, here)

    def _too_wide(self, beside: JsonSchema, branches: list[Schema]) -> bool:
        """Would writing the branches out say no more than `beside` does, or take too much room?"""
        own = [self.source.follow(branch) for branch in branches]
        telling = any(isinstance(b, dict) and b.keys() & _TELLING for b in own)
        return (not telling and bool(beside.keys() & _TELLING)) or len(branches) * len(beside.get("properties", ())) > MAX_SPREAD

    def union(self, built: list[Built], sources: list[Schema], here: Here) -> Built:
        """One of several; the options are told apart when all definitions are known."""
        if any(not assertions(option.schema) for option in built):
            return Built({}, SAME)
        nulls = [i for i, option in enumerate(built) if option.schema.get("type") == "null"]
        rest = [i for i in range(len(built)) if i not in nulls]
        if not rest:
            return built[0]
        if len(rest) == 1:
            option = built[rest[0]]
            if not nulls:
                return option
            return Built(self.nullable(option.schema), SAME if option.codec is SAME else Nullable(option.codec))
        schemas = [built[i].schema for i in rest]
        codec = Union(tuple(built[i].codec for i in rest), schemas)
        self.unions.append(Alternatives(codec, [sources[i] for i in rest], here))
        whole: JsonSchema = {"anyOf": schemas}
        if nulls:
            schemas.append({"type": "null"})
            return Built(whole, Nullable(codec))
        return Built(whole, codec)
