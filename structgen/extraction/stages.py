"""The models of a cascade after the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from structgen.extraction.backend import Backend
from structgen.options import UNSET, Options, Unset


def _nothing() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A further model of a cascade."""

    backends: tuple[Backend, ...]
    """The model, and those that are asked if it fails."""
    on_ungrounded: Literal["null", "keep"] | Unset = UNSET
    """The library's default for this model; UNSET if the user's own goes for all models."""

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.backends[0].name

    def options(self, given: Options) -> Options:
        """Give the options of a call as this model is asked with them.

        Args:
            given: The options of the call.
        """
        # Promises were learnt from the first model alone. The threshold of a cascade changes no
        # single answer, so a cache may give it to calls with another threshold.
        own = replace(given, accept=UNSET, cascade_below=UNSET)
        if self.on_ungrounded is UNSET:
            return own
        return replace(own, on_ungrounded=self.on_ungrounded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """The models that fields in doubt are escalated to, in order."""

    stages: tuple[Stage, ...]
    """The further models."""
    untuned: Mapping[str, Any] = field(default_factory=dict)
    """The options that a tuned file sets for the first model, as they are for the others."""
    reason_to_stop: Callable[[], str | None] = field(default=_nothing, compare=False, repr=False)
    """Tells why nothing more may be asked, as the budget of a job does; None to go on."""

    def backends(self) -> Iterator[Backend]:
        """Iterate over everybody who may be asked."""
        for stage in self.stages:
            yield from stage.backends

    def with_own_rule(self) -> Cascade:
        """Give the same models, none with a default of its own for `on_ungrounded`."""
        return replace(self, stages=tuple(replace(one, on_ungrounded=UNSET) for one in self.stages))

    def without_changes(self, given: Options, tuned: Options) -> Cascade:
        """Give the same cascade, whose further models are not asked with tuned options.

        Args:
            given: The options of the call.
            tuned: The same with those of the tuned file of the first model.
        """
        values = {one.name: getattr(given, one.name) for one in fields(given)}
        changed = {name: one for name, one in values.items() if one != getattr(tuned, name)}
        return replace(self, untuned=changed)

    def of_further_models(self, options: Options) -> Options:
        """Give the options of a call without what a tuned file says of the first model.

        Args:
            options: The options of the call.
        """
        return replace(options, **self.untuned)

    def mapped(self, change: Callable[[Backend], Backend]) -> Cascade:
        """Give the same cascade with other backends.

        Args:
            change: Gives the backend to use instead of each.
        """
        stages = (replace(one, backends=tuple(map(change, one.backends))) for one in self.stages)
        return replace(self, stages=tuple(stages))
