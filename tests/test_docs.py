"""Every code fence of the README and the docs runs, and each page's commands are the ones that work.

Python fences of a page run in order in one namespace, shell fences from the root of the project. `local` is the embedded model;
hosted providers are a real llama.cpp server on loopback behind their own environment variables. A fence marked `sh bare` builds an
environment of its own, so it runs in a fresh copy of the project.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = {"python", "sh"}


@dataclass(frozen=True)
class Fence:
    info: str
    code: str
    line: int

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""


def fences(page: Path) -> list[Fence]:
    text = page.read_text()
    return [
        Fence(found[1].strip(), found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def with_code(*languages: str, bare: bool = False) -> list[Path]:
    return [
        p
        for p in PAGES
        if any(f.language in languages and ("bare" in f.info.split()) == bare for f in fences(p))
    ]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def providers(llama_server, embedded_cache, monkeypatch):
    """The environment the pages speak of: keys and addresses of hosted providers, all of them the server on loopback."""
    for provider in ("GROQ", "OPENAI"):
        monkeypatch.setenv(f"{provider}_API_KEY", llama_server.api_key)
        monkeypatch.setenv(f"{provider}_BASE_URL", f"{llama_server.base_url}")
    monkeypatch.setenv("SERVER_URL", llama_server.base_url)
    monkeypatch.setenv("SERVER_KEY", llama_server.api_key)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_fence_names_its_language(page: Path) -> None:
    unnamed = [fence.line for fence in fences(page) if not fence.language]
    assert not unnamed


@pytest.mark.slow
@pytest.mark.parametrize("page", with_code("python"), ids=name)
def test_python_fences_run(page: Path, providers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = ModuleType("docs_page")  # dataclasses look their module up by its name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for fence in fences(page):
        if fence.language == "python":
            exec(
                compile("\n" * fence.line + fence.code, name(page), "exec", dont_inherit=True),
                module.__dict__,
            )


@pytest.mark.slow
@pytest.mark.parametrize("page", with_code("sh"), ids=name)
def test_shell_fences_run(page: Path, providers: None) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for fence in fences(page):
        if fence.language == "sh" and "bare" not in fence.info.split():
            done = subprocess.run(
                ["sh", "-ec", fence.code],
                cwd=ROOT,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{name(page)}:{fence.line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_readmes_first_command_works_from_nothing(tmp_path: Path) -> None:
    """A clone, a cache and an environment of its own, and only the line that the README shows first."""
    command = next(f.code for f in fences(ROOT / "README.md") if f.info == "sh bare")
    copy = tmp_path / "structgen"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=copy,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert '"cve": "CVE-2024-1595"' in done.stdout
    assert "held while decoding" in done.stderr


def test_ci_calls_the_test_command_of_the_readme() -> None:
    commands = [
        line
        for f in fences(ROOT / "README.md")
        if f.info == "sh bare"
        for line in f.code.splitlines()
    ]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] in commands
