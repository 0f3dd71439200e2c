"""What each provider is sent: the schema in its place, and parameters under its names.

What would be lost silently is an error instead.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from structgen.chat.completion import ChatMessage
from structgen.errors import ConfigurationError, InputError
from structgen.options import Options
from structgen.schema.subset import SUBSETS
from structgen.wire.dialect import ChatRequest, to_json
from structgen.wire.endpoint import endpoint
from structgen.wire.models.rows import EXAMPLE_MODEL
from structgen.wire.providers import PROVIDERS, ROWS, capabilities
from tests.wire.parts import SCHEMA, built, chat_request

FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": json.loads(SCHEMA)}}


def test_only_what_was_set_is_sent() -> None:
    assert built(chat_request("hi")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
    }


@pytest.mark.parametrize("mode", ["strict", "best-effort"])
def test_a_schema_stands_in_response_format(mode: str) -> None:
    held = built(
        chat_request(schema=SCHEMA, schema_name="place", mode=mode), "groq", "openai/gpt-oss-20b"
    )["response_format"]
    assert held == {
        "type": "json_schema",
        "json_schema": {"name": "place", "strict": mode == "strict", "schema": json.loads(SCHEMA)},
    }


def test_a_schema_can_be_a_tool() -> None:
    sent = built(chat_request(schema=SCHEMA, schema_name="place", mode="tool"), "openai")
    assert sent["tools"] == [
        {
            "type": "function",
            "function": {"name": "place", "strict": True, "parameters": json.loads(SCHEMA)},
        }
    ]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "place"}}


def test_json_object_mode_sends_no_schema() -> None:
    assert built(chat_request(schema=SCHEMA, mode="json-object"))["response_format"] == {
        "type": "json_object"
    }


def test_prompt_mode_sends_nothing_of_the_schema() -> None:
    assert built(chat_request("hi", schema=SCHEMA, mode="prompt")) == built(chat_request("hi"))


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("tgi", {"type": "json_schema", "value": {"name": "place", "schema": json.loads(SCHEMA)}}),
        ("llama-cpp-python", {"type": "json_object", "schema": json.loads(SCHEMA)}),
    ],
)
def test_servers_with_a_form_of_their_own_get_it(provider: str, expected: object) -> None:
    """Whether the schema comes from a target, or from the caller in OpenAI's form."""
    assert (
        built(chat_request(schema=SCHEMA, schema_name="place", mode="strict"), provider)[
            "response_format"
        ]
        == expected
    )
    assert (
        built(chat_request(members={"response_format": FORMAT}), provider)["response_format"]
        == expected
    )


def test_openrouter_is_told_not_to_drop_the_schema() -> None:
    assert built(chat_request(schema=SCHEMA, mode="strict"), "openrouter")["provider"] == {
        "require_parameters": True
    }


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("groq", "max_completion_tokens"),
        ("openai", "max_completion_tokens"),
        ("ollama", "max_tokens"),
        ("vllm", "max_tokens"),
    ],
)
def test_the_token_limit_has_the_providers_name(provider: str, name: str) -> None:
    assert built(chat_request("hi", options=Options(max_tokens=9)), provider)[name] == 9


def test_a_token_limit_under_a_name_the_server_ignores_is_renamed() -> None:
    """Ollama reads only `max_tokens`, and would answer at any length."""
    sent = built(chat_request(members={"max_completion_tokens": 9}), "ollama")
    assert (sent.get("max_tokens"), sent.get("max_completion_tokens")) == (9, None)


