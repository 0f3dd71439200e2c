"""The embedded model fills in a wide record part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import create_model

from structgen import Client, StructgenError


def test_a_wide_record_is_valid_or_the_error_is_typed(embedded_model: Path) -> None:
    fields: Any = {f"amount_{number}": (int | None, None) for number in range(12)}
    half, other = create_model("Assets", **fields), create_model("Debts", **fields)
    wide = create_model("Sheet", assets=(half, ...), debts=(other, ...))
    document = "Assets: amount_0 is 3, amount_5 is 7. Debts: amount_2 is 9."
    with Client(str(embedded_model), split=6, max_tokens=80, temperature=0) as client:
        assert len(client.plan(wide, document).parts) == 4
        try:
            result = client.extract_result(wide, document)
        except StructgenError as error:
            assert error.attempts
        else:
            assert isinstance(result.value, wide)
            assert len(result.attempts) >= 4
            assert result.guarantee.by == "decoder"
