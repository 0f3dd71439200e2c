"""Client CPU of an async call at 1, 32, 256 and 1000 in flight, each in a fresh process.

It compares structgen over httpx and over aiohttp (extra `fast`), plain aiohttp, and the vendor's
SDK. Chat Completions is asked at all levels, the other dialects at 1 and 32; `python -m benchmarks
concurrency anthropic` asks in these dialects only. Goals: a call costs at most 1.7 times as much
with 1000 in flight as alone; at most 2.5 of plain aiohttp with the extra, and at most 0.45 of
openai without; no call fails; p99 / p50 is no worse than plain aiohttp's at 32.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks._dialects import DIALECTS, Dialect, chosen
from benchmarks._loopback import loopback
from benchmarks._measure import cpu
from benchmarks._sdks import sdks_of

LEVELS = ((1, 400), (32, 1600), (256, 2560), (1000, 4000))
"""Calls in flight, and calls in all."""
VARIANTS = ("aiohttp", "structgen fast", "structgen")
TEXT = "x" * 400
MESSAGES: Any = [{"role": "user", "content": TEXT}]


def main(names: list[str] | None = None) -> dict[str, Any]:
    """Print a line per measurement, and return microseconds, latencies and failures.

    Args:
        names: The dialects; all of them if there are none.
    """
    figures: dict[str, Any] = {}
    with loopback() as server:
        for dialect in chosen(names):
            levels = LEVELS if dialect.name == "chat" else LEVELS[:2]
            sdks = [sdk.name for sdk in sdks_of(dialect.name) if sdk.create_async]
            for level, calls in levels:
                for name in (*VARIANTS, *sdks):
                    found = _in_fresh_process(dialect, name, f"{server}/small", level, calls)
                    figures[f"{dialect.name} {name} c={level}"] = found
                    print(f"{dialect.name:15} {name:15} c={level:5}", found)
    return figures


def _in_fresh_process(dialect: Dialect, name: str, server: str, level: int, calls: int) -> Any:
    arguments = [dialect.name, name, server, str(level), str(calls)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.concurrency", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _caller(dialect: Dialect, name: str, server: str, level: int) -> Callable[[], Awaitable[Any]]:
    body = dialect.body(TEXT)
    if name == "aiohttp":
        import aiohttp

        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=level))
        url = dialect.url(server)

        async def call() -> Any:
            async with session.post(url, json=body) as reply:
                return dialect.text(await reply.json())

        return call
    for sdk in sdks_of(dialect.name):
        if sdk.name == name and sdk.create_async:
            client, create = sdk.async_client(server), sdk.create_async
            return lambda: create(client, body)
    import structgen

    if name == "structgen":
        # As if the extra were not installed.
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
    ours = structgen.AsyncClient(
        dialect.spec, base_url=f"{server}{dialect.base_path}", api_key="k", max_retries=0
    )
    return lambda: ours.chat.completions.create(messages=MESSAGES)


async def _measure(
    dialect: Dialect, name: str, server: str, level: int, calls: int
) -> dict[str, Any]:
    call = _caller(dialect, name, server, level)
    latencies: list[float] = []
    failed = 0

    async def worker(times: int) -> None:
        nonlocal failed
        for _ in range(times):
            began = time.perf_counter()
            try:
                await call()
            except Exception:
                failed += 1
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(worker(1) for _ in range(level)))
    latencies.clear()
    began = cpu()
    await asyncio.gather(*(worker(max(1, calls // level)) for _ in range(level)))
    used = cpu() - began
    latencies.sort()
    middle, late = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
    return {
        "us": round(used / len(latencies) * 1e6),
        "p99/p50": round(late / middle, 2),
        "failed": failed,
    }


if __name__ == "__main__":
    _dialect, _name, _server, _level, _calls = sys.argv[1:]
    _found = _measure(DIALECTS[_dialect], _name, _server, int(_level), int(_calls))
    print(json.dumps(asyncio.run(_found)))
