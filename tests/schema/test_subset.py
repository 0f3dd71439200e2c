"""Rows of schema languages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import BaseModel

from structgen.errors import ConfigurationError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS, subset_of


class Tags(BaseModel):
    tags: dict[str, int]


def test_every_language_of_the_issue_has_a_row() -> None:
    assert set(SUBSETS) == {
        *(
            "groq-strict",
            "openai-strict",
            "azure-openai",
            "anthropic",
            "gemini",
            "cerebras",
            "vllm",
            "sglang",
            "llama.cpp-server",
        ),
        *("ollama", "tgi", "llguidance", "xgrammar", "outlines-core", "best-effort", "json-object"),
        "groq-tool",
    }


def test_a_row_is_found_by_name_and_is_itself() -> None:
    assert subset_of("groq-strict") is SUBSETS["groq-strict"]
    assert subset_of(SUBSETS["vllm"]) is SUBSETS["vllm"]


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="openai-strict"):
        subset_of("gpt")


def test_a_row_of_the_users_own_is_followed() -> None:
    """A language like OpenAI's, but with maps: the map stays a map."""
    mine = replace(SUBSETS["openai-strict"], name="mine", maps=True)
    assert compile_schema(Tags, mine).schema["properties"]["tags"]["additionalProperties"] == {
        "type": "integer"
    }
    assert compile_schema(Tags, "openai-strict").schema["properties"]["tags"]["type"] == "array"


def test_only_the_unconstrained_rows_hold_nothing() -> None:
    assert {name for name, row in SUBSETS.items() if not row.holds} == {
        "best-effort",
        "groq-tool",
        "json-object",
    }
