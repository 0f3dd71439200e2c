"""Clients that others wrote, unchanged, against the server: what they make of its answers is what
they make of a vendor's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import groq
import openai
import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import Truncated
from tests.server.conftest import Running

FOLDER = Path(__file__).parents[2] / "examples" / "groq"
TEXT = "Two red lamps, please."


class Order(BaseModel):
    """Every value of it is short, so that none is cut in the few tokens of an answer."""

    item: Literal["lamp", "chair"]
    quantity: Annotated[int, Field(ge=1, le=99)]
    colour: Literal["red", "blue"]


RUN_ALL = """
import contextlib, io, json, runpy, sys
printed = {}
for path in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(path, run_name="__main__")
    printed[path] = out.getvalue()
print(json.dumps(printed))
"""


@pytest.mark.slow
def test_groqs_documented_calls_run_with_groqs_sdk(served: Running, tmp_path: Path) -> None:
    """The examples are Groq's snippets with another import and constructor; here with those put
    back. Only the environment tells where the server is. They leave their clients open, so they run
    in a process of their own.
    """
    scripts = []
    for example in sorted(FOLDER.glob("*.py")):
        theirs = re.sub(
            r"structgen\.(Async)?Client\(.*\)",
            lambda found: f"groq.{found[1] or ''}Groq()",
            example.read_text(),
        )
        scripts.append(tmp_path / example.name)
        scripts[-1].write_text(theirs.replace("import structgen", "import groq"))
    environ = {"GROQ_BASE_URL": served.address, "GROQ_API_KEY": "gsk_any"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, *map(str, scripts)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed = {Path(path).stem: text for path, text in json.loads(done.stdout).items()}
    assert len(printed) == 7
    assert all(text.strip() for text in printed.values())
    assert ", 6" not in printed["stop_sequence"]
    assert "'rating'" in printed["structured_outputs"]


def test_the_openai_sdk_parses_a_typed_object(served: Running) -> None:
    with openai.OpenAI(base_url=f"{served.address}/v1", api_key="any") as client:
        completion = client.chat.completions.parse(
            model="local", messages=[{"role": "user", "content": TEXT}], response_format=Order
        )
        order = completion.choices[0].message.parsed
        assert isinstance(order, Order)
        assert completion.choices[0].finish_reason == "stop"
        assert completion.usage
        assert (
            completion.usage.total_tokens
            == completion.usage.prompt_tokens + completion.usage.completion_tokens
        )
        parsed_of_tool = client.chat.completions.parse(
            model="local",
            messages=[{"role": "user", "content": TEXT}],
            tools=[openai.pydantic_function_tool(Order)],
            tool_choice="required",
        )
        calls = parsed_of_tool.choices[0].message.tool_calls
        assert calls
        assert isinstance(calls[0].function.parsed_arguments, Order)
        assert parsed_of_tool.choices[0].finish_reason == "tool_calls"


def test_the_openai_sdk_streams_a_typed_object(served: Running) -> None:
    with (
        openai.OpenAI(base_url=f"{served.address}/v1", api_key="any") as client,
        client.chat.completions.stream(
            model="local",
            messages=[{"role": "user", "content": TEXT}],
            response_format=Order,
            stream_options={"include_usage": True},
        ) as stream,
    ):
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Order)
    assert len(pieces) > 1
    assert "".join(pieces) == final.choices[0].message.content
    assert final.usage
    assert final.usage.completion_tokens > 1


def test_groqs_sdk_raises_its_own_errors(served: Running) -> None:
    with groq.Groq(base_url=served.address, api_key="any", max_retries=0) as client:
        with pytest.raises(groq.NotFoundError, match="does not exist"):
            client.chat.completions.create(
                model="gpt-0", messages=[{"role": "user", "content": TEXT}]
            )
        with pytest.raises(groq.BadRequestError, match="logit_bias"):
            client.chat.completions.create(
                model="local", messages=[{"role": "user", "content": TEXT}], logit_bias={"5": 1}
            )
        assert "openai/gpt-oss-20b" in [model.id for model in client.models.list().data]
        assert client.models.retrieve("openai/gpt-oss-20b").id == "openai/gpt-oss-20b"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["TOOLS", "JSON_SCHEMA"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of instructor's own imports
def test_instructor_gets_a_typed_object(mode: str, served: Running) -> None:
    import instructor

    with openai.OpenAI(base_url=f"{served.address}/v1", api_key="any") as client:
        patched = instructor.from_openai(client, mode=instructor.Mode[mode])
        order = patched.chat.completions.create(
            model="local",
            messages=[{"role": "user", "content": TEXT}],
            response_model=Order,
            max_retries=0,
        )
    assert isinstance(order, Order)


@pytest.mark.slow
@pytest.mark.parametrize("native", [False, True], ids=["tool", "json_schema"])
def test_pydantic_ai_gets_a_typed_object(native: bool, served: Running) -> None:
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def ask() -> object:
        async with openai.AsyncOpenAI(base_url=f"{served.address}/v1", api_key="any") as client:
            model = OpenAIChatModel("local", provider=OpenAIProvider(openai_client=client))
            agent = Agent(model, output_type=NativeOutput(Order) if native else Order, retries=0)
            return (await agent.run(TEXT)).output

    assert isinstance(asyncio.run(ask()), Order)


@pytest.mark.slow
def test_our_own_client_takes_it_for_groq(served: Running) -> None:
    with Client(
        "groq:openai/gpt-oss-20b",
        base_url=served.address,
        api_key="any",
        max_reasks=0,
        temperature=0,
    ) as client:
        result = client.extract_result(Order, TEXT)
        assert isinstance(result.value, Order)
        assert result.guarantee.by == "server"
        answer = client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
        assert answer.choices[0].message.content
        events = client.chat.completions.create(
            messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        assert "".join(event.choices[0].delta.content or "" for event in events)


@pytest.mark.slow
def test_our_own_client_takes_it_for_openai(served: Running) -> None:
    """Groq takes no schema together with `stream`; OpenAI does, and so does the server."""
    with Client(
        "openai:local", base_url=f"{served.address}/v1", api_key="any", max_reasks=0, temperature=0
    ) as client:
        with client.stream(Order, TEXT) as stream:
            partials = list(stream)
        assert len(partials) > 1
        assert stream.result is not None
        assert isinstance(stream.result.value, Order)

    async def ask() -> Order:
        async with AsyncClient(
            "openai:local",
            base_url=f"{served.address}/v1",
            api_key="any",
            max_reasks=0,
            temperature=0,
        ) as client:
            return await client.extract(Order, TEXT)

    assert isinstance(asyncio.run(ask()), Order)


def test_an_answer_is_a_value_of_the_schema_as_it_was_sent(served: Running) -> None:
    """The grammar holds maps as lists of pairs; the client never sees that, streaming or not."""
    schema = {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "counts", "schema": schema}}
    for stream in (False, True):
        with openai.OpenAI(base_url=f"{served.address}/v1", api_key="any") as client:
            answer: Any = client.chat.completions.create(
                model="local",
                messages=[{"role": "user", "content": TEXT}],
                response_format=wanted,
                temperature=0,
                stream=stream,
            )
            if stream:
                text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            else:
                text = answer.choices[0].message.content
        counts = json.loads(text)
        assert counts
        assert all(isinstance(count, int) for count in counts.values())


# ---- values that were cut short ------------------------------------------------------------------


class Basket(BaseModel):
    fruits: list[str]


FRUITS = "apple, pear, fig, plum, cherry, banana, kiwi, mango, lemon, lime"


def test_the_openai_sdk_takes_a_shortened_object_for_one_that_was_cut(served: Running) -> None:
    """It is valid JSON, and yet nobody may take it for all that the model wanted to say."""
    with openai.OpenAI(base_url=f"{served.address}/v1", api_key="any") as client:
        with pytest.raises(openai.LengthFinishReasonError) as cut:
            client.chat.completions.parse(
                model="local",
                messages=[{"role": "user", "content": FRUITS}],
                response_format=Basket,
                temperature=0,
                max_completion_tokens=16,
            )
        assert Basket.model_validate_json(cut.value.completion.choices[0].message.content or "")
        called = client.chat.completions.create(
            model="local",
            messages=[{"role": "user", "content": FRUITS}],
            tools=[openai.pydantic_function_tool(Basket)],
            tool_choice="required",
            temperature=0,
            max_completion_tokens=16,
        ).choices[0]
    assert called.finish_reason == "length"
    assert called.message.tool_calls
    call = called.message.tool_calls[0]
    assert call.type == "function"
    assert Basket.model_validate_json(call.function.arguments)


@pytest.mark.parametrize("stream", [False, True])
def test_groqs_sdk_reads_that_a_shortened_object_was_cut(stream: bool, served: Running) -> None:
    schema = {**Basket.model_json_schema(), "additionalProperties": False}
    named = {"name": "basket", "schema": schema, "strict": True}
    wanted: Any = {"type": "json_schema", "json_schema": named}
    with groq.Groq(base_url=served.address, api_key="any", max_retries=0) as client:
        answer: Any = client.chat.completions.create(
            model="local",
            messages=[{"role": "user", "content": FRUITS}],
            response_format=wanted,
            temperature=0,
            max_completion_tokens=16,
            stream=stream,
        )
        if stream:
            chunks = list(answer)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            last = chunks[-1]
            finish_reason, own = last.choices[0].finish_reason, last.x_structgen
        else:
            text = answer.choices[0].message.content
            finish_reason, own = answer.choices[0].finish_reason, answer.x_structgen
    assert Basket.model_validate_json(text)
    assert finish_reason == "length"
    assert own["shortened"][0] == "/fruits"
    assert own["shortened_by"] == ["limit"]


@pytest.mark.parametrize("stream", [False, True])
def test_our_own_client_raises_truncated_with_the_shortened_value(
    stream: bool, served: Running
) -> None:
    with Client(
        "openai:local", base_url=f"{served.address}/v1", api_key="any", temperature=0, max_tokens=16
    ) as client:
        with pytest.raises(Truncated, match="did not fit into max_tokens") as cut:
            if stream:
                list(client.stream(Basket, FRUITS))
            else:
                client.extract(Basket, FRUITS)
        kept = client.extract_result(Basket, FRUITS, on_shortened="keep")
    assert isinstance(cut.value.salvaged, Basket)
    assert "/fruits" in cut.value.shortened
    assert (kept.value, kept.shortened) == (cut.value.salvaged, cut.value.shortened)
