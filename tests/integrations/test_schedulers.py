"""The function of the docs' recipes for Prefect, Dagster and Airflow, stopped as each stops it.

The schedulers themselves are too heavy for the tests: what they do with a signal is done here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import completion

PAGE = Path(__file__).parents[2] / "docs" / "integrations" / "schedulers.md"
TASK = """
import signal, sys

from people import extract_people

class Terminated(BaseException):
    pass

def terminate(number, frame):
    raise Terminated

signal.signal(signal.SIGTERM, {handler})
notes = [f"Ada is {{n}}." for n in range(200)]
try:
    extract_people(notes, sys.argv[1], "groq:openai/gpt-oss-20b")
except BaseException as error:
    print(type(error).__name__, flush=True)
print(extract_people(notes, sys.argv[1], "groq:openai/gpt-oss-20b"), flush=True)
"""
HANDLERS = {
    "raises its own, as Prefect and Dagster": ("terminate", "Terminated"),
    "as Ctrl-C, in Airflow": ("signal.default_int_handler", "JobStoppedError"),
    "none, in a container": ("signal.SIG_DFL", "JobStoppedError"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("handler", "raised"), HANDLERS.values(), ids=HANDLERS)
def test_a_task_stops_cleanly_and_a_retry_asks_only_about_the_rest(
    handler: str, raised: str, tmp_path: Path
) -> None:
    recipe = re.search(r"```python\n(.*?)\noutput = ", PAGE.read_text(), re.DOTALL)
    assert recipe, "the page begins with the function"
    (tmp_path / "people.py").write_text(recipe[1])
    script = TASK.format(handler=handler)
    answer = Served(body=completion('{"name": "Ada", "age": 36}'), delay=0.3)
    with FaultyServer(answer) as server:
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        env = {"PYTHONPATH": path, "GROQ_API_KEY": "k", "GROQ_BASE_URL": server.base_url}
        argv = [sys.executable, "-c", script, str(tmp_path / "people.jsonl")]
        with subprocess.Popen(
            argv, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True
        ) as task:
            while not server.requests and task.poll() is None:
                time.sleep(0.01)
            task.send_signal(signal.SIGTERM)
            said, _ = task.communicate(timeout=600)
        assert task.returncode == 0
        first, counts = said.splitlines()
        assert first == raised
        assert re.fullmatch(r"\{'ok': 200, 'failed': 0, 'cached': [1-9]\d*\}", counts), counts
        assert len(server.requests) == 200
