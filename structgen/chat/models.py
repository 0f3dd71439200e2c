"""`client.models`: the models that a server has, as the vendors' SDKs list them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from structgen.chat.completion import JsonObject
from structgen.flow.drive import aperform, perform
from structgen.options import Options
from structgen.wire.link import Link
from structgen.wire.listing import list_models, retrieve_model


class Model(JsonObject):
    """A model of a server."""

    id: str
    """Its name, as in "groq:NAME"."""
    object: str | None
    """Always "model"; None if the server leaves it out."""
    created: int | None
    """When it was made, in seconds since 1970."""
    owned_by: str | None
    """Who made it."""
    active: bool | None
    """Whether it may be asked (Groq)."""
    context_window: int | None
    """Tokens of prompt and answer together (Groq and structgen's own server)."""
    max_completion_tokens: int | None
    """Tokens of an answer at most (Groq and structgen's own server)."""


class ModelList(Sequence[Model]):
    """The models of a server.

    Args:
        rows: The parsed JSON of each model.
    """

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.data = [Model(row) for row in rows]
        """The models, under the name that the SDKs have for them."""

    @overload
    def __getitem__(self, index: int) -> Model: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Model]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.data[index]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"ModelList({[model.id for model in self.data]})"


class Models:
    """`client.models` of a Client."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link, self._options = link, options

    def list(self) -> ModelList:
        """Ask the server for its models.

        Raises:
            TransportError: If no answer came, after all tries.
            APIError: If the server answered with an error, after all tries.
        """
        return ModelList(perform(list_models(self._link, self._options)))

    def retrieve(self, model: str) -> Model:
        """Ask the server about one model.

        Args:
            model: Its name.

        Raises:
            NotFoundError: If the server has no such model.
            TransportError: If no answer came, after all tries.
            APIError: If the server answered with another error, after all tries.
        """
        return Model(perform(retrieve_model(self._link, model, self._options)))


class AsyncModels:
    """`client.models` of an AsyncClient."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link, self._options = link, options

    async def list(self) -> ModelList:
        """Do as `Models.list` does."""
        return ModelList(await aperform(list_models(self._link, self._options)))

    async def retrieve(self, model: str) -> Model:
        """Do as `Models.retrieve` does."""
        return Model(await aperform(retrieve_model(self._link, model, self._options)))
