"""Error answers in every form become typed errors, which quote no document and no key."""

from __future__ import annotations

import json
import pickle

import pytest

from structgen import errors
from structgen.errors import (
    APIPromptTooLongError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OutputRejectedError,
    RateLimitError,
    ServerError,
)
from structgen.values import Reply
from structgen.wire.error_bodies import parse_error
from structgen.wire.providers import capabilities
from tests.wire.parts import DOCUMENT, chat_request

CAPS = capabilities("groq", "m")
REQUEST = CAPS.dialect.build(chat_request(), CAPS)


def of(status: int, body: object, **headers: str) -> errors.APIError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_error(
        Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, data),
        CAPS,
        REQUEST,
    )


def nested(**members: object) -> dict[str, object]:
    """An error as OpenAI, Groq, vLLM and llama.cpp write it."""
    return {"error": members}


VALIDATION = [{"loc": ["body", "x"], "msg": "Field required", "input": {"content": DOCUMENT}}]
TOO_LARGE = "Request too large for model x on tokens per minute"
FLAT = {"object": "error", "message": "flat", "type": "InternalServerError", "code": 500}
REJECTED = {"message": "x", "code": "json_validate_failed", "failed_generation": "{"}
REJECTED_TOOL = {"message": "x", "code": "tool_use_failed", "failed_generation": ""}
PROMPT_TOO_LONG = {"code": 400, "type": "exceed_context_size_error", "n_ctx": 4}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, nested(message="no", type="invalid_request_error"), BadRequestError),
        (401, nested(message="no", code="invalid_api_key"), AuthenticationError),
        (403, {"message": "no"}, AuthenticationError),
        (404, nested(message="no", code="model_not_found"), NotFoundError),
        (413, nested(message=TOO_LARGE), BadRequestError),
        (422, {"detail": VALIDATION}, BadRequestError),
        (429, nested(message="slow", type="tokens"), RateLimitError),
        (498, nested(message="full", code="capacity_exceeded"), RateLimitError),
        (500, FLAT, ServerError),
        (503, b"upstream connect error", ServerError),
        (502, b"<html>bad gateway</html>", ServerError),
        (424, {"error": "queue full", "error_type": "overloaded"}, BadRequestError),
        (500, [nested(message="gemini", code=500)], ServerError),
        (200, nested(message="upstream", code=502), ServerError),
        (200, nested(message="limit", code=429), RateLimitError),
        (200, nested(message="n", type="BadRequestError", code=400), BadRequestError),
        (308, b"", ServerError),
        (400, {"error": PROMPT_TOO_LONG}, APIPromptTooLongError),
        (400, nested(message="m", code="context_length_exceeded"), APIPromptTooLongError),
        (400, {"error": REJECTED}, OutputRejectedError),
        (400, {"error": REJECTED_TOOL}, OutputRejectedError),
    ],
)
def test_the_class_follows_status_code_and_type(
    status: int, body: object, kind: type[errors.APIError]
) -> None:
    assert type(of(status, body)) is kind


def test_all_that_the_server_said_about_itself_is_kept() -> None:
    error = of(
        400,
        {
            "error": {
                "message": "bad",
                "type": "invalid_request_error",
                "code": "x",
                "param": "seed",
            }
        },
        x_request_id="req_1",
        x_should_retry="true",
    )
    assert (error.status_code, error.code, error.type, error.param, error.request_id) == (
        400,
        "x",
        "invalid_request_error",
        "seed",
        "req_1",
    )
    assert error.should_retry is True
    assert error.body["message"] == "bad"
    assert "bad" in str(error)


def test_the_rejected_output_is_kept_out_of_the_message() -> None:
    error = of(
        400,
        {
            "error": {
                "message": "Failed",
                "code": "json_validate_failed",
                "failed_generation": '{"a": 1',
            }
        },
    )
    assert isinstance(error, errors.OutputRejectedError)
    assert error.failed_generation == '{"a": 1'
    assert '{"a"' not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("message", "tokens", "limit"),
    [
        (
            "This model's maximum context length is 2048 tokens. "
            "However, your prompt contains at least 2049 input tokens",
            2049,
            2048,
        ),
        (
            "This model's maximum context length is 4096 tokens, however you requested 5123 tokens",
            5123,
            4096,
        ),
    ],
)
def test_how_much_too_long_a_prompt_is(message: str, tokens: int, limit: int) -> None:
    error = of(400, {"error": {"message": message}})
    assert isinstance(error, errors.APIPromptTooLongError)
    assert (error.tokens, error.limit) == (tokens, limit)


@pytest.mark.parametrize(
    "said",
    [
        f"Invalid message: {DOCUMENT}",
        f"error near '{DOCUMENT[5:40]}'",
        f"[{{'input': '{DOCUMENT}'}}]",
        f"cannot parse {json.dumps([{'role': 'user', 'content': DOCUMENT}])}",
        "Incorrect API key provided: sk-proj-abcdef123456. Bearer gsk_abcdefghijklmnop was sent",
    ],
)
def test_no_text_of_the_request_and_no_key_reaches_the_message(said: str) -> None:
    for error in (
        of(400, {"error": {"message": said}}),
        of(500, said.encode()),
        of(422, {"detail": said}),
    ):
        shown = str(error) + repr(error)
        assert not any(DOCUMENT[start : start + 16] in shown for start in range(len(DOCUMENT) - 16))
        assert "sk-proj" not in shown
        assert "gsk_" not in shown


@pytest.mark.parametrize("member", ["message", "code", "type", "param"])
def test_no_key_reaches_a_member_of_the_error(member: str) -> None:
    error = of(400, {"error": {"message": "no", member: "the key sk-proj-abcdef123456"}})
    assert "sk-proj" not in f"{error} {error!r} {error.code} {error.type} {error.param}"
    assert "sk-proj" not in str(error.body)


def test_no_key_reaches_a_body_of_any_form() -> None:
    told = "the key sk-proj-abcdef123456"
    assert "sk-proj" not in str(of(500, told.encode()).body)
    body = of(422, {"detail": [{"loc": ["a", 1], "msg": told}]}).body
    assert body == {"detail": [{"loc": ["a", 1], "msg": "the key …"}]}


def test_a_long_message_is_cut() -> None:
    assert len(str(of(400, {"error": {"message": "word " * 5000}}))) < 1000


def test_an_error_survives_a_process_boundary() -> None:
    error = of(429, {"error": {"message": "slow"}}, retry_after="3")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.retry_after, back.status_code) == (
        type(error),
        str(error),
        3.0,
        429,
    )
