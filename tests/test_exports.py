"""Every public name has a public path and a docstring; a face loads only what is asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pickle
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

import structgen
from structgen import errors
from structgen.testing import ScriptedModel
from structgen.types import Evidence, OptionArgs, Options, Usage

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "structgen"
FACES = {
    f"structgen.{path.parent.relative_to(PACKAGE)}".rstrip("."): path
    for path in sorted(PACKAGE.glob("**/__init__.py"))
    if "structgen.lazy import face" in path.read_text()
}
PUBLIC = [(name, one) for name in FACES for one in importlib.import_module(name).__all__]
INTERNALS = {"design.md", "CHANGELOG.md"}
"""Pages that name modules on the inside, or names that are no more."""


class Person(BaseModel):
    name: str


def typed_names(path: Path) -> dict[str, str]:
    """The names of a face by the module they come from, as type checkers see them."""
    [block] = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.If)]
    found: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            home = str(node.module)
            names = importlib.import_module(home).__all__ if alias.name == "*" else [alias.name]
            found |= dict.fromkeys(names, home)
    return found


def homes(path: Path) -> dict[str, str]:
    """The names of a face by the module they come from, as they are loaded."""
    [call] = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "face"
    ]
    table = ast.literal_eval(call.args[1])
    return {name: home for home, names in table.items() for name in names.split()}


def documented(home: str, name: str) -> bool:
    """Whether a class, a function or a constant has a docstring where it is defined."""
    body = ast.parse(inspect.getsource(importlib.import_module(home))).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            overload = any("overload" in ast.unparse(one) for one in node.decorator_list)
            if not overload:
                return bool(ast.get_docstring(node))
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == name:
                return isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
    return False


@pytest.mark.parametrize("face", FACES)
def test_a_face_gives_type_checkers_and_programs_the_same_names(face: str) -> None:
    assert typed_names(FACES[face]) == homes(FACES[face])
    module = importlib.import_module(face)
    assert sorted(module.__all__) == module.__all__
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


@pytest.mark.parametrize(("face", "name"), PUBLIC)
def test_a_public_name_is_there_and_documented(face: str, name: str) -> None:
    value = getattr(importlib.import_module(face), name)
    home = homes(FACES[face])[name]
    assert value is not None
    assert documented(home, name), f"{home}.{name} has no docstring"


@pytest.mark.parametrize(("face", "name"), PUBLIC)
def test_a_public_name_is_not_hidden_by_a_module_of_its_name(face: str, name: str) -> None:
    below = FACES[face].parent / name
    assert not below.is_dir()
    assert not below.with_suffix(".py").exists()


@pytest.mark.parametrize(("face", "name"), PUBLIC)
def test_what_is_shown_of_a_public_name_leads_to_it(face: str, name: str) -> None:
    value = getattr(importlib.import_module(face), name)
    module = getattr(value, "__module__", "")
    if module.startswith("structgen") and inspect.isroutine(value) | inspect.isclass(value):
        assert getattr(importlib.import_module(value.__module__), name) is value


def test_a_name_is_in_one_room_alone_and_perhaps_at_the_root() -> None:
    rooms: dict[tuple[str, str], set[str]] = {}
    for face, path in FACES.items():
        for name, home in homes(path).items():
            if face not in ("structgen", "structgen.types", "structgen.ports"):
                rooms.setdefault((home, name), set()).add(face)
    assert not {one: faces for one, faces in rooms.items() if len(faces) > 1}


def test_a_face_loads_nothing_before_it_is_asked() -> None:
    script = (
        f"import sys, {', '.join(FACES)}\n"
        "print(sorted(name for name in sys.modules if name.startswith('structgen')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ast.literal_eval(done.stdout) == sorted([*FACES, "structgen.lazy"])


# ---- what pages and examples use -------------------------------------------------------------


def mentioned(text: str) -> Iterator[str]:
    """Every dotted path below structgen that a text names, imported names included."""
    for module, names in re.findall(r"from (structgen[.\w]*) import \(?([^)\n]+)", text):
        yield from (f"{module}.{name.split(' as ')[0].strip()}" for name in names.split(","))
    yield from re.findall(r"(?<![\w/.-])structgen(?:\.[A-Za-z_]\w*)+", text)


def is_public(path: str) -> bool:
    """Whether a path is a face, a name of one or an attribute of it, or a ready-made target."""
    parts = path.split(".")
    if parts[:2] == ["structgen", "schemas"]:
        return importlib.util.find_spec(".".join(parts[:3])) is not None
    face = max(
        name
        for name in [*FACES, "structgen.errors"]
        if parts[: name.count(".") + 1] == name.split(".")
    )
    rest = parts[face.count(".") + 1 :]
    return not rest or rest[0] in {*importlib.import_module(face).__all__, "__version__"}


PAGES = [
    *(page for page in sorted(ROOT.glob("*.md")) if page.name not in INTERNALS),
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in INTERNALS),
    *sorted((ROOT / "examples").rglob("*.py")),
    *sorted((ROOT / "examples").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_and_examples_name_public_paths_alone(page: Path) -> None:
    # `structgen.readers` is a group of entry points.
    files = re.compile(r"structgen\.(md|toml|yml|yaml|json|txt|dev|readers)\b")
    paths = {path for path in mentioned(page.read_text()) if not files.match(path)}
    assert not [path for path in sorted(paths) if not is_public(path)]


# ---- what the public classes allow -----------------------------------------------------------


def test_hints_of_errors_can_be_read_and_they_show_the_public_path() -> None:
    for name in errors.__all__:
        one = getattr(errors, name)
        typing.get_type_hints(one)
        if issubclass(one, errors.StructgenError):
            assert one.__module__ == "structgen"
            assert one.__hash__ is not None


def test_errors_survive_a_pickle_with_all_that_they_know() -> None:
    error = errors.APIPromptTooLongError("Too long.", tokens=9, status_code=400, hint="Cut it.")
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert str(again) == "Too long. Cut it."
    missing = pickle.loads(pickle.dumps(errors.MissingPackage("pyarrow", "files")))
    assert isinstance(missing, errors.MissingPackage)
    assert isinstance(missing, ImportError)
    assert (missing.name, missing.extra) == ("pyarrow", "files")


def test_options_are_the_keyword_arguments_and_each_says_what_it_does() -> None:
    assert [one.name for one in fields(Options)] == list(OptionArgs.__annotations__)
    body = ast.parse(inspect.getsource(OptionArgs)).body[0]
    assert isinstance(body, ast.ClassDef)
    keys = [node for node in body.body if isinstance(node, ast.AnnAssign)]
    texts = [node for node in body.body if isinstance(node, ast.Expr)]
    assert len(texts) == 1 + len(keys)


def test_results_pass_through_pydantic_and_pickle() -> None:
    with structgen.Client(ScriptedModel('{"name": "Ada"}')) as client:
        result = client.extract_result(Person, "Ada")
    adapter = TypeAdapter(structgen.Extraction[Person])
    assert adapter.validate_python(result) is result
    assert adapter.dump_python(result, mode="json")["value"] == {"name": "Ada"}
    again = pickle.loads(pickle.dumps(result))
    assert again.value == result.value
    assert TypeAdapter(Usage).validate_python({"prompt_tokens": 3}) == Usage(prompt_tokens=3)
    assert TypeAdapter(Evidence).validate_json('{"quote": "a", "start": 0, "end": 1}').quote == "a"
