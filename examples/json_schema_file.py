"""Use a JSON Schema file as the target: the result is plain data that the schema accepts.

    python examples/json_schema_file.py [SCHEMA [TEXT]]

SCHEMA and TEXT are files, by default the two beside this one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from structgen import Client

HERE = Path(__file__).parent


def main(
    schema: str | Path = HERE / "advisory.json", text: str | Path = HERE / "advisory.txt"
) -> None:
    with Client(temperature=0.0) as client:
        result = client.extract_result(json.loads(Path(schema).read_text()), Path(text).read_text())
    print(json.dumps(result.value, indent=2, ensure_ascii=False))
    print(result.guarantee, file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:3])
