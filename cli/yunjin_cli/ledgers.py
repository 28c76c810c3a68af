"""The quota ledger as commands reach it, and tables about it that several commands show.

Used by `yunjin_cli.commands`; calls the store and `yunjin.engine`. Promises that the declared city has
entered the ledger before anything is written to it, and that a question changes nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.output import Column, Row, Told, say, show_rows
from yunjin_cli.session import Session, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yunjin.ledger.books import Deficit
    from yunjin.ledger.relief import Proposal, Step
    from yunjin.model.estate import Estate
    from yunjin.store import Store

_KEPT: Final = Text("预留", "reserve")
KINDS: Final = {
    "reserve": _KEPT,
    "trials": Text("试运行系统", "trials"),
    "borrowed": word("borrowed"),
    "guarantees": word("guarantee"),
}
_WHAT: Final = {
    "reserve": _KEPT,
    "allotted": word("allotted"),
    "guarantee": word("guarantee"),
}
_DEFICITS: Final = (
    Column("node", Text("节点", "node"), whole=True),
    Column("pool", word("pool"), whole=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("amount", word("deficit"), right=True),
    Column("cause", Text("原因", "cause")),
    Column("opened", Text("起始", "since"), whole=True),
)
_STEPS: Final = (
    Column("kind", Text("次序", "turn"), whole=True),
    Column("owner", Text("单位", "whose")),
    Column("node", Text("让出方", "who gives")),
    Column("what", Text("调整", "what")),
    Column("before", Text("现为", "is"), right=True),
    Column("after", Text("调为", "to"), right=True),
    Column("remains", Text("尚欠", "remains"), right=True),
)


@contextmanager
def opened(session: Session, estate: Estate) -> Iterator[Store]:
    """The store, with the declared city in its ledger. Raises as `opening.enter` does."""
    from yunjin.engine import opening

    with session.store() as store:
        opening.enter(store, estate, session.as_of, actor())
        yield store


@contextmanager
def asked(session: Session) -> Iterator[Store]:
    """The store, to ask its ledger.

    Raises:
        UsageError: the city has not entered it yet.
    """
    from yunjin.ledger.shares import opened as has_city

    with session.store() as store:
        if not has_city(store.database):
            raise UsageError(
                Text("资源台账尚未建立", "there is no ledger yet"),
                Text(
                    "首次下发执行(yunjin apply)或首笔登记时由申报文件建立",
                    "the first apply, or the first entry, makes it from the declared files",
                ),
            )
        yield store


def amount(dimension: str, value: int) -> Told:
    """One amount: as declared files write it, and as people read it."""
    from yunjin.model.amounts import written
    from yunjin.model.formats import amount_text

    return Told(
        written(dimension, value),
        Text(amount_text(dimension, value, "zh"), amount_text(dimension, value, "en")),
    )


def plainly(dimension: str, value: int) -> Told:
    """One amount beside a column that names the dimension: what is counted goes without its unit."""
    from yunjin.model.amounts import COUNTED
    from yunjin.model.formats import number_text

    told = amount(dimension, value)
    if dimension not in COUNTED:
        return told
    return Told(told.value, Text(number_text(value, "zh"), number_text(value, "en")))


def named(dimension: str) -> Told:
    """A dimension."""
    from yunjin.model.formats import dimension_text

    return Told(dimension, dimension_text(dimension))


def deficit_rows(deficits: Sequence[Deficit]) -> list[Row]:
    """What does not fit, since when and why."""
    from yunjin.ledger import causes

    return [
        {
            "node": each.node,
            "pool": each.pool,
            "dimension": _short_of(each),
            "promise": each.promise,
            "amount": plainly(each.dimension, each.amount),
            "cause": causes.said(each.cause),
            "opened": Told(each.opened, Text(moment(each.opened), moment(each.opened))),
        }
        for each in deficits
    ]


def _short_of(deficit: Deficit) -> Told:
    """The dimension, and whether it is what is guaranteed that does not fit."""
    told = named(deficit.dimension)
    if not deficit.promise:
        return told
    return Told(told.value, Text(f"{told.text.zh}(保底)", f"{told.text.en} (guarantees)"))


def show_deficits(session: Session, deficits: Sequence[Deficit]) -> None:
    """Deficits as a table, where there are any."""
    if deficits:
        say(session, Text("", ""))
        show_rows(session, _DEFICITS, deficit_rows(deficits), Text("未了结的欠额", "Open deficits"))


def proposal_value(proposal: Proposal) -> Row:
    """A proposal as programs read it."""
    dimension = proposal.dimension
    return {
        "pool": proposal.pool,
        "dimension": dimension,
        "short": amount(dimension, proposal.short),
        "remains": amount(dimension, proposal.remains),
        "steps": [
            {
                "kind": step.kind,
                "gives": amount(dimension, step.gives),
                "remains": amount(dimension, step.remains),
                "changes": [
                    {
                        "node": change.node,
                        "what": change.what,
                        "before": amount(dimension, change.before),
                        "after": amount(dimension, change.after),
                    }
                    for change in step.changes
                ],
            }
            for step in proposal.steps
        ],
    }


def show_proposal(session: Session, proposal: Proposal, estate: Estate) -> None:
    """One proposal as a table: a line a figure that would be another."""
    dimension = proposal.dimension
    rows = [row for step in proposal.steps for row in _step_rows(session, step, dimension, estate)]
    name, short = named(dimension).text, amount(dimension, proposal.short).text
    title = Text(
        f"资源池 {proposal.pool}: {name.zh}欠 {short.zh}, 建议依次让出",
        f"Pool {proposal.pool}: {short.en} of {name.en} short, to be given in this order",
    )
    say(session, title, "bold")
    show_rows(session, _STEPS, rows)


def _step_rows(session: Session, step: Step, dimension: str, estate: Estate) -> list[Row]:
    rows: list[Row] = []
    for number, change in enumerate(step.changes):
        last = number == len(step.changes) - 1
        rows.append(
            {
                "kind": KINDS[step.kind] if number == 0 else Text("同时", "with it"),
                "owner": owner(session, estate, change.node),
                "node": change.node.rpartition("/")[2] if change.node.startswith("leaf/") else change.node,
                "what": _WHAT[change.what],
                "before": plainly(dimension, change.before),
                "after": plainly(dimension, change.after),
                "remains": plainly(dimension, step.remains) if last else Text("", ""),
            }
        )
    return rows


def owner(session: Session, estate: Estate, node: str) -> Text:
    """What people call the body or tenant behind a node."""
    from yunjin.ledger.terms import HOLD

    if node.startswith(HOLD):
        number = node.removeprefix(HOLD)
        return Text(f"预留给 {number}", f"held for {number}")
    above = estate.parent(node) if node.startswith("leaf/") else node
    return estate.owner_name(above or node, session.as_of)
