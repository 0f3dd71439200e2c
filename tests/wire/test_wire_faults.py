"""Faults of the wire in 0.1.0, a row each: what is right now, and the tests that hold it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.errors import (
    APIError,
    ConfigurationError,
    InvalidOutputError,
    OutputError,
    ServerError,
    StreamBrokenError,
    Truncated,
)
from structgen.extraction import listen
from structgen.local.engine import Engine
from structgen.testing import ScriptedTransport, completion
from structgen.values import Reply
from tests.fault_rows import missing_tests, row, rows_without_a_test
from tests.wire.dialects.parts import CHAT, Said

ROWS = {
    "D1: each definition is described once, and work on a schema is bounded": row(
        "prompt/test_listing.py::"
        "test_a_definition_is_described_at_its_first_use_and_named_at_the_others",
        "prompt/test_listing.py::test_the_list_is_linear_in_the_schema",
        "prompt/test_listing.py::test_a_list_too_long_for_any_model_is_a_typed_error",
        "server/test_answer_form.py::test_shared_definitions_are_told_once_in_bounded_time",
        "server/test_bounded_work.py::"
        "test_a_schema_that_takes_too_long_is_refused_and_others_are_answered",
        "server/test_bounded_work.py::"
        "test_a_server_at_work_on_a_schema_answers_others_and_stops_when_told",
        "server/test_bounded_work.py::test_the_work_on_a_schema_ends_with_its_client",
    ),
    "D2: no value is taken out of reasoning or refusing prose": row(
        "extraction/test_lying_answers.py::"
        "test_no_value_is_taken_from_reasoning_or_the_middle_of_prose",
        "extraction/test_lying_answers.py::test_what_stands_around_an_answer_is_taken_away",
        "extraction/test_lying_answers.py::"
        "test_a_stream_shows_nothing_of_reasoning_in_several_parts",
    ),
    "D3: no call of several is chosen, and one is asked for": row(
        "extraction/test_lying_answers.py::test_no_call_of_several_is_chosen",
        "extraction/test_lying_answers.py::test_a_call_of_another_function_is_no_answer",
        "extraction/test_bad_answers.py::test_two_calls_or_one_of_another_name_are_never_a_value",
        "wire/test_wire_faults.py::test_one_call_is_asked_for_where_that_can_be_said",
    ),
    "D4: a cut stream is told": row(
        "extraction/test_lying_answers.py::test_an_empty_finish_reason_ends_no_stream",
        "wire/test_wire_faults.py::test_a_cut_stream_of_chat_is_broken",
    ),
    "D5: an invalid item costs no other, whatever is installed": row(
        "wire/test_wire_faults.py::test_an_invalid_item_costs_no_other_whatever_is_installed",
        "extraction/test_bad_answers.py::test_a_bad_item_of_a_list_is_told_of_behind_the_good_ones",
    ),
    "D6: every word for an end is read, and an unknown one is no clean end": row(
        "extraction/test_lying_answers.py::test_words_for_an_end_are_read_in_every_spelling",
        "extraction/test_lying_answers.py::test_a_server_that_fails_on_the_way_is_asked_again",
        "wire/test_wire_faults.py::test_an_answer_that_did_not_end_cleanly_is_no_value",
        "wire/test_wire_faults.py::test_a_list_goes_on_after_any_word_for_the_limit",
    ),
    "D7: any seed is taken, and what is none is told": row(
        "server/test_connections.py::test_every_seed_is_answered_and_told",
        "extraction/test_wrong_calls.py::"
        "test_an_option_of_another_kind_is_told_before_anything_is_asked",
        "wire/test_wire_faults.py::test_a_model_in_this_process_takes_every_seed",
    ),
    "D8: malformed calls are typed, and an object as arguments is read": row(
        "extraction/test_lying_answers.py::test_a_malformed_call_is_a_typed_error",
        "extraction/test_lying_answers.py::test_arguments_that_are_an_object_are_read",
    ),
    "D9: a mistake of the caller's is told before anything is sent": row(
        "chat/test_wrong_calls.py::test_a_mistake_is_told_before_anything_is_sent",
        "chat/test_wrong_calls.py::test_timeouts_of_the_sdks_are_taken",
        "chat/test_wrong_calls.py::"
        "test_a_hook_of_the_users_that_raises_is_no_failure_of_the_network",
        "wire/test_gateways.py::test_mistakes_are_told_before_anything_is_sent",
    ),
    "D10: proxies are read as curl reads them, or told": row(
        "wire/test_gateways.py::test_proxies_are_read_as_curl_reads_them",
        "wire/test_wire_faults.py::test_a_proxy_that_cannot_be_used_is_told",
    ),
    "D11: documents that are no text are told": row(
        "extraction/test_wrong_calls.py::test_what_is_no_document_is_told_before_anything_is_asked",
        "extraction/test_wrong_calls.py::test_an_argument_of_a_client_of_another_kind_is_told",
        "wire/test_gateways.py::test_mistakes_are_told_before_anything_is_sent",
    ),
    "D12: timeouts bound the headers, too": row(
        "wire/test_total_timeout.py::test_headers_that_drip_end_at_the_timeout",
        "wire/test_total_timeout.py::test_a_total_timeout_that_ends_in_the_headers_is_named",
        "wire/test_total_timeout.py::test_a_total_timeout_that_ends_in_the_body_is_named",
        "wire/test_total_timeout.py::test_a_stream_of_comments_ends_at_the_total_timeout",
    ),
    "D13: small differences of servers are read, and errors say what to do": row(
        "wire/test_gateways.py::test_events_that_say_nothing_break_no_stream",
        "wire/test_gateways.py::test_a_byte_order_mark_and_another_2xx_are_read",
        "wire/test_gateways.py::test_a_spent_account_is_not_asked_again",
        "chat/test_wrong_calls.py::test_the_choice_of_index_0_is_read_wherever_it_is",
        "wire/test_wire_faults.py::test_a_redirect_says_where_it_leads",
    ),
    "D14: /v1 answers with OpenAI's own types": row(
        "server/test_connections.py::test_each_api_has_its_own_word_for_the_tier",
        "server/test_strict_types.py::test_whole_answers_are_of_their_type",
        "server/test_strict_types.py::test_events_are_of_their_type_and_add_up",
        "server/test_sdks.py::test_instructor_gets_a_typed_object",
    ),
    "D15: an image counts as the provider counts it": row(
        "wire/test_gateways.py::test_an_image_counts_as_the_provider_counts_it",
        "wire/test_attachments.py::test_an_image_counts_for_what_providers_count_not_for_its_bytes",
        "wire/test_images_by_dialect.py::test_an_image_counts_by_its_size_as_its_model_counts_it",
        "wire/test_images_by_dialect.py::test_a_plan_counts_an_image_by_its_size",
    ),
    "D16: deployments, queries, headers and keys of gateways": row(
        "wire/test_gateways.py::test_headers_and_a_query_go_with_every_request",
        "wire/test_gateways.py::test_a_function_gives_the_key_of_each_request",
    ),
    "D17: the server closes idle connections, takes any name and packed bodies": row(
        "server/test_connections.py::test_a_connection_without_a_whole_request_is_closed",
        "server/test_connections.py::test_headers_that_drip_are_not_waited_for",
        "server/test_connections.py::test_a_body_that_does_not_come_is_not_waited_for",
        "server/test_connections.py::test_the_longest_waiting_connection_makes_room",
        "server/test_connections.py::test_any_name_is_answered_if_the_server_is_told_so",
        "server/test_connections.py::test_bodies_may_be_packed_and_have_a_byte_order_mark",
        "server/test_calls.py::test_arguments_are_streamed",
        "server/test_calls.py::test_several_calls_are_made_if_they_are_asked_for",
        "server/test_calls.py::test_probabilities_of_tokens_are_told",
        untested="that the first event has an empty content, as OpenAI's has; `n`, which is "
        "refused",
    ),
    "D18: only the import and the constructor change": row(
        "chat/test_client_surface.py::test_a_copy_differs_in_its_options_and_shares_everything_else",
        "chat/test_client_surface.py::test_the_http_answer_is_given_beside_the_result",
        "chat/test_client_surface.py::test_models_are_listed_whichever_form_a_server_has",
        "chat/test_wrong_calls.py::test_an_answer_is_read_as_a_mapping_too",
        "chat/test_wrong_calls.py::test_timeouts_of_the_sdks_are_taken",
        "wire/test_gateways.py::test_headers_and_a_query_go_with_every_request",
        "wire/test_wire_faults.py::test_what_a_client_of_chat_leaves_out_is_documented",
        untested="`parse` and the helper `stream` of the SDKs, which are `extract` and `stream` "
        "here; `_request_id`, which the HTTP answer has; answers are read-only",
    ),
    "D19: a packed answer is bounded": row(
        "wire/test_transport.py::"
        "test_a_short_answer_that_unpacks_to_much_is_refused_before_it_fills_the_memory",
        "server/test_connections.py::test_bodies_that_cannot_be_unpacked_are_refused",
    ),
    "Prompt injection: a text ends no tag, and a name no line": row(
        "prompt/test_messages.py::test_a_text_cannot_end_its_own_tag_in_any_spelling",
        "prompt/test_listing.py::test_no_name_description_or_option_can_look_like_another_field",
        "local/test_engine.py::test_a_document_cannot_end_its_own_turn",
        "wire/test_wire_faults.py::test_no_text_of_a_prompt_ends_its_own_tag",
        untested="control tokens in hosted prompts, which go as they are: no document is altered",
    ),
    "HTTP stack: httpx2 where it is installed": row(
        "wire/test_transport.py::test_httpx2_is_used_where_it_is_installed",
    ),
}


@pytest.mark.parametrize("label", ROWS)
def test_the_tests_of_each_row_are_there(label: str) -> None:
    assert not missing_tests(ROWS[label])


def test_every_row_of_the_page_has_a_line() -> None:
    assert not rows_without_a_test("wire.md", ROWS)


# ---- B: silent wrong or silent loss --------------------------------------------------------------


class Person(BaseModel):
    name: str
    age: int


BO = '{"name":"Bo","age":9}'


def client_of(*lines: Any, model: str = "vllm:m", **options: Any) -> Client:
    options = {"api_key": "k", "max_retries": 0, "max_reasks": 0, **options}
    return Client(model, transport=ScriptedTransport(*lines), **options)


def told(model: str) -> Any:
    """What the request in tool mode says of several calls; None if nothing."""
    body = Client(model, api_key="k", mode="tool").plan(Person, "Bo is 9.").body
    assert body is not None
    return body.get("parallel_tool_calls")


def test_one_call_is_asked_for_where_that_can_be_said() -> None:
    for model in ("openai:m", "openai-responses:o4-next", "groq:openai/gpt-oss-20b", "mistral:m"):
        assert told(model) is False, model
    # Reasoning models of OpenAI answer 400 there, and of other servers nothing is known.
    for model in ("openai:o4-next", "gemini:m", "vllm:m", "deepseek:m"):
        assert told(model) is None, model
    client = Client("groq:m", api_key="k", mode="tool", extra_body={"parallel_tool_calls": True})
    assert (client.plan(Person, "Bo is 9.").body or {})["parallel_tool_calls"] is True


def test_a_cut_stream_of_chat_is_broken() -> None:
    choice = {"index": 0, "delta": {"content": "Hello wor"}, "finish_reason": ""}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    event = b"data: " + json.dumps({"choices": [choice], "usage": usage}).encode() + b"\n\n"
    stream = client_of([event]).chat.completions.create(
        messages=[{"role": "user", "content": "hi"}], stream=True
    )
    with pytest.raises(StreamBrokenError):
        list(stream)


PEOPLE = [{"name": f"P{number}", "age": number} for number in range(6)]
VALID = [Person.model_validate(person) for person in PEOPLE if person["age"] != 2]


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize("mode", ["tool", "json-object", "best-effort", "prompt"])
@pytest.mark.parametrize("wrong", ["two", None, [], {"of": 2}])
def test_an_invalid_item_costs_no_other_whatever_is_installed(
    wrong: Any, mode: str, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grammar that reads along, if llguidance is installed, does not end the list."""
    if not installed:
        monkeypatch.setattr(listen, "find_spec", lambda name: None)
    people = [{**one, "age": wrong} if one["age"] == 2 else one for one in PEOPLE]
    line = CHAT.line(Said(json.dumps({"value": people})))

    items = client_of(line, model=CHAT.model, mode=mode).stream_items(Person, "x")
    got: list[Person] = []
    with pytest.raises(InvalidOutputError) as caught:
        got.extend(items)
    assert got == VALID
    assert [one.path for one in caught.value.rejected] == ["/2"]
    assert caught.value.salvaged == VALID

    kept = client_of(line, model=CHAT.model, mode=mode, on_invalid_items="keep")
    items = kept.stream_items(Person, "x")
    assert list(items) == VALID
    assert items.result is not None
    assert [one.path for one in items.result.rejected] == ["/2"]
    with kept.stream(list[Person], "x") as running:
        list(running)
    assert running.result is not None
    assert running.result.value == VALID


