"""The elements of a web page as a tree, also of pages that leave out end tags (HTML, 13.1.2.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_WITHOUT_CONTENT: Final = """
area base br col embed hr img input link meta param source track wbr
"""
_VOID: Final = frozenset(_WITHOUT_CONTENT.split())
"""Elements without content, which have no end tag."""
_ON_LINES_OF_THEIR_OWN: Final = """
address article aside blockquote body caption center details dialog dd div dl dt fieldset figcaption
figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre search
section summary table tbody td tfoot th thead tr ul
"""
BLOCKS: Final = frozenset(_ON_LINES_OF_THEIR_OWN.split())
"""Elements that begin on a line of their own."""
_IN_HEAD: Final = frozenset(
    {"base", "link", "meta", "noscript", "script", "style", "template", "title"}
)
_OF_TABLES: Final = frozenset(["caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"])
_GROUPS: Final = frozenset({"thead", "tbody", "tfoot"})
_ROWS_GO_IN: Final = _GROUPS | {"table"}
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CLOSED_BY: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "td", "th"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl", "td", "th"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl", "td", "th"})),
    "td": (frozenset({"td", "th", "caption"}), frozenset({"table"})),
    "th": (frozenset({"td", "th", "caption"}), frozenset({"table"})),
    "tr": (frozenset({"tr", "caption"}), frozenset({"table"})),
    **dict.fromkeys(_GROUPS, (_GROUPS | {"tr", "caption"}, frozenset({"table"}))),
    "option": (frozenset({"option"}), frozenset({"select"})),
    "optgroup": (frozenset({"option", "optgroup"}), frozenset({"select"})),
    **dict.fromkeys(_HEADINGS, (_HEADINGS, BLOCKS - _HEADINGS)),
}
"""Which open elements a start tag ends, and inside which it does."""
_MOST_ENDLESS: Final = 100
"""How many tags may begin after the last one that ends; more are text."""
_MOST_OPEN: Final = 150
"""Elements that may be open at once. Those further in are a part of the last one."""


@dataclass(slots=True)
class Element:
    """An element of a page."""

    tag: str
    """Its name, in lower case."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Its attributes; one without a value has an empty one."""
    children: list[Element | str] = field(default_factory=list)
    """Its texts and elements, in order."""

    def elements(self) -> Iterator[Element]:
        """Give the elements that are directly in it."""
        return (one for one in self.children if isinstance(one, Element))

    def text(self) -> str:
        """Give all text in it."""
        return "".join(one if isinstance(one, str) else one.text() for one in self.children)


class _Parser(HTMLParser):
    """Makes a tree of the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("html")
        self.open = [self.root]
        self.flattened: Counter[str] = Counter()
        """The open elements that are too far in to be in the tree."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            return
        if tag not in _IN_HEAD:
            self.close_up_to(frozenset({"head"}), frozenset())
        if tag in BLOCKS:
            self.close_up_to(frozenset({"p"}), BLOCKS - {"p"})
        closes, inside = _CLOSED_BY.get(tag, (frozenset(), frozenset()))
        self.close_up_to(closes, inside)
        if tag in ("td", "th") and self.open[-1].tag in _ROWS_GO_IN:
            self.handle_starttag("tr", [])  # which a page may leave out
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag in _VOID:
            return
        if len(self.open) < _MOST_OPEN:
            self.open.append(element)
        else:
            self.flattened[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if self.flattened[tag]:
            self.flattened[tag] -= 1
        elif tag == "br":  # which browsers take for a start tag
            self.handle_starttag(tag, [])
        elif tag != "html":
            is_of_table = tag in _OF_TABLES
            inside = {"table"} - {tag} if is_of_table else _OF_TABLES
            self.close_up_to(frozenset({tag}), frozenset(inside), is_innermost=True)

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def close_up_to(
        self, tags: frozenset[str], inside: frozenset[str], *, is_innermost: bool = False
    ) -> None:
        """End an open element of these names that is inside those: by default the outermost."""
        found = None
        for at in range(len(self.open) - 1, 0, -1):
            tag = self.open[at].tag
            if tag in tags:
                found = at
            if tag in inside or (is_innermost and found):
                break
        if found is not None:
            del self.open[found:]


def tree_of(page: str) -> Element:
    """Make a tree of a page.

    Args:
        page: Its source.

    Returns:
        The element around all others.
    """
    parser = _Parser()
    parser.feed(_without_endless_tags(page))
    parser.close()
    return parser.root


def _without_endless_tags(page: str) -> str:
    """The page, with no tags after its last ">" if many begin there.

    None of them ends, and Python's parser looks for the end of each in all of the rest.
    """
    last = page.rfind(">") + 1
    if page.count("<", last) <= _MOST_ENDLESS:
        return page
    return page[:last] + page[last:].replace("<", "&lt;")
