"""Tables of faults: each row of a page of faults names the tests that hold what is right now.

The pages are in ../shared/faults, beside the repository. If they are not there, the tables stand
alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
_PAGES = ROOT.parent / "shared" / "faults"
_NUMBER = re.compile(r"^(?:\*\*)?(D?\d+[a-z]?)\. ", re.MULTILINE)
_LABEL = re.compile(r"\*\*(D\d+) \([^)]+\)\.")


class Row(NamedTuple):
    """What holds a row: tests, or words that say why none can."""

    tests: tuple[str, ...]
    untested: str


def row(*tests: str, untested: str = "") -> Row:
    """A row of a table.

    Args:
        tests: The tests that hold it, as `folder/test_file.py::test_name`.
        untested: Which part of the row no test holds, and why.
    """
    return Row(tests, untested)


@lru_cache
def _tests_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def missing_tests(held: Row) -> list[str]:
    """The tests of a row that there are not; a row without tests or words is one, too."""
    if not held.tests and not held.untested:
        return ["neither a test nor a reason"]
    named = (name.partition("::") for name in held.tests)
    return [f"{file}::{test}" for file, _, test in named if test not in _tests_in(file)]


def rows_without_a_test(page: str, table: Mapping[str, Row]) -> list[str]:
    """The numbers of a page's rows that a table has no line for.

    Args:
        page: The name of the page, such as "wire.md".
        table: The lines, by the row's number and what is right now: "D4: a cut stream is told".
    """
    known = {label.partition(":")[0] for label in table}
    return [number for number in _numbers_of(page) if number not in known]


def _numbers_of(page: str) -> Iterable[str]:
    file = _PAGES / page
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return dict.fromkeys([*_NUMBER.findall(text), *_LABEL.findall(text)])
