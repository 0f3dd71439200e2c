"""Forms in a database, SQLite or PostgreSQL.

A form is saved only over the revision that it was loaded with.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    insert,
    select,
    update,
)

from structgen import Client, Form
from structgen.errors import StaleFormError

FORMS = Table(
    "forms",
    MetaData(),
    Column("id", String(32), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
)


class Store:
    """The forms of one target."""

    def __init__(self, url: str, target: Any, client: Client, *, corrections: bool = True) -> None:
        """Open the database at an SQLAlchemy URL, such as "sqlite:///forms.db".

        Without `corrections` what is said only fills in empty fields; small models need that.
        """
        self._engine = create_engine(url)
        self._target, self._client, self._corrections = target, client, corrections
        FORMS.metadata.create_all(self._engine)

    def create(self) -> tuple[str, Form[Any]]:
        """Make a new form, and give it a name."""
        name, form = (
            uuid.uuid4().hex,
            self._client.form(self._target, corrections=self._corrections),
        )
        with self._engine.begin() as connection:
            connection.execute(
                insert(FORMS).values(id=name, revision=form.revision, state=form.dumps())
            )
        return name, form

    def load(self, name: str) -> Form[Any] | None:
        """Load a form; one of an earlier schema keeps what still fits."""
        with self._engine.begin() as connection:
            state = connection.execute(
                select(FORMS.c.state).where(FORMS.c.id == name)
            ).scalar_one_or_none()
        if state is None:
            return None
        return Form.loads(
            self._target,
            state,
            client=self._client,
            migrate=True,
            corrections=self._corrections,
        )

    def save(self, name: str, form: Form[Any], loaded: int) -> None:
        """Save a form that was loaded at a revision.

        Raises:
            StaleFormError: If it has been saved since.
        """
        theirs = update(FORMS).where(FORMS.c.id == name, FORMS.c.revision == loaded)
        with self._engine.begin() as connection:
            if not connection.execute(
                theirs.values(revision=form.revision, state=form.dumps())
            ).rowcount:
                raise StaleFormError(
                    "The form was changed elsewhere in the meantime.",
                    expected=loaded,
                    hint="Load it and try again.",
                )

    def close(self) -> None:
        self._engine.dispose()
