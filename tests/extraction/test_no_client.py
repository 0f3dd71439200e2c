"""What takes a client refuses what is none, before it does anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from structgen import Form, Job, tune
from structgen.errors import ConfigurationError
from structgen.evaluation import GoldRecord, calibrate, evaluate

GOLD: Final = [GoldRecord(key=f"{n}", document=f"No. {n}.", value={"n": n}) for n in range(16)]
TARGET: Final[Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
}
TAKE_A_CLIENT: Final[dict[str, Callable[..., Any]]] = {
    "form": lambda client, folder: Form(TARGET, client=client),
    "job": lambda client, folder: Job(TARGET, ["a"], client=client, output=folder / "o.jsonl"),
    "evaluation": lambda client, folder: evaluate(
        TARGET, GOLD, client=client, journal=folder / "j"
    ),
    "tuning": lambda client, folder: tune(
        TARGET, GOLD, client=client, path=folder / "t.json", journal=folder / "j"
    ),
    "calibration": lambda client, folder: calibrate(
        TARGET, GOLD, client=client, path=folder / "c.json", journal=folder / "j"
    ),
}


@pytest.mark.parametrize("take", TAKE_A_CLIENT.values(), ids=TAKE_A_CLIENT)
@pytest.mark.parametrize("given", ["local", None, object()], ids=["a name", "nothing", "an object"])
def test_what_is_no_client_is_refused(take: Callable[..., Any], given: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a Client or an AsyncClient"):
        take(given, tmp_path)
    assert not list(tmp_path.iterdir())
