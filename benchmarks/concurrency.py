"""Client CPU of an async call at 1, 32, 256 and 1000 in flight, each in a fresh process: structgen over httpx, over aiohttp (extra
`fast`), plain aiohttp, and the openai SDK.

Goals: 1000 in flight cost at most 1.7 of one; at most 2.5 of plain aiohttp with the extra, at most 0.45 of openai without; no
call fails; p99 / p50 below 1.5 at 32.
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
    """Prints a line per measurement; gives microseconds, latencies and failures."""
    figures: dict[str, Any] = {}
    with loopback() as server:
        for name in VARIANTS:
            for level, calls in LEVELS:
                script = [
                    sys.executable,
                    "-m",
                    "benchmarks.concurrency",
                    name,
                    f"{server}/small/v1",
                    str(level),
                    str(calls),
                ]
                figures[f"{name} c={level}"] = found = json.loads(
                    subprocess.run(
                        script,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        text=True,
                        check=True,
                    ).stdout
                )
                print(f"{name:15} c={level:5}", found)
    return figures


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
        sys.modules["httpx_aiohttp"] = None  # type: ignore[assignment]  # as where the extra is not installed
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
    print(
        json.dumps(
            asyncio.run(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
        )
    )
