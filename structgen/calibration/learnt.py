"""What was learnt from gold about one target, one model and one source of confidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final, NamedTuple

from structgen.calibration.curves import Curve, log_odds, sigmoid
from structgen.calibration.kinds import NULL
from structgen.schema.json import digest
from structgen.schema.wire_names import without_wire_names
from structgen.values import JsonSchema

OTHERS: Final = "other"
"""The curve of kinds that have too few labels of their own."""


class RawLeaf(NamedTuple):
    """A leaf with a confidence that is not calibrated yet."""

    field: str
    """Its field: a JSON Pointer with `*` for indices (`field_of`)."""
    kind: str
    """Its kind (`kinds_of`)."""
    raw: float
    """Its confidence, from 0 to 1."""


def field_of(path: str) -> str:
    """Give the field of a leaf: its JSON Pointer with `*` for indices.

    Args:
        path: The JSON Pointer.
    """
    return "/".join("*" if step.isdecimal() else step for step in path.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Curves by kind of leaf, and what the numbers of all leaves say of their record."""

    kinds: Mapping[str, Curve]
    """The curve of each kind of leaf that has enough labels, and of `OTHERS`."""
    fields: Mapping[str, float] = field(default_factory=dict)
    """How much better the stated values of a field are than their kinds, in log odds."""
    record: Curve
    """From the product of a record's numbers to the share of records without a fault."""

    def value(self, leaf: RawLeaf) -> float:
        """Calibrate the confidence of a leaf.

        Args:
            leaf: The leaf.
        """
        number = self.kinds.get(leaf.kind, self.kinds[OTHERS])(leaf.raw)
        better = 0.0 if leaf.kind == NULL else self.fields.get(leaf.field, 0.0)
        return sigmoid(log_odds(number) + better) if better else number

    def joint(self, leaves: Iterable[RawLeaf]) -> float:
        """Give the chance that all leaves of a record are right, as if they were independent.

        Args:
            leaves: Its leaves.
        """
        return prod(map(self.value, leaves))

    def whole(self, leaves: Iterable[RawLeaf]) -> float:
        """Calibrate the confidence that a record has no fault.

        Args:
            leaves: Its leaves.
        """
        return self.record(self.joint(leaves))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What may be accepted under a promise; None for nothing."""

    record: float | None = None
    """The least number of a record."""
    value: float | None = None
    """The least number of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What may be accepted, and the numbers that decide it.

    They are not those that are shown: these were learnt from every record, and a threshold that is
    set on records which taught the numbers promises too much.
    """

    ranking: Ranking
    """The numbers, learnt from the records that set no threshold."""
    records: int
    """How many records set the thresholds."""
    promises: Mapping[float, Thresholds] = field(default_factory=dict)
    """By promise; one that nothing keeps is not here."""

    def thresholds(self, promised: float) -> Thresholds:
        """Give the thresholds of the first promise that is at least as strict.

        Args:
            promised: The share of right ones among those accepted.
        """
        stricter = (promise for promise in sorted(self.promises) if promise >= promised - 1e-9)
        return self.promises.get(next(stricter, 1.0), Thresholds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was learnt about one target, model and source of confidence."""

    target: str
    """The target's name."""
    schema: str
    """A fingerprint of its schema (`schema_fingerprint`)."""
    model: str
    """The backend's name."""
    by: str
    """What the raw confidence was made from, as `Extraction.confidence_by` says."""
    records: int
    """How many labelled records there were."""
    labels: int
    """How many labelled leaves they had."""
    ranking: Ranking
    """The numbers that are shown."""
    gate: Gate
    """What may be accepted."""

    @property
    def about(self) -> tuple[str, str, str]:
        """What it is about; a file holds one calibration for each."""
        return self.schema, self.model, self.by


def schema_fingerprint(schema: JsonSchema) -> str:
    """Hash a target's schema to 16 hexadecimal digits, with what it tells the model.

    Names on the wire play no part, so that a call may give others.

    Args:
        schema: The schema.
    """
    return digest(without_wire_names(schema))[:16]
