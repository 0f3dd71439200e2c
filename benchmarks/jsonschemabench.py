"""JSONSchemaBench through the compiler: do its schemas compile, and do its instances survive?

Reads `../shared/data/jsonschemabench-dev.jsonl` (beside the repository, not part of it):
real-world schemas with labelled instances. Each schema compiles for each subset, or ends in a
typed error that names the construct. Each valid instance is encoded, is valid under the
compiled schema, and decodes to itself. `validate` agrees with every label.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from structgen.errors import InvalidOutputError, StructgenError
from structgen.schema.check import validate
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SUBSETS
from structgen.schema.target import Target, target_of

DATA = Path(__file__).parents[2] / "shared" / "data" / "jsonschemabench-dev.jsonl"


def kind_of(error: BaseException) -> str:
    """A failure's kind: its class, and the construct it blames."""
    if not isinstance(error, StructgenError):
        return f"CRASH {type(error).__name__}"
    keyword = getattr(error, "keyword", None)
    return f"{type(error).__name__} {keyword or re.sub(r'[0-9]+', 'N', error.message)[:60]}"


def survives(compiled: Compiled[Any], value: Any, validator: Any) -> str:
    """What becomes of one valid instance: "ok", or where it was lost."""
    try:
        wire = compiled.encode(value)
        if not validator.evolve().is_valid(wire):
            return "encoded form invalid"
        return "ok" if compiled.decode(wire) == value else "decoded to another value"
    except Exception as error:
        return kind_of(error)


def check_labels(records: list[dict[str, Any]]) -> tuple[Counter[str], dict[str, Target[Any]]]:
    """How check agrees with the labels, and the targets of the schemas that have one."""
    agreement: Counter[str] = Counter()
    targets: dict[str, Target[Any]] = {}
    for record in records:
        try:
            targets[record["id"]] = target_of(record["schema"])
        except Exception as error:
            agreement[f"no target: {kind_of(error)}"] += 1
            continue
        for test in record["tests"]:
            try:
                validate(targets[record["id"]], test["data"])
                accepted = True
            except InvalidOutputError:
                accepted = False
            agreement[
                "agreed"
                if accepted is test["valid"]
                else "wrong accept"
                if accepted
                else "wrong reject"
            ] += 1
    return agreement, targets


def run_subset(
    name: str, records: list[dict[str, Any]], targets: dict[str, Target[Any]]
) -> dict[str, Any]:
    failures: Counter[str] = Counter()
    instances: Counter[str] = Counter()
    compiled_count, seconds = 0, 0.0
    for record in records:
        source = targets.get(record["id"], record["schema"])
        start = time.perf_counter()
        try:
            compiled = compile_schema(source, name)
        except Exception as error:
            failures[kind_of(error)] += 1
            continue
        finally:
            seconds += time.perf_counter() - start
        compiled_count += 1
        validator = target_of(compiled.schema).validator
        for test in record["tests"]:
            if test["valid"]:
                instances[survives(compiled, test["data"], validator)] += 1
    total = len(records)
    rate = round(100 * compiled_count / total, 1)
    lost = {kind: count for kind, count in instances.items() if kind != "ok"}
    compiled_part = f"compiled {compiled_count:4}/{total} ({rate:5.1f} %)"
    print(f"{name:18} {compiled_part}  round trips {instances['ok']}/{instances.total()}")
    for kind, count in [*failures.most_common(8), *Counter(lost).most_common(8)]:
        print(f"{'':20}{count:4}  {kind}")
    return {
        "compiled_percent": rate,
        "round_trips": instances["ok"],
        "lost": lost,
        "failures": dict(failures),
        "ms_per_schema": round(1000 * seconds / total, 2),
    }


def main() -> dict[str, Any]:
    """Print the rates per subset and each kind of failure, and return them."""
    if not DATA.exists():
        raise SystemExit(f"needs {DATA}, which is not part of the repository")
    records = [json.loads(line) for line in DATA.read_text().splitlines()]
    agreement, targets = check_labels(records)
    print("check:", ", ".join(f"{count} {kind}" for kind, count in agreement.most_common()))
    return {
        "check": dict(agreement),
        "subsets": {name: run_subset(name, records, targets) for name in SUBSETS},
    }
