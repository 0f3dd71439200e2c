"""The numbers behind a chart, as a table (ECMA-376, part 1, 21.2)."""

from __future__ import annotations

from typing import Any

from structgen.reading.builder import DocumentBuilder


def write_chart(builder: DocumentBuilder, chart: Any) -> None:
    """Write the title of a chart and its series: a column each, a row for each category.

    Args:
        builder: What to write to.
        chart: The root of the part of the chart.
    """
    title = chart.find("{*}chart/{*}title")
    text = "" if title is None else " ".join("".join(title.itertext("{*}t", "{*}v")).split())
    if text:
        builder.separate()
        builder.write(text)
    series = list(chart.iter("{*}ser"))
    if not series:
        return
    categories: dict[int, str] = {}
    for one in series:
        categories |= _points(one, "cat", "xVal")
    columns = [_points(one, "val", "yVal") for one in series]
    names = [_name(one, at) for at, one in enumerate(series, 1)]
    at_all = sorted({at for column in (categories, *columns) for at in column})
    rows = [["", *names]]
    rows += [[categories.get(at, ""), *(one.get(at, "") for one in columns)] for at in at_all]
    builder.separate()
    builder.table(rows)
    builder.separate()


def _points(series: Any, *kinds: str) -> dict[int, str]:
    """The values of a series by their number."""
    found: dict[int, str] = {}
    for kind in kinds:
        for point in series.iterfind(f"{{*}}{kind}//{{*}}pt"):
            value = point.find("{*}v")
            text = "" if value is None else " ".join((value.text or "").split())
            at = int(point.get("idx", 0))
            found[at] = f"{text} {found[at]}" if at in found else text  # the innermost level first
    return found


def _name(series: Any, number: int) -> str:
    found = series.find("{*}tx")
    text = "" if found is None else " ".join("".join(found.itertext("{*}v")).split())
    return text or f"Series {number}"
