"""mypy infers the value's type from the target's source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_mypy_infers_the_type_of_models_unions_literals_and_lists() -> None:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "tests/typing/targets.py",
        "tests/typing/clients.py",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
