"""Pages with very many tags that never end are read in linear time."""

from __future__ import annotations

import pytest

from structgen import read


@pytest.mark.parametrize("tag", ["<a ", "<!--", "</p ", "<"])
def test_tags_that_never_end_are_text(tag: str) -> None:
    page = f"<!doctype html><p>Invoice 17</p>{tag * 40_000}"  # minutes, if each is looked at
    assert "Invoice 17" in read(page.encode())
