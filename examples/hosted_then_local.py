"""Ask a hosted model first; if it fails, the model in this process answers.

    GROQ_API_KEY=... python examples/hosted_then_local.py

A server that is down, out of quota or too slow, or gives no valid answer, is a reason to go on.
Each failure is in `attempts`.
"""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import BaseModel

from structgen import Client

TEXT = "The app crashes whenever I open the settings. I am on version 2.1 and quite annoyed!"


class Ticket(BaseModel):
    product: str
    kind: Literal["bug", "question", "wish"]
    urgent: bool


def main() -> None:
    local = Client("local", temperature=0.0)
    with Client("groq:openai/gpt-oss-20b", timeout=10.0, max_retries=1, fallback=[local]) as client:
        result = client.extract_result(Ticket, TEXT)
    for attempt in result.attempts:
        print(f"{attempt.backend}: {attempt.error or 'answered'}", file=sys.stderr)
    print(result.guarantee, file=sys.stderr)
    print(result.value.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
