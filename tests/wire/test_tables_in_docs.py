"""docs/providers.md and docs/errors.md say what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from structgen import errors
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


def test_the_page_of_errors_draws_the_tree_with_every_error() -> None:
    text = (DOCS / "errors.md").read_text()
    tree = text.split("```text\n", 1)[1].split("```", 1)[0]
    above: list[str] = []
    drawn: set[str] = set()
    for row in tree.splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)", row)
        assert found
        depth, name = len(found[1]) // 4, found[2]
        bases = {base.__name__ for base in getattr(errors, name).__bases__}
        assert not above or above[depth - 1] in bases, f"{name} is drawn in another place"
        above[depth:] = [name]
        drawn.add(name)
    assert drawn == {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.StructgenError)
    }


@pytest.mark.parametrize("page", ["chat.md", "providers.md", "errors.md"])
def test_the_page_is_in_the_navigation(page: str) -> None:
    assert page in (DOCS.parent / "mkdocs.yml").read_text()