@pytest.mark.parametrize(
    ("provider", "member"),
    [
        ("groq", {"logprobs": True}),
        ("groq", {"logit_bias": {"1": 2}}),
        ("vllm", {"guided_json": {}, "guided_regex": "a"}),
        ("ollama", {"n": 2}),
        ("groq", {"stop": ["a", "b", "c", "d", "e"]}),
        ("groq", {"model": "other"}),
        ("llamacpp", {"response_format": {"type": "json_schema", "schema": {}}}),
        ("groq", {"response_format": FORMAT, "tools": [{"type": "function"}]}),
    ],
)
def test_what_a_server_refuses_or_would_ignore_is_an_error_before_sending(
    provider: str, member: dict[str, object]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        built(chat_request(members=member), provider)
    assert caught.value.hint


def test_a_schema_and_a_stream_do_not_go_together_on_groq() -> None:
    with pytest.raises(ConfigurationError, match="stream"):
        built(chat_request(members={"response_format": FORMAT}, stream=True), "groq")


@pytest.mark.parametrize("name", ["seed", "temperature", "top_p", "n"])
def test_a_parameter_of_0_is_refused_as_any_other_value(name: str) -> None:
    row = replace(capabilities("vllm", "m"), unsupported=frozenset({name}))
    with pytest.raises(ConfigurationError, match=name):
        built(chat_request(members={name: 0}), row)


@pytest.mark.parametrize("member", [{"logprobs": False}, {"logprobs": None}, {"n": 1}])
def test_neutral_values_pass(member: dict[str, object]) -> None:
    assert built(chat_request(members=member), "groq").items() >= member.items()


def test_a_row_of_the_users_own_goes_before_ours() -> None:
    row = replace(capabilities("groq", "m"), model="m*", unsupported=frozenset())
    assert capabilities("groq", "m-2", (row,)) is row
    assert built(chat_request(members={"logprobs": True}), row)["logprobs"] is True


@pytest.mark.parametrize("bad", [float("nan"), "\ud800", object(), {1, 2}])
def test_what_is_no_json_is_an_input_error_that_does_not_quote_it(bad: object) -> None:
    with pytest.raises(InputError) as caught:
        to_json([{"content": "secret text", "x": bad}])
    assert "secret" not in str(caught.value)


def test_answers_and_models_can_be_put_back_into_a_conversation() -> None:
    message = ChatMessage({"role": "assistant", "content": "hi"})
    assert json.loads(to_json([message, (1, 2)])) == [
        {"role": "assistant", "content": "hi"},
        [1, 2],
    ]


def test_further_headers_and_query_are_sent() -> None:
    caps = capabilities("vllm", "m")
    request = caps.dialect.build(
        ChatRequest(model="m", messages=[], headers={"X-Id": "7"}, query={"api-version": "1"}), caps
    )
    assert request.headers["x-id"] == "7"
    assert request.path == "chat/completions?api-version=1"


# ---- the rows ------------------------------------------------------------------------


def test_every_row_names_subsets_that_exist() -> None:
    assert {subset for row in ROWS for _, subset in row.modes} <= set(SUBSETS)


def test_every_provider_has_a_row_for_any_model_and_a_way_to_be_found() -> None:
    for provider in PROVIDERS:
        row = capabilities(provider, "some/model-1")
        assert row.base_url or row.base_url_env or provider == "generic"
        assert row.modes[-1][0] == "prompt"
        assert not row.needs_key or row.key_env


def test_no_row_is_hidden_by_one_before_it() -> None:
    for row in ROWS:
        found = capabilities(row.provider, row.model)
        by_model = {name: getattr(row, name) for name in ("context", "max_output", "reasoning")}
        assert replace(found, **by_model) == row


def test_an_unknown_provider_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match="groq") as caught:
        capabilities("grok", "m")
    assert "openrouter" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("https://api.groq.com/", "https://api.groq.com/openai/v1"),
        ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
        ("https://proxy.example/groq", "https://proxy.example/groq/openai/v1"),
        ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
    ],
)
def test_groqs_base_url_is_read_in_both_of_its_forms(url: str, normal: str) -> None:
    where = endpoint(capabilities("groq", "m"), environ={"GROQ_BASE_URL": url, "GROQ_API_KEY": "k"})
    assert where.base_url == normal


