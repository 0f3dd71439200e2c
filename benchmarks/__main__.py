"""`python -m benchmarks NAME [...]`: run one benchmark; its last line is one JSON object of its
figures.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
)


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in NAMES:
        print(
            f"usage: python -m benchmarks NAME [...], with NAME one of: {', '.join(NAMES)}",
            file=sys.stderr,
        )
        return 2
    run = importlib.import_module(f"benchmarks.{argv[0]}").main
    figures = run(argv[1:]) if argv[1:] else run()
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
