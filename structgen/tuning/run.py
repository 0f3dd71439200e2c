"""Choose what a call can vary: by successive halving on one half of the gold, judged by the other
half, and the other way round.

Each half is shown worked examples of the other one, so no candidate sees a record that it is
judged on. No record has a part in the choice that it judges, so the gain over all records is not
too good to be true, and it is looked at once (cross-fitting).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from structgen.calibration.learnt import schema_fingerprint
from structgen.calibration.saved import path_beside, save
from structgen.errors import CalibrationError, ConfigurationError
from structgen.evaluation.calibrating import learn_from
from structgen.evaluation.gold import GoldRecord
from structgen.extraction.tuned import END, Tuned, load_tuned, save_tuned
from structgen.schema.load import file_of_target
from structgen.schema.target import Target, target_of
from structgen.tuning.candidates import shown_of
from structgen.tuning.judging import Budget, Judge, Part
from structgen.tuning.prepare import Prepared, prepare
from structgen.tuning.result import Estimate, Tuning
from structgen.tuning.search import Choice, choose
from structgen.values import Json

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from structgen.extraction.caller import HasCaller
    from structgen.options import CallArgs

_DIGITS: Final = 4
"""Digits of a figure in the file: the same on every machine."""


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
    log: Callable[[str], None] = lambda line: None,
    **call: Unpack[CallArgs],
) -> Tuning:
    """Find what suits a target and a model best, and write it to a file that calls can use.

    Varies worked examples, prompt layout, reasoning, mode, samples and more, except what `call`
    and the client set. The choice is the default unless something beats it beyond noise. Started
    again with the same journal, a tuning asks only what is missing. The same seed and answers
    give the same file. With `confidence`, the answers of the chosen question also calibrate it,
    in the file that `calibration` names or in the one beside the target's own.

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
        log: Is told what is worth a line.
        **call: The other arguments of each call, such as `instructions`.

    Raises:
        ConfigurationError: If there is no file to write to, or the file is another one's; if the
            client has a cascade; if the budget has no room for a single candidate; or if
            `try_wire_names` names no field.
        InputError: If the gold cannot be read or does not fit the target, is too little, or has no
            journal.
        JobStoppedError: If the budget was spent before the end. Nothing is written then.
        StructgenError: If the model cannot be asked.
    """
    wanted = target_of(target)
    file = tuned_file(wanted, path)
    if os.path.exists(file):
        load_tuned(file)  # before anything is asked: is it one that may be changed?
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
    choice = choose(prepared, judge, tuning_seed)
    tuned = Tuned(
        target=wanted.name,
        schema=schema_fingerprint(wanted.schema),
        model=client.caller.backends[0].name,
        changes=choice.candidate.changes,
        examples=tuple(shown_of(choice.candidate, prepared.pool)),
        figures=_figures(prepared, choice, judge, tuning_seed),
    )
    save_tuned(file, tuned)
    if prepared.tried.options.confidence is True:
        _calibrate(prepared, judge, choice, log)
    return Tuning(
        tuned=tuned,
        path=os.fspath(file),
        steps=choice.steps,
        winners=choice.winners,
        gain=choice.gain,
        left_out=[str(one) for one in prepared.left_out],
        calls=judge.spent.calls,
        tokens=judge.spent.tokens,
        cost=judge.spent.cost,
    )


def _calibrate(
    prepared: Prepared, judge: Judge, choice: Choice, log: Callable[[str], None]
) -> None:
    """Learn how far the confidence of the chosen question can be trusted, from answers it gave."""
    tried = prepared.tried
    path = tried.calibration or path_beside(tried.target)
    if path is None:
        log("the confidence is not calibrated: name a file as `calibration`")
        return
    parts = [Part(choice.candidate, half.records, half.pool) for half in prepared.halves]
    records = [record for half in prepared.halves for record in half.records]
    rows = [row for part in parts for row in judge.answers(part)]
    try:
        found = learn_from(tried.target, records, rows, model=tried.caller.backends[0].name)
    except CalibrationError as error:
        log(f"the confidence is not calibrated: {error.message}")
        return
    save(path, found)
    log(f"the confidence is calibrated: {os.fspath(path)}")


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
        ConfigurationError: If the budget has no room for a single candidate.
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
