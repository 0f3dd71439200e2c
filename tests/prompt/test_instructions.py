"""Instructions from a file or a text: every placeholder has a value, and every value a place."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Client, Form
from structgen.cli import exits
from structgen.cli import main as cli
from structgen.errors import ConfigurationError, InputError
from structgen.prompt.instructions import instructions_of
from structgen.testing import ScriptedModel

NAMES = st.from_regex(re.compile(r"[a-z_][a-z0-9_]{0,5}", re.ASCII), fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]))


class Person(BaseModel):
    name: str


@given(st.lists(st.one_of(TEXTS, NAMES.map(lambda name: (name,)))), st.data())
def test_every_placeholder_gets_its_text(parts: list[Any], data: st.DataObject) -> None:
    names = {part[0] for part in parts if isinstance(part, tuple)}
    values = {name: data.draw(st.text()) for name in sorted(names)}
    template = "".join(part if isinstance(part, str) else f"{{{part[0]}}}" for part in parts)
    wanted = "".join(part if isinstance(part, str) else values[part[0]] for part in parts)
    assert instructions_of(template, values) == wanted


@given(st.text(), NAMES)
def test_doubled_braces_are_text(value: str, name: str) -> None:
    template = f"{{{{{name}}}}} is {{{name}}}"
    assert instructions_of(template, {name: value}) == f"{{{name}}} is {value}"


@given(st.text())
def test_a_text_without_values_is_taken_as_it_is(text: str) -> None:
    assert instructions_of(text, None) == text


def test_braces_around_anything_but_a_word_are_text() -> None:
    text = 'Write {"a": {"b": 1}}, {}, {1}, { x } and {a b}, {company}.'
    told = instructions_of(text, {"company": "Acme"})
    assert told == text.replace("{company}", "Acme")


def test_a_file_is_a_template(tmp_path: Path) -> None:
    file = tmp_path / "told.txt"
    file.write_text("\ufeffLetters to {company} in {year}.", encoding="utf-8")
    values: dict[str, str | int | float] = {"company": "Ac{year}me", "year": 2026}
    client = Client(ScriptedModel('{"name": "Ada"}'))
    plan = client.plan(Person, "Ada", instructions=file, instruction_values=values)
    assert "Letters to Ac{year}me in 2026." in plan.messages[0]["content"]
    assert plan == client.plan(Person, "Ada", instructions="Letters to Ac{year}me in 2026.")
    form = Form(Person, client=client, instructions=file, instruction_values=values)
    form.fill("I am Ada.")
    model = ScriptedModel('{"name": "Ada"}')
    outcomes = Client(model).map(Person, ["Ada"], instructions=file, instruction_values=values)
    assert [one.ok for one in outcomes] == [True]
    assert "Letters to Ac{year}me" in model.asked[0][0]["content"]


@pytest.mark.parametrize(
    ("template", "values", "said"),
    [
        (
            "To {company}.",
            {},
            "The instructions have a placeholder without a value: {company}. Pass "
            "instruction_values={'company': ...}, or write {{company}} for the text {company}.",
        ),
        (
            "To {company}.",
            {"compny": "Acme"},
            "The instructions have no placeholder {compny}, for which there is a value. Did you "
            "mean 'company'? Placeholders that they have: {company}.",
        ),
        (
            "To all.",
            {"x": "Acme"},
            "The instructions have no placeholder {x}, for which there is a value. Placeholders "
            "that they have: none.",
        ),
        (
            "To {company}.",
            {"company": None},
            "The value of {company} is null, but must be a text or a number.",
        ),
        (
            None,
            {"company": "Acme"},
            "`instruction_values` has no instructions to fill. Pass `instructions`, with a "
            "placeholder such as {company} for each value.",
        ),
        (
            "To {company}.",
            ["Acme"],
            "`instruction_values` is a list, but must be a mapping of names to texts or numbers.",
        ),
    ],
)
def test_what_does_not_fit_is_named(template: Any, values: Any, said: str) -> None:
    client = Client(ScriptedModel("{}"))
    with pytest.raises(ConfigurationError) as raised:
        client.extract(Person, "Ada", instructions=template, instruction_values=values)
    assert str(raised.value) == said


def test_a_file_is_named_in_its_errors(tmp_path: Path) -> None:
    client = Client(ScriptedModel("{}"))
    file = tmp_path / "told.txt"
    with pytest.raises(InputError, match=re.escape(f"{file}: No such file or directory")):
        client.extract(Person, "Ada", instructions=file)
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="it is not UTF-8"):
        client.extract(Person, "Ada", instructions=file)
    file.write_text("{company}")
    with pytest.raises(ConfigurationError, match=re.escape(f"The instructions in {file} have")):
        client.extract(Person, "Ada", instructions=file)


def test_the_command_line_takes_a_file(tmp_path: Path) -> None:
    def extract(*more: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        asked = ("extract", str(schema), "--plan", "--model", "groq:openai/gpt-oss-20b")
        told = ("--instructions-file", str(file))
        code = cli.run((*asked, *told, *more), io.StringIO("I am Ada."), out, err)
        return code, out.getvalue(), err.getvalue()

    file, schema = tmp_path / "told.txt", tmp_path / "person.json"
    file.write_text("Letters to {company}.")
    schema.write_text('{"type": "object", "properties": {"name": {"type": "string"}}}')
    code, out, _ = extract("--instruction-values", '{"company": "Acme"}')
    assert code == exits.OK
    assert "Letters to Acme." in out
    code, _, err = extract()
    assert code == exits.USAGE
    assert "a placeholder without a value: {company}" in err
