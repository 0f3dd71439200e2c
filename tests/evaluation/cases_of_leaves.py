"""Leaves whose right answer follows from the definitions."""

from __future__ import annotations

from tests.evaluation.case import DATE, DECIMAL, GRADE, MOMENT, NUMBER, TEXT, leaf

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
    leaf(
        "an instant in two zones",
        MOMENT,
        "2024-01-01T12:00:00Z",
        "2024-01-01T13:00:00+01:00",
        "right",
    ),
    leaf(
        "an instant without a zone", MOMENT, "2024-01-01T12:00:00", "2024-01-01T12:00:00Z", "wrong"
    ),
    leaf("seconds may be left out", MOMENT, "2024-01-01T12:00", "2024-01-01 12:00:00", "right"),
    leaf(
        "a moment without a format", TEXT, "2024-01-01T12:00Z", "2024-01-01T12:00:00+00:00", "right"
    ),
    leaf("hours of a day", {"format": "duration"}, "PT24H", "P1D", "right"),
    leaf("a time", {"format": "time"}, "09:30", "09:30:00", "right"),
]
