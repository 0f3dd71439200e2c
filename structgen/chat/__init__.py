"""Chat Completions, as the Groq and OpenAI SDKs have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.chat.api import AsyncChat as AsyncChat
    from structgen.chat.api import Chat as Chat
    from structgen.chat.completion import ChatCompletion as ChatCompletion
    from structgen.chat.completion import ChatCompletionChunk as ChatCompletionChunk
    from structgen.chat.completion import ChatMessage as ChatMessage
    from structgen.chat.completion import Choice as Choice
    from structgen.chat.completion import ChoiceDelta as ChoiceDelta
    from structgen.chat.completion import ChunkChoice as ChunkChoice
    from structgen.chat.completion import CompletionUsage as CompletionUsage
    from structgen.chat.completion import Function as Function
    from structgen.chat.completion import ToolCall as ToolCall
    from structgen.chat.models import Model as Model
    from structgen.chat.models import ModelList as ModelList
    from structgen.chat.params import Params as Params
    from structgen.chat.streams import AsyncStream as AsyncStream
    from structgen.chat.streams import Stream as Stream
    from structgen.wire.raw import RawResponse as RawResponse
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.chat.api": "AsyncChat Chat",
            "structgen.chat.completion": """
                ChatCompletion ChatCompletionChunk ChatMessage Choice ChunkChoice ChoiceDelta
                CompletionUsage Function ToolCall
            """,
            "structgen.chat.models": "Model ModelList",
            "structgen.chat.params": "Params",
            "structgen.chat.streams": "AsyncStream Stream",
            "structgen.wire.raw": "RawResponse",
        },
    )
