"""DSPy's own programs over structgen clients, with nothing but the model and adapter changed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import dspy
import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.integrations import StructgenAdapter, dspy_lm
from structgen.testing import AnyModel, ScriptedModel, ScriptedTransport
from structgen.values import Reply


class Emotion(dspy.Signature):  # type: ignore[misc]  # dspy may not be installed
    """Classify emotion."""

    sentence: str = dspy.InputField()
    sentiment: Literal["sadness", "joy", "love", "anger", "fear", "surprise"] = dspy.OutputField(
        desc="The strongest emotion."
    )


class Event(BaseModel):
    name: str
    place: str | None


class Events(dspy.Signature):  # type: ignore[misc]  # dspy may not be installed
    """Extract events, and how often each word occurs."""

    text: str = dspy.InputField()
    events: list[Event] = dspy.OutputField()
    counts: dict[str, int] = dspy.OutputField()


JOY = '{"sentiment": "joy"}'


def use(*answers: str, **lm: Any) -> tuple[Any, ScriptedModel]:
    """A context in which programs ask a scripted model."""
    model = ScriptedModel(*answers)
    return dspy.context(lm=dspy_lm(Client(model), **lm), adapter=StructgenAdapter()), model


def test_a_signature_is_held_to_its_types_and_descriptions() -> None:
    transport = ScriptedTransport(JOY)
    lm = dspy_lm(Client("openai:m", api_key="k", transport=transport), temperature=0.5)
    with dspy.context(lm=lm, adapter=StructgenAdapter()):
        assert dspy.Predict(Emotion)(sentence="I am glad!").sentiment == "joy"
    body = json.loads(transport.requests[0].body)
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True
    field = schema["schema"]["properties"]["sentiment"]
    assert field["enum"] == ["sadness", "joy", "love", "anger", "fear", "surprise"]
    assert field["description"] == "The strongest emotion."
    assert body["temperature"] == 0.5
    assert "Classify emotion." in str(body["messages"])


def test_records_and_dictionaries_keep_their_types() -> None:
    answer = {"events": [{"name": "Expo", "place": None}], "counts": {"expo": 2}}
    context, _ = use(json.dumps(answer))
    with context:
        found = dspy.Predict(Events)(text="The Expo, the expo.")
    assert found.events == [Event(name="Expo", place=None)]
    assert found.counts == {"expo": 2}


def test_any_answer_of_a_model_that_is_held_fits_the_signature() -> None:
    with dspy.context(lm=dspy_lm(Client(AnyModel())), adapter=StructgenAdapter()):
        for text in ("one", "two", "three"):
            found = dspy.Predict(Events)(text=text)
            assert all(isinstance(event, Event) for event in found.events)
            assert all(isinstance(count, int) for count in found.counts.values())


def test_demos_and_reasoning_reach_the_model() -> None:
    context, model = use('{"reasoning": "Glad is joy.", "sentiment": "joy"}')
    program = dspy.ChainOfThought(Emotion)
    program.predict.demos = [dspy.Example(sentence="Oh no!", reasoning="Bad.", sentiment="fear")]
    with context:
        found = program(sentence="I am glad!")
    assert (found.reasoning, found.sentiment) == ("Glad is joy.", "joy")
    assert "Oh no!" in str(model.asked[0])


def test_programs_run_asynchronously() -> None:
    context, _ = use(JOY)

    async def run() -> Any:
        return await dspy.Predict(Emotion).acall(sentence="I am glad!")

    with context:
        assert asyncio.run(run()).sentiment == "joy"


def test_without_the_adapter_dspys_own_layout_is_asked_for_as_text() -> None:
    said = "[[ ## sentiment ## ]]\njoy\n\n[[ ## completed ## ]]"
    model = ScriptedModel(json.dumps({"answer": {"tool": "text", "arguments": said}}))
    with dspy.context(lm=dspy_lm(Client(model)), adapter=dspy.ChatAdapter()):
        assert dspy.Predict(Emotion)(sentence="I am glad!").sentiment == "joy"


def test_tools_are_a_choice_of_the_schema() -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    class Ask(dspy.Signature):  # type: ignore[misc]  # dspy may not be installed
        question: str = dspy.InputField()
        tools: list[dspy.Tool] = dspy.InputField()
        calls: dspy.ToolCalls = dspy.OutputField()

    call = {"answer": {"tool": "weather", "arguments": {"city": "Rome"}}}
    context, _ = use(json.dumps(call))
    with context:
        found = dspy.Predict(Ask)(question="Rome?", tools=[dspy.Tool(weather)])
    [called] = found.calls.tool_calls
    assert (called.name, called.args) == ("weather", {"city": "Rome"})


def test_errors_are_those_that_dspy_knows() -> None:
    refused = ScriptedTransport(Reply(401, {}, b'{"error": {"message": "no"}}'))
    lm = dspy_lm(Client("openai:m", api_key="k", transport=refused))
    with dspy.context(lm=lm, adapter=StructgenAdapter()):
        with pytest.raises(dspy.LMAuthError):
            dspy.Predict(Emotion)(sentence="x")
    context, _ = use("no JSON", max_tokens=50)
    with context, pytest.raises(dspy.LMProviderError, match="JSON"):
        dspy.Predict(Emotion)(sentence="x")


def test_a_setting_that_cannot_be_heeded_is_refused() -> None:
    context, model = use(JOY, presence_penalty=1.0)
    with context, pytest.raises(dspy.LMUnsupportedFeatureError, match="presence_penalty"):
        dspy.Predict(Emotion)(sentence="x")
    assert not model.asked


@pytest.mark.slow
def test_the_embedded_model_runs_dspys_example(embedded_cache: Path) -> None:
    with dspy.context(lm=dspy_lm("local"), adapter=StructgenAdapter()):
        found = dspy.Predict(Emotion)(sentence="I am so glad that you came!")
    assert found.sentiment in ["sadness", "joy", "love", "anger", "fear", "surprise"]
