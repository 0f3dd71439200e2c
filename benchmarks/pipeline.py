"""A job over many documents, 64 at a time, against a server with latency.

It compares structgen with its journal and output, plain aiohttp, and the loops that users write
around other libraries, each in a fresh process.

Goals: at 300 ms for a document, at most 1.1 times the ideal wall time (documents / 64 x latency);
at 20 ms, at most twice the CPU of plain aiohttp, and a quarter of the best library's; ten times the
documents take at most 1.2 times the memory. `STRUCTGEN_BENCH=full` asks about 10,000 documents
(100,000 for the memory), by default a tenth.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks._loopback import loopback
from benchmarks._measure import cpu
from benchmarks._report import Report

AT_ONCE = 64
FULL = os.environ.get("STRUCTGEN_BENCH") == "full"
COUNT = 10_000 if FULL else 1_000
SLOW = 10_000 if FULL else 3_000
LIBRARIES = {
    "openai": "openai",
    "instructor": "instructor",
    "langextract": "langextract",
    "langchain": "langchain_openai",
}
TEXT = "Quarterly report of the Acme group. " * 12


def main() -> dict[str, Any]:
    """Print a line for each measurement; give wall and CPU per document, memory, and the ratios."""
    found: dict[str, Any] = {}
    others = [name for name, module in LIBRARIES.items() if find_spec(module)]
    with loopback() as server:
        for name, latency, count in (
            *((name, 20, COUNT) for name in ("aiohttp", "structgen", *others)),
            ("structgen", 300, SLOW),
            ("structgen", 0, 10 * COUNT),
        ):
            script = [
                sys.executable,
                "-m",
                "benchmarks.pipeline",
                name,
                f"{server}/small@{latency}/v1",
                str(count),
            ]
            done = subprocess.run(
                script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
            )
            if done.returncode:
                continue  # a library that does not run here
            found[f"{name} {latency} ms {count}"] = figures = json.loads(done.stdout)
            print(f"{name:12} {latency:4} ms {count:7}", figures)
    return {**found, **_ratios(found, others)}


def _ratios(found: dict[str, Any], others: list[str]) -> dict[str, float]:
    ours = found[f"structgen 20 ms {COUNT}"]
    best = min(
        (found[key]["us"] for name in others if (key := f"{name} 20 ms {COUNT}") in found),
        default=0,
    )
    slow, many = found[f"structgen 300 ms {SLOW}"], found[f"structgen 0 ms {10 * COUNT}"]
    return {
        "of the ideal wall at 300 ms": round(slow["wall"] / (SLOW / AT_ONCE * 0.3), 3),
        "CPU of plain aiohttp's": round(ours["us"] / found[f"aiohttp 20 ms {COUNT}"]["us"], 2),
        "best library's CPU of ours": round(best / ours["us"], 2),
        "memory of ten times the documents": round(many["rss"] / ours["rss"], 3),
    }


def documents(count: int) -> Iterator[str]:
    return (f"{n}: {TEXT}" for n in range(count))


# ---- the variants, each in a process of its own ----------------------------------------------


def structgen(base_url: str, count: int) -> int:
    from structgen import Client
    from structgen.pipeline.job import Job

    class Lines:
        def __init__(self, path: Path) -> None:
            self._file = path.open("w")

        def write(self, rows: Any) -> None:
            self._file.writelines(json.dumps(row.row()) + "\n" for row in rows)

        def close(self) -> None:
            self._file.close()

        abort = close

    class Documents:
        def __iter__(self) -> Iterator[str]:
            return documents(count)

    with tempfile.TemporaryDirectory() as folder, Client("vllm:m", base_url=base_url) as client:
        output = Lines(Path(folder, "out.jsonl"))
        return (
            Job(
                Report,
                Documents(),
                client=client,
                output=output,
                journal=Path(folder, "journal"),
                concurrency=AT_ONCE,
            )
            .run()
            .ok
        )


def aiohttp(base_url: str, count: int) -> int:
    library = importlib.import_module("aiohttp")

    async def run() -> int:
        async with library.ClientSession(connector=library.TCPConnector(limit=AT_ONCE)) as session:

            async def ask(text: str) -> Report:
                body = {"model": "m", "messages": [{"role": "user", "content": text}]}
                async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                    return Report.model_validate_json(
                        (await reply.json())["choices"][0]["message"]["content"]
                    )

            return await _worked(ask, count)

    return asyncio.run(run())


def openai(base_url: str, count: int) -> int:
    client = importlib.import_module("openai").AsyncOpenAI(base_url=base_url, api_key="k")

    async def ask(text: str) -> Report:
        answer = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": text}]
        )
        return Report.model_validate_json(answer.choices[0].message.content)

    return asyncio.run(_gathered(ask, count))


def instructor(base_url: str, count: int) -> int:
    library = importlib.import_module("instructor")
    client = library.from_openai(
        importlib.import_module("openai").AsyncOpenAI(base_url=base_url, api_key="k"),
        mode=library.Mode.JSON_SCHEMA,
    )

    async def ask(text: str) -> Any:
        return await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": text}], response_model=Report
        )

    return asyncio.run(_gathered(ask, count))


def langchain(base_url: str, count: int) -> int:
    model = importlib.import_module("langchain_openai").ChatOpenAI(
        model="m", base_url=base_url, api_key="k"
    )
    chain = model.with_structured_output(Report, method="json_schema")
    return len(
        asyncio.run(chain.abatch(list(documents(count)), config={"max_concurrency": AT_ONCE}))
    )


def langextract(base_url: str, count: int) -> int:
    provider = importlib.import_module("langextract.providers.openai")
    model = provider.OpenAILanguageModel(
        model_id="m", base_url=base_url, api_key="k", max_workers=1
    )
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return len(list(threads.map(lambda text: list(model.infer([text])), documents(count))))


async def _worked(ask: Callable[[str], Awaitable[Any]], count: int) -> int:
    """By so many workers, as one would write it for speed."""
    texts = documents(count)
    done = 0

    async def worker() -> None:
        nonlocal done
        for text in texts:
            await ask(text)
            done += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done


async def _gathered(ask: Callable[[str], Awaitable[Any]], count: int) -> int:
    """One task per document behind a semaphore, as it is usually written."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(text: str) -> Any:
        async with places:
            return await ask(text)

    tasks = (one(text) for text in documents(count))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return sum(not isinstance(outcome, BaseException) for outcome in found)


def _measure(name: str, base_url: str, count: int) -> dict[str, Any]:
    run: Callable[[str, int], int] = globals()[name]
    warm_up = base_url.partition("!")[0].replace("/v1", "")
    run(f"{warm_up.replace('@20', '@0').replace('@300', '@0')}/v1", AT_ONCE)
    used, began = cpu(), time.perf_counter()
    done = run(base_url, count)
    return {
        "us": round((cpu() - used) / count * 1e6),
        "wall": round(time.perf_counter() - began, 2),
        "done": done,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
