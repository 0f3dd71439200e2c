"""Every leaf of a value has its place in the document, in whatever form it is written there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen import find_evidence


def one(value: Any, text: str, name: str = "x") -> Any:
    return find_evidence({name: value}, text)[f"/{name}"]


@pytest.mark.parametrize(
    ("value", "text", "quote", "by"),
    [
        ("2024-03-03", "on March 3, 2024, we", "March 3, 2024", "date"),
        ("2024-03-03", "on the 3rd of March 2024 we", "3rd of March 2024", "date"),
        ("2024-03-03", "am 3. März 2024 in", "3. März 2024", "date"),
        ("2024-03-13", "on 13/3/24.", "13/3/24", "date"),
        ("2024-03-13", "on 3/13/2024.", "3/13/2024", "date"),
        ("2024-03-03", "2024年3月3日に", "2024年3月3日", "date"),
        ("2024-03-03T10:00:00Z", "on 3 March 2024", "3 March 2024", "date"),
        ("14:30", "at 2:30 pm today", "2:30 pm", "time"),
        (1250, "USD 1,250.00 net", "1,250.00", "number"),
        (1250.5, "1.250,50 EUR", "1.250,50", "number"),
        (-1000, "a loss of (1,000)", "1,000", "number"),
        (2_500_000, "some $2.5 million", "2.5 million", "number"),
        (0.05, "a fee of 5%", "5%", "number"),
        (42, "forty-two people", "forty-two", "number"),
        ("$1,250", "costs 1250 in all", "1250", "number"),
        ("USD", "costs $5", "$", "currency"),
        ("net_income", "The Net income was", "Net income", "text"),
        ("information", "for infor-\nmation call", "infor-\nmation", "text"),
        ("finance", "the ﬁnance desk", "ﬁnance", "text"),
        ("MULLER & SOHNE", "of Müller & Söhne.", "Müller & Söhne", "text"),
        ("東京", "会社は東京にあります", "東京", "text"),
        ("شركة النور", "اسم شركة \u200fالنّور هنا", "شركة \u200fالنّور", "text"),
        ("חברת אור", "שם: חברת\nאור", "חברת\nאור", "text"),
    ],
)
def test_a_value_is_found_in_another_form(value: Any, text: str, quote: str, by: str) -> None:
    found = one(value, text)
    assert (found.quote, found.by) == (quote, by)
    assert text[found.start : found.end] == quote
    assert found.status in ("verified", "normalised")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("car", "a cartoon"),
        (5, "it is 5.5 or 15 or A5"),
        ("12", "version 12.5"),
        ("2024-03-03", "2024-03-04"),
        (3, "-3.0.1"),
        ("Contract of 2023 with Acme", "the Contract of 2024 with Acme"),
    ],
)
def test_a_part_of_a_word_or_number_is_no_mention(value: Any, text: str) -> None:
    assert one(value, text).status == "not-found"


def test_booleans_are_known_by_the_name_of_their_field() -> None:
    assert one(True, "It is vegan.", "isVegan").quote == "vegan"
    assert one(False, "It is not vegan.", "is_vegan").quote == "vegan"
    assert one(True, "It is not vegan.", "is_vegan").status == "not-found"
    assert one(False, "Vegan: no", "vegan").status == "normalised"


def test_null_and_empty_leaves_are_absent() -> None:
    assert [one(value, "text").status for value in (None, "")] == ["absent", "absent"]


def test_fuzzy_texts_are_found_above_the_threshold_alone() -> None:
    pytest.importorskip("rapidfuzz")
    found = one("The Acme Corporation Limited", "by The Acme Corporatlon Limited of Ohio")
    assert found.quote == "The Acme Corporatlon Limited"
    assert found.by == "fuzzy"
    assert 0.9 <= found.score < 1
    assert one("The Acme Corporation Limited", "The Apex Incorporated Company").quote is None


def test_the_other_fields_of_a_record_tell_which_mention_is_meant() -> None:
    text = "Bob met Ann. " + "Later on. " * 20 + "Bob, 42, paid 7 dollars."
    found = find_evidence({"name": "Bob", "age": 42}, text)
    assert found["/name"].start == text.rindex("Bob")
    assert found["/name"].status == "verified"
    assert one("Bob", text).status == "ambiguous"


def test_rows_of_a_list_are_placed_in_order() -> None:
    rows = [{"qty": at % 3, "item": f"part {at % 4}", "price": at % 5} for at in range(60)]
    text = "\n".join(f"{row['qty']} | {row['item']} | {row['price']}" for row in rows)
    found = find_evidence({"rows": rows}, text)
    starts = [match.start() for match in re.finditer(r"^", text, re.MULTILINE)]
    assert [found[f"/rows/{at}/item"].start for at in range(60)] == [at + 4 for at in starts]
    assert [found[f"/rows/{at}/qty"].start for at in range(60)] == starts


words = st.lists(
    st.sampled_from(["Ann", "Bo", "東京", "Zoë", "infor", "x-ray", "12.5"]), min_size=1
)


@given(words, st.sampled_from([" ", "\n", " , "]))
def test_words_of_a_text_in_order_are_found_where_they_are(parts: list[str], between: str) -> None:
    text = between.join(parts)
    places = []
    at = 0
    for part in parts:
        places.append(at)
        at += len(part) + len(between)
    found = find_evidence(parts, text)
    assert [found[f"/{at}"].start for at in range(len(parts))] == places
    assert {one.status for one in found.values()} == {"verified"}


@given(
    st.text(max_size=80),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)
def test_a_quote_is_always_the_text_of_its_offsets(text: str, value: Any) -> None:
    for found in find_evidence(value, text).values():
        if found.quote is not None:
            assert text[found.start : found.end] == found.quote
        json.dumps(found.status)
