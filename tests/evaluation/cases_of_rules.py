"""Cases of the rules that extract-bench and stickler define."""

from __future__ import annotations

from tests.evaluation.case import Case, leaf, of, rule, stickler

CASES = [
    # ---- extract-bench's rules
    rule("exact counts case", "string_exact", "ada", "Ada", "wrong"),
    rule("without case", "string_case_insensitive", "ADA", "Ada", "right"),
    rule("fuzzy above 0.8", "string_fuzzy", "Jon Smith", "John Smith", "right"),
    rule("fuzzy below 0.8", "string_fuzzy", "Jane Smythe", "John Smith", "wrong"),
    rule(
        "fuzzy with a threshold",
        {"metrics": [{"metric_id": "string_fuzzy", "params": {"threshold": 0.99}}]},
        "Jon Smith",
        "John Smith",
        "wrong",
    ),
    rule("words for meaning", "string_semantic", "the quick fox", "The fox, quick", "right"),
    rule("other words", "string_semantic", "partner at a firm", "associate at the firm", "wrong"),
    rule("within the tolerance", "number_tolerance", 10.0009, 10, "right"),
    rule(
        "at a tolerance of one's own",
        {"metrics": [{"metric_id": "number_tolerance", "params": {"tolerance": 0.5}}]},
        10.5,
        10,
        "right",
    ),
    rule("over the tolerance", "number_tolerance", 10.01, 10, "wrong"),
    rule("integers", "integer_exact", 10, 10.0, "right"),
    rule("booleans", "boolean_exact", False, True, "wrong"),
    Case("a field that is skipped", of({"evaluation_config": "skip"}), {"v": 1}, {"v": 2}),
    Case(
        "the rule of the branch that fits",
        of(
            {
                "anyOf": [
                    {"type": "string", "evaluation_config": "string_exact"},
                    {"type": "integer", "evaluation_config": "integer_exact"},
                ]
            }
        ),
        {"v": 7},
        {"v": 7.0},
        right=1,
    ),
    Case(
        "lists for a model are aligned",
        of(
            {
                "type": "array",
                "evaluation_config": "array_llm",
                "items": {"evaluation_config": "string_exact"},
            }
        ),
        {"v": ["b", "A"]},
        {"v": ["a", "b"]},
        right=1,
        omitted=1,
        invented=1,
    ),
    # ---- stickler's rules
    stickler("exact", "ExactComparator", "Ada", "ada", "wrong"),
    stickler(
        "exact without case",
        "ExactComparator",
        "Ada",
        "ada",
        "right",
        comparator_config={"case_sensitive": False},
    ),
    stickler("edits: 1 of 4 is 0.75", "LevenshteinComparator", "lane", "lame", "right"),
    stickler(
        "edits: 0.75 under 0.8", "LevenshteinComparator", "lane", "lame", "wrong", threshold=0.8
    ),
    stickler("indel: 2*3/8 is 0.75", "FuzzyComparator", "lane", "lame", "right"),
    stickler("indel under 0.8", "FuzzyComparator", "lane", "lame", "wrong", threshold=0.8),
    stickler("a numeral in a text", "NumericComparator", "$1,234.50", 1234.5, "right"),
    stickler(
        "ten per cent",
        "NumericComparator",
        109,
        100,
        "right",
        comparator_config={"relative_tolerance": 0.1},
    ),
    stickler(
        "over ten per cent",
        "NumericComparator",
        111,
        100,
        "wrong",
        comparator_config={"relative_tolerance": 0.1},
    ),
    stickler("dates by value", "DateComparator", "2024-01-01", "2024-01-01T00:00:00", "right"),
    stickler("without punctuation", "NormalizedComparator", "Acme, Inc.", "acme inc", "right"),
    stickler(
        "half of the letters are enough by default", "LevenshteinComparator", "ab", "ax", "right"
    ),
    stickler("less than half", "LevenshteinComparator", "abc", "axy", "wrong"),
    leaf(
        "a threshold alone on a number",
        {"type": "number", "x-aws-stickler-threshold": 0.7},
        12,
        13,
        "wrong",
    ),
    Case(
        "a threshold alone is of edits",
        of({"x-aws-stickler-threshold": 0.7}),
        {"v": "lane"},
        {"v": "lame"},
        right=1,
    ),
]
