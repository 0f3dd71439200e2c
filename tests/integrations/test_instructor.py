"""Code that uses instructor, with nothing but the client changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import instructor
import pytest
from instructor.core.exceptions import InstructorRetryException
from pydantic import BaseModel, ValidationInfo, field_validator

from structgen import AsyncClient, AuthenticationError, Client, ConfigurationError
from structgen.integrations import from_structgen
from structgen.testing import ScriptedModel, ScriptedTransport
from structgen.values import Reply


class User(BaseModel):
    name: str
    age: int

    @field_validator("name")
    @classmethod
    def capital(cls, name: str) -> str:
        assert name[0].isupper(), "Write names with a capital."
        return name


SAID: Any = [
    {"role": "system", "content": "Be exact."},
    {"role": "user", "content": "Jason is 25 years old."},
]
JASON = '{"name": "Jason", "age": 25}'
LOWER = '{"name": "jason", "age": 25}'
TWO = json.dumps([{"name": "Jason", "age": 25}, {"name": "Sarah", "age": 30}])
BOTH = [User(name="Jason", age=25), User(name="Sarah", age=30)]


def over(*answers: str) -> tuple[instructor.Instructor, ScriptedTransport]:
    transport = ScriptedTransport(*answers)
    client = Client("groq:openai/gpt-oss-20b", api_key="k", transport=transport)
    return from_structgen(client), transport


def over_async(*answers: str) -> instructor.AsyncInstructor:
    return from_structgen(AsyncClient(ScriptedModel(*answers)))


def test_a_response_model_is_held_and_checked() -> None:
    client, transport = over(JASON)
    user = client.chat.completions.create(response_model=User, messages=SAID, temperature=0)
    assert user == User(name="Jason", age=25)
    body = json.loads(transport.requests[0].body)
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["temperature"] == 0
    assert "Be exact." in str(body["messages"])


def test_a_validator_asks_again_as_often_as_max_retries_allows() -> None:
    client, transport = over(LOWER, JASON)
    assert client.create(User, SAID, max_retries=2).name == "Jason"
    assert "Write names with a capital." in str(transport.requests[1].body)
    with pytest.raises(InstructorRetryException) as caught:
        over(LOWER)[0].create(User, SAID, max_retries=2)
    assert (caught.value.n_attempts, caught.value.last_completion) == (2, LOWER)
    assert caught.value.total_usage == 24


def test_the_completion_is_the_extraction() -> None:
    user, completion = over(JASON)[0].create_with_completion(response_model=User, messages=SAID)
    assert (user.age, completion.value, completion.usage.total_tokens) == (25, user, 12)


def test_several_records_come_one_by_one_or_as_a_list() -> None:
    client = from_structgen(Client(ScriptedModel(TWO)))
    assert list(client.create_iterable(response_model=User, messages=SAID)) == BOTH
    assert client.create(Iterable[User], SAID) == BOTH  # type: ignore[type-abstract]
    assert client.create(list[User], SAID) == BOTH


def test_a_partial_record_grows_into_the_record() -> None:
    *growing, last = over(JASON)[0].create_partial(response_model=User, messages=SAID)
    assert last == User(name="Jason", age=25)
    assert any(part.name and not part.age for part in growing)


def test_an_async_client_makes_an_async_instructor() -> None:
    async def run() -> None:
        assert await over_async(JASON).create(User, SAID) == User(name="Jason", age=25)
        user, completion = await over_async(JASON).create_with_completion(
            response_model=User, messages=SAID
        )
        assert completion.value == user
        stream = over_async(TWO).create_iterable(response_model=User, messages=SAID)
        assert [item async for item in stream] == BOTH
        parts = over_async(JASON).create_partial(response_model=User, messages=SAID)
        assert [part async for part in parts][-1] == user

    asyncio.run(run())


def test_hooks_are_called() -> None:
    told: list[str] = []
    client, _ = over(JASON, "no JSON")
    client.on("completion:kwargs", lambda **given: told.append(given["messages"][1]["content"]))
    client.on("completion:response", lambda result: told.append(result.value.name))
    client.on("parse:error", lambda error: told.append(type(error).__name__))
    client.create(User, SAID)
    with pytest.raises(InstructorRetryException):
        client.create(User, SAID, max_retries=1)
    assert told == [SAID[1]["content"], "Jason", SAID[1]["content"], "NotJsonError"]


def test_errors_of_the_server_stay_structgens() -> None:
    refused = ScriptedTransport(Reply(401, {}, b'{"error": {"message": "no"}}'))
    client = from_structgen(Client("openai:m", api_key="k", transport=refused))
    with pytest.raises(AuthenticationError):
        client.create(User, SAID)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (
            {"context": {"x": 1}, "messages": [{"role": "user", "content": "Jason is {{ x }}."}]},
            "template",
        ),
        ({"model": "gpt-4o"}, "gpt-4o"),
        ({"max_retries": object()}, "max_retries"),
        ({"response_model": None}, "response_model"),
    ],
    ids=["template", "model", "max_retries", "response_model"],
)
def test_what_cannot_be_heeded_is_refused(given: dict[str, Any], wrong: str) -> None:
    client, transport = over(JASON)
    call: dict[str, Any] = {"response_model": User, "messages": SAID, **given}
    with pytest.raises(ConfigurationError, match=wrong):
        client.create(**call)
    assert not transport.requests


def test_validators_find_the_context() -> None:
    class Known(User):
        @field_validator("name")
        @classmethod
        def is_known(cls, name: str, info: ValidationInfo) -> str:
            if name not in (info.context or {})["names"]:
                raise ValueError("not in the list")
            return name

    client, _ = over(JASON, JASON)
    assert client.create(Known, SAID, context={"names": ["Jason"]}).name == "Jason"
    with pytest.raises(InstructorRetryException):
        client.create(Known, SAID, context={"names": ["Ada"]}, max_retries=1)


def test_the_model_of_the_client_may_be_named() -> None:
    assert over(JASON)[0].create(User, SAID, model="openai/gpt-oss-20b").age == 25


@pytest.mark.slow
def test_the_embedded_model_serves_instructor(embedded_cache: Path) -> None:
    user = from_structgen("local").create(User, SAID, max_retries=3)
    assert isinstance(user, User)
