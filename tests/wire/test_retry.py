"""What is tried again, after how long, and when it is given up."""

from __future__ import annotations

import subprocess
import sys
from email.utils import formatdate
from time import monotonic, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen import errors
from structgen.errors import Attempt
from structgen.flow.drive import perform
from structgen.testing import ScriptedTransport, completion
from structgen.values import Reply
from structgen.wire.exchange import exchange
from structgen.wire.rate_limits import DAY, MINUTE, Pacer, RateLimits
from structgen.wire.retry import Policy, decide, parse_duration, retry_after
from tests.wire.parts import both, chat_request, link, options


def api(status: int, **members: object) -> errors.APIError:
    error = errors.APIError("no", status_code=status)
    for name, value in members.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(status: int) -> None:
    assert decide(api(status), tries=1, policy=Policy()) > 0


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 413, 422, 424])
def test_lasting_failures_are_not(status: int) -> None:
    with pytest.raises(errors.APIError):
        decide(api(status), tries=1, policy=Policy())


def test_a_row_can_add_statuses() -> None:
    assert decide(api(422), tries=1, policy=Policy(statuses=frozenset({422}))) > 0


def test_the_servers_own_word_decides() -> None:
    assert decide(api(400, should_retry=True), tries=1, policy=Policy()) > 0
    with pytest.raises(errors.APIError):
        decide(api(503, should_retry=False), tries=1, policy=Policy())


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionFailedError("x"),
        errors.RequestTimeoutError("x", sent=True),
        errors.StreamBrokenError("x"),
    ],
)
def test_transport_failures_are_tried_again(error: errors.StructgenError) -> None:
    assert decide(error, tries=1, policy=Policy()) > 0


@pytest.mark.parametrize(
    "error",
    [errors.TotalTimeoutError("x"), errors.ConfigurationError("x"), errors.InvalidOutputError("x")],
)
def test_nothing_else_is(error: errors.StructgenError) -> None:
    with pytest.raises(type(error)):
        decide(error, tries=1, policy=Policy())


@given(st.integers(1, 30), st.floats(0.01, 5), st.floats(0.01, 60))
def test_waits_double_up_to_the_cap_less_a_quarter(tries: int, initial: float, cap: float) -> None:
    full = min(cap, initial * 2 ** (tries - 1))
    wait = decide(
        api(503), tries=tries, policy=Policy(max_retries=99, initial=initial, max_wait=cap)
    )
    assert 0.75 * full <= wait <= full * 1.0000001


def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    error = api(503)
    with pytest.raises(errors.APIError) as caught:
        decide(error, tries=3, policy=Policy(max_retries=2))
    assert caught.value is error


def test_what_the_server_asks_for_goes_before() -> None:
    assert 7 <= decide(api(429, retry_after=7.0), tries=1, policy=Policy()) < 7.2


def test_a_wait_beyond_the_total_timeout_is_raised_at_once_with_the_wait() -> None:
    with pytest.raises(errors.TotalTimeoutError) as caught:
        decide(api(429, retry_after=3600.0), tries=1, policy=Policy(), remaining=5.0)
    assert caught.value.wait is not None
    assert 3600 <= caught.value.wait < 3601
    assert isinstance(caught.value.__cause__, errors.APIError)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", 179.56),
        ("7.66s", 7.66),
        ("120ms", 0.12),
        ("1h2m3s", 3723),
        ("6m0s", 360),
        ("0", 0),
        ("1.5", 1.5),
        ("250µs", 0.00025),
    ],
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "5 apples", "s", "1e400"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@given(st.text())
def test_any_header_is_a_wait_or_none(text: str) -> None:
    wait = retry_after(
        {"retry-after": text, "retry-after-ms": text, "x-ratelimit-reset-tokens": text},
        text,
        "tokens",
    )
    assert wait is None or 0 <= wait < float("inf")


