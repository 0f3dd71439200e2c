"""Validators of the user's see the merged value; an item that one refuses costs nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from structgen import Client
from structgen.errors import InvalidDocumentError
from tests.documents.test_gaps import STOCK, Forgetful, found_in, table, without


class Item(BaseModel):
    name: str
    pieces: int

    @field_validator("pieces")
    @classmethod
    def known(cls, pieces: int) -> int:
        if pieces == 28:
            raise ValueError("28 pieces are too many")
        if pieces in (7, 56, 84):
            raise OSError("the list of prices is away")
        return pieces


class Stock(BaseModel):
    title: str | None
    rows: list[Item]


def asked(**options: Any) -> Any:
    client = Client(Forgetful(without()))
    return client.extract_document(
        Stock, table(STOCK), chunk_tokens=30, evidence="all", max_reasks=0, **options
    )


def test_items_that_a_validator_refuses_are_left_out_and_told() -> None:
    result = asked()
    kept = [row for row in STOCK if row[1] not in (7, 28, 56, 84)]
    assert found_in(result) == kept
    refused = {item.path: item for item in result.refused}
    assert set(refused) == {"/rows/0", "/rows/3", "/rows/7", "/rows/11"}
    assert {item.value["name"] for item in result.rejected} == {"Tea 1", "Tea 4", "Tea 8", "Tea 12"}
    assert "too many" in str(refused["/rows/3"].violations[0])
    assert "OSError" in str(refused["/rows/0"].violations[0])
    found = [result.leaf_evidence[f"/rows/{at}/name"].quote for at in range(len(kept))]
    assert found == [name for name, _ in kept]


def test_all_or_nothing_is_an_error_that_has_the_data() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        asked(on_invalid_items="raise")
    assert len(caught.value.document.value["rows"]) == len(STOCK)


def test_an_exception_of_the_whole_record_is_not_put_on_an_item() -> None:
    class Strict(Stock):
        @field_validator("title")
        @classmethod
        def away(cls, title: str | None) -> str | None:
            raise OSError("the titles are away")

    with pytest.raises(InvalidDocumentError):
        Client(Forgetful(without())).extract_document(Strict, table(STOCK), max_reasks=0)
