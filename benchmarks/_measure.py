"""What the benchmarks share: CPU seconds of this process, and variants measured in turns, so
that what else runs here hits all alike.
"""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable, Mapping
from statistics import median


def cpu() -> float:
    """CPU seconds of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def interleaved(
    variants: Mapping[str, Callable[[], object]], *, calls: int, rounds: int = 5, warm: int = 20
) -> dict[str, float]:
    """Microseconds of CPU a call, per variant: the median of rounds in which the variants take
    turns.
    """
    for call in variants.values():
        for _ in range(warm):
            call()
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, call in variants.items():
            gc.collect()
            began = cpu()
            for _ in range(calls):
                call()
            times[name].append((cpu() - began) / calls * 1e6)
    return {name: median(found) for name, found in times.items()}


def ratios(times: Mapping[str, float], to: str) -> dict[str, float]:
    """Each time in units of one of them."""
    return {name: round(time / times[to], 3) for name, time in times.items()}
