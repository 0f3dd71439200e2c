"""docs/providers.md and docs/errors.md say what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from structgen import errors
from structgen.wire.attachments import LIMITS
from structgen.wire.dialect import Capabilities
from structgen.wire.providers import ROWS

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS.parent / "examples"


def table() -> str:
    """The rows of the capability table, as Markdown."""
    columns = (
        "provider",
        "models",
        "schemas, strongest first",
        "key",
        "address",
        "stream + schema",
        "tools + schema",
        "not taken",
    )
    head = f"| {' | '.join(columns)} |"
    return "\n".join([head, "|---" * len(columns) + "|", *map(line, ROWS)])


def line(row: Capabilities) -> str:
    def code(names: Iterable[str]) -> str:
        return ", ".join(f"`{name}`" for name in names) or "-"

    modes = ", ".join(
        mode if subset in ("json-object", "best-effort") else f"{mode} (`{subset}`)"
        for mode, subset in row.modes
    )
    cells = [
        f"`{row.provider}`",
        f"`{row.model}`" if row.model != "*" else "all",
        modes,
        code(row.key_env),
        (row.base_url and f"`{row.base_url}`") or code(row.base_url_env),
        "yes" if row.stream_with_schema else "**no**",
        "yes" if row.tools_with_schema else "**no**",
        code(sorted(row.unsupported)),
    ]
    return f"| {' | '.join(cells)} |"


def between_markers(page: Path) -> re.Match[str]:
    found = re.search(
        r"(?<=<!-- generated -->\n)(.*)(?=\n<!-- end -->)", page.read_text(), re.DOTALL
    )
    assert found
    return found


def test_the_table_of_providers_is_the_rows(update_goldens: bool) -> None:
    page = DOCS / "providers.md"
    if update_goldens:
        found = between_markers(page)
        page.write_text(
            page.read_text()[: found.start()] + table() + page.read_text()[found.end() :]
        )
    assert between_markers(page)[0] == table()


def tree_of(page: str) -> Iterator[tuple[str, str, str]]:
    """Each (name, name of its parent, what is said of it) in the tree of errors."""
    above: list[str] = []
    for line in page.split("```text\n", 1)[1].split("```", 1)[0].splitlines():
        found = re.fullmatch(r"([│├└─ ]*)(\w+) *(.*)", line)
        assert found, line
        depth = len(found[1]) // 4
        yield found[2], above[depth - 1] if depth else "Exception", found[3]
        above[depth:] = [found[2]]


def test_the_tree_on_the_page_of_errors_is_the_tree_of_classes() -> None:
    tree = list(tree_of((DOCS / "errors.md").read_text()))
    classes = {
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.StructgenError)
    }
    assert sorted(name for name, _, _ in tree) == sorted(classes)
    for name, parent, said in tree:
        bases = [base.__name__ for base in classes[name].__bases__]
        assert parent in bases, name
        assert all(base == parent or base in said for base in bases), name


def test_the_table_of_images_has_every_row() -> None:
    lines = (DOCS / "images.md").read_text().splitlines()
    for provider, pattern, limits in LIMITS:
        (cells,) = [line.split("|") for line in lines if f"`{provider}:{pattern}`" in line]
        shown = [cell.strip() for cell in cells[2:-1]]
        counts = {None: "any", 0: "none"}
        assert shown[0] == counts.get(limits.images, str(limits.images))
        assert shown[3] == ("yes" if limits.files else "no")
        if limits.images != 0:
            assert shown[1] == (f"{limits.bytes // 10**6} MB" if limits.bytes else "any")
            assert shown[4] == ("yes" if limits.urls else "no")
            kinds = {f"image/{name.lower()}" for name in shown[2].split(", ")}
            assert kinds == limits.media_types
