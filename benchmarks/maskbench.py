"""`python -m benchmarks maskbench DIR`: all schemas of MaskBench, or of any folder laid out like
it.

DIR holds JSON files, at any depth: `{"schema": ..., "tests": [{"valid": true, "data": ...}]}`. The
subset of a file is its name up to `---`, as in `Github_easy---o12345.json`. For each schema and
engine:

- compiled: the engine takes it;
- passing: it is compiled and every instance is judged as its label says;
- wrong accepts and refusals: invalid instances that are taken, and valid ones that are not;
- time: from the schema to what masks are computed with.

Two processes do the work. One that takes longer than a minute over a schema, or dies, is replaced,
and the schema counts as not compiled. Each result is appended to a file at once, so that the same
command goes on where it was stopped; delete the file to begin anew.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

from benchmarks.engines import LLGUIDANCE, Held, ours, theirs, xgrammar_alone
from benchmarks.jsonschemabench import kind_of
from structgen.errors import StructgenError

Hold: TypeAlias = Callable[[dict[str, Any]], Held | None]
"""Puts the schema of a file into an engine; gives None if the engine refuses it."""
XGRAMMAR: Final = ("structgen with xgrammar", "xgrammar")
"""Engines that need xgrammar. By default they run if it is installed."""
ENGINES: Final = ("structgen", *LLGUIDANCE, *XGRAMMAR)
_PROCESSES: Final = 2
_PATIENCE: Final = 60.0
"""Seconds for a schema and all engines; the first one also loads the model's vocabulary."""
_KINDS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one engine made of one schema."""

    file: str
    """The file's path below the folder."""
    engine: str
    error: str = ""
    """Why it is not compiled; "" if it is."""
    instances: int = 0
    wrong_accepts: int = 0
    wrong_refusals: int = 0
    seconds: float = 0.0
    """Until the schema was compiled or refused."""

    @property
    def subset(self) -> str:
        """The file's subset."""
        return Path(self.file).stem.partition("---")[0]

    @property
    def is_passing(self) -> bool:
        """Whether it is compiled and every instance is judged as its label says."""
        return not (self.error or self.wrong_accepts or self.wrong_refusals)


def main(argv: Iterable[str] = ()) -> dict[str, Any]:
    """Judge all files of a folder; print a table, and return it.

    Args:
        argv: The folder and options.
    """
    parser = ArgumentParser(prog="python -m benchmarks maskbench", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="A folder of MaskBench's layout.")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="By default all.")
    parser.add_argument("--results", type=Path, default=Path("maskbench.jsonl"), metavar="FILE")
    arguments = parser.parse_args(list(argv))
    engines = tuple(arguments.engine or _installed())
    files = sorted(
        str(path.relative_to(arguments.folder)) for path in arguments.folder.rglob("*.json")
    )
    if not files:
        parser.error(f"{arguments.folder} holds no .json files")
    known = {(one.file, one.engine): one for one in results_of(arguments.results)}
    missing = {
        file: [engine for engine in engines if (file, engine) not in known] for file in files
    }
    with arguments.results.open("a", encoding="utf-8") as out:
        if out.tell():
            out.write("\n")  # the run before may have been stopped in the middle of a line
        for result in _judged(arguments.folder, missing):
            known[result.file, result.engine] = result
            out.write(json.dumps(asdict(result)) + "\n")
            out.flush()
    return {engine: table_of(engine, [known[file, engine] for file in files]) for engine in engines}


def _installed() -> Iterator[str]:
    """The engines that are there."""
    has_xgrammar = importlib.util.find_spec("xgrammar") is not None
    yield from (one for one in ENGINES if has_xgrammar or one not in XGRAMMAR)


def results_of(file: Path) -> Iterator[Result]:
    """Read the results of earlier runs. A line that was cut off is left out.

    Args:
        file: The file of results. It need not be there.
    """
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield Result(**json.loads(line))
        except (ValueError, TypeError):
            continue


# ---- figures ------------------------------------------------------------------------------------


def table_of(engine: str, results: list[Result]) -> dict[str, Any]:
    """Print the figures of an engine: all schemas, each subset, and why schemas were refused.

    Args:
        engine: The engine.
        results: What it made of each schema.
    """
    subsets = sorted({result.subset for result in results})
    rows = {"all": figures_of(results)}
    for subset in subsets:
        rows[subset] = figures_of([one for one in results if one.subset == subset])
    print(engine)
    for name, row in rows.items():
        print(f"  {name:24} {row}")
    for kind, count in Counter(one.error for one in results if one.error).most_common(_KINDS_SHOWN):
        print(f"  {count:6}  {kind}")
    return rows


def figures_of(results: list[Result]) -> dict[str, Any]:
    """Count what an engine made of schemas.

    Args:
        results: At least one.
    """
    times = sorted(1000 * result.seconds for result in results)
    return {
        "schemas": len(results),
        "compiled": sum(not result.error for result in results),
        "passing": sum(result.is_passing for result in results),
        "wrong_accepts": sum(result.wrong_accepts > 0 for result in results),
        "wrong_refusals": sum(result.wrong_refusals > 0 for result in results),
        "ms_p50": _rank(times, 0.5),
        "ms_p99": _rank(times, 0.99),
        "ms_max": _rank(times, 1.0),
    }


