"""Real servers for tests, each in a child process on a free port of loopback.

A server ends with the test session, however that ends.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

EVERY_PROMPT_ANEW = {"cache_prompt": False}
"""Members of a request with which llama.cpp computes equal prompts alike, bit for bit.

With its prompt cache, only the part of a prompt that the last request did not have is computed, in
another batch and so with other logits: at temperature 0, equal requests get unequal answers.
"""

_LLAMA = """
import json, sys
import xllamacpp
options = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = options["model"]
if options["mmproj"]:
    params.mmproj.path = options["mmproj"]
params.api_keys = [options["api_key"]]
params.n_ctx = options["context"] * options["parallel"]
params.n_parallel = options["parallel"]
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity = 0
if options["port"]:
    params.port = options["port"]
params.cache_ram_mib = 0
params.cache_prompt = False  # or the same prompt gives another answer the second time
params.sampling.temp = 0.0  # of requests that name none: other libraries' examples do not
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # until the tests are over, however they end
"""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    base_url: str
    """Its address, which ends in /v1."""
    api_key: str = field(repr=False)
    """The key that it asks for."""
    model: str
    """The file name of its model."""
    context: int
    """The context of each of its parallel answers, in tokens."""
    process: int
    """The number of its process."""


@contextmanager
def llama_cpp(
    model: Path,
    *,
    context: int = 4096,
    parallel: int = 2,
    port: int = 0,
    api_key: str | None = None,
    mmproj: Path | None = None,
) -> Iterator[Server]:
    """Run llama.cpp's own HTTP server, as xllamacpp has it, on one thread.

    Args:
        model: The model's GGUF file.
        context: The context of each answer, in tokens.
        parallel: How many answers it writes at a time.
        port: The port; 0 for a free one.
        api_key: The key that it asks for; None for a new one.
        mmproj: The projector of a model that sees.
    """
    key = api_key or secrets.token_urlsafe(16)
    options = json.dumps(
        {
            "model": str(model),
            "api_key": key,
            "context": context,
            "parallel": parallel,
            "port": port,
            "mmproj": str(mmproj or ""),
        }
    )
    with subprocess.Popen(
        [sys.executable, "-c", _LLAMA, options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            address = child.stdout.readline().strip()
            assert address, "The server did not start. Its messages are above."
            with urllib.request.urlopen(f"{address}/health", timeout=600) as health:
                assert health.status == 200
            yield Server(f"{address}/v1", key, model.name, context, child.pid)
        finally:
            child.kill()
