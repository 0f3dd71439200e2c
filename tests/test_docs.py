"""Every code fence of the README and the docs runs; generated pages are what the generators write.

Python fences of a page run in order in one namespace, shell fences from the root of the project.
`local` is the embedded model; hosted providers are a real llama.cpp server on loopback, reached
through their own environment variables. A fence marked `sh bare` makes an environment of its own,
so it runs in a fresh copy of the project. Fences of other languages are shown only: `py` is another
library's code, or a signature.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from scripts import api_reference, llms_txt, provider_pages
from tests.servers import Server

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
OF_OTHERS = {"coming-from.md", "dspy.md", "pydantic-ai.md"}
"""Pages that run other libraries, which leave sockets and event loops open: they get a process."""
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


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
def providers(llama_server: Server, embedded_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and addresses of hosted providers, all of them the server on loopback."""
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
    code = [fence for fence in fences(page) if fence.language == "python"]
    if page.name in OF_OTHERS:
        script = "\n".join(fence.code for fence in code)
        subprocess.run([sys.executable, "-c", script], check=True, timeout=600)
        return
    module = ModuleType("docs_page")  # dataclasses look their module up by its name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for fence in code:
        exec(
            compile("\n" * fence.line + fence.code, name(page), "exec", dont_inherit=True),
            module.__dict__,
        )
    module.__dict__.clear()
    gc.collect()  # what a page leaves open is told here, not in a later test


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
    """Run the line that the README shows first in a new clone, with a new cache."""
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


def test_every_page_is_in_the_navigation_and_the_index() -> None:
    listed = [page for _, pages in llms_txt.groups() for _, page in pages]
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
    written_by_hand = {page for page in listed if not page.startswith(("api/", "providers/"))}
    assert llms_txt.descriptions().keys() - {"api/structgen.md"} == written_by_hand - {"index.md"}


def test_the_list_for_language_models_is_up_to_date(update_goldens: bool) -> None:
    """Run `python scripts/llms_txt.py` after a change of the navigation."""
    if update_goldens:
        llms_txt.main()
    assert (DOCS / "llms.txt").read_text() == llms_txt.text()


def test_the_reference_is_up_to_date(update_goldens: bool) -> None:
    """Run `python scripts/api_reference.py` after a change of a signature or a docstring."""
    if update_goldens:
        api_reference.main()
    written = {page.name: page.read_text() for page in (DOCS / "api").glob("*.md")}
    assert written == api_reference.pages()


def test_the_pages_of_providers_are_up_to_date(update_goldens: bool) -> None:
    """Run `python scripts/provider_pages.py` after a change of a row in structgen/wire."""
    if update_goldens:
        provider_pages.main()
    written = {page.name: page.read_text() for page in (DOCS / "providers").glob("*.md")}
    assert written == provider_pages.pages()
    assert provider_pages.overview() in (DOCS / "providers.md").read_text()


@pytest.mark.parametrize("face", api_reference.faces())
def test_every_public_name_is_in_the_reference(face: str) -> None:
    page = (DOCS / "api" / f"{face}.md").read_text()
    for name in importlib.import_module(face).__all__:
        described = re.search(rf"^## {name} ", page, re.MULTILINE)
        elsewhere = re.search(
            rf"^\| `{name}` \| \[([\w.]+)\]\(([\w.]+)#\1\) \|$", page, re.MULTILINE
        )
        assert described or elsewhere, name
        if elsewhere:
            assert f"{{ #{elsewhere[1]} }}" in (DOCS / "api" / elsewhere[2]).read_text(), name


def test_ci_calls_the_test_command_of_the_readme() -> None:
    commands = [
        line
        for f in fences(ROOT / "README.md")
        if f.info == "sh bare"
        for line in f.code.splitlines()
    ]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] in commands
