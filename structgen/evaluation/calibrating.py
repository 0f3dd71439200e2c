"""Calibrate the confidence of a model's answers on gold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from structgen.answer.grounding import document_text
from structgen.calibration.kinds import kinds_of
from structgen.calibration.learn import LabelledLeaf, LabelledRecord, learn
from structgen.calibration.learnt import Calibration, RawLeaf, field_of
from structgen.calibration.saved import path_beside, require_place, save
from structgen.errors import CalibrationError
from structgen.evaluation.answers import checked_answer
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.rules import rules_of
from structgen.evaluation.run import ask_about, gold_and_journal
from structgen.evaluation.scoring import Known, counts_of, leaves_of
from structgen.extraction.caller import caller_of
from structgen.schema.target import Target, target_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from structgen.extraction.caller import HasCaller
    from structgen.options import CallArgs


def calibrate(
    target: Any,
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    *,
    client: HasCaller,
    path: str | os.PathLike[str] | None = None,
    journal: str | os.PathLike[str] | None = None,
    **call: Unpack[CallArgs],
) -> Calibration:
    """Extract from every document of the gold, and learn how far the confidence can be trusted.

    What was learnt holds for questions that are asked in the same way: give the same `call`.

    Args:
        target: What is extracted: a type, a JSON Schema or a `Target`.
        gold: The path of a file or folder (`load_gold`), or records.
        client: Who is asked.
        path: The file that keeps the calibration; by default the one beside the target's own file.
        journal: Where outcomes are kept; by default the gold's path with `.journal` after it.
        **call: The other arguments of a call, such as `instructions`, `examples` and `samples`.

    Raises:
        CalibrationError: If there is no file to keep it in, or it cannot be written, or is another
            one's; or if there is too little gold.
        ConfigurationError: If the client has a cascade.
        InputError: If the gold cannot be read or does not fit the target, or has no journal.
        JobStoppedError: If it was stopped; the same one started again goes on.
    """
    caller_of(client).require_one_model("A calibration")
    wanted = target_of(target).with_context(call.get("validation_context"))
    file = calibration_file(wanted, path)
    require_place(file)
    records, journal = gold_and_journal(wanted, gold, journal)
    asked: CallArgs = {**call, "confidence": True}
    answers = ask_about(wanted, records, client=client, journal=journal, **asked)
    found = learn_from(wanted, records, answers, model=client.caller.backends[0].name)
    save(file, found)
    return found


def calibration_file(
    target: Target[Any], path: str | os.PathLike[str] | None
) -> str | os.PathLike[str]:
    """Name the file that keeps a calibration: the one given, or the one beside the target's own.

    Args:
        target: What is extracted.
        path: The file, if one is given.

    Raises:
        CalibrationError: If there is neither.
    """
    file = path_beside(target) if path is None else path
    if file is None:
        raise CalibrationError(
            f"No file of yours defines {target.name}, so its calibration has no place.",
            hint="Name a file for it, and give that as `calibration` when you extract.",
        )
    return file


def learn_from(
    target: Target[Any],
    gold: Sequence[GoldRecord],
    answers: Iterable[Mapping[str, Any]],
    *,
    model: str,
) -> Calibration:
    """Learn a calibration from answers that are there already.

    Args:
        target: What was extracted.
        gold: The right values; answers to other documents are left out.
        answers: Plain rows as `structgen run` writes them, with a confidence.
        model: The name of the backend that answered, such as "groq:openai/gpt-oss-20b".

    Raises:
        CalibrationError: If the answers have no confidence or too few, or several sources of it.
    """
    by_key = {record.key: record for record in gold}
    rows = [
        answer
        for number, given in enumerate(answers, 1)
        if (answer := checked_answer(f"Answer {number}", given))["error"] is None
        and str(answer["key"]) in by_key
        and answer.get("confidence_by") is not None
    ]
    by = source_of(rows)
    labelled = [labelled_record(target, by_key[str(row["key"])], row) for row in rows]
    return learn(target, model, by, labelled)


def source_of(answers: Iterable[Mapping[str, Any]]) -> str:
    """Tell what the confidence of answers was made from.

    Args:
        answers: Plain rows of results; those without a confidence do not count.

    Raises:
        CalibrationError: If none has a confidence, or they have several sources of it.
    """
    sources = sorted({str(by) for row in answers if (by := row.get("confidence_by"))})
    if len(sources) != 1:
        told = f"of several sources ({', '.join(sources)})" if sources else "missing"
        raise CalibrationError(
            f"The confidence of the answers is {told}, so there is nothing to calibrate.",
            hint="Extract with `confidence=True` and one model, and give those answers.",
        )
    return sources[0]


def labelled_record(
    target: Target[Any], gold: GoldRecord, answer: Mapping[str, Any]
) -> LabelledRecord:
    """Compare the leaves of an answer that have a confidence with gold.

    Args:
        target: What was extracted.
        gold: The right value.
        answer: The answer as a plain row, which has a value.
    """
    absent = frozenset(answer.get("absent") or ())
    raw = answer.get("raw_confidence") or answer.get("confidence") or {}
    known = Known(absent=absent, alternatives=gold.alternatives)
    leaves = leaves_of(rules_of(target.schema), answer["value"], gold.value, known)
    is_right: dict[str, bool] = {}
    for leaf in leaves:
        at = leaf.null_path if leaf.path is None else leaf.path
        if at is not None:
            is_right[at] = is_right.get(at, True) and leaf.kind in ("right", "null")
    kinds = kinds_of(target.schema, answer["value"], document_text(gold.document), absent)
    return LabelledRecord(
        leaves=[
            LabelledLeaf(RawLeaf(field_of(path), kinds[path], number), is_right[path], path)
            for path, number in raw.items()
            if path in is_right and path in kinds
        ],
        is_perfect=counts_of(leaves).perfect,
    )
