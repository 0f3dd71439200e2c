"""A job or a map runs in a thread of its own, which ends with it, whenever an interrupt comes."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from types import FrameType
from typing import Any

import pytest

from structgen.pipeline import mapping, threads
from structgen.pipeline.mapping import map_threaded
from structgen.pipeline.threads import run_in_thread

FILES = {threads.__file__, mapping.__file__}
START = threading.Thread.start.__code__
START_WAITS = max(line for *_, line in START.co_lines() if line is not None)


def takes_interrupts(frame: FrameType) -> bool:
    """Whether it is our code, or the start of a thread, as it waits for the thread.

    Not all of the standard library's own code for threads takes an interrupt at any line.
    """
    code = frame.f_code
    return code.co_filename in FILES or (code is START and frame.f_lineno == START_WAITS)


def interrupted_at(line: int, work: Callable[[], object]) -> bool:
    """Work, and interrupt it at its LINEth line; give whether it came so far."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename not in FILES and frame.f_code is not START:
            return None
        if event == "line" and takes_interrupts(frame):
            seen += 1
            if seen == line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return seen >= line


def left_threads() -> list[str]:
    """The threads of jobs that are still there in the end."""
    until = time.monotonic() + 600  # so long only if one is left
    while True:
        jobs = [one for one in threading.enumerate() if one.name == "structgen-job"]
        names = [one.name for one in jobs if one.is_alive()]
        if not names or time.monotonic() > until:
            return names
        time.sleep(0.001)


async def endless() -> AsyncGenerator[list[Any], None]:
    while True:
        yield ["one"]
        await asyncio.sleep(0.01)


def test_an_interrupt_at_any_line_leaves_no_thread_of_a_map() -> None:
    def first_outcome() -> None:
        kept.append(map_threaded(endless))
        assert next(kept[0]) == "one"

    for line in itertools.count(1):
        kept: list[Any] = []
        came = interrupted_at(line, first_outcome)
        for outcomes in kept:
            outcomes.close()
        assert left_threads() == [], f"interrupted at line {line}"
        if not came:
            break
    assert line > 20


def test_an_interrupt_at_any_line_ends_a_job_before_it_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The job would not end by itself: the last of the lines are those of the wait for it."""

    async def for_ever() -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(threads, "LOOK_EVERY", 0.001)
    for line in range(1, 80):
        assert interrupted_at(line, lambda: run_in_thread(for_ever, lambda: False))
        assert left_threads() == [], f"interrupted at line {line}"
