"""Choose what a call can vary: by successive halving on one half of the gold, judged by the other
half, and the other way round.

Each half is shown worked examples of the other one, so no candidate sees a record that it is
judged on. No record has a part in the choice that it judges, so the gain over all records is not
too good to be true, and it is looked at once (cross-fitting).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from structgen.calibration.learnt import Calibration, schema_fingerprint
from structgen.calibration.saved import path_beside, save
from structgen.calibration.saved import require_place as require_place_of_calibration
from structgen.errors import CalibrationError, ConfigurationError
from structgen.evaluation.calibrating import learn_from
from structgen.evaluation.gold import GoldRecord
from structgen.extraction.caller import caller_of
from structgen.extraction.tuned import END, THRESHOLDS, Tuned, require_place, save_tuned
from structgen.kinds import check_values, number, or_none
from structgen.options import UNSET
from structgen.schema.load import file_of_target
from structgen.schema.target import Target, target_of
from structgen.tuning.candidates import shown_of
from structgen.tuning.judging import Budget, Judge, Part
from structgen.tuning.prepare import Prepared, prepare
from structgen.tuning.result import Estimate, Tuning
from structgen.tuning.search import Choice, choose
from structgen.tuning.thresholds import RIGHT, Answered, LearntThresholds, learn_thresholds_of
from structgen.values import Json

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from structgen.extraction.caller import HasCaller
    from structgen.options import CallArgs

_DIGITS: Final = 4
"""Digits of a figure in the file: the same on every machine."""
_KINDS: Final = {"cascade_right": or_none(number(0.5, 0.999))}


def tune(
    target: Any,
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    *,
    client: HasCaller,
    path: str | os.PathLike[str] | None = None,
    journal: str | os.PathLike[str] | None = None,
    tuning_seed: int = 0,
    try_wire_names: Sequence[Mapping[str, str]] = (),
    max_calls: int | None = None,
    max_cost: float | None = None,
    max_seconds: float | None = None,
    concurrency: int | None = None,
    cascade_right: float | None = None,
    log: Callable[[str], None] = lambda line: None,
    **call: Unpack[CallArgs],
) -> Tuning:
    """Find what suits a target and a model best, and write it to a file that calls can use.

    Varies worked examples, prompt layout, reasoning, mode, samples and more, except what `call`
    and the client set. The choice is the default unless something beats it beyond noise. Started
    again with the same journal, a tuning asks only what is missing. The same seed and answers
    give the same file. With `confidence`, the answers of the chosen question also calibrate it,
    in the file that `calibration` names or in the one beside the target's own.

    Of a cascade, the question to the first model is tuned, and the answers to the chosen question
    also teach `cascade_below`.

    Args:
        target: What is extracted: a type, a JSON Schema or a `Target`.
        gold: The path of a file or folder (`load_gold`), or records; 40 or more are well used.
        client: Who is asked.
        path: The file to write; by default the one beside the target's own file.
        journal: Where answers are kept; by default the gold's path with `.journal` after it.
        tuning_seed: The seed of the order in which records are used; `seed` is that of the
            answers.
        try_wire_names: Names on the wire to try, each as the option `wire_names` has them, before
            those that follow from titles and descriptions.
        max_calls: Answers to ask for at most. Candidates without room are left out.
        max_cost: US dollars to spend at most, earlier runs included. Candidates without room are
            left out.
        max_seconds: Seconds after which it stops, to be started again.
        concurrency: Questions at a time at most; by default as for `Job`.
        cascade_right: With a cascade: the share of the values that are not escalated for their
            confidence that is to be right, for each field; 0.9 by default.
        log: Is told what is worth a line.
        **call: The other arguments of each call, such as `instructions`.

    Raises:
        ConfigurationError: If there is no file to write to, or it cannot be written, or is another
            one's; if there is `cascade_right` and no cascade; if the budget has no room for a
            single candidate, or needs a price that is not known; or if `try_wire_names` names no
            field.
        InputError: If the gold cannot be read or does not fit the target, is too little, or has no
            journal.
        JobStoppedError: If the budget was spent before the end. Nothing is written then.
        StructgenError: If the model cannot be asked.
    """
    check_values({"cascade_right": cascade_right}, _KINDS)
    if cascade_right is not None and caller_of(client).cascade is None:
        raise ConfigurationError(
            "`cascade_right` is about what a cascade keeps, and the client has none.",
            hint='Pass a client with cascade=["local", ...], or --cascade on the command line.',
        )
    wanted = target_of(target).with_context(call.get("validation_context"))
    file = tuned_file(wanted, path)
    require_place(file)  # before anything is asked
    budget = Budget(max_calls=max_calls, max_cost=max_cost, max_seconds=max_seconds)
    prepared = prepare(
        wanted,
        gold,
        client=client,
        journal=journal,
        seed=tuning_seed,
        budget=budget,
        call=call,
        names=try_wire_names,
    )
    judge = Judge(
        prepared.tried,
        journal=prepared.journal,
        budget=budget,
        concurrency=concurrency,
        log=log,
    )
    learns = client.caller.cascade is not None and not _has_threshold(client, call)
    calibrates = prepared.tried.options.confidence is True
    if calibrates and (beside := _calibration_file(prepared)) is not None:
        require_place_of_calibration(beside)
    choice = choose(prepared, judge, tuning_seed)
    answers = _answered(prepared, judge, choice) if learns or calibrates else []
    learnt = _calibration(prepared, answers, log) if calibrates else None
    thresholds = None
    if learns:
        thresholds = learn_thresholds_of(
            prepared.tried, answers, wanted=cascade_right or RIGHT, calibration=learnt
        )
    tuned = _tuned(prepared, judge, choice, thresholds, tuning_seed)
    save_tuned(file, tuned)
    if learnt is not None:
        _save_calibration(prepared, learnt, log)
    return Tuning(
        tuned=tuned,
        path=os.fspath(file),
        steps=choice.steps,
        winners=choice.winners,
        gain=choice.gain,
        thresholds=thresholds,
        left_out=[str(one) for one in prepared.left_out],
        calls=judge.spent.calls,
        tokens=judge.spent.tokens,
        cost=judge.spent.cost,
    )


def _has_threshold(client: HasCaller, call: CallArgs) -> bool:
    """Whether the user sets the threshold of the cascade, which then stays as it is."""
    return "cascade_below" in call or client.caller.options.cascade_below is not UNSET


def _answered(prepared: Prepared, judge: Judge, choice: Choice) -> list[Answered]:
    """What the chosen question was answered about all records, most of which is known already."""
    found = []
    apart = [half.name for half in choice.apart]
    for half in prepared.halves:
        rows = judge.answers(Part(choice.candidate, half.records, half.pool))
        is_apart = half.name in apart
        found += [Answered(*pair, is_apart) for pair in zip(half.records, rows, strict=True)]
    return found


def _calibration(
    prepared: Prepared, answers: Sequence[Answered], log: Callable[[str], None]
) -> Calibration | None:
    """Learn how far the confidence of the chosen question can be trusted, from answers it gave."""
    tried = prepared.tried
    if _calibration_file(prepared) is None:
        log("the confidence is not calibrated: name a file as `calibration`")
        return None
    records, rows = [one.record for one in answers], [one.row for one in answers]
    try:
        return learn_from(tried.target, records, rows, model=tried.caller.backends[0].name)
    except CalibrationError as error:
        log(f"the confidence is not calibrated: {error.message}")
        return None


def _calibration_file(prepared: Prepared) -> str | os.PathLike[str] | None:
    return prepared.tried.calibration or path_beside(prepared.tried.target)


def _save_calibration(prepared: Prepared, found: Calibration, log: Callable[[str], None]) -> None:
    path: Any = _calibration_file(prepared)
    save(path, found)
    log(f"the confidence is calibrated: {os.fspath(path)}")


def _tuned(
    prepared: Prepared, judge: Judge, choice: Choice, thresholds: LearntThresholds | None, seed: int
) -> Tuned:
    """The choice as the file keeps it, with the thresholds if they are better."""
    tried = prepared.tried
    tuned = Tuned(
        target=tried.target.name,
        schema=schema_fingerprint(tried.target.schema),
        model=tried.caller.backends[0].name,
        changes=choice.candidate.changes,
        examples=tuple(shown_of(choice.candidate, prepared.pool)),
        figures=_figures(prepared, choice, judge, seed),
    )
    if thresholds is None:
        return tuned
    tuned = replace(tuned, figures={**tuned.figures, "cascade": thresholds.to_dict()})
    if not thresholds.is_taken:
        return tuned
    return replace(
        tuned,
        changes={**tuned.changes, THRESHOLDS: dict(thresholds.below)},
        confidence_by=thresholds.confidence_by,
        calibrated=thresholds.calibrated,
    )


def estimate_tuning(
    target: Any,
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    *,
    client: HasCaller,
    tuning_seed: int = 0,
    try_wire_names: Sequence[Mapping[str, str]] = (),
    max_calls: int | None = None,
    max_cost: float | None = None,
    **call: Unpack[CallArgs],
) -> Estimate:
    """Tell what `tune` would try and what it would take at most, without asking anything.

    Args:
        target: As for `tune`.
        gold: As for `tune`.
        client: As for `tune`.
        tuning_seed: As for `tune`.
        try_wire_names: As for `tune`.
        max_calls: As for `tune`.
        max_cost: As for `tune`.
        **call: As for `tune`.

    Raises:
        InputError: If the gold cannot be read or does not fit the target, or is too little.
        ConfigurationError: If the budget has no room for a single candidate, or needs a price that
            is not known.
    """
    budget = Budget(max_calls=max_calls, max_cost=max_cost)
    prepared = prepare(
        target,
        gold,
        client=client,
        journal=os.devnull,
        seed=tuning_seed,
        budget=budget,
        call=call,
        names=try_wire_names,
    )
    return prepared.estimate()


def tuned_file(target: Target[Any], path: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """Name the file to write: the one given, or the one beside the target's own.

    Args:
        target: What is extracted.
        path: The file, if one is given.

    Raises:
        ConfigurationError: If there is neither.
    """
    if path is not None:
        return path
    file = file_of_target(target)
    if file is None:
        raise ConfigurationError(
            f"No file of yours defines {target.name}, so what is tuned has no place.",
            hint="Name a file for it, and give that as `tuned` when you extract.",
        )
    return file.with_suffix(END)


def _figures(prepared: Prepared, choice: Choice, judge: Judge, seed: int) -> dict[str, Json]:
    """The figures of the file: how the choice was made."""
    gain = choice.gain
    judged: dict[str, Json] = {}
    if gain is not None:
        interval = gain.interval
        judged = {
            "f1_of_default": round(gain.before, _DIGITS),
            "f1": round(gain.after, _DIGITS),
            "gain": [round(one, _DIGITS) for one in (interval.value, interval.low, interval.high)],
            "p": round(gain.p, _DIGITS),
            "chosen_by_halves": [one.name for one in choice.winners],
        }
    return {
        "gold": prepared.gold,
        "records": prepared.records,
        "seed": seed,
        "candidates": len(prepared.candidates),
        "calls": judge.spent.calls,
        **judged,
    }
