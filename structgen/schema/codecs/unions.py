"""The codec for a value of one of several forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from structgen.errors import SchemaError
from structgen.schema.codecs.codec import KIND, VALUE, Codec, Link, Map, Pair, Trace, misfit
from structgen.schema.json import Path, pointer_of, same_json
from structgen.values import Json, JsonSchema, Violation


class Option(NamedTuple):
    """One branch of a union."""

    codec: Codec
    holds: Callable[[Json], bool]
    """Whether a value is one of the branch's."""
    fits: Callable[[Json], bool]
    """Whether an answer has the branch's form. At most one branch that changes anything
    fits."""
    kind: str
    """The tag of a wrapped branch, "" for one that is written unchanged."""


class _Way(NamedTuple):
    """An option with its two functions."""

    option: Option
    into: Map | None
    back: Map | None


@dataclass(slots=True, eq=False)
class Union(Codec):
    """A value of one of several forms.

    A wrapped option is `{"kind": name, "value": ...}`: for languages that need a tag,
    and for options that an answer's form alone does not tell apart.
    """

    branches: tuple[Codec, ...]
    schemas: list[JsonSchema]
    """The compiled branches, in the very list that the compiled schema holds."""
    kinds: dict[int, str] = field(default_factory=dict)
    """The tag of each wrapped branch; set when all definitions are compiled (see
    `tags.py`)."""
    options: tuple[Option, ...] = ()
    """Set when all definitions are compiled."""

    def parts(self) -> tuple[Codec, ...]:
        return self.branches

    def changes(self) -> bool:
        return bool(self.kinds)

    def link(self, link: Link) -> Pair:
        ways = [_Way(option, *link(option.codec)) for option in self.options]
        if not any(way.option.kind or way.into or way.back for way in ways):
            return None, None
        return _encoder(ways), _decoder(ways)


def _decoder(ways: list[_Way]) -> Map:
    wrapped = {way.option.kind: way.back for way in ways if way.option.kind}
    plain = [(way.option.fits, way.back) for way in ways if way.back and not way.option.kind]
    same = [way.option.fits for way in ways if not way.back and not way.option.kind]
    wanted = f"an object of {KIND!r} ({', '.join(wrapped)}) and {VALUE!r}"

    def decode(value: Json, path: Path, trace: Trace) -> Json:
        is_tagged = wrapped and isinstance(value, dict) and value.keys() == {KIND, VALUE}
        if is_tagged and str(value[KIND]) in wrapped:
            back, inner = wrapped[str(value[KIND])], value[VALUE]
            return back(inner, path, trace) if back else inner
        for fits, back in plain:
            if fits(value):
                return back(value, path, trace)
        if wrapped and value is not None and not any(fits(value) for fits in same):
            trace.faults.append(
                Violation(pointer_of(path), "", "a value that has the form of no option", wanted)
            )
        return value

    return decode


def _encoder(ways: list[_Way]) -> Map:
    """Encode by the option that loses nothing and leaves the fewest members without a place."""

    def encode(value: Json, path: Path, trace: Trace) -> Json:
        key = id(ways), pointer_of(path)
        if key in trace.tries:
            return _taken(trace.tries[key], trace)
        holding = [way for way in ways if way.option.holds(value)]
        best: _Try | None = None
        fault = misfit(value, path, "values of its options")
        for way in holding:
            try:
                tried = _tried(way, value, path, trace, judged=len(holding) > 1)
            except SchemaError as error:
                fault = error
                continue
            if best is None or tried.cost < best.cost:
                best = tried
            if not best.cost:
                break
        if best is None:
            raise fault
        trace.tries[key] = best
        return _taken(best, trace)

    return encode


def _taken(best: _Try, trace: Trace) -> Json:
    trace.unplaced += best.unplaced
    return {KIND: best.kind, VALUE: best.answer} if best.kind else best.answer


class _Try(NamedTuple):
    """A value written as one option."""

    cost: tuple[bool, int, bool] | tuple[()]
    """Whether a value is lost, how many members have no place, and whether a null is lost, which a
    type has again by default; empty if none of that."""
    kind: str
    answer: Json
    unplaced: list[tuple[str, Json]]


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _tried(way: _Way, value: Json, path: Path, around: Trace, *, judged: bool) -> _Try:
    trace = Trace(tries=around.tries)
    answer = way.into(value, path, trace) if way.into else value
    cost: tuple[bool, int, bool] | tuple[()] = ()
    if judged:
        again = way.back(answer, path, Trace()) if way.back else answer
        differs = not trace.unplaced and not same_json(again, value)
        lost = differs and not same_json(_without_nulls(again), _without_nulls(value))
        if differs or trace.unplaced:
            cost = lost, len(trace.unplaced), differs
    return _Try(cost, way.option.kind, answer, trace.unplaced)
