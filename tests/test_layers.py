"""The rule of layers in docs/design.md holds for every import, and importing structgen is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "structgen"
FACES = {"", "types", "ports", "providers"}
"""Modules that hand out the names of others; nothing inside imports them."""
ROOMS = {"schema", "local", "reading"}
"""Folders with folders inside."""
OWNERS: dict[str, set[str]] = {
    "httpx": set(),
    "httpx2": set(),
    "aiohttp": {"wire.http.connections"},
    "tenacity": {"wire.retry"},
    "outlines": {"local"},
    "llguidance": {"local"},
    "xllamacpp": {"local"},
}


class Import(NamedTuple):
    """One import of a module of ours."""

    importer: str
    imported: str
    kind: str
    """`run`: at import time; `lazy`: inside a function; `type`: for type checkers alone."""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"
}


def statements(node: ast.AST, kind: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, kind
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for inner in child.body:
                yield from statements(ast.Module([inner], []), "type")
            for inner in child.orelse:
                yield from statements(ast.Module([inner], []), kind)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from statements(child, "lazy" if inside and kind == "run" else kind)


def libraries_and_modules(path: Path) -> Iterator[tuple[str, str]]:
    """(name, kind) of everything a file imports; of our own modules the innermost that there is."""
    for node, kind in statements(ast.parse(path.read_text()), "run"):
        if isinstance(node, ast.Import):
            yield from ((alias.name, kind) for alias in node.names)
            continue
        assert node.level == 0, f"{path} imports relatively"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield (full if full.removeprefix("structgen.") in MODULES else str(node.module)), kind


IMPORTS = [
    Import(name, imported.removeprefix("structgen").removeprefix("."), kind)
    for name, path in MODULES.items()
    for imported, kind in libraries_and_modules(path)
    if imported.split(".")[0] == "structgen"
]


def layer(module: str) -> str:
    return module.split(".")[0]


def declared_layers() -> list[str]:
    rule = re.search(
        r"^lazy < values <.*?(?=\n```)",
        (ROOT / "docs" / "design.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert rule, "docs/design.md states the rule"
    return re.split(r"\s*<\s*", rule[0].strip())


def inside() -> list[Import]:
    """Imports between different modules of which neither is a face."""
    return [
        one
        for one in IMPORTS
        if one.importer != one.imported and not {one.importer, one.imported} & FACES
    ]


def test_every_module_has_its_layer() -> None:
    found = {layer(name) for name in MODULES.keys() - FACES}
    assert found == set(declared_layers())


def test_a_file_imports_its_own_folder_and_folders_before_it() -> None:
    rank = {name: place for place, name in enumerate(declared_layers())}
    breaches = [one for one in inside() if rank[layer(one.imported)] > rank[layer(one.importer)]]
    assert not breaches


def test_nothing_inside_imports_a_face() -> None:
    faces = {name for name in FACES if name} | {
        layer(name) for name in MODULES if MODULES[name].name == "__init__.py"
    }
    assert not [one for one in IMPORTS if one.imported in faces and one.importer not in FACES]


@pytest.mark.parametrize(
    "kinds", [{"run"}, {"run", "lazy", "type"}], ids=["at import time", "of any kind"]
)
def test_no_cycles_between_modules_folders_and_rooms(kinds: set[str]) -> None:
    for level in (
        lambda name: name,
        layer,
        lambda name: ".".join(name.split(".")[:2]) if layer(name) in ROOMS else name,
    ):
        graph: defaultdict[str, set[str]] = defaultdict(set)
        for one in inside():
            if one.kind in kinds and level(one.importer) != level(one.imported):
                graph[level(one.importer)].add(level(one.imported))
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"a cycle: {' -> '.join(error.args[1])}")


def test_folders_know_few_others() -> None:
    # 9 of them are those of `reading`, whose Document every way in takes.
    # 3 of them are those of `calibration`, which knows schemas and results of gold, and no flow;
    # 8 of them are those of `examples`, a folder of its own so that one call knows no gold;
    # 1 is documents -> reading: a chunk is told its page, headings and columns.
    # 15 are those of `integrations`, which say in another tool's terms what a call is made of.
    # 2 are those of pipeline and distributed to documents: every chunk is a row of the journal;
    # 2 are those of cli to documents and flow: it extracts from texts of any length.
    # 2 are those of cli to values and answer: `init` guesses a target from values and texts.
    # 1 is wire -> prompt: an image counts alike in plans and in the rate limits.
    # 1 is answer -> reading: the evidence of a leaf has the pages and boxes of its Document.
    # 1 is local -> reading: the images of a message are told, bounded and decoded as documents are.
    # 3 are those of `server.review`, whose page shows results, with the pages of their documents,
    # and keeps decisions in a journal.
    # 17 are those of `tuning`, which varies everything that a call has, and judges what comes.
    edges = {(layer(one.importer), layer(one.imported)) for one in inside()}
    known = [edge for edge in edges if edge[0] != edge[1] and edge[1] != "lazy"]
    assert len(known) <= 201


def test_each_library_is_imported_by_its_owner_alone() -> None:
    for name, path in MODULES.items():
        for library in {
            imported.split(".")[0] for imported, _ in libraries_and_modules(path)
        } & OWNERS.keys():
            assert name in OWNERS[library] or layer(name) in OWNERS[library], (
                f"{name} imports {library}"
            )


def test_files_stay_readable() -> None:
    long = {
        name: count
        for name, path in MODULES.items()
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long, "files over 400 lines hold more than one idea"


def test_the_root_stays_small() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 10


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
        "structgen.reading.files",
        "pypdfium2",
        "structgen.cli.main",
        "structgen.integrations",
        "openai",
        "groq",
        "pydantic_ai",
        "mcp",
        "langchain_core",
        "pandas",
        "polars",
        "pyarrow",
        "duckdb",
        "dspy",
        "instructor",
        "sqlalchemy",
        "opentelemetry",
    ]
    script = f"import sys, structgen; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
