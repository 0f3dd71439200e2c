"""Tables that are written by hand in docs/ say what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from structgen import errors
from structgen.wire.attachments import LIMITS

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS.parent / "examples"


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
            sides = [str(side) for _, side in limits.sides]
            assert shown[5].split(" from ")[0] == (", ".join(sides) or "any")
