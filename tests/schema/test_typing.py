"""Type checkers infer the value's type from the target, and find a misspelt keyword.

The files of tests/typing are programs of users; a line that must be an error carries an ignore,
which both checkers call unused if there is no error.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = "tests/typing"
CHECKERS = {
    "mypy": ["mypy", "--strict", PROGRAMS],
    "pyright": ["basedpyright", "-p", PROGRAMS, "--pythonpath", sys.executable],
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_checker_infers_types_and_finds_misspelt_keywords(checker: str) -> None:
    command = [sys.executable, "-m", *CHECKERS[checker]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
