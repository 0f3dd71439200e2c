"""The import order of docs/design.md holds, and importing structgen stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import structgen

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "structgen"
OWNERS = {
    "httpx": {"wire.http"},
    "outlines": {"local"},
    "llguidance": {"local"},
    "xllamacpp": {"local"},
    "tenacity": {"wire.retry"},
}


def declared_order() -> list[str]:
    block = re.search(r"```text\n(.*?)```", (ROOT / "docs" / "design.md").read_text(), re.DOTALL)
    assert block
    return [line.split()[0] for line in block[1].splitlines() if line]


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in {"__init__.py", "__main__.py"}
    }


def imported(path: Path) -> set[str]:
    """Every module a file imports when it runs, wherever in the file the import stands."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_every_file_stands_in_the_declared_order() -> None:
    assert sorted(modules()) == sorted(declared_order())


def test_imports_go_up_only() -> None:
    order = declared_order()
    for name, path in modules().items():
        own = order.index(name)
        for target in imported(path):
            inner = target.removeprefix("structgen.")
            if target.startswith("structgen.") and inner in order:
                assert order.index(inner) < own, f"{name} imports {inner}, which stands below it in docs/design.md"


def test_each_library_is_imported_by_its_owner_alone() -> None:
    for name, path in modules().items():
        for library in {target.split(".")[0] for target in imported(path)} & OWNERS.keys():
            assert name in OWNERS[library] or name.split(".")[0] in OWNERS[library], f"{name} imports {library}"


def test_files_stay_readable() -> None:
    long = {name: count for name, path in modules().items() if (count := len(path.read_text().splitlines())) > 420}
    assert not long, "files over 420 lines hold more than one idea"


def test_public_names_exist_and_are_sorted() -> None:
    assert sorted(structgen.__all__) == list(structgen.__all__)
    for name in structgen.__all__:
        assert getattr(structgen, name) is not None


def test_importing_structgen_loads_nothing_heavy() -> None:
    heavy = [
        "httpx",
        "outlines",
        "llguidance",
        "xllamacpp",
        "jsonschema",
        "tenacity",
        "pydantic",
        "asyncio",
        "rich",
        "structgen.cli.main",
    ]
    script = f"import sys, structgen; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
