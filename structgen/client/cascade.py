"""The models of a client: one, or those of a cascade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.extraction.backend import Backend, TakesBack
from structgen.extraction.stages import Cascade, Stage
from structgen.options import UNSET, Options
from structgen.wire.http.client import HttpTransport
from structgen.wire.link import Link

DEFAULTS: Final = Options(max_retries=2, max_reasks=1, on_ungrounded="keep")
"""The library's own options."""
LOCAL_DEFAULTS: Final = replace(DEFAULTS, on_ungrounded="null")
"""Those for a model in this process. Small models fill fields with what the document does not
state; it was measured for them that such texts are better null."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a client."""

    backends: tuple[Backend, ...]
    """The model, and those that are asked if it fails."""
    is_owned: bool
    """Whether the client closes its connections, or unloads it."""
    defaults: Options
    """The library's own options for it."""


def model_of(spec: Any, backend_of: Callable[[Any], Backend]) -> Model:
    """Give the model that a user writes.

    Args:
        spec: The name of a model, an engine, or a client.
        backend_of: Makes the backend of a name or an engine.
    """
    caller = getattr(spec, "caller", None)
    backends = (backend_of(spec),) if caller is None else caller.backends
    own = backends[0].via
    is_ours = isinstance(spec, str) or caller is not None or isinstance(own, TakesBack)
    is_local = is_ours and not isinstance(own, Link)
    return Model(backends, caller is None, LOCAL_DEFAULTS if is_local else DEFAULTS)


def cascade_of(further: Sequence[Model], given: Options) -> Cascade | None:
    """Give the cascade of the models after the first one; None if there are none.

    Args:
        further: The models.
        given: The options of the client.
    """
    if not further:
        return None
    is_set = given.on_ungrounded is not UNSET
    stages = [
        Stage(
            backends=one.backends,
            on_ungrounded=UNSET if is_set else one.defaults.on_ungrounded,
        )
        for one in further
    ]
    return Cascade(stages=tuple(stages))


def check_cascade(model: Any, cascade: Sequence[Any], fallback: Sequence[Any]) -> None:
    """Refuse a cascade that cannot be meant.

    Args:
        model: The argument of this name.
        cascade: The argument of this name.
        fallback: The argument of this name.

    Raises:
        ConfigurationError: If there is a `model` beside it, or a client in it or in `fallback` has
            a cascade itself.
    """
    if any(one.caller.cascade is not None for one in fallback):
        raise ConfigurationError(
            "A client in `fallback` has a cascade, and only its first model would be asked.",
            hint="Give the cascade to this client, or leave it out.",
        )
    if not cascade:
        return
    if model is not None:
        raise ConfigurationError(
            "The client has both a `model` and a `cascade`.",
            hint="Leave out `model`: the first model of the cascade answers first.",
        )
    for at, one in enumerate(cascade):
        if getattr(getattr(one, "caller", None), "cascade", None) is not None:
            raise ConfigurationError(
                f"Model {at + 1} of the cascade is a client that has a cascade itself.",
                hint="Put its models into this cascade, in order.",
            )


def check_distinct(models: Sequence[Model]) -> None:
    """See that no model is in a cascade twice, under the same name or another one.

    Args:
        models: The models of a cascade.

    Raises:
        ConfigurationError: If one is.
    """
    seen = set()
    for backend in (one.backends[0] for one in models):
        if (who := _identity(backend)) in seen:
            raise ConfigurationError(
                f"The cascade has {backend.name} twice, and no model is asked twice about a field.",
                hint="Give each model once.",
            )
        seen.add(who)


def _identity(backend: Backend) -> tuple[Any, ...]:
    """What tells a model from others: its name and server, its name and files, or itself."""
    via = backend.via
    if isinstance(via, Link):
        is_ours = isinstance(via.port, HttpTransport)
        return backend.name, via.address, None if is_ours else id(via.port)
    if isinstance(via, TakesBack):
        return backend.name, *getattr(via, "own_files", ())
    return (id(via),)


def check_secrets(models: Sequence[Model], secrets: Sequence[str]) -> None:
    """See that no key of one server is sent to another one.

    Args:
        models: The models of a cascade.
        secrets: The names of the arguments that were given and may carry a key.

    Raises:
        ConfigurationError: If one would be.
    """
    vias = [one.backends[0].via for one in models if one.is_owned]
    servers = {getattr(via.port, "base_url", "") for via in vias if isinstance(via, Link)}
    if secrets and len(servers) > 1:
        raise ConfigurationError(
            f"The cascade asks several servers, and `{secrets[0]}` would be sent to all of them.",
            hint=f"Pass clients: cascade=[..., Client(MODEL, {secrets[0]}=...)].",
        )
