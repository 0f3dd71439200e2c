"""Write docs/api/: a page for each public module, with every public name.

    python scripts/api_reference.py

The public modules are `structgen.errors` and the faces (see structgen/lazy.py), the public names
their `__all__`. Griffe reads signatures and docstrings from the source, so that annotations stay as
they are written.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "api"
WIDTH = 88

Documented = griffe.Class | griffe.Function | griffe.Attribute | griffe.TypeAlias


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    package = griffe.load(
        "structgen",
        search_paths=[str(ROOT)],
        docstring_parser="google",
        docstring_options={"warnings": False},
    )
    assert isinstance(package, griffe.Module)
    homes = described_names(package)
    return {f"{face}.md": page(package, face, homes) for face in faces()}


def described_names(package: griffe.Module) -> dict[str, str]:
    """For each definition the public name under which it is described."""
    homes: dict[str, str] = {}
    for face in faces():
        for name in public_names(face):
            homes.setdefault(resolve(package, face, name).path, f"{face}.{name}")
    return homes


def faces() -> list[str]:
    """The public modules, in the order in which they describe a name that several of them give."""
    folders = [
        path.parent.relative_to(ROOT)
        for path in sorted((ROOT / "structgen").rglob("__init__.py"))
        if "structgen.lazy import face" in path.read_text(encoding="utf-8")
    ]
    return ["structgen.errors", *(".".join(folder.parts) for folder in folders)]


def page(package: griffe.Module, face: str, homes: Mapping[str, str]) -> str:
    """One module's page, which links to the names that another page describes."""
    described, links = [], []
    for name in public_names(face):
        found = resolve(package, face, name)
        home = homes[found.path]
        if home == f"{face}.{name}":
            described.append(entry(found, home, homes))
        else:
            links.append(f"| `{name}` | [{home}]({link(home)}) |")
    parts = [f"# {face}", introduction(package, face), *described]
    if links:
        parts += ["## Described elsewhere", "\n".join(["| name | page |", "|---|---|", *links])]
    return "\n\n".join(part for part in parts if part) + "\n"


def public_names(face: str) -> list[str]:
    return sorted(importlib.import_module(face).__all__)


def resolve(package: griffe.Module, face: str, name: str) -> Documented:
    """The definition behind a public name."""
    inside = f"{face}.{name}".removeprefix("structgen.")
    found = package[inside]
    found = found.final_target if isinstance(found, griffe.Alias) else found
    assert isinstance(found, Documented), f"{face}.{name} is a {found.kind.value}"
    return found


def introduction(package: griffe.Module, face: str) -> str:
    module = package if face == "structgen" else package[face.removeprefix("structgen.")]
    return "\n\n".join(docstring(module))


def link(path: str) -> str:
    """Where a public name is described, from another page of the reference."""
    face = path.rpartition(".")[0]
    return f"{face}.md#{path}"


def entry(found: Documented, path: str, homes: Mapping[str, str], level: int = 2) -> str:
    """The heading, signature and docstring of one name, and the members of a class."""
    name = path.rpartition(".")[2]
    parts = [f"{'#' * level} {name} {{ #{path} }}", f"```py\n{signature(found, name)}\n```"]
    parts += docstring(found)
    if isinstance(found, griffe.Class):
        public = list(members(found, homes))
        parts += fields([one for one in public if isinstance(one, griffe.Attribute)])
        methods = [one for one in public if isinstance(one, griffe.Function)]
        parts += [entry(one, f"{path}.{one.name}", homes, level + 1) for one in methods]
    return "\n\n".join(parts)


def members(found: griffe.Class, homes: Mapping[str, str]) -> Iterator[griffe.Object]:
    """The public members of a class, with those of bases that no page describes."""
    seen: set[str] = set()
    for owner in [found, *(base for base in found.mro() if base.path not in homes)]:
        for name, member in owner.members.items():
            if isinstance(member, griffe.Object) and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield member


def fields(attributes: list[griffe.Attribute]) -> Iterator[str]:
    """A table of a class's attributes and properties, or nothing."""
    if attributes:
        rows = [row(one.name, one.annotation, summary(one)) for one in attributes]
        yield table("attribute", rows)


def signature(found: Documented, name: str) -> str:
    if isinstance(found, griffe.Function):
        overloads = found.overloads or [found]
        lines = [one_signature(one, name) for one in overloads]
        return "\n".join(lines)
    if isinstance(found, griffe.Class):
        return class_signature(found, name)
    if isinstance(found, griffe.TypeAlias):
        return f"type {name} = {found.value}"
    annotated = f"{name}: {found.annotation}" if found.annotation else name
    short = found.value is not None and len(str(found.value)) <= WIDTH
    return f"{annotated} = {found.value}" if short else annotated


