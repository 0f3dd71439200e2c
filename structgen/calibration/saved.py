"""The calibration file: for each target, model and source of confidence, what was learnt from gold.

It lies beside the file that defines the target (`invoice.py`, `invoice.json`:
`invoice.calibration.json`), or where `calibration=` says. It is small, can be read and compared,
and holds no text of any document.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from structgen.calibration.curves import Curve, Isotonic, Logistic
from structgen.calibration.learnt import (
    OTHERS,
    Calibration,
    Gate,
    Ranking,
    Thresholds,
    schema_fingerprint,
)
from structgen.calibration.learnt_file import LearntFile
from structgen.errors import CalibrationError
from structgen.schema.load import file_of_target
from structgen.schema.target import Target
from structgen.values import Json

_END: Final = ".calibration.json"
_HINT: Final = "Make one with `structgen calibrate TARGET GOLD --model MODEL`."


# ---- where the file is --------------------------------------------------------------------------


def path_beside(target: Target[Any]) -> Path | None:
    """Name the calibration file beside the file that defines a target.

    Args:
        target: The target.

    Returns:
        None if no file of the user's defines it: installed packages are not the user's.
    """
    file = file_of_target(target)
    return None if file is None else beside(file)


def beside(file: str | os.PathLike[str]) -> Path:
    """Name the calibration file that belongs to a file.

    Args:
        file: The file that defines a target.
    """
    return Path(file).with_suffix(_END)


def find(
    target: Target[Any], model: str, by: str, path: str | os.PathLike[str] | None
) -> Calibration | None:
    """Find the calibration of a target and a model.

    Args:
        target: The target.
        model: The backend's name.
        by: What the raw confidence is made from.
        path: The file; None for the one beside the target.

    Returns:
        None if there is no file and none was named, or it has no calibration of these.

    Raises:
        CalibrationError: If the file was named and cannot be read, or is no calibration file.
    """
    file = path_beside(target) if path is None else Path(path)
    if file is None or (path is None and not file.is_file()):
        return None
    about = (schema_fingerprint(target.schema), model, by)
    return next((one for one in load(file) if one.about == about), None)


def require(
    target: Target[Any],
    model: str,
    sources: Sequence[str],
    path: str | os.PathLike[str] | None,
) -> Calibration:
    """Find the calibration of a target and a model, as `find`, or raise.

    Args:
        target: The target.
        model: The backend's name.
        sources: What the raw confidence may be made from, the best first.
        path: The file; None for the one beside the target.

    Raises:
        CalibrationError: If there is none.
    """
    for by in sources:
        if (found := find(target, model, by, path)) is not None:
            return found
    file = path_beside(target) if path is None else path
    where = "in any file" if file is None else f"in {file}"
    raise CalibrationError(
        f"There is no calibration of {target.name} with {model} {where}.",
        hint=f"{_HINT} Then give the same options here, and its file as `calibration`.",
    )


# ---- reading and writing ------------------------------------------------------------------------


_Share = Annotated[float, Field(ge=0, le=1)]


def _never_falls(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    pairs = pairwise(points)
    if any(one[0] >= other[0] or one[1] > other[1] for one, other in pairs):
        raise ValueError("the points of a curve must not fall")
    return points


class _SavedLogistic(TypedDict):
    slope: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    intercept: Annotated[float, Field(allow_inf_nan=False)]


class _SavedIsotonic(TypedDict):
    points: Annotated[
        list[tuple[_Share, _Share]], Field(min_length=1), AfterValidator(_never_falls)
    ]


_SavedCurve = _SavedLogistic | _SavedIsotonic


def _has_others(kinds: dict[str, _SavedCurve]) -> dict[str, _SavedCurve]:
    if OTHERS not in kinds:
        raise ValueError(f"there is no curve for {OTHERS!r}")
    return kinds


class _SavedRanking(TypedDict):
    kinds: Annotated[dict[str, _SavedCurve], AfterValidator(_has_others)]
    fields: dict[str, Annotated[float, Field(allow_inf_nan=False)]]
    record: _SavedCurve


class _SavedThresholds(TypedDict):
    record: _Share | None
    value: _Share | None


def _are_shares(promises: dict[str, _SavedThresholds]) -> dict[str, _SavedThresholds]:
    if not all(0 < float(promise) < 1 for promise in promises):
        raise ValueError("a promise is a share above 0 and below 1")
    return promises


class _SavedGate(TypedDict):
    records: Annotated[int, Field(ge=0)]
    ranking: _SavedRanking
    promises: Annotated[dict[str, _SavedThresholds], AfterValidator(_are_shares)]


class _Saved(TypedDict):
    target: str
    schema: str
    model: str
    by: str
    records: Annotated[int, Field(ge=1)]
    labels: Annotated[int, Field(ge=1)]
    ranking: _SavedRanking
    gate: _SavedGate


class _SavedFile(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    version: Literal[1]
    calibrations: list[_Saved]


def _calibration_of(data: _Saved) -> Calibration:
    gate = data["gate"]
    promises = {float(promise): Thresholds(**one) for promise, one in gate["promises"].items()}
    return Calibration(
        target=data["target"],
        schema=data["schema"],
        model=data["model"],
        by=data["by"],
        records=data["records"],
        labels=data["labels"],
        ranking=_ranking_of(data["ranking"]),
        gate=Gate(records=gate["records"], ranking=_ranking_of(gate["ranking"]), promises=promises),
    )


def _ranking_of(data: _SavedRanking) -> Ranking:
    kinds = {kind: _curve_of(one) for kind, one in data["kinds"].items()}
    return Ranking(kinds=kinds, fields=data["fields"], record=_curve_of(data["record"]))


def _curve_of(data: _SavedCurve) -> Curve:
    known: Any = data
    return Isotonic(tuple(known["points"])) if "points" in known else Logistic(**known)


def _data_of(calibration: Calibration) -> dict[str, Json]:
    gate = calibration.gate
    return {
        **{name: getattr(calibration, name) for name in ("target", "schema", "model", "by")},
        "records": calibration.records,
        "labels": calibration.labels,
        "ranking": _ranking_data(calibration.ranking),
        "gate": {
            "records": gate.records,
            "ranking": _ranking_data(gate.ranking),
            "promises": {str(promise): asdict(one) for promise, one in gate.promises.items()},
        },
    }


def _ranking_data(ranking: Ranking) -> dict[str, Json]:
    kinds = {kind: asdict(curve) for kind, curve in ranking.kinds.items()}
    return {"kinds": kinds, "fields": dict(ranking.fields), "record": asdict(ranking.record)}


_OF_CALIBRATIONS: Final = LearntFile(
    "calibration file",
    "calibrations",
    TypeAdapter(_SavedFile),
    row_of=_calibration_of,
    data_of=_data_of,
    error=CalibrationError,
    hint=_HINT,
)


def load(path: str | os.PathLike[str]) -> tuple[Calibration, ...]:
    """Read the calibrations of a file; a file that did not change is read once.

    Args:
        path: The file.

    Raises:
        CalibrationError: If it cannot be read, or is no calibration file.
    """
    return _OF_CALIBRATIONS.load(path)


def require_place(path: str | os.PathLike[str]) -> None:
    """See that a file can be written, before what it is to hold is paid for.

    Args:
        path: The file.

    Raises:
        CalibrationError: If it cannot be written, or is there and is no calibration file.
    """
    _OF_CALIBRATIONS.require_place(path)


def save(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Put a calibration into a file, in place of the one about the same.

    Args:
        path: The file; it is made if there is none.
        calibration: The calibration.

    Raises:
        CalibrationError: If the file cannot be written, or is there and is no calibration file.
    """
    _OF_CALIBRATIONS.save(path, calibration)
