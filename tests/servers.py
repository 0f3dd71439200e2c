"""Real servers for tests, each in a child process on a free port of loopback, gone when the test session is."""

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

_LLAMA = """
import json, sys
import xllamacpp
options = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = options["model"]
params.api_keys = [options["api_key"]]
params.n_ctx = options["context"] * options["parallel"]
params.n_parallel = options["parallel"]
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity = 0
if options["port"]:
    params.port = options["port"]
params.cache_ram_mib = 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # until the tests are over, however they end
"""


@dataclass(frozen=True)
class Server:
    """`base_url` ends in /v1; `api_key` is what it asks for; `context` is in tokens, for each of its parallel answers; `process` is
    the number of its process."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    context: int
    process: int


@contextmanager
def llama_cpp(
    model: Path,
    *,
    context: int = 4096,
    parallel: int = 2,
    port: int = 0,
    api_key: str | None = None,
) -> Iterator[Server]:
    """llama.cpp's own HTTP server, as xllamacpp carries it, on one thread; on a free port and with a new key unless given."""
    key = api_key or secrets.token_urlsafe(16)
    options = json.dumps(
        {
            "model": str(model),
            "api_key": key,
            "context": context,
            "parallel": parallel,
            "port": port,
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
            assert address, "the server did not start: see its messages above"
            with urllib.request.urlopen(f"{address}/health", timeout=60) as health:
                assert health.status == 200
            yield Server(f"{address}/v1", key, model.name, context, child.pid)
        finally:
            child.kill()