def _rank(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


# ---- processes ----------------------------------------------------------------------------------


def _judged(folder: Path, missing: dict[str, list[str]]) -> Iterator[Result]:
    """Let two processes judge files, and hand out results as they come."""
    waiting = SimpleQueue[tuple[str, list[str]]]()
    done = SimpleQueue[Result | None]()
    for file, engines in missing.items():
        if engines:
            waiting.put((file, engines))
    with ThreadPoolExecutor(_PROCESSES) as threads:
        running = [threads.submit(_drive, folder, waiting, done) for _ in range(_PROCESSES)]
        try:
            for _ in running:
                while (result := done.get()) is not None:
                    yield result
        finally:  # whoever stops the benchmark does not wait for the rest
            while _next(waiting) is not None:
                pass
        for one in running:
            one.result()


def _drive(
    folder: Path,
    waiting: SimpleQueue[tuple[str, list[str]]],
    done: SimpleQueue[Result | None],
) -> None:
    """Hand files to a process, and replace it if it hangs or dies."""
    worker: tuple[BaseProcess, Connection] | None = None
    try:
        while (next_one := _next(waiting)) is not None:
            file, engines = next_one
            worker = worker or _started()
            left, reason = list(engines), _ask(worker[1], folder / file, engines)
            while left and not reason:
                answer, reason = _answer(worker[1])
                if not reason:
                    done.put(Result(file=file, engine=left.pop(0), **answer))
            if reason:
                done.put(Result(file=file, engine=left[0], error=reason, seconds=_PATIENCE))
                if left[1:]:
                    waiting.put((file, left[1:]))
                _end(worker)
                worker = None
    finally:
        if worker is not None:
            _end(worker)
        done.put(None)


def _next(waiting: SimpleQueue[tuple[str, list[str]]]) -> tuple[str, list[str]] | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None


def _started() -> tuple[BaseProcess, Connection]:
    own, other = multiprocessing.Pipe()
    spawning = multiprocessing.get_context("spawn")
    process = spawning.Process(target=_work, args=(other,), daemon=True)
    process.start()
    other.close()
    return process, own


def _end(worker: tuple[BaseProcess, Connection]) -> None:
    worker[1].close()
    worker[0].kill()
    worker[0].join()


def _ask(pipe: Connection, file: Path, engines: list[str]) -> str:
    try:
        pipe.send((str(file), engines))
    except OSError:
        return "the process ended"
    return ""


def _answer(pipe: Connection) -> tuple[dict[str, Any], str]:
    """What the process made of a schema, or why there is nothing."""
    try:
        if not pipe.poll(_PATIENCE):
            return {}, "no answer in time"
        return pipe.recv(), ""
    except (EOFError, OSError):
        return {}, "the process ended"


def _work(pipe: Connection) -> None:
    """Judge files until nobody asks any more."""
    from structgen.local.engine import open_engine

    with open_engine("local", context=512, threads=1) as engine:
        engine.outlines()
        vocabulary = engine._loaded.runtime.vocabulary
        holders: dict[str, Hold] = {
            "structgen": lambda record: ours(record["schema"], vocabulary),
            **{
                name: partial(theirs, vocabulary=vocabulary, options=options)
                for name, options in LLGUIDANCE.items()
            },
            "structgen with xgrammar": lambda record: ours(
                record["schema"], vocabulary, "xgrammar"
            ),
            "xgrammar": partial(xgrammar_alone, vocabulary=vocabulary),
        }
        while True:
            try:
                file, engines = pipe.recv()
            except (EOFError, OSError):
                return
            record = _read(Path(file))
            for name in engines:
                pipe.send(judged(record, holders[name]))


def _read(file: Path) -> dict[str, Any]:
    """The content of a file; {} if it holds no schema."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def judged(record: dict[str, Any], hold: Hold) -> dict[str, Any]:
    """Compile a schema and judge its instances.

    Args:
        record: The content of a file.
        hold: Puts the schema of a file into an engine; gives None if the engine refuses it.

    Returns:
        The members of a `Result` that are not known yet.
    """
    if "schema" not in record:
        return {"error": "the file holds no schema"}
    tests = record.get("tests", ())
    began = time.perf_counter()
    error, held = "", None
    try:
        held = hold(record)
        error = "" if held is not None else "refused"
    except StructgenError as found:
        error = kind_of(found)
    except Exception as found:  # whatever it is, it is counted by its class
        error = f"CRASH {type(found).__name__}"
    seconds = time.perf_counter() - began
    if held is None:
        return {"error": error, "instances": len(tests), "seconds": seconds}
    verdicts = [(bool(test["valid"]), _accepts(held, test["data"])) for test in tests]
    return {
        "instances": len(tests),
        "wrong_accepts": sum(taken and not valid for valid, taken in verdicts),
        "wrong_refusals": sum(valid and not taken for valid, taken in verdicts),
        "seconds": seconds,
    }


def _accepts(held: Held, value: Any) -> bool:
    try:
        return held.accepts(value)
    except Exception:  # an instance that an engine fails over is not taken
        return False
