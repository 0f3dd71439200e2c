"""Sixteen kinds of field in one model, with the embedded model: always a valid value or a typed
error.
"""

from __future__ import annotations

import pytest

from structgen import Client
from structgen.errors import InvalidOutputError, OutputError, StructgenError
from tests.data import EXAMPLES
from tests.kinds import Sixteen


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_text_gives_a_valid_record_or_a_typed_error(local_client: Client) -> None:
    valid, typed = 0, []
    for example in EXAMPLES.values():
        try:
            result = local_client.extract_result(
                Sixteen, example.text[:300], max_tokens=220, max_reasks=0, on_shortened="keep"
            )
        except OutputError as error:
            typed.append(error)
            continue
        assert isinstance(result.value, Sixteen)
        assert result.guarantee.by == "decoder"
        valid += 1
    assert valid + len(typed) == 20
    assert all(isinstance(error, StructgenError) and error.attempts for error in typed)
    unheld = [error for error in typed if _is_digits(error)]
    assert valid + len(unheld) >= 18, typed


def _is_digits(error: OutputError) -> bool:
    """Whether only the digits of a Decimal are wrong, which nothing holds while decoding."""
    return isinstance(error, InvalidOutputError) and all(
        one.schema_path.endswith("decimal_max_digits") for one in error.violations
    )
