"""Why answers end: the words of servers for it, and what they mean.

Chat Completions names `stop`, `length`, `tool_calls` and `content_filter`; servers pass on the
words of the models behind them. The vocabulary is open, so a word that is not in the table is not
taken for a clean end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Ending: TypeAlias = Literal["clean", "cut", "filtered", "failed", "unknown"]
"""What a finish reason means.

- `clean`: The model was done.
- `cut`: The text is not whole, even if it looks whole.
- `filtered`: A content filter stopped it.
- `failed`: The server failed while it answered.
- `unknown`: The word is in no table.
"""

_LIMITS: Final = (
    "length max_tokens max_output_tokens max_completion_tokens model_length "
    "model_context_window_exceeded context_length_exceeded token_limit"
)
"""Words for a limit of tokens: more tokens, or a shorter answer, help against it."""
_WORDS: Final[Mapping[Ending, str]] = {
    "clean": "stop stop_sequence stop_token eos eos_token end end_turn complete completed finished "
    "done tool_calls tool_call tool_use function_call",
    "cut": f"{_LIMITS} incomplete abort aborted cancelled canceled repetition time_limit timeout "
    "pause_turn malformed_function_call unexpected_tool_call",
    "filtered": "content_filter content_filtered safety recitation blocklist prohibited_content "
    "spii sensitive guardrail_intervened refusal language image_safety",
    "failed": "error network_error insufficient_system_resource engine_overloaded",
}
_ENDINGS: Final[Mapping[str, Ending]] = {
    word: ending for ending, words in _WORDS.items() for word in words.split()
}


def is_at_limit(finish_reason: str | None) -> bool:
    """Tell whether an answer ended at a limit of tokens.

    Args:
        finish_reason: The server's word, in any letter case.
    """
    return _word(finish_reason) in _LIMITS.split()


def ending_of(finish_reason: str | None) -> Ending:
    """Tell what a finish reason means, in any letter case.

    Args:
        finish_reason: The server's word; None or "" if it gave none, which is a clean end.
    """
    return _ENDINGS.get(_word(finish_reason), "unknown")


def _word(finish_reason: str | None) -> str:
    return (finish_reason or "stop").lower().replace("-", "_").removeprefix("finish_reason_")
