"""Cases whose right answer follows from the definitions, worked out by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

from structgen.evaluation.scoring import Counts


class Case(NamedTuple):
    """`schema` None: any value. The last five are the counts of leaves that are right."""

    name: str
    schema: Any
    found: Any
    gold: Any
    right: int = 0
    wrong: int = 0
    omitted: int = 0
    invented: int = 0
    null: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(self.right, self.wrong, self.omitted, self.invented, self.null)


def of(schema: Any) -> dict[str, Any]:
    """An object with one field of this schema."""
    return {"type": "object", "properties": {"v": schema}}


def many(schema: Any, **list_: Any) -> dict[str, Any]:
    """An object with one list of this schema."""
    return of({"type": "array", "items": schema, **list_})


TEXT: dict[str, Any] = {"type": ["string", "null"]}
NUMBER: dict[str, Any] = {"type": ["number", "null"]}
DATE: dict[str, Any] = {"type": "string", "format": "date"}
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
DECIMAL: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
GRADE: dict[str, Any] = {"enum": ["A+", "A-", "a"]}
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {"name": TEXT, "quantity": NUMBER},
}
PAIR: dict[str, Any] = {"type": "array", "prefixItems": [TEXT, NUMBER]}


def leaf(name: str, schema: Any, found: Any, gold: Any, kind: str) -> Case:
    return Case(name, of(schema), {"v": found}, {"v": gold}, **{kind: 1})


def rule(name: str, config: Any, found: Any, gold: Any, kind: str, **more: Any) -> Case:
    return leaf(name, {"evaluation_config": config, **more}, found, gold, kind)


def stickler(name: str, comparator: str, found: Any, gold: Any, kind: str, **more: Any) -> Case:
    keys = {f"x-aws-stickler-{key.replace('_', '-')}": value for key, value in more.items()}
    schema = {"x-aws-stickler-comparator": comparator, **keys}
    return leaf(name, schema, found, gold, kind)


CASES = [
    # ---- texts
    leaf("the same text", TEXT, "Ada", "Ada", "right"),
    leaf("another text", TEXT, "Bob", "Ada", "wrong"),
    leaf("case does not count", TEXT, "ADA LOVELACE", "Ada Lovelace", "right"),
    leaf("sharp s is folded", TEXT, "STRASSE", "Straße", "right"),
    leaf("white space does not count", TEXT, " Ada \n Lovelace", "Ada Lovelace", "right"),
    leaf("space inside a word counts", TEXT, "Ada L", "AdaL", "wrong"),
    leaf("punctuation at a word's edge does not count", TEXT, "Acme, Inc.", "Acme Inc", "right"),
    leaf("brackets do not count", TEXT, "(555) 123", "555 123", "right"),
    leaf("punctuation inside a word counts", TEXT, "a.b@x.org", "ab@x.org", "wrong"),
    leaf("a decimal point counts", TEXT, "15 mg", "1.5 mg", "wrong"),
    leaf("a leading decimal point counts", TEXT, "5 mg", ".5 mg", "wrong"),
    leaf("a minus counts", TEXT, "5 °C", "-5 °C", "wrong"),
    leaf("a plus counts", TEXT, "C", "C++", "wrong"),
    leaf("a currency counts", TEXT, "5", "$5", "wrong"),
    leaf("curly quotes are quotes", TEXT, "O\u2019Brien", "O'Brien", "right"),
    leaf("dashes are dashes", TEXT, "2019\u20132020", "2019-2020", "right"),
    leaf("composed and decomposed are one", TEXT, "Zu\u0308rich", "Z\u00fcrich", "right"),
    leaf("compatibility forms are one", TEXT, "\ufb01ne \u2460", "fine 1", "right"),
    leaf("an accent counts", TEXT, "Zurich", "Zürich", "wrong"),
    leaf("punctuation alone counts", TEXT, "?", "!", "wrong"),
    leaf("zeros in front of a text count", TEXT, "2139", "02139", "wrong"),
    leaf("an option of an enum is exact", GRADE, "A+", "A-", "wrong"),
    leaf("case of an option counts", GRADE, "A+", "a", "wrong"),
    leaf("an option that is right", GRADE, "A-", "A-", "right"),
    # ---- numbers and booleans
    leaf("integer and float", NUMBER, 12, 12.0, "right"),
    leaf("another number", NUMBER, 12, 13, "wrong"),
    leaf("binary fractions", NUMBER, 0.1 + 0.2, 0.3, "right"),
    leaf("a thousandth is a difference", NUMBER, 1.001, 1.0, "wrong"),
    leaf("a number as text", NUMBER, "12.50", 12.5, "right"),
    leaf("decimals as texts", DECIMAL, "12.50", "12.5", "right"),
    leaf("other decimals as texts", DECIMAL, "12.51", "12.5", "wrong"),
    leaf("zero is a value", NUMBER, 0, 0, "right"),
    leaf("zero is not null", NUMBER, 0, None, "invented"),
    leaf("true is not 1", {}, True, 1, "wrong"),
    leaf("false is not null", {"type": ["boolean", "null"]}, None, False, "omitted"),
    leaf("true is true", {"type": "boolean"}, True, True, "right"),
    # ---- dates
    leaf("the same date", DATE, "2024-02-29", "2024-02-29", "right"),
    leaf("the next day", DATE, "2024-03-01", "2024-02-29", "wrong"),
    leaf("an instant in two zones", MOMENT, "2024-01-01T12:00:00Z", "2024-01-01T13:00:00+01:00", "right"),
    leaf("an instant without a zone", MOMENT, "2024-01-01T12:00:00", "2024-01-01T12:00:00Z", "wrong"),
    leaf("seconds may be left out", MOMENT, "2024-01-01T12:00", "2024-01-01 12:00:00", "right"),
    leaf("a moment without a format", TEXT, "2024-01-01T12:00Z", "2024-01-01T12:00:00+00:00", "right"),
    leaf("hours of a day", {"format": "duration"}, "PT24H", "P1D", "right"),
    leaf("a time", {"format": "time"}, "09:30", "09:30:00", "right"),
    # ---- null
    Case("null in both", of(TEXT), {"v": None}, {"v": None}, null=1),
    Case("a key that is left out is null", of(TEXT), {}, {"v": None}, null=1),
    Case("left out in both", of(TEXT), {}, {}, null=1),
    Case("omitted by null", of(TEXT), {"v": None}, {"v": "x"}, omitted=1),
    Case("omitted by a key that is left out", of(TEXT), {}, {"v": "x"}, omitted=1),
    Case("invented where gold is null", of(TEXT), {"v": "x"}, {"v": None}, invented=1),
    Case("invented where gold has no key", of(TEXT), {"v": "x"}, {}, invented=1),
    Case("an empty text is a value", of(TEXT), {"v": ""}, {"v": None}, invented=1),
    Case("an answer that failed", of(ITEM), None, {"v": {"name": "x", "quantity": 1}}, omitted=2),
    Case("a key that the target has not", of(TEXT), {"v": "x", "w": 1}, {"v": "x"}, right=1, invented=1),
    # ---- objects
    Case("null for an object", of(ITEM), {"v": None}, {"v": {"name": "x"}}, omitted=1, null=1),
    Case("an object for null", of(ITEM), {"v": {"name": "x", "quantity": 2}}, {"v": None}, invented=2),
    Case("null objects", of(ITEM), {"v": None}, {"v": None}, null=1),
    Case("a text for an object", of(ITEM), {"v": "x"}, {"v": {"name": "x"}}, invented=1, omitted=1, null=1),
    Case("half of an object", of(ITEM), {"v": {"name": "x", "quantity": 3}}, {"v": {"name": "x", "quantity": 2}}, right=1, wrong=1),
    # ---- lists
    Case("the same list", many(TEXT), {"v": ["a", "b"]}, {"v": ["a", "b"]}, right=2),
    Case("another order", many(TEXT), {"v": ["b", "a"]}, {"v": ["a", "b"]}, right=2),
    Case("an item too many", many(TEXT), {"v": ["a", "b", "c"]}, {"v": ["a", "b"]}, right=2, invented=1),
    Case("an item too few", many(TEXT), {"v": ["a"]}, {"v": ["a", "b"]}, right=1, omitted=1),
    Case("an item twice", many(TEXT), {"v": ["a", "a"]}, {"v": ["a"]}, right=1, invented=1),
    Case("another item is omitted and invented", many(TEXT), {"v": ["x"]}, {"v": ["a"]}, omitted=1, invented=1),
    Case("empty lists", many(TEXT), {"v": []}, {"v": []}, null=1),
    Case("an empty list is null", many(TEXT), {"v": None}, {"v": []}, null=1),
    Case("a list for an empty one", many(TEXT), {"v": ["a", "b"]}, {"v": []}, invented=2),
    Case("nothing for a list", many(TEXT), {}, {"v": ["a", "b"]}, omitted=2),
    Case("a text for a list", many(TEXT), {"v": "a"}, {"v": ["a"]}, invented=1, omitted=1),
    Case(
        "items are paired by most right leaves",
        many(ITEM),
        {"v": [{"name": "x", "quantity": 1}, {"name": "y", "quantity": 2}]},
        {"v": [{"name": "y", "quantity": 3}, {"name": "x", "quantity": 1}]},
        right=3,
        wrong=1,
    ),
    Case(
        "the best sum, not the best pair first",
        many({"type": "object"}),
        {"v": [{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 9}]},
        {"v": [{"a": 1, "b": 1, "c": 9}, {"a": 7, "b": 7, "c": 9}]},
        right=3,
        wrong=3,
    ),
    Case(
        "items of lists inside items",
        many(many(TEXT)),
        {"v": [{"v": ["c"]}, {"v": ["b", "a"]}]},
        {"v": [{"v": ["a", "b"]}, {"v": ["c", "d"]}]},
        right=3,
        omitted=1,
    ),
    Case("order where it matters", many(TEXT, **{"x-ordered": True}), {"v": ["b", "a"]}, {"v": ["a", "b"]}, right=1, omitted=1, invented=1),
    Case("an insertion where order matters", many(TEXT, **{"x-ordered": True}), {"v": ["x", "a", "b"]}, {"v": ["a", "b"]}, right=2, invented=1),
    Case("a tuple has places", of(PAIR), {"v": ["a", 2]}, {"v": ["a", 1]}, right=1, omitted=1, invented=1),
    Case("a root that is a list", {"type": "array"}, [1, 2], [2, 1], right=2),
    Case("a root that is a leaf", {"type": "integer"}, 3, 3, right=1),
    Case(
        "a share of leaves that items must have in common",
        many({**ITEM, "x-aws-stickler-match-threshold": 0.7}),
        {"v": [{"name": "x", "quantity": 1}]},
        {"v": [{"name": "x", "quantity": 2}]},
        omitted=2,
        invented=2,
    ),
    # ---- extract-bench's rules
    rule("exact counts case", "string_exact", "ada", "Ada", "wrong"),
    rule("without case", "string_case_insensitive", "ADA", "Ada", "right"),
    rule("fuzzy above 0.8", "string_fuzzy", "Jon Smith", "John Smith", "right"),
    rule("fuzzy below 0.8", "string_fuzzy", "Jane Smythe", "John Smith", "wrong"),
    rule("fuzzy with a threshold", {"metrics": [{"metric_id": "string_fuzzy", "params": {"threshold": 0.99}}]}, "Jon Smith", "John Smith", "wrong"),
    rule("words for meaning", "string_semantic", "the quick fox", "The fox, quick", "right"),
    rule("other words", "string_semantic", "partner at a firm", "associate at the firm", "wrong"),
    rule("within the tolerance", "number_tolerance", 10.0009, 10, "right"),
    rule("at a tolerance of one's own", {"metrics": [{"metric_id": "number_tolerance", "params": {"tolerance": 0.5}}]}, 10.5, 10, "right"),
    rule("over the tolerance", "number_tolerance", 10.01, 10, "wrong"),
    rule("integers", "integer_exact", 10, 10.0, "right"),
    rule("booleans", "boolean_exact", False, True, "wrong"),
    Case("a field that is skipped", of({"evaluation_config": "skip"}), {"v": 1}, {"v": 2}),
    Case("the rule of the branch that fits", of({"anyOf": [{"type": "string", "evaluation_config": "string_exact"}, {"type": "integer", "evaluation_config": "integer_exact"}]}), {"v": 7}, {"v": 7.0}, right=1),
    Case("lists for a model are aligned", of({"type": "array", "evaluation_config": "array_llm", "items": {"evaluation_config": "string_exact"}}), {"v": ["b", "A"]}, {"v": ["a", "b"]}, right=1, omitted=1, invented=1),
    # ---- stickler's rules
    stickler("exact", "ExactComparator", "Ada", "ada", "wrong"),
    stickler("exact without case", "ExactComparator", "Ada", "ada", "right", comparator_config={"case_sensitive": False}),
    stickler("edits: 1 of 4 is 0.75", "LevenshteinComparator", "lane", "lame", "right"),
    stickler("edits: 0.75 under 0.8", "LevenshteinComparator", "lane", "lame", "wrong", threshold=0.8),
    stickler("indel: 2*3/8 is 0.75", "FuzzyComparator", "lane", "lame", "right"),
    stickler("indel under 0.8", "FuzzyComparator", "lane", "lame", "wrong", threshold=0.8),
    stickler("a numeral in a text", "NumericComparator", "$1,234.50", 1234.5, "right"),
    stickler("ten per cent", "NumericComparator", 109, 100, "right", comparator_config={"relative_tolerance": 0.1}),
    stickler("over ten per cent", "NumericComparator", 111, 100, "wrong", comparator_config={"relative_tolerance": 0.1}),
    stickler("dates by value", "DateComparator", "2024-01-01", "2024-01-01T00:00:00", "right"),
    stickler("without punctuation", "NormalizedComparator", "Acme, Inc.", "acme inc", "right"),
    Case("a threshold alone is of edits", of({"x-aws-stickler-threshold": 0.7}), {"v": "lane"}, {"v": "lame"}, right=1),
]  # fmt: skip
