"""Show how far a job is: a bar on a terminal (rich), lines elsewhere, or JSON for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, Final, Literal, TextIO, TypeAlias

from structgen.extras import load
from structgen.pipeline.counts import Counts
from structgen.pipeline.summary import Summary

Style: TypeAlias = Literal["auto", "bar", "lines", "json", "none"]
"""How to show progress. `auto`: a bar on a terminal if rich is installed, else lines."""
STYLES: Final[tuple[Style, ...]] = ("auto", "bar", "lines", "json", "none")

Report: TypeAlias = "Callable[[Counts], None]"
"""Shows the counts; a job calls it as `on_progress`."""

_LINE_EVERY: Final = 5.0
"""Seconds between two lines."""
_WORTH_TELLING: Final = 10.0
"""Seconds of a run from which on the summary says what held it back."""
_SHOWN_CAUSES: Final = 3
"""Causes that the summary names."""


@contextmanager
def show_progress(style: Style, stream: TextIO) -> Iterator[Report]:
    """Give a report for `Job` that shows progress on `stream`.

    Raises:
        MissingPackage: If a bar is asked for and rich is not installed.
    """
    began = time.monotonic()
    if style == "auto":
        style = "bar" if stream.isatty() and find_spec("rich") else "lines"
    if style == "bar":
        with _bar(stream, began) as report:
            yield report
    elif style == "lines":
        yield _lines(stream, began)
    elif style == "json":
        yield _json_events(stream, began)
    else:
        yield lambda counts: None


def figures(counts: Counts, began: float) -> dict[str, Any]:
    """Give the numbers of a job that began at this time of the monotonic clock.

    `rate` is in inputs per second, without those from the journal; `left` are the seconds to the
    end, None if the number of inputs is not known.
    """
    seconds = time.monotonic() - began
    rate = (counts.done - counts.cached) / seconds if seconds else 0.0
    left = (counts.total - counts.done) / rate if counts.total and rate else None
    return {
        "done": counts.done,
        "total": counts.total,
        "ok": counts.ok,
        "failed": counts.failed,
        "cached": counts.cached,
        "accepted": counts.accepted,
        "to_review": counts.to_review,
        "rate": round(rate, 2),
        "seconds": round(seconds, 1),
        "left": None if left is None else round(left, 1),
        "tokens": counts.usage.total_tokens,
        "cost": None if counts.cost is None else round(counts.cost, 6),
        "failures": dict(counts.failures),
        "retries": dict(counts.retries),
        "held_by": counts.held_by,
    }


def progress_line(counts: Counts, began: float) -> str:
    """Give the same numbers in one line for people."""
    now = figures(counts, began)
    total = f" of {counts.total}" if counts.total else ""
    parts = [f"{now['done']}{total}", f"{now['rate']:.3g}/s"]
    if now["left"]:
        parts.append(f"{_duration(now['left'])} left")
    if known := counts.cached - counts.equal:
        parts.append(f"{known} from the journal")
    if now["tokens"]:
        parts.append(f"{now['tokens']} tokens")
    if counts.cost is not None:
        parts.append(f"${counts.cost:.4g}")
    if counts.failures:
        parts.append(_by_kind("failed", counts.failures))
    if counts.retries:
        parts.append(_by_kind("tried again", counts.retries))
    if counts.held_by:
        parts.append(f"held back by: {counts.held_by}")
    return ", ".join(parts)


def show_summary(style: Style, stream: TextIO, done: Summary) -> None:
    """Say how a run ended: as a JSON event, or in a few lines."""
    if style == "json":
        usage = {name: count for name, count in asdict(done.usage).items() if count}
        event = {"event": "end", **asdict(done), "usage": usage}
        print(json.dumps(event), file=stream, flush=True)
    elif style != "none":
        for text in summary_lines(done):
            print(f"structgen: {text}", file=stream, flush=True)


def summary_lines(done: Summary) -> list[str]:
    """Give the lines that say how a run ended."""
    took = _duration(done.seconds)
    lines = [
        f"{done.ok} extracted, {done.failed} failed, of {done.done} {_inputs(done.done)} in {took}"
    ]
    if known := done.cached - done.equal:
        lines.append(f"{known} were in the journal already")
    if done.equal:
        lines.append(f"{done.equal} were equal to another input, and asked about once")
    if done.accepted or done.to_review:
        lines.append(f"{done.accepted} accepted, {done.to_review} to review")
    usage = done.usage
    if usage.total_tokens:
        cost = f", ${done.cost:.4g}" if done.cost is not None else ""
        lines.append(f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out{cost}")
    if done.failures:
        lines.append(_by_kind("failed", done.failures))
        lines += [f"such as {one}" for one in list(done.first_failures.values())[:_SHOWN_CAUSES]]
    if done.retries:
        lines.append(_by_kind("tried again", done.retries))
    if done.held_by and done.seconds >= _WORTH_TELLING:
        shares = [f"{cause} {share:.0%} of the time" for cause, share in done.held_by.items()]
        lines.append(f"held back by: {', '.join(shares[:_SHOWN_CAUSES])}")
    if done.under_way:
        lines.append(f"{done.under_way} batches are under way: collect them with --batch collect")
    if done.output:
        lines.append(f"written to {done.output}")
    return lines


def _json_events(stream: TextIO, began: float) -> Report:
    def report(counts: Counts) -> None:
        event = {"event": "progress", **figures(counts, began)}
        print(json.dumps(event), file=stream, flush=True)

    return report


def _lines(stream: TextIO, began: float) -> Report:
    last = began

    def report(counts: Counts) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY:
            last = now
            print(f"structgen: {progress_line(counts, began)}", file=stream, flush=True)

    return report


@contextmanager
def _bar(stream: TextIO, began: float) -> Iterator[Report]:
    load("rich", "pipeline")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(bar_width=24), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("", total=None)

        def report(counts: Counts) -> None:
            line = progress_line(counts, began)
            progress.update(task, total=counts.total, completed=counts.done, description=line)

        yield report


def _inputs(count: int) -> str:
    return "input" if count == 1 else "inputs"


def _by_kind(word: str, kinds: Mapping[str, int]) -> str:
    """Give "WORD: 3 KIND, 1 KIND", the most frequent first."""
    most_first = sorted(kinds.items(), key=lambda pair: -pair[1])
    return f"{word}: {', '.join(f'{count} {kind}' for kind, count in most_first)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{seconds:.3g} s"
