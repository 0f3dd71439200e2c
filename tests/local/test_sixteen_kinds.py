"""Sixteen kinds of field in one model, from real texts, with the embedded model: always a valid value or a typed error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from structgen.errors import OutputError, StructgenError
from tests.kinds import Sixteen

DEV = Path(__file__).parents[3] / "shared" / "data" / "dev"


def texts() -> list[str]:
    """The first text of every task, cut to what the embedded model reads in a second."""
    return [
        json.loads(path.read_text().splitlines()[0])["text"][:300]
        for path in sorted(DEV.glob("*.jsonl"))
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not DEV.is_dir(), reason="the real texts of ../shared/data are not on this machine"
)
def test_every_text_gives_a_valid_record_or_a_typed_error(local_client) -> None:
    valid, typed = 0, []
    for text in texts():
        try:
            result = local_client.extract_result(
                Sixteen, text, max_tokens=220, max_reasks=0, on_shortened="keep"
            )
        except OutputError as error:
            typed.append(error)
            continue
        assert isinstance(result.value, Sixteen)
        assert result.guarantee.by == "decoder"
        valid += 1
    assert valid + len(typed) == 20
    assert all(isinstance(error, StructgenError) and error.attempts for error in typed)
    assert valid >= 18, typed
