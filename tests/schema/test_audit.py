"""The audit: what a language holds of a target, before anything is sent."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from structgen.schema.audit import audit
from structgen.schema.subset import SUBSETS


class Order(BaseModel):
    number: str = Field(pattern=r"^\d+$")
    counts: dict[str, int] = {}
    tags: set[str]
    pair: tuple[int, str]


def statuses(subset: str, path: str, source: Any = Order) -> list[str]:
    return [finding.status for finding in audit(source, subset).of(subset) if finding.path == path]


def test_each_field_says_what_becomes_of_it() -> None:
    assert statuses("openai-strict", "/properties/number") == ["enforced"]
    assert statuses("groq-strict", "/properties/number") == ["checked"]
    assert set(statuses("openai-strict", "/properties/counts")) == {"rewritten", "checked"}
    assert statuses("openai-strict", "/properties/pair") == ["rewritten"]
    assert statuses("llguidance", "/properties/pair") == ["enforced"]
    assert statuses("llguidance", "/properties/tags") == ["wider"]


def test_a_language_that_holds_nothing_enforces_nothing() -> None:
    assert "enforced" not in {finding.status for finding in audit(Order, "json-object").findings}


def test_every_language_is_audited_when_none_is_named() -> None:
    assert audit(Order).subsets == tuple(SUBSETS)


def test_a_refusal_is_a_finding_with_the_way_out() -> None:
    wide = {
        "type": "object",
        "properties": {f"p{i}": {"type": "string"} for i in range(101)},
        "additionalProperties": False,
    }
    (finding,) = audit(wide, "azure-openai").findings
    assert finding.status == "refused"
    assert "101 properties" in finding.how
    assert "Split the target" in finding.how


def test_the_table_has_a_line_for_each_finding() -> None:
    report = audit(Order, "groq-strict")
    head, *lines = report.table().splitlines()
    assert head == f"Order in groq-strict: {report.summary('groq-strict')}"
    assert len(lines) == len(report.findings)
    assert all(len(line) < 200 for line in lines)


def test_markdown_keeps_its_columns_whatever_the_text_holds() -> None:
    report = audit(
        {"type": "object", "properties": {"a|b": {"type": "string", "pattern": "x|y"}}},
        "groq-strict",
    ).markdown()
    rows = [line for line in report.splitlines() if line.startswith("| `")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def test_several_languages_are_a_matrix() -> None:
    lines = audit(Order).table().splitlines()
    assert lines[0] == "Order:"
    assert lines[1].split() == list(SUBSETS)
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:] if line.startswith("/")}
    assert set(rows) == {finding.path or "/" for finding in audit(Order).findings}
    letters = dict(zip(SUBSETS, rows["/properties/number"], strict=True))
    assert (letters["openai-strict"], letters["groq-strict"]) == ("e", "c")
    assert "c checked" in lines[2 + len(rows)]
