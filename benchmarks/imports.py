"""CPU of importing, in fresh processes: structgen and its first client, pydantic, httpx, the SDKs.

Goals: `import structgen` at most 0.2 of pydantic + httpx, up to the first client at most 1.2.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Any

from benchmarks._measure import ratios

SCRIPTS = {
    "python": "pass",
    "pydantic + httpx": "import pydantic, httpx; httpx.Client(verify=False)",
    "structgen": "import structgen",
    "structgen client": "import structgen; structgen.Client('groq:m', api_key='k')",
    "groq client": "import groq; groq.Groq(api_key='k')",
    "openai client": "import openai; openai.OpenAI(api_key='k')",
}
_TAIL = """
import resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, len(sys.modules))
"""
"""The end of every script: it prints seconds of CPU and the number of modules."""


def main(rounds: int = 7) -> dict[str, Any]:
    """Print and return milliseconds beyond bare Python, ratios, and numbers of modules.

    Args:
        rounds: How often each script runs; the median counts.
    """
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    modules: dict[str, int] = {}
    for _ in range(rounds):
        for name, script in SCRIPTS.items():
            out = subprocess.run(
                [sys.executable, "-c", script + _TAIL], capture_output=True, text=True, check=True
            ).stdout.split()
            times[name].append(float(out[0]) * 1e3)
            modules[name] = int(out[1])
    bare = median(times.pop("python"))
    found = {name: round(median(all_) - bare, 1) for name, all_ in times.items()}
    figures = {"ms": found, "ratio": ratios(found, "pydantic + httpx"), "modules": modules}
    print(figures)
    return figures