@pytest.mark.parametrize(
    ("headers", "message", "kind", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, "", None, 0.25),
        ({"retry-after": "9"}, "try again in 1s", None, 9),
        ({"retry-after": "120"}, "", None, 120),
        ({"retry-after": "soon"}, "Please try again in 5.289s. Visit", None, 5.289),
        ({}, "Please try again in 1m2.5s.", None, 62.5),
        (
            {"x-ratelimit-reset-tokens": "7.66s", "x-ratelimit-reset-requests": "2m"},
            "",
            "tokens",
            7.66,
        ),
        (
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"},
            "",
            None,
            179.56,
        ),
        (
            {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "2m59.56s"},
            "",
            None,
            None,
        ),
        ({}, "", None, None),
    ],
)
def test_every_way_to_ask_for_a_wait_is_understood(
    headers: dict[str, str], message: str, kind: str | None, seconds: float
) -> None:
    assert retry_after(headers, message, kind) == (
        None if seconds is None else pytest.approx(seconds)
    )


def test_a_wait_until_a_date_is_understood() -> None:
    wait = retry_after({"retry-after": formatdate(time() + 100, usegmt=True)})
    assert wait is not None
    assert 90 < wait <= 100
    assert retry_after({"retry-after": formatdate(0, usegmt=True)}) == 0


# ---- in an exchange ------------------------------------------------------------------

LATE = Reply(
    429,
    {"retry-after": "0.001", "x-request-id": "req_9"},
    b'{"error":{"message":"slow","type":"tokens"}}',
)


def test_a_failure_that_passes_leaves_a_record() -> None:
    """A repeated try may have been billed: its attempt says so."""
    attempts: list[Attempt] = []
    port = ScriptedTransport(errors.RequestTimeoutError("late", sent=True), LATE, "Paris")
    answer = perform(exchange(link(port), chat_request(), options(), attempts=attempts))
    assert answer.text == "Paris"
    assert [(type(one.error), getattr(one.error, "sent", None)) for one in attempts] == [
        (errors.RequestTimeoutError, True),
        (errors.RateLimitError, None),
    ]
    assert len({request.body for request in port.requests}) == 1


def test_the_last_failure_carries_all_attempts() -> None:
    with pytest.raises(errors.RateLimitError) as caught:
        perform(exchange(link(ScriptedTransport(LATE)), chat_request(), options()))
    failures: list[Any] = [attempt.error for attempt in caught.value.attempts]
    assert [failure.request_id for failure in failures] == ["req_9"] * 3


def test_retries_can_be_turned_off() -> None:
    port = ScriptedTransport(LATE)
    assert (
        both(lambda: exchange(link(port), chat_request(), options(max_retries=0)))[0]
        is errors.RateLimitError
    )
    assert len(port.requests) == 2  # one a driver


def test_a_rejected_output_is_asked_for_again_only_where_nobody_recovers_from_it() -> None:
    rejected = Reply(
        400, {}, b'{"error":{"message":"x","code":"json_validate_failed","failed_generation":"{"}}'
    )
    with pytest.raises(errors.OutputRejectedError):
        perform(exchange(link(ScriptedTransport(rejected, "Paris")), chat_request(), options()))
    patient = link(
        ScriptedTransport(rejected, "Paris"), policy=Policy(rejected=True, initial=0.001)
    )
    assert perform(exchange(patient, chat_request(), options())).text == "Paris"


def test_a_total_timeout_that_is_over_sends_nothing() -> None:
    port = ScriptedTransport("Paris")
    with pytest.raises(errors.TotalTimeoutError) as caught:
        perform(exchange(link(port), chat_request(), options(), ends_at=0.0))
    assert not port.requests
    assert caught.value.sent is False


