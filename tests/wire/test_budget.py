"""What a call may cost: after the first, nothing is built anew; imports are lazy."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import pydantic
import pydantic._internal._model_construction as construction
import pytest
from pydantic.json_schema import GenerateJsonSchema

from structgen import Client
from structgen.testing import ScriptedTransport
from structgen.wire.dialects import chat_requests


class Place(pydantic.BaseModel):
    """A city and its country."""

    city: str
    country: str | None = None


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the schemas, model classes and type adapters that Pydantic builds."""
    counts: Counter[str] = Counter()

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, wrapper)

    counted(GenerateJsonSchema, "generate")
    counted(construction, "complete_model_class")
    counted(pydantic.TypeAdapter, "__init__")
    return counts


def test_calls_after_the_first_build_nothing(built: Counter[str]) -> None:
    with Client(
        "vllm:m",
        base_url="http://x/v1",
        transport=ScriptedTransport('{"city":"Paris","country":null}'),
    ) as client:
        client.extract(Place, "Paris")
        assert built["generate"] >= 1, "the counters count"
        built.clear()
        held = chat_requests._schema_members.cache_info().misses
        for _ in range(10):
            assert client.extract(Place, "Paris") == Place(city="Paris")
            client.chat.completions.create(messages=[{"role": "user", "content": "hi"}])
    assert not built
    assert chat_requests._schema_members.cache_info().misses == held, (
        "the request's schema was written anew"
    )


def test_chat_alone_builds_no_model_at_all(built: Counter[str]) -> None:
    with Client("vllm:m", base_url="http://x/v1", transport=ScriptedTransport("Paris")) as client:
        client.chat.completions.create(messages=[{"role": "user", "content": "hi"}])
        list(
            client.chat.completions.create(
                messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )
    assert not built


@pytest.mark.parametrize(
    ("script", "absent"),
    [
        ("import structgen.testing", "httpx tenacity jsonschema pydantic ssl"),
        (
            "import structgen.chat.api, structgen.wire.http.client",
            "httpx tenacity jsonschema pydantic aiohttp",
        ),
        (
            "import structgen; structgen.Client('groq:m', api_key='k')",
            "httpx tenacity jsonschema aiohttp opentelemetry outlines groq openai",
        ),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(script: str, absent: str) -> None:
    script = (
        f"import sys\n{script}\nprint([name for name in {absent.split()!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
