"""A forked process goes on with models of its own: threads do not come along."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing
from pydantic import BaseModel
from structgen import Client

class Person(BaseModel):
    name: str

client = Client("local", temperature=0, max_tokens=40)

def read(text):
    return client.extract(Person, text).name

def read_with_a_client_of_its_own(text):
    with Client("local", temperature=0, max_tokens=40) as own:
        name = own.extract(Person, text).name
    client.close()
    return name

before = read("My name is Anna.")
with multiprocessing.get_context("fork").Pool(1) as pool:
    assert pool.map(read, ["My name is Anna."]) == [before]
    assert pool.map(read_with_a_client_of_its_own, ["My name is Anna."]) == [before]
assert read("My name is Anna.") == before
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_model_that_was_loaded_before_a_fork_answers_after_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
