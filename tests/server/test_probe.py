"""A probe of our own server, which holds answers to schemas: nothing is refused."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field

from structgen import Client
from structgen.extraction import probe as probing
from structgen.extraction.learned import LEARNED
from structgen.extraction.probe_set import CONSTRUCTS
from tests.server.conftest import Running

ASKED = ("string.maxLength", "string.minLength", "format:date", "integer.maximum", "enum", "anyOf")


class Name(BaseModel):
    name: str = Field(max_length=5)


def test_the_row_of_a_real_server(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [one for one in CONSTRUCTS if one.name in ASKED]
    monkeypatch.setattr(probing, "CONSTRUCTS", few)
    url = f"{served.address}/v1"
    with Client("local", base_url=url, temperature=0) as client:
        assert client.plan(Name, "text").mode == "json-object"  # there is no row for it
        found = client.probe(timeout=600)
        assert found.offered
        assert "refused" not in found.outcomes.values()
        assert found.outcomes["string.maxLength"] == "held"
        assert found.outcomes["integer.maximum"] == "held"
        assert found.row.modes == (("strict", "openai-strict"),)
        found.save()
        LEARNED.clear()  # as a new process
        assert client.plan(Name, "text").mode == "strict"
        result = client.extract_result(Name, "Ada wrote it.", timeout=600)
        assert result.guarantee.by == "server"
        assert len(result.value.name) <= 5
