"""Client CPU of an async call at 1, 32, 256 and 1000 in flight, each in a fresh process.

It compares structgen over httpx and over aiohttp (extra `fast`), plain aiohttp, and the openai SDK.
Goals: a call costs at most 1.7 times as much with 1000 in flight as alone; at most 2.5 of plain
aiohttp with the extra, and at most 0.45 of openai without; no call fails; p99 / p50 is below 1.5
at 32.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks._loopback import loopback
from benchmarks._measure import cpu

LEVELS = ((1, 400), (32, 1600), (256, 2560), (1000, 4000))
VARIANTS = ("aiohttp", "structgen fast", "structgen", "openai")
MESSAGES: Any = [{"role": "user", "content": "x" * 400}]


def main() -> dict[str, Any]:
    """Print a line per measurement, and return microseconds, latencies and failures."""
    figures: dict[str, Any] = {}
    with loopback() as server:
        for name in VARIANTS:
            for level, calls in LEVELS:
                found = _in_fresh_process(name, f"{server}/small/v1", level, calls)
                figures[f"{name} c={level}"] = found
                print(f"{name:15} c={level:5}", found)
    return figures


def _in_fresh_process(name: str, base_url: str, level: int, calls: int) -> Any:
    arguments = [name, base_url, str(level), str(calls)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.concurrency", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _caller(name: str, base_url: str, level: int) -> Callable[[], Awaitable[Any]]:
    if name == "aiohttp":
        import aiohttp

        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=level))

        async def call() -> Any:
            async with session.post(
                f"{base_url}/chat/completions", json={"model": "m", "messages": MESSAGES}
            ) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]

        return call
    if name == "openai":
        import openai

        client = openai.AsyncOpenAI(base_url=base_url, api_key="k", max_retries=0)
        return lambda: client.chat.completions.create(model="m", messages=MESSAGES)
    import structgen

    if name == "structgen":
        # As if the extra were not installed.
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
    ours = structgen.AsyncClient("vllm:m", base_url=base_url, max_retries=0)
    return lambda: ours.chat.completions.create(messages=MESSAGES)


async def _measure(name: str, base_url: str, level: int, calls: int) -> dict[str, Any]:
    call = _caller(name, base_url, level)
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
    _name, _base_url, _level, _calls = sys.argv[1:]
    print(json.dumps(asyncio.run(_measure(_name, _base_url, int(_level), int(_calls)))))