def test_tenacity_is_loaded_by_the_first_failure_alone() -> None:
    script = (
        "import sys\n"
        "from structgen.flow.drive import perform\n"
        "from structgen.wire.exchange import exchange\n"
        "from structgen.testing import ScriptedTransport\n"
        "from structgen.types import Reply\n"
        "from tests.wire.parts import chat_request, link, options\n"
        "def ask(*script):\n"
        "    return exchange(link(ScriptedTransport(*script)), chat_request(), options())\n"
        "perform(ask('Paris'))\n"
        "before = 'tenacity' in sys.modules\n"
        "perform(ask(Reply(503, {}, b''), 'Paris'))\n"
        "print(before, 'tenacity' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


# ---- rate limits ---------------------------------------------------------------------


def test_calls_that_come_together_wait_for_different_moments() -> None:
    pacer = Pacer(RateLimits(requests_per_minute=2))
    assert [pacer.reserve(0, 0.0) for _ in range(5)] == [0, 0, 30, 60, 90]


def test_a_limit_fills_evenly() -> None:
    pacer = Pacer(RateLimits(tokens_per_minute=600))
    assert pacer.reserve(600, 0.0) == 0
    assert pacer.reserve(100, 5.0) == pytest.approx(5)
    assert pacer.reserve(100, 20.0) == 0


@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(0, 500)), max_size=60),
    st.integers(1, 50),
    st.integers(500, 5000),
)
def test_no_minute_holds_more_than_twice_the_limit(
    arrivals: list[tuple[float, int]], requests: int, tokens: int
) -> None:
    """A full bucket and what fills in a minute: the bound of a token bucket."""
    pacer = Pacer(RateLimits(requests_per_minute=requests, tokens_per_minute=tokens))
    now, sent = 0.0, []
    for pause, used in arrivals:
        now += pause
        sent.append((now + pacer.reserve(used, now), used))
    for start, _ in sent:
        minute = [used for at, used in sent if start <= at < start + MINUTE - 0.001]
        assert len(minute) <= 2 * requests
        assert sum(minute) <= 2 * tokens


def test_what_was_not_used_is_given_back() -> None:
    pacer = Pacer(RateLimits(tokens_per_minute=600))
    pacer.reserve(600, 0.0)
    pacer.settle(600, 100)
    assert pacer.reserve(500, 0.0) == 0


def test_a_place_that_comes_too_late_is_not_taken() -> None:
    pacer = Pacer(RateLimits(requests_per_minute=1))
    pacer.reserve(0, 0.0)
    assert [pacer.reserve(0, 0.0, at_most=1.0) for _ in range(3)] == [60, 60, 60]


def test_limits_are_learned_from_the_answers() -> None:
    """Groq's headers speak of requests a day and tokens a minute."""
    pacer = Pacer(request_window=DAY)
    headers = {
        "x-ratelimit-limit-requests": "1440", "x-ratelimit-remaining-requests": "100",
        "x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "50",
    }  # fmt: skip
    pacer.learn(headers, 0.0)
    assert pacer.reserve(50, 0.0) == 0
    assert pacer.reserve(100, 0.0) == pytest.approx(1)
    assert pacer.reserve(0, 10_000.0) == 0


def test_a_configured_limit_is_not_raised_by_a_header() -> None:
    pacer = Pacer(RateLimits(tokens_per_minute=60))
    pacer.learn({"x-ratelimit-limit-tokens": "9999", "x-ratelimit-remaining-tokens": "9999"}, 0.0)
    assert pacer.reserve(60, 0.0) == 0
    assert pacer.reserve(60, 0.0) == pytest.approx(60)


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "²", "1.5", "9" * 400])
def test_a_header_that_makes_no_sense_changes_nothing_for_the_worse(value: str) -> None:
    pacer = Pacer()
    pacer.learn({"x-ratelimit-limit-tokens": value, "x-ratelimit-remaining-tokens": value}, 0.0)
    assert pacer.reserve(1, 0.0) == 0


def test_one_calls_retry_after_holds_all_calls() -> None:
    pacer = Pacer()
    pacer.pause(9.0, 100.0)
    assert pacer.reserve(1, 103.0) == 6
    assert pacer.reserve(1, 110.0) == 0


def test_a_call_waits_for_its_turn_and_says_when_that_is_too_late() -> None:
    pacer = Pacer(RateLimits(requests_per_minute=6000))
    way = link(ScriptedTransport(Reply(200, {}, completion("Paris"))), pacer=pacer)
    pacer.pause(0.01, monotonic())
    assert perform(exchange(way, chat_request(), options())).text == "Paris"
    pacer.pause(900, monotonic())
    with pytest.raises(errors.TotalTimeoutError) as caught:
        perform(exchange(way, chat_request(), options(), ends_at=monotonic() + 1))
    assert caught.value.wait is not None
    assert caught.value.sent is False


def test_a_rate_limited_answer_pauses_the_client() -> None:
    pacer = Pacer()
    late = Reply(429, {"retry-after": "50"}, b"{}")
    with pytest.raises(errors.RateLimitError):
        perform(
            exchange(
                link(ScriptedTransport(late), pacer=pacer), chat_request(), options(max_retries=0)
            )
        )
    assert pacer.reserve(0, monotonic()) > 40
