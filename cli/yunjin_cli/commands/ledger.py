"""Commands that ask the quota ledger: show a node, check the counters, explain why something is full.

Calls `yunjin.ledger.questions`, `explain` and `checks`. Changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.commands.estate import found
from yunjin_cli.grants import grant_row, show_grants
from yunjin_cli.ledgers import asked, deficit_rows, named, plainly
from yunjin_cli.nodes import NodeArgument, RecordedOption, asked_when, one_of, time_text
from yunjin_cli.output import Column, Row, Told, say, show_rows, show_value
from yunjin_cli.reasons import explanation_value, show_explanation
from yunjin_cli.session import Output, Session, command
from yunjin_cli.sheets import (
    NODE,
    POOL,
    Names,
    figures_row,
    pool_name,
    reservation_row,
    show_children,
    show_city,
    show_deficits,
    show_leaves,
    show_own,
    show_reservations,
    supply_row,
)
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from yunjin.ledger.checks import Discrepancy
    from yunjin.ledger.history import Standing
    from yunjin.ledger.questions import Sheet

ledger = group("资源台账: 查看、核对、说明", "the quota ledger: show it, check it, have it explained")

PoolOption = Annotated[str | None, typer.Option("--pool", help=said("只看此资源池", "in this pool alone"))]
_FIGURES: Final = {
    "guarantee": word("guarantee"),
    "nested": Text("下级保底", "guaranteed below"),
    "limit": word("limit"),
    "allotted": word("allotted"),
    "events": Text("分配额度(对审计记录)", "allotted, by the audit rows"),
    "deficit": word("deficit"),
    "promise": Text("保底欠额", "deficit of guarantees"),
}
_DIFFERENCES: Final = (
    NODE,
    POOL,
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("figure", Text("项目", "figure")),
    Column("counted", Text("台账数", "counted"), right=True),
    Column("computed", Text("按记录应为", "computed"), right=True),
)


@command(ledger, "show", Text("查看全市或一个单位的额度", "show the city's or a node's quota"))
def show(
    session: Session,
    node: NodeArgument = "city",
    *,
    pool: PoolOption = None,
    recorded_by: RecordedOption = None,
) -> int:
    """What a node may use, does use and could still get, in each pool, and what lies below it."""
    from yunjin.ledger.questions import sheet
    from yunjin.model.estate import CITY

    names, standing = _standing(session, pool, recorded_by)
    answer = sheet(standing, one_of(standing.nodes, node, time_text(standing.when)), pool)
    if session.output is not Output.TABLE:
        show_value(session, _value(names, answer))
        return 0
    _say_whose(session, names, standing, answer.node)
    if answer.node == CITY:
        show_city(session, answer.rows, answer.supply)
        show_children(session, names, answer.children)
    else:
        show_own(session, names, answer.rows)
        show_children(session, names, [row for row in answer.children if row not in answer.leaves])
        show_leaves(session, answer.leaves)
        show_reservations(session, answer.reservations)
        show_grants(session, names, answer.grants)
    show_deficits(session, names, answer.deficits)
    return 0


def _standing(session: Session, pool: str | None, recorded_by: str | None) -> tuple[Names, Standing]:
    from yunjin.ledger.history import standing

    estate = session.estate()
    if pool is not None:
        found(estate.pools, pool, word("pool"))
    when = asked_when(session, recorded_by)
    with asked(session) as store:
        return Names(estate, session.as_of), standing(store.database, when)


def _say_whose(session: Session, names: Names, standing: Standing, node: str) -> None:
    """The node, and of which time the answer is where it is not of now."""
    name, time = names(node), time_text(standing.when) or Text("", "")
    say(session, Text(f"{name.zh}{time.zh}", f"{name.en}{time.en}"), "bold")


def _value(names: Names, answer: Sheet) -> Row:
    return {
        "node": answer.node,
        "name": names(answer.node),
        "parent": answer.parent,
        "rows": [figures_row(names, row) for row in answer.rows],
        "children": [figures_row(names, row) for row in answer.children],
        "leaves": [figures_row(names, row) for row in answer.leaves],
        "reservations": [reservation_row(each) for each in answer.reservations],
        "grants": [grant_row(names, each) for each in answer.grants],
        "deficits": deficit_rows(answer.deficits),
        "supply": [supply_row(each) for each in answer.supply],
    }


@command(ledger, "check", Text("按记录重算并核对台账", "compute the ledger again and compare"))
def check(session: Session) -> int:
    """Every counter against grants, supply, reservations and audit rows. Exit 1 where one differs."""
    from yunjin.ledger.checks import check as differences

    estate = session.estate()
    with asked(session) as store:
        wrong = differences(store.database)
    rows = [_difference(Names(estate, session.as_of), each) for each in wrong]
    if session.output is not Output.TABLE:
        show_value(session, {"differences": rows})
        return int(bool(wrong))
    if not wrong:
        say(session, Text("台账与记录一致", "the ledger is what its records make it"), "bold green")
        return 0
    show_rows(session, _DIFFERENCES, rows)
    say(session, Text(f"台账与记录不一致 {len(wrong)} 处", f"{len(wrong)} figures differ"), "bold red")
    return 1


def _difference(names: Names, each: Discrepancy) -> Row:
    return {
        "node": each.node,
        "name": names(each.node),
        "pool": Told(each.pool, pool_name(each.pool)),
        "dimension": named(each.dimension),
        "figure": Told(each.figure, _FIGURES[each.figure]),
        "counted": _signed(each.dimension, each.counted),
        "computed": _signed(each.dimension, each.computed),
    }


def _signed(dimension: str, value: int) -> Told:
    """A counter that was tampered with may be below zero; programs get it in base units."""
    text = plainly(dimension, abs(value)).text
    return Told(value, Text(f"−{text.zh}", f"−{text.en}") if value < 0 else text)


@command(
    ledger, "explain", Text("说明为何没有余量, 谁在占用、借用", "why a node is full, who holds and borrows")
)
def explain(
    session: Session,
    node: NodeArgument,
    *,
    pool: PoolOption = None,
    recorded_by: RecordedOption = None,
) -> int:
    """Whose limit is in the way, who holds it, who borrows from whom, and what will become free when."""
    from yunjin.ledger.explain import explain as reasons_of

    names, standing = _standing(session, pool, recorded_by)
    answer = reasons_of(standing, one_of(standing.nodes, node, time_text(standing.when)), pool)
    if session.output is not Output.TABLE:
        show_value(session, explanation_value(names, answer))
        return 0
    _say_whose(session, names, standing, answer.node)
    show_explanation(session, names, answer)
    return 0
