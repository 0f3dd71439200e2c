"""The official JSON Schema test suite, drafts 4 to 2020-12, through check and compile.

`tests/data/json-schema-test-suite.tar.xz` has all of it: required tests, optional ones and formats
(MIT licence, inside). All drafts in all languages take about 15 s.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema import SUBSETS, compile_schema
from structgen.schema.audit import audit
from structgen.schema.check import validate
from structgen.schema.json import same_json
from structgen.schema.target import Target, target_of

PACKED = Path(__file__).parents[1] / "data" / "json-schema-test-suite.tar.xz"
DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
REQUIRED = {"draft4": 593, "draft6": 806, "draft7": 904, "draft2019-09": 1193, "draft2020-12": 1233}
"""Required tests that agree, by draft: all of them but those named here."""
NO_VOCABULARY = "schema that uses custom metaschema with with no validation vocabulary"
"""A meta-schema on the suite's server switches validation off. It is not fetched."""
UNCHECKED = {"contentEncoding", "contentMediaType"}


class Group(NamedTuple):
    """A schema of the suite with its tests."""

    file: str
    name: str
    schema: Any
    tests: list[dict[str, Any]]


@lru_cache(maxsize=1)
def suite() -> dict[str, bytes]:
    """The files of the suite, by their path."""
    with tarfile.open(PACKED) as packed:
        return {
            member.name.removeprefix("./"): packed.extractfile(member).read()  # type: ignore[union-attr]
            for member in packed
            if member.name.endswith(".json")
        }


def groups(draft: str, *, optional: bool = False) -> Iterator[Group]:
    for path, text in suite().items():
        inner = path.removeprefix(f"{draft}/")
        if inner == path or inner.startswith("optional/") is not optional:
            continue
        for group in json.loads(text):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": DRAFTS[draft], **schema}
            yield Group(inner, group["description"], schema, group["tests"])


def target(group: Group) -> Target[Any] | None:
    """The target of a schema; None if it refers to a document on the suite's server."""
    try:
        return target_of(group.schema)
    except SchemaError as error:
        assert "leads out of the document" in error.message, (group, error)
        return None


def accepts(known: Target[Any], value: Any) -> bool:
    try:
        validate(known, value)
    except InvalidOutputError:
        return False
    return True


def test_all_drafts_are_there() -> None:
    assert {path.split("/")[0] for path in suite()} == set(DRAFTS)


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_check_agrees_with_every_required_test(draft: str) -> None:
    agreed, wrong = 0, []
    for group in groups(draft):
        known = target(group)
        if known is None or group.name == NO_VOCABULARY:
            continue
        for test in group.tests:
            if "only an annotation" in test["description"]:
                continue  # formats are asserted here
            right = accepts(known, test["data"]) is test["valid"]
            agreed += right
            wrong += [] if right else [(group.file, group.name, test["description"])]
    assert wrong == []
    assert agreed == REQUIRED[draft]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("optional", [False, True], ids=["required", "optional"])
def test_every_language_compiles_or_says_why_not(draft: str, *, optional: bool) -> None:
    """And what it encodes comes back, unless a typed error says that it cannot be encoded."""
    compiled = 0
    for group in groups(draft, optional=optional):
        known = target(group)
        for name in SUBSETS if known else ():
            assert known is not None
            try:
                one = compile_schema(known, name)
            except SchemaError:
                continue
            compiled += 1
            is_narrowed = any(note.action == "narrowed" for note in one.notes)
            for test in group.tests:
                if test["valid"] and accepts(known, test["data"]):
                    try:
                        form = one.encode(test["data"])
                    except SchemaError:
                        continue
                    again = one.decode(form)
                    assert is_narrowed or same_json(again, test["data"]), (group, name)
    assert compiled > 300


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_schema_can_be_audited(draft: str) -> None:
    for number, group in enumerate(groups(draft)):
        known = target(group)
        if known is not None and number % 7 == 0:
            assert audit(known).subsets == tuple(SUBSETS)


@pytest.mark.parametrize("draft", DRAFTS)
def test_optional_tests_agree_or_a_note_says_what_is_not_checked(draft: str) -> None:
    wrong = []
    for group in groups(draft, optional=True):
        known = target(group)
        if known is None or group.file == "optional/zeroTerminatedFloats.json":
            continue  # 1.0 is an integer in every draft here, as in those after draft 4
        for test in group.tests:
            if accepts(known, test["data"]) is not test["valid"]:
                wrong.append((group.file, group.name, test["description"]))
                notes = compile_schema(known, "best-effort").notes
                unchecked = {one.keyword for one in notes if one.action == "wider"}
                assert unchecked & {*UNCHECKED, "format"}, wrong[-1]
                assert not test["valid"], wrong[-1]
    assert {file for file, _, _ in wrong} <= {"optional/content.json"}


def test_a_format_that_nothing_checks_is_told_and_noted() -> None:
    schema = {"type": "string", "format": "isbn", "contentEncoding": "base64"}
    one = compile_schema(schema, "openai-strict")
    assert [(note.keyword, note.action) for note in one.notes if note.action == "wider"] == [
        ("format", "wider"),
        ("contentEncoding", "wider"),
    ]
    told = one.schema["properties"]["value"]["description"].lower()
    assert "format: isbn; encoded in base64" in told
