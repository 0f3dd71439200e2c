"""pydantic-ai's own examples of structured output, with nothing but the model changed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, RunContext, ToolOutput
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior
from pydantic_ai.models.fallback import FallbackModel

from structgen import AsyncClient, Client
from structgen.integrations import StructgenModel
from structgen.testing import AnyModel, ScriptedModel, ScriptedTransport
from structgen.values import Reply


class CityLocation(BaseModel):
    city: str
    country: str


class Box(BaseModel):
    width: int
    height: int
    depth: int
    units: str


class Fruit(BaseModel):
    name: str
    color: str


class Vehicle(BaseModel):
    name: str
    wheels: int


OLYMPICS = "Where were the olympics held in 2012?"
LONDON = '{"city": "London", "country": "United Kingdom"}'


def model(*answers: str) -> StructgenModel:
    return StructgenModel(Client(ScriptedModel(*answers)))


def run(agent: Agent[Any, Any], *prompt: Any, **settings: Any) -> Any:
    """As `agent.run_sync`, which leaves its event loop open."""
    return asyncio.run(agent.run(*prompt, **settings))


def wrapped(name: str, arguments: object) -> str:
    return json.dumps({"answer": {"tool": name, "arguments": arguments}})


def test_an_output_type_is_read_and_usage_is_counted() -> None:
    agent = Agent(
        StructgenModel(Client("openai:m", api_key="k", transport=ScriptedTransport(LONDON))),
        output_type=CityLocation,
    )
    result = run(agent, OLYMPICS)
    assert result.output == CityLocation(city="London", country="United Kingdom")
    assert (result.usage.input_tokens, result.usage.output_tokens) == (7, 5)


@pytest.mark.parametrize("mode", [lambda kind: kind, NativeOutput, PromptedOutput, ToolOutput])
def test_every_output_mode_asks_for_the_compiled_type(mode: object) -> None:
    scripted = ScriptedModel(LONDON)
    agent = Agent(StructgenModel(Client(scripted)), output_type=mode(CityLocation))  # type: ignore[operator]
    assert run(agent, OLYMPICS).output.city == "London"


@pytest.mark.parametrize(
    "client", [Client(AnyModel()), AsyncClient(AnyModel())], ids=["sync", "async"]
)
def test_both_clients_serve(client: Client | AsyncClient) -> None:
    agent = Agent(StructgenModel(client), output_type=list[Box])
    assert all(isinstance(box, Box) for box in run(agent, "a box of 3 by 4 by 5 cm").output)


def test_a_union_of_types_in_native_mode() -> None:
    answer = json.dumps({"result": {"kind": "Vehicle", "data": {"name": "Ford", "wheels": 4}}})
    agent: Agent[None, Fruit | Vehicle] = Agent(
        model(answer), output_type=NativeOutput[Fruit | Vehicle]([Fruit, Vehicle], name="thing")
    )
    assert run(agent, "What is a Ford Explorer?").output == Vehicle(name="Ford", wheels=4)


def test_several_output_tools_are_a_choice_that_the_schema_holds() -> None:
    agent: Agent[None, Fruit | Vehicle] = Agent(
        model(wrapped("return_vehicle", {"name": "Ford", "wheels": 4})),
        output_type=[
            ToolOutput(Fruit, name="return_fruit"),
            ToolOutput(Vehicle, name="return_vehicle"),
        ],
    )
    assert run(agent, "What is a Ford Explorer?").output == Vehicle(name="Ford", wheels=4)


def test_a_text_or_a_box() -> None:
    agent: Agent[None, Box | str] = Agent(
        model(
            wrapped("text", "Which units?"),
            wrapped("final_result", {"width": 1, "height": 2, "depth": 3, "units": "cm"}),
        ),
        output_type=[Box, str],
        instructions="Extract the dimensions; if you cannot, ask the user.",
    )
    first = run(agent, "The box is 1x2x3")
    assert first.output == "Which units?"
    second = run(agent, "The units are cm", message_history=first.all_messages())
    assert second.output == Box(width=1, height=2, depth=3, units="cm")


@dataclass
class Accounts:
    balances: dict[str, int]


def test_function_tools_are_called_and_answered() -> None:
    scripted = ScriptedModel(
        wrapped("balance", {"name": "Ada"}), wrapped("output", {"city": "42", "country": "x"})
    )
    agent = Agent(StructgenModel(Client(scripted)), deps_type=Accounts, output_type=CityLocation)

    @agent.tool
    def balance(ctx: RunContext[Accounts], name: str) -> int:
        """Look up the balance of a customer."""
        return ctx.deps.balances[name]

    assert run(agent, "Ada", deps=Accounts({"Ada": 42})).output.city == "42"
    assert "The tool balance returned: 42" in str(scripted.asked[1])


def test_an_output_validator_asks_again() -> None:
    scripted = ScriptedModel('{"city": "", "country": "x"}', LONDON)
    agent = Agent(StructgenModel(Client(scripted)), output_type=CityLocation)

    @agent.output_validator
    def named(output: CityLocation) -> CityLocation:
        if not output.city:
            raise ModelRetry("Name the city.")
        return output

    assert run(agent, OLYMPICS).output.city == "London"
    assert "Name the city." in str(scripted.asked[1])


def test_a_streamed_run_has_the_same_output() -> None:
    async def streamed() -> CityLocation:
        agent = Agent(model(LONDON), output_type=CityLocation)
        async with agent.run_stream(OLYMPICS) as result:
            return await result.get_output()

    assert asyncio.run(streamed()).city == "London"


def test_settings_become_options_and_system_prompts_instructions() -> None:
    transport = ScriptedTransport(LONDON)
    client = Client("openai:m", api_key="k", transport=transport)
    agent = Agent(
        StructgenModel(client, settings={"temperature": 0.5}),
        output_type=CityLocation,
        system_prompt="Be exact.",
        instructions="Use English names.",
    )
    run(agent, OLYMPICS, model_settings={"max_tokens": 77, "seed": 3})
    body = json.loads(transport.requests[0].body)
    assert (body["temperature"], body["seed"]) == (0.5, 3)
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert "Be exact." in str(body["messages"])
    assert "Use English names." in str(body["messages"])
    assert body["response_format"]["json_schema"]["strict"] is True


def test_errors_are_those_that_a_fallback_model_knows() -> None:
    refused = ScriptedTransport(Reply(401, {}, b'{"error": {"message": "no"}}'))
    failing = StructgenModel(Client("openai:m", api_key="k", transport=refused))
    with pytest.raises(ModelHTTPError):
        run(Agent(failing, output_type=CityLocation), OLYMPICS)
    agent = Agent(FallbackModel(failing, model(LONDON)), output_type=CityLocation)
    assert run(agent, OLYMPICS).output.city == "London"
    with pytest.raises(UnexpectedModelBehavior):
        run(Agent(model("no json"), output_type=CityLocation), OLYMPICS)


NUMBERS_OR_COLORS: list[Any] = [list[str], list[int]]
EXAMPLES: list[tuple[Any, str, tuple[type, ...]]] = [
    (CityLocation, "The olympics of 2012 were held in London, United Kingdom.", (CityLocation,)),
    ([Box, str], "The box is 10x20x30 cm", (Box, str)),
    (NUMBERS_OR_COLORS, "square, circle, triangle", (list,)),
    (NativeOutput([Fruit, Vehicle]), "What is a Ford Explorer?", (Fruit, Vehicle)),
    (PromptedOutput([Fruit, Vehicle]), "What is a banana?", (Fruit, Vehicle)),
    (
        [ToolOutput(Fruit, name="return_fruit"), ToolOutput(Vehicle, name="return_vehicle")],
        "What is a banana?",
        (Fruit, Vehicle),
    ),
]
"""The examples of pydantic-ai's page about output: the output type, the prompt, what may come."""


@pytest.mark.slow
def test_pydantic_ais_own_examples_run_over_the_embedded_model(local_client: Client) -> None:
    model = StructgenModel(local_client.with_options(max_tokens=80, on_shortened="keep"))
    for output_type, prompt, kinds in EXAMPLES:
        found = run(Agent(model, output_type=output_type), prompt).output
        assert isinstance(found, kinds), (output_type, found)
