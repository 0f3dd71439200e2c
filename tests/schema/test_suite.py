"""`validate` agrees with the official JSON Schema test suite and with JSONSchemaBench's labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.check import validate
from structgen.schema.target import target_of
from structgen.schema.validate.formats import FORMATS

DRAFTS = {
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}

# Files of required tests with references to documents that the suite serves over HTTP.
REMOTE = {"refRemote.json", "dynamicRef.json"}
# A meta-schema on the suite's server switches the validation vocabulary off. It is not fetched, so
# the standard one applies.
UNKNOWN_DIALECT = {"schema that uses custom metaschema with with no validation vocabulary"}


@pytest.fixture
def suite(shared_data: Path) -> Path:
    """The folder of the official tests."""
    return shared_data / "json-schema-test-suite" / "tests"


def accepts(schema: Any, value: Any) -> bool:
    try:
        validate(target_of(schema), value)
    except InvalidOutputError:
        return False
    return True


def groups(suite: Path, draft: str, folder: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((suite / draft / folder).glob("*.json")):
        for group in json.loads(path.read_text()):
            if isinstance(group["schema"], dict):
                group["schema"] = {"$schema": DRAFTS[draft], **group["schema"]}
            yield path.name, group


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_tests_of_the_official_suite(suite: Path, draft: str) -> None:
    """Each required test agrees, except remote documents (a typed error) and `format`."""
    agreed, refused, wrong = 0, [], []
    for name, group in groups(suite, draft):
        try:
            target_of(group["schema"])
        except SchemaError as error:
            assert name in REMOTE and "leads out of the document" in error.message, (
                name,
                group["description"],
                str(error),
            )
            refused.append(group["description"])
            continue
        for test in group["tests"]:
            if name == "format.json" and "only an annotation" in test["description"]:
                assert accepts(group["schema"], test["data"]) is (
                    group["schema"]["format"] not in FORMATS
                )
            elif group["description"] not in UNKNOWN_DIALECT:
                right = accepts(group["schema"], test["data"]) is test["valid"]
                agreed += right
                wrong += [] if right else [(name, group["description"], test["description"])]
    assert wrong == []
    assert agreed == {"draft7": 904, "draft2020-12": 1233}[draft]
    assert len(refused) == {"draft7": 11, "draft2020-12": 20}[draft]


@pytest.mark.parametrize("draft", DRAFTS)
def test_formats_of_the_official_suite(suite: Path, draft: str) -> None:
    """Asserted formats agree with the optional tests."""
    wrong = [
        (name, test["description"], test["data"])
        for name, group in groups(suite, draft, "optional/format")
        if group["schema"].get("format") in FORMATS
        for test in group["tests"]
        if accepts(group["schema"], test["data"]) is not test["valid"]
    ]
    assert wrong == []


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize(
    "name",
    [
        "ecmascript-regex.json",
        "non-bmp-regex.json",
        "bignum.json",
        "float-overflow.json",
        "unknownKeyword.json",
    ],
)
def test_optional_tests_of_the_official_suite(suite: Path, draft: str, name: str) -> None:
    """Patterns are ECMA-262, numbers are of any size."""
    if not (suite / draft / "optional" / name).exists():
        assert draft == "draft2020-12"
        return
    wrong = []
    for group in json.loads((suite / draft / "optional" / name).read_text()):
        schema = {"$schema": DRAFTS[draft], **group["schema"]}
        wrong += [
            (group["description"], test["description"])
            for test in group["tests"]
            if accepts(schema, test["data"]) is not test["valid"]
        ]
    assert wrong == []


@pytest.mark.slow
def test_labelled_instances_of_jsonschemabench(shared_data: Path) -> None:
    """1120 instances of 299 schemas are judged right; one schema has a dangling reference."""
    wrong, refused, agreed = [], [], 0
    for line in (shared_data / "jsonschemabench-dev.jsonl").read_text().splitlines():
        record = json.loads(line)
        try:
            target_of(record["schema"])
        except SchemaError as error:
            refused.append((record["id"], error.keyword))
            continue
        for number, test in enumerate(record["tests"]):
            if accepts(record["schema"], test["data"]) is test["valid"]:
                agreed += 1
            else:
                wrong.append((record["id"], number))
    assert wrong == []
    assert refused == [("Github_ultra---o91126", "$ref")]
    assert agreed == 1120
