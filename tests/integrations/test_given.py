"""What is no client, or no argument, is told in words by every integration that takes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from structgen.errors import ConfigurationError
from structgen.integrations import (
    ChatStructgen,
    StructgenModel,
    dspy_lm,
    extractor,
    from_structgen,
    mcp_server,
)


@pytest.mark.parametrize(
    "make",
    [
        ChatStructgen,
        StructgenModel,
        dspy_lm,
        from_structgen,
        lambda client: extractor(dict[str, int], client),
        lambda client: mcp_server({"map": dict[str, int]}, client),
    ],
    ids=["langchain", "pydantic-ai", "dspy", "instructor", "extractor", "mcp"],
)
def test_what_is_no_client_is_told(make: Callable[[Any], Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be a client or the name of a model"):
        make(3)


def test_a_setting_that_langchain_would_drop_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="ChatStructgen takes no `model`"):
        ChatStructgen(model="groq:openai/gpt-oss-20b")
    assert ChatStructgen("local", tags=["a"]).tags == ["a"]


def test_targets_without_names_are_told() -> None:
    with pytest.raises(ConfigurationError, match="must be a mapping of names to targets"):
        mcp_server([dict[str, int]])  # type: ignore[arg-type]
