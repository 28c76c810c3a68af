"""How text and tables fit the width of a terminal.

Used by `output`; calls rich to count cells. Promises that a figure stays with its unit, that an id ends its
lines behind a stroke where it has one, and that no figure is ever cut: what does not fit beside each other
stands below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

GAP: Final = 2
"""Cells between two columns."""
_NARROW: Final = 6
_TOO_LONG: Final = 20
"""No column of text is narrower, none must be as wide as a longer word."""
_WIDE = "\u2e80-\u9fff\uff00-\uffef"
_PIECES: Final = re.compile(
    rf"[+−(]*\d[\d,.]*(?: \(\d[\d,.]*\))? (?:[A-Za-z%]+|[{_WIDE}]{{1,6}})(?![A-Za-z{_WIDE}])[,.;:)]* *"
    r"|\d{4}年\d{1,2}月\d{1,2}日[,.;:)、。]* *"
    rf"|[(“‘〔《]*[{_WIDE}][,.;:)、。,;:)”’〕》]* *"
    rf"|[^\s{_WIDE}]+ *| +"
)
_LEAD: Final = re.compile(r" *(?:\d+\. )?")
_SEGMENTS: Final = re.compile(r"[^/]*/+|[^/]+")


@dataclass(frozen=True, slots=True)
class Span:
    """How many cells a column must and would have."""

    least: int
    most: int


def span(lines: Sequence[str], *, whole: bool) -> Span:
    """Of a column with these lines; `whole` says that none of them may be broken."""
    most = max(map(_cells, lines), default=1)
    if whole:
        return Span(most, most)
    word = max((_cells(piece.rstrip()) for line in lines for piece in _pieces(line, _TOO_LONG)), default=1)
    return Span(min(most, max(_NARROW, min(word, _TOO_LONG))), most)


def panels(spans: Sequence[Span], lead: int, room: int) -> list[dict[int, int]]:
    """Widths by column of the tables that stand below each other, one where everything fits in it.

    Args:
        spans: of all columns.
        lead: so many of the first columns, which say what a line is about, stand in each table.
        room: cells there are. A table is wider where a column alone is.
    """
    found: list[list[int]] = [[*range(lead)]]
    for column in range(lead, len(spans)):
        if len(found[-1]) > lead and total([spans[each].least for each in (*found[-1], column)]) > room:
            found.append([*range(lead)])
        found[-1].append(column)
    return [_shared_out({column: spans[column] for column in columns}, room) for columns in found]


def _shared_out(spans: dict[int, Span], room: int) -> dict[int, int]:
    """Every column as wide as it would be, or the widest of them narrower until they fit."""
    widths = {column: each.most for column, each in spans.items()}
    while total(widths.values()) > room:
        loose = [column for column, each in spans.items() if widths[column] > each.least]
        if not loose:
            break
        widths[max(loose, key=widths.__getitem__)] -= 1
    return widths


def total(widths: Collection[int]) -> int:
    """Cells that columns of these widths take with what is between them."""
    return sum(widths) + GAP * (len(widths) - 1)


def wrapped(text: str, width: int) -> str:
    """The text with its lines broken so that none takes more cells; no line is narrower than a column."""
    room = max(width, _NARROW)
    return "\n".join(part for line in text.split("\n") for part in _broken(line, room))


def _broken(line: str, width: int) -> Iterator[str]:
    """Its lines; what goes on stands below the first word behind blanks and a number."""
    lead = _LEAD.match(line)
    hang = len(lead[0]) if lead else 0
    start = " " * hang if 2 * hang < width else ""
    here = ""
    for piece in _pieces(line, width - len(start)):
        if here.strip() and _cells(here + piece.rstrip()) > width:
            yield here.rstrip()
            here = start
        here += piece
        while _cells(here.rstrip()) > width:  # one word, longer than a line
            fits = next((end for end in range(len(here), 1, -1) if _cells(here[:end]) <= width), 1)
            yield here[:fits]
            here = start + here[fits:]
    yield here.rstrip()


def _pieces(line: str, width: int) -> Iterator[str]:
    """What is not broken; an id is, behind its strokes, where it is wider."""
    for piece in _PIECES.findall(line):
        yield from _SEGMENTS.findall(piece) if _cells(piece.rstrip()) > width else (piece,)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
