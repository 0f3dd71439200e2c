"""Whether zod accepts what structgen's check accepts, over generated targets and spoiled values.

    python -m benchmarks zod FOLDER [--schemas 500] [--node node]

FOLDER is one in which `npm install zod typescript` was called. Node has to read TypeScript (22.18
or later). `differences`: values that one accepts and the other does not, but for those that zod
accepts and whose code names a keyword as not checked. `type_errors`: lines that TypeScript says in
strict mode.
"""

from __future__ import annotations

import copy
import json
import random
import subprocess
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from structgen.schema import to_typescript, to_zod
from structgen.schema.code.text import Definitions
from structgen.schema.target import target_of
from structgen.schema.validate.validator import validator_of
from tests.laws.instances import instances
from tests.laws.json_schemas import json_schemas
from tests.laws.leaves import Typed
from tests.laws.strategies import types

SPOILED = 6
"""Spoiled values for each right one."""
WRONG: tuple[Any, ...] = (None, True, 0, 1, -1, 2.5, "", "x", [], {}, "2020-01-01", 10**6)
RUN = """
import fs from "node:fs";
const folder = process.argv[2];
const cases = JSON.parse(fs.readFileSync(`${folder}/cases.json`, "utf8"));
const found = { values: 0, accepted: 0, differences: 0 };
for (const [at, rows] of cases.entries()) {
  const code = fs.readFileSync(`${folder}/zod${at}.ts`, "utf8");
  const isPartial = code.includes("// Not checked here: ");
  const { ROOT } = await import(`${folder}/zod${at}.ts`);
  for (const [text, wanted] of rows) {
    const got = ROOT.safeParse(JSON.parse(text)).success;
    found.values += 1;
    found.accepted += wanted;
    if (got !== wanted && !(got && isPartial)) {
      found.differences += 1;
      console.error(at, wanted, text);
    }
  }
}
console.log(JSON.stringify(found));
"""


def nodes(value: Any) -> Iterator[Any]:
    """A value and all inside it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from nodes(one)


def spoiled(value: Any, chance: random.Random) -> Any:
    """A value with one part changed, doubled or left out."""
    value = copy.deepcopy(value)
    holders = [one for one in nodes(value) if isinstance(one, list | dict) and one]
    wrong = copy.deepcopy(chance.choice(WRONG))
    if not holders:
        return wrong
    holder, change = chance.choice(holders), chance.choice(("replace", "add", "drop"))
    place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if change == "replace":
        holder[place] = wrong
    elif change == "drop":
        del holder[place]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[place]))
    else:
        holder["extra"] = wrong
    return value


def write_cases(folder: Path, schemas: int) -> int:
    """Write the code of generated targets, and values with whether they are valid."""
    cases: list[list[tuple[str, bool]]] = []
    chance = random.Random(0)

    def add(source: Any, values: Sequence[Any]) -> None:
        target = target_of(source)
        root = Definitions(target).name_of("#")
        code = f"{to_zod(source)}\nexport const ROOT = {root};\n"
        (folder / f"zod{len(cases)}.ts").write_text(code, encoding="utf-8")
        types_only = to_typescript(source)
        (folder / f"types{len(cases)}.ts").write_text(types_only, encoding="utf-8")
        all_values = [w for v in values for w in (v, *(spoiled(v, chance) for _ in range(SPOILED)))]
        cases.append(
            [(json.dumps(one), validator_of(target.schema).is_valid(one)) for one in all_values]
        )

    law = settings(
        max_examples=schemas,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @law
    @given(types(), st.data())
    def of_types(typed: Typed, data: st.DataObject) -> None:
        values = data.draw(st.lists(typed.values, min_size=1, max_size=3))
        add(typed.type, [target_of(typed.type).dump(value) for value in values])

    @law
    @given(json_schemas(), st.data())
    def of_schemas(schema: dict[str, Any], data: st.DataObject) -> None:
        add(schema, data.draw(st.lists(instances(schema), min_size=1, max_size=3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        of_types()
        of_schemas()
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    return len(cases)


def type_errors(packages: Path, folder: Path) -> int:
    """Lines that TypeScript says about the code."""
    compiler = packages / "node_modules" / ".bin" / "tsc"
    flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]
    files = sorted(map(str, folder.glob("*.ts")))
    done = subprocess.run([compiler, *flags, *files], capture_output=True, text=True)
    print(done.stdout[:2_000])
    return len(done.stdout.splitlines())


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    parser = ArgumentParser(prog="python -m benchmarks zod")
    parser.add_argument("packages", type=Path, metavar="FOLDER")
    parser.add_argument("--schemas", type=int, default=500, help="of each of two kinds")
    parser.add_argument("--node", default="node")
    arguments = parser.parse_args(argv)
    folder = arguments.packages.resolve() / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (folder / "run.mjs").write_text(RUN, encoding="utf-8")
    count = write_cases(folder, arguments.schemas)
    command = [arguments.node, "--no-warnings", folder / "run.mjs", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return {"schemas": count, **found, "type_errors": type_errors(arguments.packages, folder)}