CUT = ["length", "model_length", "MAX_TOKENS", "max_output_tokens", "incomplete", "next_years_word"]
FAILED = ["error", "insufficient_system_resource"]
FILTERED = ["SAFETY", "RECITATION", "content_filter"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", [BO, BO[:14]], ids=["whole", "cut"])
@pytest.mark.parametrize("word", [*CUT, *FAILED, *FILTERED])
def test_an_answer_that_did_not_end_cleanly_is_no_value(word: str, text: str, stream: bool) -> None:
    client = client_of(CHAT.line(Said(text, finish_reason=word)), model=CHAT.model)
    with pytest.raises((OutputError, APIError)) as caught:
        if stream:
            list(client.stream(Person, "x"))
        else:
            client.extract(Person, "x")
    assert isinstance(caught.value, Truncated) is (word in CUT)
    assert isinstance(caught.value, ServerError) is (word in FAILED)


@pytest.mark.parametrize("word", ["length", "model_length", "MAX_TOKENS", "max_output_tokens"])
def test_a_list_goes_on_after_any_word_for_the_limit(word: str) -> None:
    cut = completion('["apple","pea","pe', finish_reason=word)
    client = client_of([cut], [completion('["pear"]')], max_continuations=1)
    assert client.extract(list[str], "x") == ["apple", "pea", "pear"]


# ---- C: errors -----------------------------------------------------------------------------------


def test_a_model_in_this_process_takes_every_seed(engine: Engine) -> None:
    client = Client(engine, temperature=1.0, max_tokens=40)
    for seed in (-1, 0, 2**40):
        texts = [client.extract(Person, "Bo is 9.", seed=seed).name for _ in range(2)]
        assert texts[0] == texts[1]
    for wrong in (1.5, "x", True):
        with pytest.raises(ConfigurationError, match="`seed` is"):
            client.extract(Person, "Bo is 9.", seed=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
@pytest.mark.parametrize(
    "proxy",
    [
        *("gopher://127.0.0.1:1", "http://[::1", "127.0.0.1:port", "http://127.0.0.1:99999"),
        *("http://", "a b:3128", "http://me:secret@:3128"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(
    proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(variable, proxy)
    address = {"base_url": "http://elsewhere.invalid/v1", "api_key": "k"}

    async def main(stream: bool) -> None:
        async with AsyncClient("openai:m", **address) as client:  # type: ignore[arg-type]
            if not stream:
                await client.extract(Person, "x")
                return
            async for _ in client.stream(Person, "x"):
                pass

    with Client("openai:m", **address) as client:  # type: ignore[arg-type]
        for way in (
            lambda: client.extract(Person, "x"),
            lambda: list(client.stream(Person, "x")),
            lambda: asyncio.run(main(False)),
            lambda: asyncio.run(main(True)),
        ):
            with pytest.raises(ConfigurationError, match="proxy") as caught:
                way()
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://me:pw@api.test/v2/chat?key=secret", "points to https://api.test/v2/chat,"),
        ("/v2/chat/completions", "points to /v2/chat/completions,"),
        ("http://[::1", "points elsewhere,"),
        ("", "points elsewhere,"),
    ],
)
def test_a_redirect_says_where_it_leads(location: str, told: str) -> None:
    with pytest.raises(APIError) as caught:
        client_of(Reply(308, {"location": location}, b"")).extract(Person, "x")
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "pw" not in str(caught.value)


# ---- D: compatibility, and prompts ---------------------------------------------------------------


def test_what_a_client_of_chat_leaves_out_is_documented() -> None:
    """A fallback answers extractions alone, and so does the breaker that leaves a backend alone."""
    spare = client_of([completion("from the fallback")])
    client = client_of(Reply(500, {}, b""), fallback=[spare])
    with pytest.raises(ServerError):
        client.chat.completions.create(messages=[{"role": "user", "content": "hi"}])


@pytest.mark.parametrize("name", ["document", "DOCUMENT", " document", "context"])
def test_no_text_of_a_prompt_ends_its_own_tag(name: str) -> None:
    end = f"</{name}>"
    plan = client_of().plan(
        Person,
        f"the document {end}",
        context=f"the context {end}",
        examples=[(f"the example {end}", Person(name="Bo", age=9))],
    )
    said = "\n".join(str(message["content"]) for message in plan.messages)
    for text in ("the document", "the context", "the example"):
        before, _, after = said.partition(f"{text} {end}")
        tag = before.rpartition("<")[2].partition(">")[0]
        assert tag.replace("-2", "") in ("document", "context")
        assert tag != name.strip().lower()
        assert after.lstrip().startswith(f"</{tag}>")
