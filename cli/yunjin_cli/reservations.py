"""Reservations on the command line: how long one waits, and what became of it.

Used by `yunjin_cli.commands.{grant,allot}`. Calls `yunjin.engine.choices`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text, UsageError
from yunjin_cli.output import figures, say
from yunjin_cli.session import moment
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from yunjin.ledger import Reserved
    from yunjin.model.estate import Estate
    from yunjin_cli.output import Row
    from yunjin_cli.session import Session

ExpiryOption = Annotated[
    str | None,
    typer.Option(
        "--expires-in",
        metavar="N(h|d)",
        help=said(
            "未下发执行则多久后失效, 如 12h、3d, 缺省按策略 reservation-days",
            "given back after, unless applied: 12h, 3d; else as policy says",
        ),
    ),
]


def life(written: str) -> timedelta:
    """A life time as people write it: `12h`, `30d`. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,4})([hd])", written)
    if not match or not int(match[1]):
        raise UsageError(
            Text(f"有效期 {written!r} 无法识别", f"{written!r} is no life time"),
            Text("写成 12h 或 30d", "write 12h or 30d"),
        )
    count = int(match[1])
    return timedelta(hours=count) if match[2] == "h" else timedelta(days=count)


def lasting(estate: Estate, asked: str | None) -> timedelta:
    """How long a reservation waits to be applied, as asked or else as the city's policies say."""
    from yunjin.engine.choices import reservation_days

    return timedelta(days=reservation_days(estate)) if asked is None else life(asked)


def reserved_row(leaf: str | None, made: Reserved | None) -> Row:
    """A reservation for programs; all of it None where there is none."""
    return {
        "leaf": leaf,
        "reservation": made.number if made else None,
        "target": figures(made.target) if made else None,
        "expires": made.expires if made else None,
    }


def say_reserved(session: Session, leaf: str, made: Reserved) -> None:
    """What a leaf shall hold, and until when that waits to be applied."""
    name, target = leaf.removeprefix("leaf/"), figures(made.target).text
    if made.number is None or made.expires is None:
        say(session, Text(f"{name} 已是 {target.zh}, 未作变更", f"{name} has {target.en} already"))
        return
    end = moment(made.expires)
    say(
        session,
        Text(
            f"{name} 预占 {made.number}: 调整为 {target.zh}; 下发执行(yunjin plan, yunjin apply)后生效, "
            f"{end} 前未下发则失效",
            f"{name} reservation {made.number}: will hold {target.en} once applied (yunjin plan, apply); "
            f"given back at {end} unless it is",
        ),
    )
