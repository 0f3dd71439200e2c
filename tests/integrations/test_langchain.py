"""LangChain's own examples of structured output, with nothing but the model changed."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from structgen import Client, OutputError
from structgen.integrations import ChatStructgen, extractor
from structgen.testing import ScriptedModel


class Joke(BaseModel):
    """Joke to tell user."""

    setup: str = Field(description="The setup of the joke")
    punchline: str = Field(description="The punchline to the joke")
    rating: int | None = Field(default=None, description="How funny the joke is, from 1 to 10")


class JokeDict(TypedDict):
    """Joke to tell user."""

    setup: Annotated[str, ..., "The setup of the joke"]
    punchline: Annotated[str, ..., "The punchline of the joke"]


TOLD = {"setup": "Why did the cat sit on the computer?", "punchline": "To watch the mouse."}
ASKED = "Tell me a joke about cats"


@tool
def multiply(a: int, b: int) -> int:
    """Multiply a and b."""
    return a * b


def chat(*answers: Any) -> ChatStructgen:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in answers]
    return ChatStructgen(Client(ScriptedModel(*texts)))


def test_a_pydantic_class_gives_an_object() -> None:
    joke = chat({**TOLD, "rating": 7}).with_structured_output(Joke).invoke(ASKED)
    assert joke == Joke(**TOLD, rating=7)


def test_a_typed_dict_gives_a_dict() -> None:
    assert chat(TOLD).with_structured_output(JokeDict).invoke(ASKED) == TOLD


@pytest.mark.parametrize(
    "schema",
    [
        {"title": "joke", "description": "A joke.", **Joke.model_json_schema()},
        convert_to_openai_tool(Joke),
    ],
    ids=["JSON Schema", "a function of OpenAI's"],
)
def test_a_schema_gives_a_dict(schema: dict[str, Any]) -> None:
    found = chat({**TOLD, "rating": None}).with_structured_output(schema).invoke(ASKED)
    assert found["setup"] == TOLD["setup"]


def test_include_raw_gives_the_message_and_does_not_raise() -> None:
    model = chat({**TOLD, "rating": 7}).with_structured_output(Joke, include_raw=True)
    found: Any = model.invoke(ASKED)
    assert found["parsed"] == Joke(**TOLD, rating=7)
    assert isinstance(found["raw"], AIMessage)
    failed: Any = chat("no").with_structured_output(Joke, include_raw=True).invoke(ASKED)
    assert failed["parsed"] is None
    assert isinstance(failed["parsing_error"], OutputError)
    with pytest.raises(OutputError):
        chat("no").with_structured_output(Joke).invoke(ASKED)


def test_it_goes_on_in_a_chain_and_asynchronously() -> None:
    scripted = ScriptedModel(json.dumps({**TOLD, "rating": 7}))
    model = ChatStructgen(Client(scripted))
    prompt = ChatPromptTemplate([("system", "You are a comedian."), ("human", "{input}")])
    chain = prompt | model.with_structured_output(Joke)
    assert asyncio.run(chain.ainvoke({"input": ASKED})) == Joke(**TOLD, rating=7)
    assert "You are a comedian." in str(scripted.asked[0])


def test_tools_are_called_and_their_results_are_read() -> None:
    call = {"answer": {"tool": "multiply", "arguments": {"a": 2, "b": 3}}}
    said = {"answer": {"tool": "text", "arguments": "It is 6."}}
    model = chat(call, said).bind_tools([multiply])
    first = model.invoke("What is 2 times 3?")
    [called] = first.tool_calls
    assert (called["name"], called["args"]) == ("multiply", {"a": 2, "b": 3})
    result = multiply.invoke(called)
    assert isinstance(result, ToolMessage)
    second = model.invoke([HumanMessage("What is 2 times 3?"), first, result])
    assert (second.content, second.tool_calls) == ("It is 6.", [])


def test_a_call_can_be_demanded() -> None:
    found = chat({"a": 2, "b": 3}).bind_tools([multiply], tool_choice="any").invoke("2 times 3")
    assert found.tool_calls[0]["args"] == {"a": 2, "b": 3}


def test_the_extractor_reads_texts_documents_and_batches() -> None:
    model = Client(ScriptedModel(json.dumps({**TOLD, "rating": 1})))
    runnable = extractor(Joke, model, instructions="Be exact.")
    joke = Joke(**TOLD, rating=1)
    assert runnable.invoke("a joke") == joke
    assert runnable.batch([Document(page_content="one"), [HumanMessage("two")]]) == [joke, joke]


class ConversationalResponse(BaseModel):
    """Respond in a conversational manner. Be kind and helpful."""

    response: str = Field(description="A conversational response to the user's query")


class FinalResponse(BaseModel):
    final_output: Joke | ConversationalResponse


@pytest.mark.slow
def test_langchains_own_examples_run_over_the_embedded_model(local_client: Client) -> None:
    """Those of its page about structured output, with nothing but the model changed."""
    model = ChatStructgen(local_client.with_options(max_tokens=80, on_shortened="keep"))
    assert isinstance(model.with_structured_output(Joke).invoke(ASKED), Joke)
    told: Any = model.with_structured_output(JokeDict).invoke(ASKED)
    assert told.keys() == {"setup", "punchline"}
    schema = {"title": "joke", "description": "A joke.", **Joke.model_json_schema()}
    by_schema: Any = model.with_structured_output(schema).invoke(ASKED)
    assert by_schema.keys() >= {"setup", "punchline"}
    either: Any = model.with_structured_output(FinalResponse).invoke("How are you today?")
    assert isinstance(either, FinalResponse)
    raw: Any = model.with_structured_output(Joke, include_raw=True).invoke(ASKED)
    assert raw["parsed"] is None or isinstance(raw["parsed"], Joke)
    assert (raw["parsed"] is None) == (raw["parsing_error"] is not None)
    chain = ChatPromptTemplate([("system", "You are a comedian."), ("human", "{input}")])
    assert isinstance((chain | model.with_structured_output(Joke)).invoke({"input": "cats"}), Joke)
