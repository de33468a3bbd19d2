"""Fits tables to the width of the terminal; without a terminal nothing is shortened."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from typing import Any

from ..terminal import shortened

WHOLE = frozenset(
    {
        "ID",
        "Size",
        "Age",
        "Last used",
        "State",
        "Time",
        "Creation time",
        "Creation Time",
        "Duration",
        "Started",
        "Status",
        "Commit",
    }
)
"""Columns that are not shortened."""

WRAPPED = frozenset({"Arguments", "Keyword Arguments", "About"})
"""Columns that have more lines instead, as nothing in them can be left out."""

SENTENCES = frozenset({"Running"})
"""Columns that are wrapped where they do not hold a path."""

_LEAST = 8  #: minimum characters of a shortened cell
_ENOUGH = 24  #: characters that usually identify the content of a cell
_GAP = 2
_PADDING = 2  #: tabulate has so much space about a header


def columns() -> int | None:
    """The columns of stdout's terminal, from COLUMNS or the terminal itself; None without one."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def width_of(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    return sum(_widths(headers, rows)) + _GAP * (len(headers) - 1)


def fits(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a table needs no more than a little shortening, if any."""
    most = columns()
    if most is None:
        return True
    widths = [
        width if header in WHOLE else min(width, _ENOUGH)
        for header, width in zip(headers, _widths(headers, rows), strict=True)
    ]
    return sum(widths) + _GAP * (len(headers) - 1) <= most


def fitted(
    headers: Sequence[str], rows: Sequence[Sequence[Any]], whole: Collection[str] = WHOLE
) -> list[list[Any]]:
    """The rows with the longest columns but those narrower, until they fit as far as they can."""
    most = columns()
    found = [list(row) for row in rows]
    if most is None:
        return found
    widths = _widths(headers, rows)
    may_shrink = [n for n, header in enumerate(headers) if header not in whole]
    least = [max(_LEAST, len(header) + _PADDING) for header in headers]
    over = sum(widths) + _GAP * (len(headers) - 1) - most
    while over > 0:
        able = [n for n in may_shrink if widths[n] > least[n]]
        if not able:
            break
        widths[max(able, key=lambda n: widths[n])] -= 1
        over -= 1
    return [
        [
            _narrower(header, cell, most)
            for header, cell, most in zip(headers, row, widths, strict=True)
        ]
        for row in found
    ]


def paragraph(text: str) -> str:
    """Long text in lines of the terminal; words that are longer than a line stay whole."""
    most = columns()
    if most is None:
        return text
    return textwrap.fill(text, most, break_long_words=False, break_on_hyphens=False)


def prose(text: str) -> str:
    """The same for each line of a text; what follows an indented line is indented as it is."""
    most = columns()
    if most is None:
        return text
    return "\n".join(
        line if len(line) <= most else _filled(line, most) for line in text.split("\n")
    )


def _filled(line: str, most: int) -> str:
    indent = line[: len(line) - len(line.lstrip())][: most // 2]
    return textwrap.fill(
        line, most, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _widths(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    return [
        max([len(header) + _PADDING, *(len(str(row[n])) for row in rows)])
        for n, header in enumerate(headers)
    ]


def _narrower(header: str, cell: Any, most: int) -> Any:
    if not isinstance(cell, str) or len(cell) <= most:
        return cell
    if header in WRAPPED:
        return textwrap.fill(cell, most, break_on_hyphens=False)
    if "/" not in cell.rpartition(" ")[2]:
        if header in SENTENCES:
            return textwrap.fill(cell, most, break_on_hyphens=False)
        return shortened(cell, most)
    # The end of a path identifies it, and its beginning shows its kind.
    head = (most - 1) // 4
    return f"{cell[:head]}…{cell[len(cell) - (most - 1 - head) :]}"