def class_signature(found: griffe.Class, name: str) -> str:
    bases = ", ".join(str(base) for base in found.bases)
    head = f"class {name}({bases})" if bases else f"class {name}"
    if not found.parameters or is_given_by_fields(found):
        return head
    lines = [parameter_text(one) for one in listed(found.parameters)]
    return f"{head}\n\n{joined(name, lines, '')}"


def is_given_by_fields(found: griffe.Class) -> bool:
    """Whether the table of fields says all that the signature would say."""
    return any(
        str(base).startswith(("TypedDict", "Protocol", "NamedTuple")) for base in found.bases
    )


def one_signature(found: griffe.Function, name: str) -> str:
    returns = f" -> {found.returns}" if found.returns else ""
    prefix = "async def" if "async" in found.labels else "def"
    lines = [parameter_text(one) for one in listed(found.parameters)]
    return joined(f"{prefix} {name}", lines, returns)


def joined(head: str, lines: list[str], returns: str) -> str:
    """A call on one line if it fits, else with one parameter per line."""
    flat = f"{head}({', '.join(lines)}){returns}"
    if len(flat) <= WIDTH:
        return flat
    inner = "".join(f"    {line},\n" for line in lines)
    return f"{head}(\n{inner}){returns}"


def listed(parameters: griffe.Parameters) -> Iterator[griffe.Parameter | str]:
    """The parameters without self, with the bare `*` and `/` that the source has."""
    starred = False
    positional = griffe.ParameterKind.positional_only
    before: griffe.Parameter | None = None
    for one in parameters:
        if one.name in ("self", "cls"):
            continue
        if before is not None and before.kind is positional is not one.kind:
            yield "/"
        if one.kind is griffe.ParameterKind.keyword_only and not starred:
            yield "*"
            starred = True
        starred = starred or one.kind is griffe.ParameterKind.var_positional
        yield one
        before = one
    if before is not None and before.kind is positional:
        yield "/"


def parameter_text(one: griffe.Parameter | str) -> str:
    if isinstance(one, str):
        return one
    stars = {
        griffe.ParameterKind.var_positional: "*",
        griffe.ParameterKind.var_keyword: "**",
    }
    text = stars.get(one.kind, "") + one.name if one.kind else one.name
    if one.annotation is not None:
        text += f": {one.annotation}"
    if one.default is not None and not text.startswith("*"):
        text += f" = {one.default}" if one.annotation is not None else f"={one.default}"
    return text


def docstring(found: griffe.Object) -> list[str]:
    """The sections of a docstring as Markdown."""
    if found.docstring is None:
        return []
    return [text for section in found.docstring.parsed for text in section_text(section)]


def section_text(section: griffe.DocstringSection) -> Iterator[str]:
    if isinstance(section, griffe.DocstringSectionText):
        yield section.value
    elif isinstance(section, griffe.DocstringSectionParameters | griffe.DocstringSectionAttributes):
        yield table(
            "argument", [row(one.name, one.annotation, one.description) for one in section.value]
        )
    elif isinstance(section, griffe.DocstringSectionReturns | griffe.DocstringSectionYields):
        label = "Returns" if isinstance(section, griffe.DocstringSectionReturns) else "Yields"
        yield f"**{label}**: " + " ".join(one.description for one in section.value)
    elif isinstance(section, griffe.DocstringSectionRaises):
        yield table(
            "raises", [row(str(one.annotation), None, one.description) for one in section.value]
        )
    elif isinstance(section, griffe.DocstringSectionExamples):
        yield "**Example**\n\n" + "\n\n".join(example(kind, text) for kind, text in section.value)
    elif isinstance(section, griffe.DocstringSectionAdmonition):
        yield f"**{section.title}**: {section.value.description}"


def example(kind: griffe.DocstringSectionKind, text: str) -> str:
    return text if kind is griffe.DocstringSectionKind.text else f"```py\n{text}\n```"


def summary(found: griffe.Object) -> str:
    return " ".join(found.docstring.value.split()) if found.docstring else ""


def row(name: str, annotation: object, description: str) -> tuple[str, str, str]:
    return name, str(annotation) if annotation is not None else "", " ".join(description.split())


def table(title: str, rows: list[tuple[str, str, str]]) -> str:
    """A Markdown table; without a column of types if no row has one."""
    typed = any(kind for _, kind, _ in rows)
    lines = [f"| {title} | type | |", "|---|---|---|"] if typed else [f"| {title} | |", "|---|---|"]
    for name, kind, description in rows:
        cells = (
            [code(name), code(kind), cell(description)]
            if typed
            else [code(name), cell(description)]
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def code(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
