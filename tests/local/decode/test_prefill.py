"""A long prompt is told of: once it is known to be slow, and not too often."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from structgen.local.decode.batcher import Batcher
from structgen.local.decode.prefill import PrefillLog
from structgen.local.decode.request import DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.grammar.grammar import compile_grammar
from tests.local.decode.fake_runtime import FakeRuntime
from tests.local.decode.test_ending import WORDS


def lines_of(tokens: int, rate: float, *, batch: int = 512) -> list[tuple[float, str]]:
    """The lines about a prompt, and when they come, at so many tokens a second."""
    lines: list[tuple[float, str]] = []
    now = 0.0
    log = PrefillLog(lambda line: lines.append((now, line)), lambda: now)
    for done in range(batch, tokens + batch, batch):
        computed = min(done, tokens)
        now = computed / rate
        log.tell(computed=computed, left=tokens - computed, seconds=now)
    return lines


def test_a_slow_prompt_is_told_of_at_once_and_each_ten_seconds() -> None:
    lines = lines_of(8_000, rate=100)
    assert lines[0] == (
        5.12,
        "The model is reading a prompt of 8,000 new tokens: 512 are done, about 75 s are left. "
        "`extract_document` splits long texts.",
    )
    times = [time for time, _ in lines]
    assert all(later - earlier >= 10 for earlier, later in pairwise(times))
    assert 5 <= len(lines) <= 8


@pytest.mark.parametrize(
    ("tokens", "rate"), [(1_500, 10.0), (8_000, 2_000.0), (400, 1.0), (2_000, 400.0)]
)
def test_a_short_or_fast_prompt_is_not(tokens: int, rate: float) -> None:
    assert lines_of(tokens, rate) == []


def test_nothing_is_told_after_the_last_token_or_to_nobody() -> None:
    log = PrefillLog(None)
    log.tell(computed=10, left=9_000, seconds=100.0)
    assert lines_of(2_000, rate=1, batch=2_000) == []


def test_several_long_prompts_together_do_not_tell_more_often() -> None:
    lines: list[str] = []
    log = PrefillLog(lines.append, lambda: 1.0)
    for _ in range(3):
        log.tell(computed=512, left=9_000, seconds=4.0)
    assert len(lines) == 1


class SlowRuntime(FakeRuntime):
    """A runtime that seems to take a second for each token."""

    context = 8192


def test_the_batcher_tells_of_new_tokens_alone(monkeypatch: Any) -> None:
    lines: list[str] = []
    runtime = SlowRuntime(batch=512)
    clock = lambda: float(runtime.computed)  # noqa: E731 - one token a second
    monkeypatch.setattr("structgen.local.decode.batcher.time.perf_counter", clock)
    batcher = Batcher(runtime, "slow", log=lines.append)  # type: ignore[arg-type]  # no prompts
    prompt = [token % 7 for token in range(2_000)]

    def answered() -> None:
        request = DecodeRequest(
            prompt=prompt,
            budget=20,
            sampler=Sampler(Sampling()),
            watch=lambda _: None,
            grammar=compile_grammar({"type": "boolean"}, WORDS),
        )
        batcher.submit(request).result()

    answered()
    assert len(lines) == 1 or all("2,0" in line for line in lines)
    assert "reading a prompt of 2,000 new tokens: 512 are done" in lines[0]
    told = len(lines)
    answered()
    assert len(lines) == told  # it is in memory now
    batcher.close()
