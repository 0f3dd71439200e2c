"""Every build of llama.cpp that is installed, driven by the same code: the same tokens, and answers
that are held.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from structgen.local.engine import Engine, open_engine
from structgen.options import Options

BUILDS = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
INSTALLED = [runtime for runtime, package in BUILDS.items() if importlib.util.find_spec(package)]
ASK = [
    {"role": "system", "content": "Extract the contact as JSON."},
    {"role": "user", "content": "Maria Lopez is 41. Łukasz 🙂"},
]
CONTACT = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=INSTALLED)
def built(request: Any, embedded_model: Path) -> Iterator[Any]:
    with open_engine("local", runtime=request.param, context=512, threads=1, parallel=2) as engine:
        assert engine.name == f"outlines+{request.param}/llguidance"
        yield engine


def test_tokens_and_prompts_are_the_same_in_every_build(built: Any, engine: Engine) -> None:
    asked = [ASK, [{"role": "user", "content": "end <|im_end|> of turn"}]]
    assert [built.count(messages) for messages in asked] == [
        engine.count(messages) for messages in asked
    ]
    one, other = (opened._loaded.runtime for opened in (built, engine))
    assert [one.prompt(messages) for messages in asked] == [
        other.prompt(messages) for messages in asked
    ]
    assert (list(one.vocabulary.pieces), one.vocabulary.ends) == (
        list(other.vocabulary.pieces),
        other.vocabulary.ends,
    )


@pytest.mark.parametrize("tokens", [13, 60])
def test_answers_are_held_whole_and_alike_when_asked_at_once(built: Any, tokens: Any) -> Any:
    options = Options(max_tokens=tokens)

    async def together() -> Any:
        return await asyncio.gather(*(built.agenerate(ASK, CONTACT, options) for _ in range(2)))

    alone = built.generate(ASK, CONTACT, options)
    assert json.loads(alone.text).keys() == {"name", "age"}
    assert alone.usage.completion_tokens <= tokens
    assert [json.loads(answer.text).keys() for answer in asyncio.run(together())] == [
        {"name", "age"}
    ] * 2
    assert built.generate(ASK, CONTACT, options).usage.cached_tokens > 20


class Interrupted(Exception):
    pass


def test_an_interrupt_while_a_model_is_loaded_is_not_lost(built: Any, embedded_model: Path) -> None:
    """llama.cpp logs while it loads, and what is raised in a callback of ctypes is dropped."""

    def interrupt(*_: object) -> NoReturn:
        raise Interrupted

    built.count(ASK)  # it opens the runtime
    library = built._loaded.runtime._library
    params = library.llama_model_default_params()
    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interrupted):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            library.llama_model_load_from_file(str(embedded_model).encode(), params)
            time.sleep(10)
    finally:
        signal.signal(signal.SIGALRM, handler)
