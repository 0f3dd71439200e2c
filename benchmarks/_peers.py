"""Partials of other libraries, each in a process of its own: `python _peers.py NAME SERVER
PAYLOAD LIMIT FILE`.

SERVER and PAYLOAD: of `_loopback`; FILE: the one with the Report type. Prints the seconds of CPU
for one stream, behind a first, short one; the process is ended when LIMIT seconds of CPU are
used.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import resource
import sys
import time
from typing import Any

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def openai(base_url: str, report: Any) -> None:
    client = importlib.import_module("openai").OpenAI(base_url=base_url, api_key="k")
    with client.chat.completions.stream(**ASK, response_format=report) as events:
        parsed = [event.parsed for event in events if event.type == "content.delta"]
    assert parsed


def instructor(base_url: str, report: Any) -> None:
    library = importlib.import_module("instructor")
    client = library.from_openai(
        importlib.import_module("openai").OpenAI(base_url=base_url, api_key="k"),
        mode=library.Mode.JSON_SCHEMA,
    )
    for partial in client.chat.completions.create_partial(**ASK, response_model=report):
        last = partial
    assert last.entities


def pydantic_ai(base_url: str, report: Any) -> None:
    library = importlib.import_module("pydantic_ai")
    models = importlib.import_module("pydantic_ai.models.openai")
    provider = importlib.import_module("pydantic_ai.providers.openai").OpenAIProvider(
        base_url=base_url, api_key="k"
    )
    agent = library.Agent(
        models.OpenAIChatModel("m", provider=provider), output_type=library.NativeOutput(report)
    )

    async def run() -> None:
        async with agent.run_stream("x") as stream:
            async for partial in stream.stream_output(debounce_by=None):
                last = partial
        assert last.entities

    asyncio.run(run())


def main(name: str, server: str, payload: str, limit: str, file: str) -> None:
    spec = importlib.util.spec_from_file_location("report", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report"] = module
    spec.loader.exec_module(module)
    run = globals()[name]
    run(f"{server}/small/v1", module.Report)
    end = int(time.process_time()) + 1 + int(limit)
    resource.setrlimit(resource.RLIMIT_CPU, (end, end))
    began = time.process_time()
    run(f"{server}/{payload}/v1", module.Report)
    print(time.process_time() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
