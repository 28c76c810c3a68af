"""How answers are written: tables for people, JSON and YAML for programs; errors on standard error.

Used by `yunjin_cli.commands`; calls rich, json and yaml, each only when it is needed. Promises that JSON and
YAML hold the same values under the same keys in every language, that a table shows the words of
`yunjin.model.words` and whole figures, however narrow the terminal, and that what others have named is shown
sign for sign and does nothing to a terminal.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import DeclaredError, DeclaredErrors, Lang, Text, YunjinError
from yunjin.model.signs import written_out
from yunjin.model.words import word
from yunjin_cli import layout
from yunjin_cli.session import Output, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text as Styled

    from yunjin.model.amounts import Amounts

Row = dict[str, Any]

PIPED: Final = 10_000
"""Columns of an answer that no terminal shows: every line stays whole."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table and the key it has in JSON.

    Attributes:
        right: figures, aligned to the right and never broken.
        whole: ids and the like, never broken.
        listed: where one thing is shown, items stand a line each.
    """

    key: str
    title: Text
    right: bool = False
    whole: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A value that programs read as `value` and people as `text`."""

    value: Any
    text: Text


def figures(amounts: Amounts) -> Told:
    """Amounts: as declared files write them, and as people read them."""
    from yunjin.model.formats import amounts_text

    return Told(amounts.written(), Text(amounts_text(amounts, "zh"), amounts_text(amounts, "en")))


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; what is piped is never broken, and [b] or :key: mean themselves."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    piped = not stream.isatty()
    return Console(
        file=stream,
        width=PIPED if piped else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=piped,
    )


def show_rows(
    session: Session,
    columns: Sequence[Column],
    rows: Sequence[Row],
    title: Text | None = None,
    styles: Sequence[str] = (),
) -> None:
    """A list of things. A table shows the columns alone, JSON and YAML everything that a row holds.

    Args:
        session: whose language and form.
        columns: of the table, from left to right.
        rows: by key of a column.
        title: above the table.
        styles: of the rows, where they differ.
    """
    if session.output is not Output.TABLE:
        show_value(session, [_whole(columns, row) for row in rows])
        return
    lead = next((number for number, column in enumerate(columns) if column.right), 1)
    parts = [[cell(row.get(column.key), session.lang) for row in rows] for column in columns]
    titles = [column.title.of(session.lang) for column in columns]
    spans = [
        layout.span([head, *"\n".join(part).split("\n")], whole=column.right or column.whole)
        for column, head, part in zip(columns, titles, parts, strict=True)
    ]
    for number, widths in enumerate(layout.panels(spans, max(lead, 1), console().width)):
        if number:
            sys.stdout.write("\n")
        table = _table(title.of(session.lang) if title and not number else None)
        for column, width in widths.items():
            right = columns[column].right
            table.add_column(titles[column], justify="right" if right else "left", width=width)
        for line in range(len(rows)):
            cells = (layout.wrapped(parts[column][line], width) for column, width in widths.items())
            table.add_row(*cells, style=styles[line] if styles else None)
        _print(table, layout.total(widths.values()))


def _table(title: str | None) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def show_fields(session: Session, columns: Sequence[Column], row: Mapping[str, Any]) -> None:
    """One thing, a line a field."""
    if session.output is not Output.TABLE:
        show_value(session, _whole(columns, row))
        return
    from rich.table import Table

    titles = [column.title.of(session.lang) for column in columns]
    room = console().width - layout.span(titles, whole=True).most - layout.GAP
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for column, head in zip(columns, titles, strict=True):
        between = "\n" if column.listed else ", "
        table.add_row(head, layout.wrapped(cell(row.get(column.key), session.lang, between), room))
    _print(table)


def _print(table: Table, width: int = 0) -> None:
    """Print a table without the blanks that fill its last column, `width` wide where no terminal is."""
    out = console()
    out.width = max(out.width, width)
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _whole(columns: Sequence[Column], row: Mapping[str, Any]) -> Row:
    """A row with every key, so that programs never ask for one that is missing."""
    return {**{column.key: None for column in columns}, **row}


