"""`yunjin advance`: do what the day brings, and what `yunjin status` says of days to come.

Calls `yunjin.engine.clocks`. The controller does the same with every sweep.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin_cli.actor import actor
from yunjin_cli.ledgers import asked, owner
from yunjin_cli.output import Column, Row, plain, say, show_rows, show_value
from yunjin_cli.session import Output, Session, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

    from yunjin.ledger.notices import Ending, Reclaim
    from yunjin.model.estate import Estate
    from yunjin.store import Store

ENDING: Final = (
    Column("number", Text("编号", "number"), whole=True),
    Column("owner", Text("单位", "whose")),
    Column("node", Text("节点", "node")),
    Column("valid_to", Text("到期", "ends"), whole=True),
    Column("left", Text("剩余天数", "days left"), right=True),
)
RECLAIM: Final = (
    Column("number", Text("编号", "number"), whole=True),
    Column("owner", Text("单位", "whose")),
    Column("node", Text("节点", "node")),
    Column("since", Text("终止日期", "ended on"), whole=True),
)


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    summary = Text(
        "办理当日事项: 核定配额起止、设备收回、机构调整、到期提醒",
        "do what the day brings: grants, contributions, reorganisations, warnings",
    )
    command(app, "advance", summary)(advance)


def advance(session: Session) -> int:
    """Exit code 1 where something that should begin cannot."""
    from yunjin.engine import clocks
    from yunjin.engine.reorganisation import Reorganiser
    from yunjin_policies import RULES

    estate = session.estate()
    with asked(session) as store:
        day = clocks.advance(store, estate, session.as_of, actor())
        moved = Reorganiser(session.tenants, store, RULES, actor()).carry_out_due(session.as_of)
        clocks.forget(store, estate)
        day = replace(day, changed=(*day.changed, *moved.changed), refused=(*day.refused, *moved.refused))
    if session.output is not Output.TABLE:
        show_value(
            session,
            {
                "changed": list(day.changed),
                "refused": [
                    {"number": number, "message": plain(error.message)} for number, error in day.refused
                ],
                "expired": day.expired,
                "warnings": ending_rows(session, estate, day.warnings),
            },
        )
        return int(bool(day.refused))
    changed = ", ".join(day.changed)
    say(session, Text(f"起止变动: {changed or '无'}", f"began, ended or went: {changed or 'none'}"))
    for number, error in day.refused:
        say(
            session,
            Text(
                f"{number} 尚不能生效: {error.message.zh}", f"{number} cannot begin yet: {error.message.en}"
            ),
        )
    if day.warnings:
        title = Text("即将到期的核定配额", "Grants that end soon")
        show_rows(session, ENDING, ending_rows(session, estate, day.warnings), title)
    return int(bool(day.refused))


def to_come(session: Session, estate: Estate, store: Store) -> Row:
    """Grants that end within the city's first warning, and what is to be reclaimed; for `yunjin status`."""
    from yunjin.engine.choices import grant_warnings
    from yunjin.ledger.notices import Notices

    notices = Notices(store.database, store.now, actor())
    ending = notices.ending(session.as_of, max(grant_warnings(estate), default=0))
    return {
        "ending": ending_rows(session, estate, ending),
        "reclaims": reclaim_rows(session, estate, notices.reclaims()),
    }


def ending_rows(session: Session, estate: Estate, endings: Sequence[Ending]) -> list[Row]:
    """Grants that end, the next first."""
    return [
        {
            "number": each.number,
            "owner": owner(session, estate, each.node),
            "node": each.node,
            "kind": each.kind,
            "valid_to": each.valid_to,
            "left": each.left,
            "warned": list(each.warned),
        }
        for each in endings
    ]


def reclaim_rows(session: Session, estate: Estate, reclaims: Sequence[Reclaim]) -> list[Row]:
    """What ended and is used all the same."""
    return [
        {
            "number": each.number,
            "owner": owner(session, estate, each.node),
            "node": each.node,
            "since": each.since,
        }
        for each in reclaims
    ]


def show_to_come(session: Session, found: Row) -> None:
    """Both as tables, where there are any."""
    if found["ending"]:
        show_rows(session, ENDING, found["ending"], Text("即将到期的核定配额", "Grants that end soon"))
    if found["reclaims"]:
        title = Text("已终止、仍有占用待核减", "Ended, and still used beyond what may be")
        show_rows(session, RECLAIM, found["reclaims"], title)
