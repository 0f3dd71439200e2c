"""A service that fills in a form over a conversation, and a page that shows it.

    python -m uvicorn --factory examples.form_service.service:main

$FORMS_DATABASE is where the forms are ("sqlite:///forms.db" by default, or
"postgresql+psycopg://user@host/database"). $STRUCTGEN_MODEL is the model that reads what the user
says (the embedded one by default). The embedded model is small and takes every turn for a
correction, so with it what is said only fills in empty fields.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel

from examples.form_service.booking import Booking
from examples.form_service.store import Store
from structgen import Client, Form
from structgen.errors import FormIncompleteError, InputError, StaleFormError, StructgenError
from structgen.forms import Field
from structgen.types import Violation

PAGE = Path(__file__).parent / "page.html"
LOG = logging.getLogger("form_service")
INPUTS = {"date": "date", "date-time": "datetime-local", "time": "time", "email": "email"}
"""The kind of input for a text of this format."""
UNREAD = "Sorry, that could not be read. Say it again, or fill in the fields yourself."


class Said(BaseModel):
    """What the user says in answer to `asked`; nothing of a `draft` is saved."""

    text: str
    asked: str | None = None
    draft: bool = False
    revision: int | None = None


class Entered(BaseModel):
    """What the user enters into a field; None leaves it to what the user says."""

    path: str
    value: Any = None
    revision: int | None = None


class FieldView(BaseModel):
    path: str
    label: str
    help: str | None = None
    type: str | None = None
    input: str = "text"
    minimum: Any = None
    maximum: Any = None
    options: list[Any] = []
    value: Any = None
    quote: str | None = None
    supported: bool | None = None
    locked: bool = False
    missing: bool = False
    conflict: Any = None


class FormView(BaseModel):
    """A form as its user sees it."""

    id: str
    revision: int
    fields: list[FieldView]
    problems: list[str]
    question: str | None


def input_of(field: Field) -> str:
    """The kind of input that a field's values are entered with."""
    schema = field.schema
    if "enum" in schema:
        return "select"
    kinds = {"boolean": "checkbox", "integer": "number", "number": "number", "array": "list"}
    plain = INPUTS.get(str(schema.get("format")), "text")
    return kinds.get(str(schema.get("type")), plain)


def problem(form: Form[Any], violation: Violation) -> str:
    """What a guest reads about a fault: the field in words, and what it takes."""
    at = next((p for p in form.fields if f"{violation.path}/".startswith(f"{p}/")), None)
    text = violation.wanted if at is None else f"{form.fields[at].label}: {violation.wanted}"
    return f"{text[:1].upper()}{text[1:]}."


def view(name: str, form: Form[Any]) -> FormView:
    entries, missing = form.entries, form.missing
    against = {conflict.path: conflict.other.value for conflict in form.conflicts}
    fields = []
    for path, field in form.fields.items():
        entry, schema = entries.get(path), field.schema
        fields.append(
            FieldView(
                path=path,
                label=field.label,
                help=schema.get("description"),
                type=schema.get("type"),
                input=input_of(field),
                minimum=schema.get("minimum"),
                maximum=schema.get("maximum"),
                options=schema.get("enum", []),
                value=entry.value if entry else None,
                quote=entry.quotes[0].quote if entry and entry.quotes else None,
                supported=entry.supported if entry else None,
                locked=bool(entry and entry.locked),
                missing=path in missing,
                conflict=against.get(path),
            )
        )
    question = form.next_question()
    return FormView(
        id=name,
        revision=form.revision,
        fields=fields,
        problems=[problem(form, violation) for violation in form.invalid],
        question=question.text if question else None,
    )


def create_app(store: Store) -> FastAPI:
    app = FastAPI(title="Forms")

    def loaded(name: str, revision: int | None = None) -> Form[Any]:
        form = store.load(name)
        if form is None:
            raise HTTPException(404, "There is no such form.")
        if revision not in (None, form.revision):
            raise StaleFormError(
                "The form was changed elsewhere in the meantime.",
                expected=revision,
                revision=form.revision,
            )
        return form

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE)

    @app.post("/forms", status_code=201)
    def create() -> FormView:
        return view(*store.create())

    @app.get("/forms/{name}")
    def show(name: str) -> FormView:
        return view(name, loaded(name))

    @app.post("/forms/{name}/say")
    def say(name: str, said: Said) -> FormView:
        form = loaded(name, said.revision)
        before = form.revision
        form.fill(said.text, asked=said.asked)
        if not said.draft:
            store.save(name, form, before)
        return view(name, form)

    @app.put("/forms/{name}/field")
    def enter(name: str, entered: Entered) -> FormView:
        form = loaded(name, entered.revision)
        before = form.revision
        if entered.value is None:
            form.clear(entered.path)
        else:
            form.set(entered.path, entered.value)
        store.save(name, form, before)
        return view(name, form)

    @app.post("/forms/{name}/undo")
    def undo(name: str) -> FormView:
        form = loaded(name)
        before = form.revision
        if form.undo():
            store.save(name, form, before)
        return view(name, form)

    @app.post("/forms/{name}/complete")
    def complete(name: str) -> Booking:
        booking: Booking = loaded(name).complete()
        return booking

    @app.exception_handler(StructgenError)
    def failed(request: Request, error: StructgenError) -> JSONResponse:
        if isinstance(error, FormIncompleteError):
            labels = [path.rpartition("/")[2].replace("_", " ") for path in error.missing]
            wanted = f"Please fill in: {', '.join(labels)}." if labels else "Please correct it."
            return JSONResponse({"detail": wanted, "missing": error.missing}, 422)
        if isinstance(error, InputError | StaleFormError):
            status = 409 if isinstance(error, StaleFormError) else 422
            return JSONResponse({"detail": str(error)}, status)
        LOG.error("A turn was not read: %s", type(error).__name__)
        return JSONResponse({"detail": UNREAD}, 502)

    return app


def main() -> FastAPI:
    model = os.environ.get("STRUCTGEN_MODEL", "local")
    database = os.environ.get("FORMS_DATABASE", "sqlite:///forms.db")
    client = Client(model, temperature=0)
    return create_app(Store(database, Booking, client, corrections=model != "local"))
