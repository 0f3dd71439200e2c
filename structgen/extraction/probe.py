"""Ask a server which keywords of a schema it takes, and which of them it enforces.

Each question tells the model to write a value that the schema forbids. A server that enforces the
schema cannot let it; one that only takes the schema may. A 400 means that it does not take it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidOutputError,
    NotFoundError,
    OutputRejectedError,
    RateLimitError,
    ServerError,
    StructgenError,
)
from structgen.extraction.backend import Backend
from structgen.extraction.learned import LEARNED, LearnedRow, save
from structgen.extraction.probe_set import BASE, CONSTRUCTS, Construct
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.schema.check import validate_json
from structgen.schema.json_text import parse_json
from structgen.schema.refused import keywords_of, without
from structgen.schema.subset import SchemaSubset, subset_of
from structgen.schema.target import target_of
from structgen.values import Message, Mode
from structgen.wire.dialect import ChatRequest
from structgen.wire.exchange import exchange
from structgen.wire.link import Link
from structgen.wire.refused_keywords import refused_keywords

Outcome: TypeAlias = Literal["held", "taken", "refused"]
"""What a server does with a construct. `held`: the model was told to break it, and could not.
`taken`: the server took the schema, and the answer broke it, was cut or was refused. `refused`:
the server answered 400."""

_MODE: Final[Mode] = "strict"
_LANGUAGE: Final = "openai-strict"
"""The language to try with a server whose row has no strict mode."""
_MAX_TOKENS: Final = 1024
"""Tokens of an answer: the values are short, but some models think before they write."""
_REFUSES_NOTHING: Final = (AuthenticationError, NotFoundError, RateLimitError, OutputRejectedError)
"""Errors that say nothing about a schema."""
_BY_EVERY_NUMBER: Final = {"integer": ("integer", "number")}
"""Types that share their keywords, by the one that is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a server does with each construct of a schema."""

    backend: str
    """The backend's name."""
    mode: Mode
    """The output mode that was asked in."""
    language: str
    """The schema language that the mode has, or would have."""
    outcomes: dict[str, Outcome]
    """What came of each construct, by name; only of the first one if the mode is not there."""
    messages: dict[str, str] = field(repr=False)
    """What the server said about each construct that it refused."""
    row: LearnedRow
    """What to remember of it."""

    @property
    def offered(self) -> bool:
        """Whether the server takes a schema in this mode, and held a plain one."""
        return self.outcomes[BASE.name] == "held"

    def save(self) -> Path:
        """Write the row to the cache folder, so that later calls and processes use it.

        Raises:
            OSError: If it cannot be written.
        """
        return save(self.row)

    def table(self) -> str:
        """Show the outcomes as plain text for a terminal."""
        width = max(map(len, self.outcomes))
        lines = [f"{self.backend}, {self.mode} ({self.language})"]
        for name, outcome in self.outcomes.items():
            said = self.messages.get(name, "")
            lines.append(f"  {name:<{width}}  {outcome:<7}  {said}".rstrip())
        if not self.offered:
            lines.append("The server does not hold answers to a schema in this mode.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give the probe as plain JSON data."""
        names = ("backend", "mode", "language", "outcomes", "messages")
        return {**{name: getattr(self, name) for name in names}, "row": self.row.to_dict()}


def probe(backend: Backend, options: Options) -> Flow[Probe]:
    """Ask a server about every construct, about 45 short questions in all.

    Args:
        backend: Whose server to ask.
        options: The options of the questions.

    Raises:
        ConfigurationError: If the backend is no server, or names no model.
        TransportError: If the server cannot be reached.
        APIError: If it answers with an error that says nothing about a schema.
    """
    if not isinstance(backend.via, Link) or not backend.model:
        raise ConfigurationError(
            f"{backend.name} is no model on a server.", hint="Name one, as provider:model."
        )
    language = dict(backend.modes).get(_MODE, _LANGUAGE)
    if options.max_tokens is UNSET:
        options = replace(options, max_tokens=_MAX_TOKENS)
    outcomes: dict[str, Outcome] = {}
    messages: dict[str, str] = {}
    for construct in (BASE, *CONSTRUCTS):
        outcome, said = yield from _ask(backend, backend.via, construct, options)
        outcomes[construct.name] = outcome
        if outcome == "refused":
            messages[construct.name] = said
        if construct is BASE and outcome != "held":
            break
    return Probe(
        backend=backend.name,
        mode=_MODE,
        language=language,
        outcomes=outcomes,
        messages=messages,
        row=_row(backend, subset_of(language), outcomes),
    )


def _ask(
    backend: Backend, link: Link, construct: Construct, options: Options
) -> Flow[tuple[Outcome, str]]:
    """Ask about one construct. The second value is the server's message if it refuses it."""
    request = ChatRequest(
        model=backend.model,
        messages=_messages(construct),
        options=options,
        mode=_MODE,
        schema=json.dumps(construct.schema, separators=(",", ":")).encode(),
        schema_name="probe",
    )
    try:
        answer = yield from exchange(link, request, options)
    except _REFUSES_NOTHING as error:
        if isinstance(error, OutputRejectedError):  # it took the schema, and broke it
            return "taken", ""
        raise
    except (BadRequestError, ServerError) as error:
        names_it = refused_keywords(error, keywords_of(construct.schema))
        if error.status_code not in (400, 422) and not names_it:
            raise
        return "refused", error.message
    return ("held" if _is_held(construct, answer.text) else "taken"), ""


def _messages(construct: Construct) -> tuple[Message, ...]:
    wanted = json.dumps({"value": construct.broken})
    text = f"Answer with this JSON, unchanged and nothing else: {wanted}"
    return ({"role": "user", "content": text},)


def _is_held(construct: Construct, text: str | None) -> bool:
    """Whether an answer is valid, although the question tells to break the schema."""
    try:
        validate_json(target_of(construct.schema), text or "")
    except InvalidOutputError:
        return False
    except StructgenError:  # not JSON, or cut
        return False
    return bool(parse_json(text or "") != {"value": construct.broken})


# ---- what to remember ---------------------------------------------------------------------------


def _row(backend: Backend, language: SchemaSubset, outcomes: dict[str, Outcome]) -> LearnedRow:
    """The row that a probe found: of its mode anew, of others as it was."""
    known = LEARNED.of(backend)
    if outcomes[BASE.name] != "held":
        return known
    refused = frozenset(_refused(language, outcomes))
    taken = frozenset(_taken(language, outcomes))
    has_mode = _MODE in dict(backend.modes)
    return replace(
        known,
        refused={**known.refused, language.name: refused},
        taken={**known.taken, language.name: taken},
        modes=() if has_mode else ((_MODE, language.name),),
    )


def _refused(language: SchemaSubset, outcomes: dict[str, Outcome]) -> Iterator[str]:
    for construct in CONSTRUCTS:
        if outcomes[construct.name] != "refused" or not construct.keyword:
            continue
        if without(language, [construct.keyword]) != language:
            yield construct.keyword


def _taken(language: SchemaSubset, outcomes: dict[str, Outcome]) -> Iterator[str]:
    for construct in CONSTRUCTS:
        type_, _, keyword = construct.name.partition(".")
        if not keyword or outcomes[construct.name] == "refused":
            continue
        for one in _BY_EVERY_NUMBER.get(type_, (type_,)):
            if f"{one}.{keyword}" not in language.keywords | language.taken:
                yield f"{one}.{keyword}"