def show_value(session: Session, value: Any) -> None:
    """A value as JSON or YAML."""
    if session.output is Output.YAML:
        import yaml

        text = yaml.dump(plain(value), Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    else:
        text = json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n"
    sys.stdout.write(text)


def plain(value: Any) -> Any:
    """A value as programs read it: texts in both languages, days and moments as ISO 8601 has them."""
    if isinstance(value, Told):
        return plain(value.value)
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def cell(value: Any, lang: Lang, between: str = ", ") -> str:
    """A value as people read it; items of a list stand `between` each other."""
    if isinstance(value, Told):
        value = value.text
    if isinstance(value, dict):
        value = [f"{key} {cell(item, lang)}" for key, item in value.items()]
    if isinstance(value, list | tuple):
        value = between.join(cell(item, lang) for item in value)
    if isinstance(value, bool):
        value = Text("是", "yes") if value else Text("否", "no")
    if isinstance(value, date):
        from yunjin.model.formats import date_text

        return date_text(value, lang)
    if value is None or value == "":
        return "—"
    return written_out(value.of(lang) if isinstance(value, Text) else str(value))


def say(session: Session, text: Text, style: str = "") -> None:
    """A sentence for people; silent where a program reads the answer."""
    if session.output is Output.TABLE:
        out = console()
        out.print(layout.wrapped(written_out(text.of(session.lang)), out.width), style=style or None)


def show_error(error: YunjinError, lang: Lang, output: Output) -> None:
    """An error on standard error: every part of it, with place and remedy."""
    errors = error.errors if isinstance(error, DeclaredErrors) else (error,)
    if output is not Output.TABLE:
        rows = [_error_row(part) for part in errors]
        sys.stderr.write(json.dumps({"errors": rows}, ensure_ascii=False, indent=2) + "\n")
        return
    out = console(stderr=True)
    for part in errors:
        place = f"{part.place}: " if isinstance(part, DeclaredError) else ""
        field = f"{part.field}: " if isinstance(part, DeclaredError) and part.field else ""
        show_entry(out, severity_label("error", lang), f"{place}{field}{part.message.of(lang)}")
        if isinstance(part, DeclaredError) and part.expected:
            show_entry(out, INDENT, f"{Text('应为', 'expected').of(lang)}: {part.expected.of(lang)}")
        if part.remedy:
            show_entry(out, INDENT, f"→ {part.remedy.of(lang)}", "dim")
    if len(errors) > 1:
        out.print(error.message.of(lang))


INDENT: Final = "     "
_STYLE: Final = {"error": "bold red", "warning": "yellow", "notice": "cyan"}


def severity_label(severity: str, lang: Lang) -> Styled:
    """The word for a severity, in its colour, and a space."""
    from rich.text import Text as Styled

    return Styled.assemble((word(f"severity.{severity}").of(lang), _STYLE[severity]), " ")


def show_entry(out: Console, lead: str | Styled, text: str, style: str = "") -> None:
    """A paragraph whose further lines stand below its first words, not below `lead`."""
    from rich.table import Table
    from rich.text import Text as Styled

    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    room = out.width - layout.span([str(lead)], whole=True).most
    grid.add_row(lead, Styled(layout.wrapped(written_out(text), room), style))
    out.print(grid)


def _error_row(error: YunjinError) -> Row:
    row: Row = {"code": error.code, "message": plain(error.message), "remedy": plain(error.remedy)}
    if error.facts:
        row["facts"] = plain(dict(error.facts))
    if isinstance(error, DeclaredError):
        place = error.place
        row |= {
            "place": str(place),
            "path": str(place.path),
            "line": place.line,
            "column": place.column,
            "field": error.field,
            "expected": plain(error.expected),
        }
    return row


def waiting(session: Session, text: Text) -> AbstractContextManager[object]:
    """A sign of life on standard error while what is done cannot be counted; on a terminal alone."""
    if not sys.stderr.isatty():
        return nullcontext()
    return console(stderr=True).status(text.of(session.lang))


def progress() -> Progress:
    """A bar for work that can be counted, on standard error, shown only on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
