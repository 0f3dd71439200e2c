"""Write docs/llms.txt, the list of pages for language models (llmstxt.org), from the navigation.

    python scripts/llms_txt.py

The groups are those of zensical.toml; the line on each page is the one of docs/index.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def main() -> None:
    (DOCS / "llms.txt").write_text(text(), encoding="utf-8")


def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    return dict(loaded["project"])


def groups() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each group of the navigation with its (title, page) pairs."""
    for group in project()["nav"]:
        for name, entries in group.items():
            yield name, [pair for entry in entries for pair in entry.items()]


def descriptions() -> dict[str, str]:
    """What docs/index.md says of each page."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^- \[[^]]+\]\(([^)]+)\): (.+)$", index, re.MULTILINE))


def text() -> str:
    said = descriptions()
    parts = [f"# {project()['site_name']}", f"> {project()['site_description']}"]
    for name, pages in groups():
        lines = [
            f"- [{title}]({page}): {said[page]}" if page in said else f"- [{title}]({page})"
            for title, page in pages
        ]
        parts += [f"## {name}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
