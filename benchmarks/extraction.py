"""One extraction with the embedded model: where its time goes.

`first`: a call in a process that has not loaded the model. `other`: the next call, on another text.
`same`: a call whose prompt the model has just read. Figures: seconds for each of load, compile (of
the grammar), prefill, decode and check, and for the whole call; tokens as the runtime counted them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from structgen import Client
from structgen.schema.load import load_target

EXAMPLES = Path(__file__).parent.parent / "examples"
OTHER = (
    "Acme RTU-7 firmware before 2.4 does not check the length of a request (CVE-2023-11111, "
    "CVSS 7.5). Update to 2.4."
)


def main() -> dict[str, Any]:
    text = (EXAMPLES / "advisory.txt").read_text(encoding="utf-8")
    advisory = load_target(f"{EXAMPLES / 'advisory.py'}:Advisory")
    figures: dict[str, Any] = {}
    with Client("local", temperature=0.0) as client:
        for name, document in (("first", text), ("other", OTHER), ("same", OTHER)):
            began = time.perf_counter()
            result = client.extract_result(advisory, document)
            total = time.perf_counter() - began
            parts = {part: round(seconds, 4) for part, seconds in result.seconds.items()}
            figures[name] = {
                **parts,
                "total": round(total, 4),
                "rest": round(total - sum(result.seconds.values()), 4),
                "prompt_tokens": result.usage.prompt_tokens,
                "cached_tokens": result.usage.cached_tokens,
                "completion_tokens": result.usage.completion_tokens,
            }
    return figures
