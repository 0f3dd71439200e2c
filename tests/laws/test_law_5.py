"""Law 5: a stream cut at any byte gives a partial whose closed parts equal the final value's."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.answer.draft import Draft
from structgen.answer.partial import ABSENT, GrowingText, Partial, View
from structgen.errors import SchemaError
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SUBSETS
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types
from tests.laws.test_laws import LAW, LONG

ORDER = {"absent": 0, "growing": 1, "done": 2}


def snapshots(
    it: Compiled[Any], text: bytes, cuts: list[int], *, bytewise: bool
) -> list[Partial[Any]]:
    """A partial at each cut, of an answer that comes byte by byte, or as it is cut."""
    draft: Draft[Any] = Draft(it)
    taken, last = [], 0
    for cut in cuts:
        for piece in [text[i : i + 1] for i in range(last, cut)] if bytewise else [text[last:cut]]:
            draft.feed(piece)
        taken.append(Partial(draft))
        last = cut
    return taken


def shown(value: Any) -> Any:
    """All that a partial shows of a value, as plain data."""
    if value is ABSENT:
        return "absent"
    if isinstance(value, GrowingText):
        return "growing", str(value)
    if not isinstance(value, View):
        return "done", value
    place = value._place
    if place is None:
        return "growing"
    if place.opens == "array":
        return [shown(item) for item in value]
    names = place.names
    return (
        {name: shown(getattr(value, name)) for name in names}
        if names
        else {key: shown(value[key]) for key in value}
    )


def agrees(value: Any, final: Any, *, removed: bool = False) -> bool:
    """Is what is shown as done what the final value has there?

    `removed`: whether a text that grows may be taken out once it is done.
    """
    if isinstance(value, GrowingText):
        return removed or not isinstance(final, str) or final.startswith(value)
    if not isinstance(value, View):
        return same(value, final)
    place = value._place
    if place is None:
        return True
    if place.opens == "array":
        pairs = list(zip(value, final, strict=False))
    elif place.names:
        pairs = [(getattr(value, name), getattr(final, name)) for name in place.names]
    else:
        pairs = [(value[key], final.get(key, ABSENT)) for key in value]
    return all(agrees(part, whole, removed=removed) for part, whole in pairs)


def progress(before: Any, after: Any) -> bool:
    """Does nothing go back from done to growing, or from growing to absent?"""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(progress(before[key], after.get(key, "absent")) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) <= len(after) and all(map(progress, before, after))
    return rank(before) <= rank(after)


def rank(state: Any) -> int:
    return ORDER[
        state[0] if isinstance(state, tuple) else state if isinstance(state, str) else "growing"
    ]


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@settings(LAW, max_examples=20_000 if LONG else 400)
@given(types(), st.sampled_from(sorted(SUBSETS)), st.booleans(), st.data())
def test_closed_parts_are_those_of_the_final_value(
    typed: Typed, subset: str, ascii_only: bool, data: st.DataObject
) -> None:
    try:
        it = compile_schema(typed.type, subset)
        answer = it.encode(data.draw(typed.values))
    except SchemaError:
        return  # no room for the type, or no JSON form for the value: see laws 1 to 4
    text = json.dumps(answer, ensure_ascii=ascii_only).encode()
    final = it.decode_json(text)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=8)) | {1, len(text)})
    partials = snapshots(it, text, cuts, bytewise=True)
    # Read after the last byte: a snapshot stays what it was.
    seen = [shown(partial.value) for partial in partials]
    for partial, now in zip(partials, seen, strict=True):
        assert agrees(partial.value, final), (now, final)
    for now, later in pairwise(seen):
        assert progress(now, later), (now, later)
    in_pieces = snapshots(it, text, cuts, bytewise=False)
    for now, before, partial in zip(seen, partials, in_pieces, strict=True):
        assert repr(shown(partial.value)) == repr(now)
        assert repr(partial.data) == repr(before.data)
    may_go_on = text[:1] in b"-0123456789tfn"  # a number or a word without an end of its own
    assert may_go_on or partials[-1].data == json.loads(text)
