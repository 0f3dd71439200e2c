"""The question of a call as data: equal data, equal questions. Journals and caches compare it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.extraction.backend import Backend
from structgen.extraction.plan import plan
from structgen.extraction.question import Question
from structgen.options import UNSET, Options

_NOT_ASKED: Final = frozenset(
    {
        "timeout",
        "total_timeout",
        "max_retries",
        "token_budget",
        "cost_budget",
        "accept",
        "calibration",
        "tuned",
        "prompt",
        "wire_names",
        "learned_rows",
        "cache",
    }
)
"""Options that bound a call, or judge what came, and do not change what the model is asked. The
schema shows what `wire_names` does, and the messages what `prompt` does.
"""


def asked_of_all(backends: Sequence[Backend], question: Question[Any]) -> list[Any]:
    """Give what every backend would be asked: models, schemas, messages and options.

    Args:
        backends: Who would be asked, in order.
        question: The question.

    Raises:
        StructgenError: If the first backend could not be asked: what `plan` raises.
    """
    # Rows learned of a server change while a job runs, which is no reason to begin anew.
    options = replace(question.options, learned_rows="off")
    probe = replace(question, options=options)
    asked: list[Any] = []
    for number, backend in enumerate(backends):
        try:
            planned = plan(backend, probe)
        except SchemaError:
            if number == 0:
                raise
            continue  # a fallback that cannot be asked
        asked_with = _options_asked(planned.options)
        schema, messages, body = planned.schema, planned.messages, planned.body
        asked.append([planned.backend, planned.mode, schema, messages, asked_with, body])
    return asked


def digest_of(data: Any) -> bytes:
    """Give 32 bytes that tell data apart.

    Args:
        data: What `asked_of_all` gives, or data like it.
    """
    return sha256(json.dumps(data, sort_keys=True, default=repr).encode()).digest()


def _options_asked(options: Options) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(options).items()
        if value is not UNSET and name not in _NOT_ASKED
    }
