"""The typed merge: nothing stated is lost, nothing is resolved in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.documents.merge import merge
from structgen.documents.merged import Part
from structgen.documents.policies import Policy
from structgen.errors import ConfigurationError
from structgen.values import Evidence

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
)


def stated(value: Any) -> Any:
    """A value without the members that are null."""
    return (
        {key: stated(item) for key, item in value.items() if item is not None}
        if isinstance(value, dict)
        else value
    )


@given(
    st.dictionaries(
        st.sampled_from("xyz"), scalars | st.dictionaries(st.sampled_from("xyz"), scalars)
    ),
    st.integers(1, 3),
)
def test_equal_parts_make_themselves_without_conflicts(value: Any, times: int) -> None:
    merged = merge([Part(value)] * times)
    assert merged.data == stated(value)
    assert not merged.conflicts


@given(st.lists(values, max_size=4))
def test_every_scalar_of_a_merged_value_was_stated_by_a_part(parts: list[Any]) -> None:
    def leaves(value: Any) -> list[Any]:
        inner = (
            list(value.values())
            if isinstance(value, dict)
            else value
            if isinstance(value, list)
            else None
        )
        return [value] if inner is None else [leaf for item in inner for leaf in leaves(item)]

    said = [repr(leaf) for part in parts for leaf in leaves(part)]
    assert all(
        repr(leaf) in said
        for leaf in leaves(merge([Part(part) for part in parts]).data)
        if leaf is not None
    )


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=5))
def test_what_differs_is_a_conflict_and_what_is_absent_is_none(said: list[str | None]) -> None:
    merged = merge([Part({"x": value}) for value in said])
    distinct = {value for value in said if value is not None}
    assert bool(merged.conflicts) == (len(distinct) > 1)
    for conflict in merged.conflicts:
        assert conflict.path == "/x"
        assert {value: list(parts) for value, parts in conflict.values} == {
            value: [number for number, other in enumerate(said) if other == value]
            for value in distinct
        }
        assert conflict.values[0][0] == merged.data["x"]


@pytest.mark.parametrize(
    ("policy", "taken"),
    [(None, "bb"), ("first", "a"), ("last", "ccc"), ("most-common", "bb"), ("longest", "ccc")],
)
def test_the_policy_says_which_of_several_values_is_taken(
    policy: Policy | None, taken: str
) -> None:
    parts = [Part({"x": value}) for value in ("a", "bb", None, "bb", "ccc")]
    assert merge(parts, policies={"/x": policy} if policy else {}).data == {"x": taken}


def test_lists_come_one_after_another_unless_a_policy_says_more() -> None:
    parts = [Part({"x": ["a", "a", "b"]}), Part({"x": ["a", "c"]})]
    assert merge(parts).data == {"x": ["a", "a", "b", "a", "c"]}
    assert merge(parts, policies={"/x": "concat"}).data == {"x": ["a", "a", "b", "a", "c"]}
    assert merge(parts, policies={"/x": "union"}).data == {"x": ["a", "a", "b", "c"]}
    assert merge(parts, policies={"/x": "last"}).data == {"x": ["a", "c"]}


@pytest.mark.parametrize(
    ("policy", "said", "taken"),
    [
        ("any", [False, None, True, False], True),
        ("any", [False, None], False),
        ("all", [True, None, False], False),
        ("all", [True, None], True),
        ("sum", [1, None, 2.5], 3.5),
        ("min", [4, 2, 3], 2),
        ("max", [4, 2, 3], 4),
        ("concat", ["one", None, "two", "one"], "one\ntwo"),
        (lambda values: sorted(values)[1], [3, None, 1, 2], 2),
    ],
)
def test_a_policy_makes_one_value_of_several(policy: Policy, said: list[Any], taken: Any) -> None:
    merged = merge([Part({"x": value}) for value in said], policies={"/x": policy})
    assert merged.data == {"x": taken} and not merged.conflicts


def test_a_policy_for_other_types_leaves_the_choice_to_the_default() -> None:
    merged = merge([Part({"x": value}) for value in ("a", "b", "b")], policies={"/x": "any"})
    assert merged.data == {"x": "b"} and len(merged.conflicts) == 1


def test_items_with_equal_keys_are_one_and_fill_each_other() -> None:
    parts = [
        Part({"people": [{"name": "Ada Lovelace", "age": 36}, {"name": "Bob"}]}),
        Part({"people": [{"name": "ADA  LOVELACE", "age": 37, "town": "London"}, {"age": 5}]}),
    ]
    merged = merge(parts, keys={"/people": ("name",)}, policies={"/people/*/age": "last"})
    assert merged.data["people"] == [
        {"name": "Ada Lovelace", "age": 37, "town": "London"},
        {"name": "Bob"},
        {"age": 5},
    ]
    assert [(conflict.path, conflict.values) for conflict in merged.conflicts] == [
        ("/people/0/name", (("Ada Lovelace", (0,)), ("ADA  LOVELACE", (1,)))),
        ("/people/0/age", ((37, (1,)), (36, (0,)))),
    ]


def test_evidence_goes_where_its_value_goes() -> None:
    first, again, other = Evidence("a", 2, 3), Evidence("a", 2, 3), Evidence("b", 5, 6)
    parts = [
        Part({"x": ["a"]}, {"/x/0": first}, start=0, end=4),
        Part({"x": ["a", "b"]}, {"/x/0": again, "/x/1": other}, start=2, end=8),
    ]
    merged = merge(parts, document="..a..b..")
    assert merged.data == {"x": ["a", "b"]}
    assert merged.evidence == {"/x/0": first, "/x/1": other}


def test_confidence_and_what_was_cut_short_go_where_their_values_go() -> None:
    first = Part({"x": ["a", "b"]}, confidence={"/x/0": 0.5, "/x/1": 0.25})
    cut = Part({"x": ["c"]}, confidence={"/x/0": 0.75}, shortened=frozenset({"/x", "/x/0"}))
    merged = merge([first, cut])
    assert merged.confidence == {"/x/0": 0.5, "/x/1": 0.25, "/x/2": 0.75}
    assert merged.shortened == {"/x", "/x/2"}
    alone = merge([first, cut], policies={"/x": "last"})
    assert alone.confidence == {"/x/0": 0.75}
    assert alone.shortened == {"/x", "/x/0"}


def test_a_field_is_absent_if_no_part_states_it() -> None:
    parts = [
        Part({"y": {"a": 1}}, absent=frozenset({"/x", "/y/b", "/z"})),
        Part({"x": 2}, absent=frozenset({"/y", "/z"})),
    ]
    assert merge(parts).absent == {"/y/b", "/z"}


def test_a_map_takes_keys_and_policies_by_star() -> None:
    parts = [Part({"m": {"k": {"v": "a"}}}), Part({"m": {"k": {"v": "b"}}})]
    assert merge(parts, policies={"/m/*/v": "last"}).data == {"m": {"k": {"v": "b"}}}


def test_a_policy_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="newest"):
        merge([], policies={"/x": "newest"})  # type: ignore[dict-item]
