"""Our client asks our server typed questions: the mode `decisions`, over a real connection."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from structgen import Client
from tests.server.conftest import Running

TICKET = "I was charged twice for one subscription. Please give me my money back."


class Ticket(BaseModel):
    about: Literal["billing", "technical"] | None
    wants_money: bool = Field(description="The customer wants money back.")
    urgency: int = Field(ge=1, le=3)


@pytest.mark.parametrize("provider", ["vllm", "llamacpp"])
def test_a_closed_record_comes_from_probabilities(served: Running, provider: str) -> None:
    """In both forms: OpenAI's, as vLLM has it, and that of System One, as llama.cpp has it."""
    with Client(f"{provider}:local", base_url=f"{served.address}/v1") as client:
        result = client.extract_result(Ticket, TICKET, confidence=True)
        again = client.extract_result(Ticket, TICKET, mode="decisions")
        written = client.extract_result(Ticket, TICKET, mode="strict", max_tokens=60)
    assert result.attempts[0].mode == "decisions"
    assert len(result.attempts) == 1
    about = result.alternatives["/about"]
    assert {value for value, _ in about} == {"billing", "technical", None}
    assert sum(share for _, share in about) == pytest.approx(1)
    assert about[0][0] == result.value.about
    assert result.confidence["/about"] == about[0][1]
    assert result.confidence.keys() == {"/about", "/wants_money", "/urgency"}
    assert again.value == result.value
    assert result.usage.prompt_tokens > 0
    assert written.attempts[0].mode == "strict"


def test_both_forms_give_the_same_record(served: Running) -> None:
    found = []
    for provider in ("vllm", "llamacpp"):
        with Client(f"{provider}:local", base_url=f"{served.address}/v1") as client:
            found.append(client.extract(Ticket, TICKET))
    assert found[0] == found[1]


def test_our_own_server_decides_while_it_decodes_unless_told_otherwise(served: Running) -> None:
    """A decoder decides each value after those before it, and so is the stronger mode."""
    with Client("structgen:local", base_url=f"{served.address}/v1") as client:
        assert client.plan(Ticket, TICKET).mode == "decoder"
        asked = client.extract_result(Ticket, TICKET, mode="decisions")
    assert asked.attempts[0].mode == "decisions"
    assert asked.guarantee.by == "server"
