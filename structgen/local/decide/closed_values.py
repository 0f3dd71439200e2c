"""Follow an answer from value to value: which one is being written, and is it closed?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from structgen.answer.scanner import Scanner
from structgen.errors import NotJsonError
from structgen.local.decide.decisions import Option, options_of
from structgen.local.grammar.closed import options_after
from structgen.schema.json import Path, escape

if TYPE_CHECKING:
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.grammar.matcher import Matcher
    from structgen.local.runtimes.base import Vocabulary


_QUOTE: Final = b'"'[0]


class ClosedValues:
    """The place in an answer, and the options of the value there."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self._grammar, self._vocabulary = grammar, vocabulary
        self._scanner = Scanner()
        self._written = 0
        self._asked = -1
        self._bytes: Matcher | None = None
        self._read = 0
        self._is_json = True

    @property
    def path(self) -> Path:
        """The path of the value that is being written, or comes next."""
        return self._scanner.path

    @property
    def in_value(self) -> bool:
        """Whether a value is being written, or comes next."""
        return self._is_json and self._scanner.at_value

    @property
    def may_end(self) -> bool:
        """Whether a list is open that has no item yet."""
        return self._scanner.at_first_item

    @property
    def is_growing(self) -> bool:
        """Whether the value that `options` was asked about last is being written."""
        growing = self._scanner.growing
        return growing is not None and growing[1] == self._asked

    @property
    def in_string(self) -> bool:
        """Whether a string is being written, and not its opening quote."""
        growing = self._scanner.growing
        return growing is not None and self._scanner.text[growing[1]] == _QUOTE

    @property
    def start(self) -> int:
        """The first byte of the value that is being written, or comes next."""
        growing = self._scanner.growing
        return growing[1] if growing else len(self._scanner.text)

    @property
    def pending(self) -> bytes:
        """The bytes that are forced and were not yet written."""
        return bytes(self._scanner.text[self._written :])

    def ask_again(self) -> None:
        """Forget that the options of this value were asked for."""
        self._asked = -1

    def feed(self, piece: bytes) -> None:
        """Take bytes that were written."""
        self._written += len(piece)
        known = len(self._scanner.text)
        self._scan(piece[max(0, len(piece) - (self._written - known)) :])

    def take_back(self, text: bytes) -> None:
        """Forget what was written after a beginning of the answer.

        Args:
            text: What stays.
        """
        self._scanner, self._bytes = Scanner(), None
        self._written = self._read = 0
        self._asked = -1
        self.feed(text)

    def _scan(self, piece: bytes) -> None:
        if self._is_json and piece:
            try:
                self._scanner.feed(piece)
            except NotJsonError:
                self._is_json = False  # a grammar may describe something else than JSON

    def look_ahead(self, matcher: Matcher) -> None:
        """Take the bytes that are forced and were not yet written.

        Args:
            matcher: The grammar, after what was written.
        """
        forced = bytes(matcher.compute_ff_bytes())
        self._scan(forced[len(self._scanner.text) - self._written :])

    def options(self, matcher: Matcher) -> list[Option]:
        """Find the options of the value that comes next. First `look_ahead`.

        Args:
            matcher: The grammar, after what was written.

        Returns:
            The options in the order of their texts; [] if the value is not closed or has one
            option only, or something of it was chosen already.
        """
        places = self._grammar.closed
        if places is None or not self.in_value:
            return []
        start = self.start
        if start == self._asked or self._scanner.path not in places:
            return []
        self._asked = start
        begun = bytes(self._scanner.text[start:])
        texts = options_after(self._byte_matcher(), begun) or []
        options = options_of(texts, begun, self.pending, self._vocabulary)
        tokens = (list(option.tokens) for option in options)
        are_allowed = all(matcher.validate_tokens(one) == len(one) for one in tokens)
        return options if are_allowed and len(options) > 1 else []

    def _byte_matcher(self) -> Matcher:
        """The grammar over bytes, after everything that was written or is forced."""
        self._bytes = self._bytes or self._grammar.byte_matcher()
        text = bytes(self._scanner.text[self._read :])
        self._read += len(text)
        self._bytes.consume_tokens(list(text))
        return self._bytes


def place_of(path: Path) -> str:
    """A JSON Pointer with `*` for any index."""
    steps = []
    while path is not None:
        path, key = path
        steps.append("*" if isinstance(key, int) else escape(key))
    return "".join(f"/{step}" for step in reversed(steps))