@pytest.mark.parametrize(
    ("provider", "environ", "url"),
    [
        ("ollama", {"OLLAMA_HOST": "10.0.0.2:11434"}, "http://10.0.0.2:11434/v1"),
        ("ollama", {"OLLAMA_HOST": "10.0.0.2"}, "http://10.0.0.2:11434/v1"),
        ("ollama-native", {"OLLAMA_HOST": "10.0.0.2"}, "http://10.0.0.2:11434/api"),
        ("ollama-native", {"OLLAMA_HOST": "https://ollama.com"}, "https://ollama.com/api"),
        ("ollama-native", {"OLLAMA_HOST": "box:1/api"}, "http://box:1/api"),
        (
            "azure",
            {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com", "AZURE_OPENAI_API_KEY": "k"},
            "https://x.openai.azure.com/openai/v1",
        ),
        ("llamacpp", {}, "http://127.0.0.1:8080/v1"),
    ],
)
def test_addresses_come_from_the_environment(
    provider: str, environ: dict[str, str], url: str
) -> None:
    assert endpoint(capabilities(provider, "m"), environ=environ).base_url == url


def test_the_key_comes_from_the_environment_and_stays_out_of_sight() -> None:
    where = endpoint(
        capabilities("groq", "m"),
        environ={"GROQ_API_KEY": " gsk_secret \n", "GROQ_CUSTOM_HEADERS": "X-A: 1\nX-B: 2"},
    )
    assert where.headers == {"authorization": "Bearer gsk_secret", "x-a": "1", "x-b": "2"}
    assert "gsk_secret" not in repr(where)


def test_azure_takes_its_key_in_a_header_of_its_own() -> None:
    assert endpoint(capabilities("azure", "m"), "https://x/openai/v1", "k", {}).headers == {
        "api-key": "k"
    }


@pytest.mark.parametrize(
    ("provider", "given"),
    [("groq", {}), ("azure", {"api_key": "k"}), ("generic", {}), ("vllm", {"api_key": "k\ny"})],
)
def test_a_missing_or_broken_key_or_address_is_an_error(
    provider: str, given: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        endpoint(capabilities(provider, "m"), given.get("base_url"), given.get("api_key"), {})
    assert caught.value.hint


@pytest.mark.parametrize("url", ["ftp://x/v1", "http://", "http:///v1"])
def test_what_is_no_http_address_is_an_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        endpoint(capabilities("generic", "m"), url, None, {})


def test_json_mode_without_the_word_json_is_refused_before_sending() -> None:
    """Groq and OpenAI answer 400 to it; vLLM does not mind."""
    object_mode = {"response_format": {"type": "json_object"}}
    with pytest.raises(ConfigurationError, match="word JSON"):
        built(chat_request(members=object_mode), "groq")
    assert built(chat_request(members=object_mode), "vllm")["response_format"] == {
        "type": "json_object"
    }
    said = [{"role": "user", "content": "As json, please."}]
    assert built(chat_request(messages=said, members=object_mode), "groq")["messages"] == said


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_more_tokens_than_the_model_writes_are_refused_before_sending(name: str) -> None:
    with pytest.raises(ConfigurationError, match="at most 65536 tokens"):
        built(chat_request(members={name: 65_537}), "groq", EXAMPLE_MODEL)
    sent = built(chat_request(members={name: 65_536}), "groq", EXAMPLE_MODEL)
    assert sent["max_completion_tokens"] == 65_536


# ---- members of several origins ----------------------------------------------------------


def test_the_calls_token_limit_replaces_the_clients_under_either_name() -> None:
    """Else a server that reads only `max_tokens` would be sent the client's limit."""
    client = Options(max_tokens=9)
    for provider, name in (("ollama", "max_tokens"), ("groq", "max_completion_tokens")):
        for given in ("max_tokens", "max_completion_tokens"):
            sent = built(chat_request("hi", options=client, members={given: 5}), provider)
            limits = {key: value for key, value in sent.items() if key.startswith("max_")}
            assert limits == {name: 5}


def test_what_a_user_sets_for_openrouter_goes_before_what_the_row_adds() -> None:
    chosen = Options(extra_body={"provider": {"order": ["a"]}})
    sent = built(chat_request(schema=SCHEMA, mode="strict", options=chosen), "openrouter")
    assert sent["provider"] == {"require_parameters": True, "order": ["a"]}


def test_stream_options_of_a_user_are_kept_when_the_tokens_are_counted() -> None:
    chosen = Options(extra_body={"stream_options": {"continuous_usage_stats": True}})
    asked = chat_request(stream=True, include_usage=True, options=chosen)
    expected = {"include_usage": True, "continuous_usage_stats": True}
    assert built(asked, "vllm")["stream_options"] == expected


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("strict", "response_format"),
        ("json-object", "response_format"),
        ("tool", "tools"),
        ("tool", "tool_choice"),
    ],
)
def test_a_member_that_holds_the_targets_schema_is_never_sent_twice(mode: str, name: str) -> None:
    asked = chat_request(schema=SCHEMA, mode=mode, options=Options(extra_body={name: {}}))
    with pytest.raises(ConfigurationError, match=f"'{name}' is already in the request"):
        built(asked, "vllm")
