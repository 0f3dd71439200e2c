"""How much a model is to reason: the facts of each provider, and the level that it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.wire.models.facts import ModelFacts

EFFORT: Final = "reasoning_effort"
"""The name of the level in Chat Completions."""
_RANKS: Final[Mapping[str, int]] = {
    "none": 0,
    "minimal": 1,
    "low": 2,
    "medium": 3,
    "default": 3,
    "high": 4,
    "xhigh": 5,
    "max": 6,
}
"""How much a model reasons at each level. `default` is taken for the middle."""
_SAMPLING: Final = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias"}
)
"""Parameters that models refuse together: temperature, and others that steer the sampling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """The facts about the reasoning of some models."""

    levels: tuple[str, ...] | None = None
    """The levels that they take; () if they take none, so that none is sent; None if that is not
    known, so that a level is sent as it is."""
    default: str = "none"
    """The level at which they reason if they are told none. `none` if they do not reason then, or
    if that is not known."""
    reasons: bool = False
    """Whether the models are known to reason; a server may take levels for models that do not."""
    refuses: frozenset[str] = frozenset()
    """Parameters that they refuse while they reason. They are not sent then."""
    member: tuple[str, ...] = (EFFORT,)
    """Where a request has the level: the name of a member, and of one inside it if there are
    two."""

    def nearest(self, wanted: str) -> str | None:
        """Find the level to send.

        Args:
            wanted: The level that was asked for.

        Returns:
            The level itself if the models take it, or if theirs are not known. Else the nearest of
            theirs, the lower one of two; `none` only if `none` was asked for. None if they take
            none, or if their own default is asked for.
        """
        if self.levels is None or wanted in self.levels or wanted not in _RANKS:
            return wanted
        if wanted == "default":
            return None
        reasons = [level for level in self.levels if level != "none"]
        if not reasons:
            return None
        rank = _RANKS[wanted]
        return min(reasons, key=lambda one: (abs(_RANKS[one] - rank), _RANKS[one]))


def with_facts(reasoning: Reasoning, facts: ModelFacts) -> Reasoning:
    """Give the reasoning of a provider's models what is known of one of them.

    Args:
        reasoning: What the provider's row says.
        facts: What is known of the model.
    """
    refuses = reasoning.refuses
    if facts.temperature is not None:
        refuses = frozenset() if facts.temperature == "always" else _SAMPLING
    return replace(
        reasoning,
        levels=reasoning.levels if facts.efforts is None else facts.efforts,
        reasons=reasoning.reasons if facts.efforts is None else bool(facts.efforts),
        default=facts.default_effort or reasoning.default,
        refuses=refuses,
    )


def with_reasoning(members: Mapping[str, Any], facts: Reasoning) -> dict[str, Any]:
    """Give the level of reasoning the form that a server takes, and leave out what it refuses.

    Args:
        members: The members of a request, with our names.
        facts: The row of the models.
    """
    adapted = dict(members)
    wanted = adapted.get(EFFORT)
    if isinstance(wanted, str):
        del adapted[EFFORT]
        level = facts.nearest(wanted)
        if level is not None:
            adapted = _with_member(adapted, facts.member, level)
    else:
        level = None
    if (level or facts.default) == "none":
        return adapted
    return {name: value for name, value in adapted.items() if name not in facts.refuses}


def _with_member(members: dict[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    """The members with one more; what the user gave at the same place stays."""
    name, *inside = path
    given = members.get(name)
    if not inside:
        return {**members, name: value}
    if name in members and not isinstance(given, Mapping):
        return members
    return {**members, name: {inside[0]: value, **(given or {})}}


def check_format(members: Mapping[str, Any], provider: str, *, wants_json: bool) -> None:
    """Raise if the forms of reasoning that a request asks for exclude one another.

    Args:
        members: The members of the request.
        provider: The name of the provider, for the error.
        wants_json: Whether the answer is to be JSON, or may call tools.

    Raises:
        ConfigurationError: If `reasoning_format` and `include_reasoning` are both given, or the
            raw format together with JSON or tools. Groq answers 400 to both
            (console.groq.com/docs/reasoning).
    """
    form = members.get("reasoning_format")
    if form is not None and members.get("include_reasoning") is not None:
        raise ConfigurationError(
            "`reasoning_format` and `include_reasoning` are both given.",
            hint="Give one of them: `include_reasoning=False` says the same as "
            '`reasoning_format="hidden"`.',
        )
    if form == "raw" and wants_json:
        raise ConfigurationError(
            f"{provider} writes raw reasoning into the text of the answer, so it refuses that "
            "together with JSON or tools.",
            hint='Write `reasoning_format="parsed"`, or "hidden".',
        )
