"""Quota that was cut below what is used, and what is still to be taken back of it.

Used by `yunjin status`. Calls `yunjin.ledger.reclaims`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.ledgers import named, plainly
from yunjin_cli.output import Column, Row, Told, show_rows
from yunjin_cli.session import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.store import Store
    from yunjin_cli.session import Session

_COLUMNS: Final = (
    Column("leaf", word("leaf"), whole=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("asked", Text("应减到", "to"), right=True),
    Column("used", Text("现下发", "holds"), right=True),
    Column("due", Text("期限", "due"), whole=True),
    Column("late", Text("逾期", "late")),
)


def in_use_rows(session: Session, store: Store) -> list[Row]:
    """What is open, the first due first."""
    from yunjin.ledger.reclaims import open_reclaims

    return [
        {
            "leaf": each.leaf.removeprefix("leaf/"),
            "dimension": named(each.dimension),
            "asked": plainly(each.dimension, each.asked),
            "used": plainly(each.dimension, each.used),
            "opened": Told(each.opened, Text(moment(each.opened), moment(each.opened))),
            "due": each.due,
            "late": each.due < session.as_of,
        }
        for each in open_reclaims(store.database)
    ]


def show_in_use(session: Session, rows: Sequence[Row]) -> None:
    """A table, where there is anything."""
    if rows:
        title = Text("待收回的配额(仍在使用)", "Quota to be taken back, still in use")
        show_rows(session, _COLUMNS, rows, title)
