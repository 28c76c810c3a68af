"""What others have named is shown sign for sign: it is no markup, and does nothing to a terminal."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import ConflictError, Text
from yunjin_cli.output import Column, Told, say, show_error, show_fields, show_rows
from yunjin_cli.session import Output, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from yunjin.errors import Lang

CLEAR = "\x1b[2J\x1b]0;all is well\x07"
"""Clears the screen and gives the window another title."""
SHOWN = r"\x1b[2J\x1b]0;all is well\x07"
COLUMNS = (Column("name", Text("名称", "name")), Column("value", Text("值", "value")))


@pytest.fixture(params=["zh", "en"])
def session(request: pytest.FixtureRequest) -> Session:
    lang: Lang = request.param
    return Session(
        tenants=Path("tenants"),
        state=Path("state"),
        as_of=date(2026, 11, 22),
        lang=lang,
        output=Output.TABLE,
        strict=False,
        kubeconfig=None,
        os_cloud=None,
        dated=True,
    )


@pytest.mark.parametrize(
    "show", [lambda s, r: show_rows(s, COLUMNS, [r]), lambda s, r: show_fields(s, COLUMNS, r)]
)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("user:[/admin]", "user:[/admin]"),
        ("[red]operators", "[red]operators"),
        ("role :key: holder", "role :key: holder"),
        (CLEAR, SHOWN),
        (["a", CLEAR], f"a, {SHOWN}"),
        ({"by": CLEAR}, f"by {SHOWN}"),
        (Told(1, Text(CLEAR, CLEAR)), SHOWN),
        ("\x9b2J", r"\x9b2J"),
        ("good\rbad", r"good\rbad"),
        ("safe\u202eelif", r"safe\u202eelif"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_a_value_in_a_table(
    session: Session,
    capsys: pytest.CaptureFixture[str],
    show: Callable[[Session, dict[str, object]], None],
    value: object,
    shown: str,
) -> None:
    show(session, {"name": "drift", "value": value})
    lines = capsys.readouterr().out.splitlines()
    assert shown in lines[-1]


def test_a_sentence(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    say(session, Text(f"由 [bold]{CLEAR} 持有", f"held by [bold]{CLEAR}"))
    assert f"[bold]{SHOWN}" in capsys.readouterr().out


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_error_and_its_remedy(lang: Lang, capsys: pytest.CaptureFixture[str]) -> None:
    said = Text(f"服务端: {CLEAR}", f"the server says {CLEAR}")
    show_error(ConflictError(said, said), lang, Output.TABLE)
    told = capsys.readouterr()
    assert told.err.count(SHOWN) == 2
    assert "\x1b" not in told.err
    assert told.out == ""
