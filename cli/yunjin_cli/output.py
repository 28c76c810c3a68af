"""How answers are written: tables for people, JSON and YAML for programs; errors on standard error.

Used by `yunjin_cli.commands`; calls rich, json and yaml. Promises that JSON and YAML hold the same values under the
same keys in every language, and that a table shows the words of `yunjin.model.words`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from yunjin.errors import DeclaredError, DeclaredErrors, Lang, Text, YunjinError
from yunjin.model.words import word
from yunjin_cli.session import Output, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.model.change import Finding

Row = dict[str, Any]

_STYLE = {"error": "bold red", "warning": "yellow", "notice": "cyan"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table and the key it has in JSON."""

    key: str
    title: Text
    right: bool = False


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; piped output is never wrapped at 80 columns."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def show_rows(
    session: Session, columns: Sequence[Column], rows: Sequence[Row], title: Text | None = None
) -> None:
    """A list of things."""
    if session.output is not Output.TABLE:
        show_value(session, [{column.key: row.get(column.key) for column in columns} for row in rows])
        return
    table = Table(title=title.of(session.lang) if title else None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(
            column.title.of(session.lang),
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=False,
        )
    for row in rows:
        table.add_row(*(cell(row.get(column.key), session.lang) for column in columns))
    console().print(table)


def show_fields(session: Session, columns: Sequence[Column], row: Mapping[str, Any]) -> None:
    """One thing, a line a field."""
    if session.output is not Output.TABLE:
        show_value(session, {column.key: row.get(column.key) for column in columns})
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for column in columns:
        table.add_row(column.title.of(session.lang), cell(row.get(column.key), session.lang))
    console().print(table)


def show_value(session: Session, value: Any) -> None:
    """A value as JSON or YAML."""
    plain = json.loads(json.dumps(value, default=_plain, ensure_ascii=False))
    if session.output is Output.YAML:
        sys.stdout.write(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False))
    else:
        sys.stdout.write(json.dumps(plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> Any:
    return {"zh": value.zh, "en": value.en} if isinstance(value, Text) else str(value)


def cell(value: Any, lang: Lang) -> str:
    """A value in a table."""
    if value is None or value == "":
        return "—"
    if isinstance(value, Text):
        return value.of(lang)
    if isinstance(value, bool):
        return Text("是" if value else "否", "yes" if value else "no").of(lang)
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item, lang)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return (", " if lang == "en" else "、").join(cell(item, lang) for item in value) or "—"
    return str(value)


def say(session: Session, text: Text, style: str = "") -> None:
    """A sentence for people; silent where a program reads the answer."""
    if session.output is Output.TABLE:
        console().print(text.of(session.lang), style=style or None, markup=False)


def show_findings(session: Session, findings: Sequence[Finding], *, full: bool = False) -> None:
    """Findings, errors first; notices only where all were asked for."""
    if session.output is not Output.TABLE:
        return
    out = console()
    order = ("error", "warning", "notice") if full else ("error", "warning")
    for severity in order:
        for finding in findings:
            if finding.severity.value == severity:
                label = word(f"severity.{severity}").of(session.lang)
                out.print(f"[{_STYLE[severity]}]{label}[/] {finding.rule}", end=" ")
                out.print(finding.message.of(session.lang), markup=False)
                where = f"{finding.place}  " if finding.place else ""
                out.print(f"      {where}→ {finding.remedy.of(session.lang)}", style="dim", markup=False)


def show_error(error: YunjinError, lang: Lang, output: Output) -> None:
    """An error on standard error: every part of it, with place and remedy."""
    errors = error.errors if isinstance(error, DeclaredErrors) else (error,)
    if output is not Output.TABLE:
        sys.stderr.write(
            json.dumps({"errors": [_error_row(e) for e in errors]}, ensure_ascii=False, indent=2) + "\n"
        )
        return
    out = console(stderr=True)
    for part in errors:
        place = f"{part.place}: " if isinstance(part, DeclaredError) else ""
        field = f"{part.field}: " if isinstance(part, DeclaredError) and part.field else ""
        out.print("[bold red]" + word("severity.error").of(lang) + "[/] ", end="")
        out.print(f"{place}{field}{part.message.of(lang)}", markup=False)
        if isinstance(part, DeclaredError) and part.expected:
            out.print(f"      {Text('应为', 'expected').of(lang)}: {part.expected.of(lang)}", markup=False)
        if part.remedy:
            out.print(f"      → {part.remedy.of(lang)}", style="dim", markup=False)
    if len(errors) > 1:
        out.print(error.message.of(lang), markup=False)


def _error_row(error: YunjinError) -> Row:
    row: Row = {"code": error.code, "message": {"zh": error.message.zh, "en": error.message.en}}
    if error.remedy:
        row["remedy"] = {"zh": error.remedy.zh, "en": error.remedy.en}
    if isinstance(error, DeclaredError):
        row |= {"place": str(error.place), "field": error.field}
    return row


def progress() -> Progress:
    """A bar for long work, on standard error, shown only on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
