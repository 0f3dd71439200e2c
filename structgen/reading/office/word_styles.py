"""The styles and lists of the paragraphs of a Word document (ECMA-376, 17.7 and 17.9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
"""The namespace of WordprocessingML."""
VAL: Final = f"{W}val"
_HEADING_STYLE: Final = re.compile(r"(?i)heading ?(\d)$|(title)$")
_BODY_LEVEL: Final = 9
"""The outline level of body text; headings have 0 to 8 (ECMA-376, 17.3.1.20)."""
_LEVELS: Final = 9
_PLACE: Final = re.compile(r"%([1-9])")
_ROMAN: Final = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"),
        strict=True,
    )
)


def is_on(element: Any) -> bool:
    """Whether a property that is on or off is on.

    Args:
        element: The element of the property; None if it is not there.
    """
    return element is not None and element.get(VAL, "true") not in ("0", "false", "off")


def number_of(element: Any, path: str, otherwise: int = 0) -> int:
    """Give the number that a property of an element has.

    Args:
        element: The element; None if it is not there.
        path: The path to the property.
        otherwise: The number if there is no such property.
    """
    found = None if element is None else element.find(path)
    value = "" if found is None else found.get(VAL, "")
    return int(value) if value.isdecimal() else otherwise


class Styles:
    """The styles of a document."""

    def __init__(self, root: Any) -> None:
        """Read the styles.

        Args:
            root: The part that holds them; None if the file has none.
        """
        found = () if root is None else root.iterfind(f"{W}style")
        self._styles = {one.get(f"{W}styleId"): one for one in found}

    def level(self, paragraph: Any) -> int | None:
        """Give the level of a heading; None for body text."""
        own = paragraph.find(f"{W}pPr/{W}outlineLvl")
        for style in self._chain(paragraph, "pPr", "pStyle"):
            if own is not None:
                break
            name = style.find(f"{W}name")
            found = _HEADING_STYLE.match("" if name is None else name.get(VAL, ""))
            if found:
                return int(found[1] or 0)
            own = style.find(f"{W}pPr/{W}outlineLvl")
        outline = "" if own is None else own.get(VAL, "")
        is_heading = outline.isdecimal() and int(outline) < _BODY_LEVEL
        return int(outline) + 1 if is_heading else None

    def is_hidden(self, run: Any, paragraph: Any) -> bool:
        """Whether the text of a run is hidden."""
        own = run.find(f"{W}rPr/{W}vanish")
        if own is not None:
            return is_on(own)
        styles = [
            *self._chain(run, "rPr", "rStyle"),
            *self._chain(paragraph, "pPr", "pStyle"),
        ]
        found = (style.find(f"{W}rPr/{W}vanish") for style in styles)
        return is_on(next((one for one in found if one is not None), None))

    def list_of(self, paragraph: Any) -> tuple[int, int | None, str | None]:
        """Give the list that a paragraph is an item of.

        Returns:
            The number of the list, 0 for none; the level in it, from 0, None if the style tells;
            and the style that tells.
        """
        own = paragraph.find(f"{W}pPr/{W}numPr")
        if own is not None:
            return number_of(own, f"{W}numId"), number_of(own, f"{W}ilvl"), None
        for style in self._chain(paragraph, "pPr", "pStyle"):
            found = style.find(f"{W}pPr/{W}numPr")
            if found is not None and found.find(f"{W}numId") is not None:
                has_level = found.find(f"{W}ilvl") is not None
                level = number_of(found, f"{W}ilvl") if has_level else None
                return number_of(found, f"{W}numId"), level, style.get(f"{W}styleId")
        return 0, 0, None

    def _chain(self, element: Any, properties: str, kind: str) -> list[Any]:
        """The style of an element, then those that it is based on."""
        named = element.find(f"{W}{properties}/{W}{kind}")
        chain: list[Any] = []
        while named is not None:
            style = self._styles.get(named.get(VAL))
            if style is None or style in chain:
                break
            chain.append(style)
            named = style.find(f"{W}basedOn")
        return chain


class Lists:
    """The numbers and bullets that Word prints before the items of lists."""

    def __init__(self, root: Any) -> None:
        """Read the lists.

        Args:
            root: The part that holds them; None if the file has none.
        """
        self._levels: dict[str, dict[int, Any]] = {}
        self._lists: dict[int, Any] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[int] = set()
        if root is None:
            return
        for one in root.iterfind(f"{W}abstractNum"):
            levels = {int(level.get(f"{W}ilvl", 0)): level for level in one.iterfind(f"{W}lvl")}
            self._levels[one.get(f"{W}abstractNumId")] = levels
        self._lists = {int(one.get(f"{W}numId", 0)): one for one in root.iterfind(f"{W}num")}

    def label(self, number: int, level: int | None, style: str | None) -> str:
        """Count an item and give what is printed before it, with a space; empty for nothing.

        Args:
            number: The number of the list.
            level: The level of the item, from 0; None if its style tells.
            style: The style that tells.
        """
        found = self._lists.get(number)
        named = None if found is None else found.find(f"{W}abstractNumId")
        kind = "" if named is None else named.get(VAL, "")
        levels = self._levels.get(kind)
        if found is None or not levels:
            return ""
        if level is None:
            level = next((at for at, one in levels.items() if _is_of_style(one, style)), 0)
        if level not in levels:
            return ""
        counts = self._counts.setdefault(kind, [None] * _LEVELS)
        self._restart(number, found, counts)
        self._count(levels, level, counts)
        return self._printed(levels, level, counts)

    def _restart(self, number: int, found: Any, counts: list[int | None]) -> None:
        """Begin to count anew if a list says so, which shares its counts with others."""
        if number in self._begun:
            return
        self._begun.add(number)
        for one in found.iterfind(f"{W}lvlOverride"):
            start = one.find(f"{W}startOverride")
            level = int(one.get(f"{W}ilvl", 0))
            if start is not None and level < _LEVELS:
                counts[level] = number_of(one, f"{W}startOverride", 1) - 1

    def _count(self, levels: Mapping[int, Any], level: int, counts: list[int | None]) -> None:
        before = counts[level]
        start = number_of(levels[level], f"{W}start", 1)
        counts[level] = start if before is None else before + 1
        for deeper in range(level + 1, _LEVELS):
            counts[deeper] = None

    def _printed(self, levels: Mapping[int, Any], level: int, counts: list[int | None]) -> str:
        own = levels[level]
        if _format_of(own) == "bullet":
            return "- "
        text = own.find(f"{W}lvlText")
        pattern = "" if text is None else text.get(VAL, "")

        def count(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            shown = levels.get(at)
            start = 1 if shown is None else number_of(shown, f"{W}start", 1)
            number = counts[at]
            form = "decimal" if is_on(own.find(f"{W}isLgl")) else _format_of(shown)
            return _formatted(start if number is None else number, form)

        label = _PLACE.sub(count, pattern).strip()
        return f"{label} " if label else ""


def _is_of_style(level: Any, style: str | None) -> bool:
    found = level.find(f"{W}pStyle")
    return found is not None and found.get(VAL) == style


def _format_of(level: Any) -> str:
    found = None if level is None else level.find(f"{W}numFmt")
    return "decimal" if found is None else str(found.get(VAL, "decimal"))


def _letters(number: int) -> str:
    """A to Z, then AA to ZZ, as Word counts."""
    times, at = divmod(number - 1, 26)
    return chr(ord("a") + at) * (times + 1) if 0 < number <= 26 * 30 else str(number)


def roman(number: int) -> str:
    """Give a number in lower case Roman digits.

    Args:
        number: The number; those that have no Roman form are written in decimals.
    """
    if not 0 < number < 4000:
        return str(number)
    found = ""
    for value, digits in _ROMAN:
        times, number = divmod(number, value)
        found += digits * times
    return found


def _ordinal(number: int) -> str:
    is_teen = 10 < number % 100 < 14
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


_FORMATS: Final[Mapping[str, Callable[[int], str]]] = {
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": roman,
    "upperRoman": lambda number: roman(number).upper(),
    "ordinal": _ordinal,
    "none": lambda number: "",
}


def _formatted(number: int, form: str) -> str:
    return _FORMATS.get(form, str)(number)
