"""Metrics in Prometheus' text format: counts since the start, and requests under way now."""

from __future__ import annotations

from collections import Counter
from typing import Final

_HELP: Final = {
    "structgen_requests_total": ("counter", "Requests, by path and status."),
    "structgen_prompt_tokens_total": ("counter", "Tokens of prompts."),
    "structgen_cached_tokens_total": ("counter", "Tokens of prompts that were not computed again."),
    "structgen_completion_tokens_total": ("counter", "Tokens of answers."),
    "structgen_prompt_seconds_total": ("counter", "Seconds in which prompts were read."),
    "structgen_completion_seconds_total": ("counter", "Seconds in which answers were written."),
    "structgen_queue_seconds_total": (
        "counter",
        "Seconds for which requests waited for their turn.",
    ),
    "structgen_cancelled_total": ("counter", "Answers whose client left."),
    "structgen_running": ("gauge", "Answers under way."),
    "structgen_waiting": ("gauge", "Requests that wait for their turn."),
}


class Metrics:
    """Counters by name and labels."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, amount: float = 1, **labels: str | int) -> None:
        """Add to the counter `structgen_NAME_total`.

        Args:
            name: The name of the counter, without prefix and suffix.
            amount: How much to add.
            **labels: Labels; never texts of a request.
        """
        told = ",".join(f'{label}="{value}"' for label, value in labels.items())
        self._counts[f"structgen_{name}_total", f"{{{told}}}" if told else ""] += amount  # type: ignore[assignment]

    def text(self, **gauges: int) -> str:
        """Write all metrics.

        Args:
            **gauges: The present value of each gauge.
        """
        values = {
            **self._counts,
            **{(f"structgen_{name}", ""): value for name, value in gauges.items()},
        }
        lines = []
        for name, (kind, words) in _HELP.items():
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
            lines += [
                f"{name}{labels} {value:g}"
                for (owner, labels), value in values.items()
                if owner == name
            ]
        return "\n".join(lines) + "\n"
