"""How far a job is: a bar on a terminal (rich), lines elsewhere, or JSON events for a program. And what is said at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, Literal, TextIO, TypeAlias

from structgen.extras import load
from structgen.pipeline.job import Summary
from structgen.pipeline.work import Counts

Style: TypeAlias = Literal["auto", "bar", "lines", "json", "none"]
STYLES: Final[tuple[Style, ...]] = ("auto", "bar", "lines", "json", "none")

Report: TypeAlias = "Callable[[Counts], None]"

_LINE_EVERY: Final = 5.0


@contextmanager
def shown(style: Style, stream: TextIO) -> Iterator[Report]:
    """A report for `Job`, shown on `stream`. `auto`: a bar on a terminal where rich is installed, else lines.

    Raises MissingPackage if a bar is asked for and rich is not installed.
    """
    began = time.monotonic()
    if style == "none":
        yield lambda counts: None
    elif style == "json":
        yield lambda counts: print(
            json.dumps({"event": "progress", **figures(counts, began)}), file=stream, flush=True
        )
    elif style == "bar" or (style == "auto" and stream.isatty() and _has_rich()):
        with _bar(stream, began) as report:
            yield report
    else:
        yield _lines(stream, began)


def figures(counts: Counts, began: float) -> dict[str, Any]:
    """The numbers of a job under way: `rate` in inputs per second, `seconds` so far, `left` in seconds where the total is known."""
    seconds = time.monotonic() - began
    rate = (counts.done - counts.cached) / seconds if seconds else 0.0
    left = (counts.total - counts.done) / rate if counts.total and rate else None
    return {
        "done": counts.done,
        "total": counts.total,
        "ok": counts.ok,
        "failed": counts.failed,
        "cached": counts.cached,
        "rate": round(rate, 2),
        "seconds": round(seconds, 1),
        "left": None if left is None else round(left, 1),
        "tokens": counts.usage.total_tokens,
        "cost": None if counts.cost is None else round(counts.cost, 6),
        "failures": dict(counts.failures),
        "retries": dict(counts.retries),
    }


def line(counts: Counts, began: float) -> str:
    """The same in one line for people."""
    now = figures(counts, began)
    parts = [
        f"{now['done']}{f' of {counts.total}' if counts.total else ''}",
        f"{now['rate']:.3g}/s",
        *([f"{_time(now['left'])} left"] if now["left"] else []),
        *([f"{now['cached']} from the journal"] if counts.cached else []),
        *([f"{now['tokens']} tokens"] if now["tokens"] else []),
        *([f"${counts.cost:.4g}"] if counts.cost is not None else []),
        *([_kinds("failed", counts.failures)] if counts.failures else []),
        *([_kinds("tried again", counts.retries)] if counts.retries else []),
    ]
    return ", ".join(parts)


def tell_end(style: Style, stream: TextIO, done: Summary) -> None:
    """Say how a run ended: as a JSON event, or in some lines."""
    if style == "json":
        plain = {
            **asdict(done),
            "usage": {name: count for name, count in asdict(done.usage).items() if count},
        }
        print(json.dumps({"event": "end", **plain}), file=stream, flush=True)
    elif style != "none":
        for text in summary_lines(done):
            print(f"structgen: {text}", file=stream, flush=True)


def summary_lines(done: Summary) -> list[str]:
    lines = [
        f"{done.ok} extracted, {done.failed} failed, of {done.done} inputs in {_time(done.seconds)}"
    ]
    if done.cached:
        lines.append(f"{done.cached} were in the journal already")
    if done.usage.total_tokens:
        cost = f", ${done.cost:.4g}" if done.cost is not None else ""
        lines.append(
            f"{done.usage.prompt_tokens} tokens in, {done.usage.completion_tokens} out{cost}"
        )
    if done.failures:
        lines.append(_kinds("failed", done.failures))
    if done.output:
        lines.append(f"written to {done.output}")
    return lines


def _lines(stream: TextIO, began: float) -> Report:
    last = began

    def report(counts: Counts) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY:
            last = now
            print(f"structgen: {line(counts, began)}", file=stream, flush=True)

    return report


@contextmanager
def _bar(stream: TextIO, began: float) -> Iterator[Report]:
    load("rich", "pipeline")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(bar_width=24), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda counts: progress.update(
            task, total=counts.total, completed=counts.done, description=line(counts, began)
        )


def _has_rich() -> bool:
    from importlib.util import find_spec

    return find_spec("rich") is not None


def _kinds(word: str, kinds: Any) -> str:
    listed = ", ".join(
        f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: -pair[1])
    )
    return f"{word}: {listed}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{seconds:.3g} s"
    )
