"""Ready-made targets hold what their examples say and compile everywhere, to the golden forms."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from structgen.errors import SchemaLimitError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS
from tests.checkers import CHECKERS
from tests.laws.instances import validator
from tests.laws.same import same
from tests.ready_made import EXAMPLES

FOLDER = Path(__file__).parent.parent / "schemas"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
GOLDEN = ("openai-strict", "groq-strict", "llguidance", "best-effort")


def target(name: str) -> type[BaseModel]:
    """The class that bears the module's name."""
    module = importlib.import_module(f"structgen.schemas.{name}")
    model = getattr(module, "".join(word.title() for word in name.split("_")))
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def models_of(name: str) -> list[type[BaseModel]]:
    module = importlib.import_module(f"structgen.schemas.{name}")
    return [getattr(module, word) for word in module.__all__]


def test_there_are_enough_and_each_has_an_example() -> None:
    assert len(NAMES) >= 15
    assert set(NAMES) == EXAMPLES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_module_says_what_it_is_and_shows_a_text(name: str) -> None:
    document = importlib.import_module(f"structgen.schemas.{name}").__doc__ or ""
    assert "Example text::" in document


@pytest.mark.parametrize("name", NAMES)
def test_every_model_and_field_tells_the_model_what_to_write(name: str) -> None:
    for model in models_of(name):
        assert model.__doc__, model
        assert [key for key, field in model.model_fields.items() if not field.description] == [], (
            model
        )


@pytest.mark.parametrize("name", NAMES)
def test_example_is_a_value_and_holds_words_of_its_text(name: str) -> None:
    """The texts in the examples' strings that are copied stand in the module's example text."""
    value = TypeAdapter(target(name)).validate_python(EXAMPLES[name])
    text = " ".join((importlib.import_module(f"structgen.schemas.{name}").__doc__ or "").split())
    copied = list(strings(value.model_dump(mode="json", exclude_unset=True)))
    assert sum(word in text for word in copied) >= len(copied) / 3, copied


def strings(data: Any) -> Any:
    if isinstance(data, str):
        yield data
    elif isinstance(data, (dict, list)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from strings(item)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("subset", ["openai-strict", "groq-strict"])
def test_strict_form_passes_the_checker_with_no_loss(subset: str, name: str) -> None:
    it = compile_schema(target(name), subset)
    assert CHECKERS[subset](it.schema, it.target.name) == []
    assert [str(note) for note in it.notes if note.action == "narrowed"] == []


@pytest.mark.parametrize("name", NAMES)
def test_example_survives_every_subset(name: str) -> None:
    value = target(name).model_validate(EXAMPLES[name])
    for subset in SUBSETS:
        try:
            it = compile_schema(target(name), subset)
        except SchemaLimitError as error:
            assert subset in ("azure-openai", "anthropic", "cerebras"), error
            continue
        assert CHECKERS[subset](it.schema, it.target.name) == []
        data = it.encode(value)
        validator(it.schema).validate(data)
        assert same(it.decode(data), value)
        assert same(it.decode_json(json.dumps(data)), value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("subset", GOLDEN)
def test_compiled_form_is_the_golden_one(subset: str, name: str, update_goldens: bool) -> None:
    """Write them anew with `pytest tests/test_schemas.py --update-goldens`, and review the
    change.
    """
    it = compile_schema(target(name), subset)
    form = {"name": it.target.name, "schema": it.schema, "notes": [str(note) for note in it.notes]}
    text = json.dumps(form, indent=2, ensure_ascii=False) + "\n"
    path = FOLDER / "golden" / f"{name}.{subset}.json"
    if update_goldens:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_no_golden_is_left_over() -> None:
    written = {path.name for path in (FOLDER / "golden").iterdir()}
    assert written == {f"{name}.{subset}.json" for name in NAMES for subset in GOLDEN}
