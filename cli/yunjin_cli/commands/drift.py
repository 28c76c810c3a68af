"""Commands on what stands otherwise than registered: list it, repair it, or adopt it into the ledger.

Calls `yunjin.engine.drift`. Listing changes nothing; both other commands ask first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text
from yunjin.model.resources import ObjectClass
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.commands.spine import (
    agreed,
    apply_with_bar,
    consent,
    receipts_exit,
    spine,
)
from yunjin_cli.output import Column, Row, Told, figures, say, show_rows, show_value
from yunjin_cli.plans import short, show_judged, show_receipts, unknown_exit
from yunjin_cli.session import Output, Session, command, moment
from yunjin_cli.speech import ListingGroup, counted, group, said

if TYPE_CHECKING:
    from yunjin.engine.drift import Seen

drift = group("实际与登记不一致: 查看、恢复、认可", "drift: list it, repair it, adopt it", ListingGroup)

POLICIES = {
    "report": Text("上报", "report"),
    "repair": Text("恢复", "repair"),
    "adopt": Text("认可", "adopt"),
}
KINDS = {
    "changed": Text("被修改", "changed"),
    "missing": Text("缺失", "missing"),
    "extra": Text("多出", "extra"),
}
_COLUMNS = (
    Column("kind", Text("差异", "difference"), whole=True),
    Column("what", Text("对象和字段", "object and field")),
    Column("who", Text("修改者, 不晚于", "who, not later than"), whole=True),
    Column("policy", Text("处理策略", "policy"), whole=True),
)


def _row(each: Seen) -> Row:
    item = each.item
    return {
        "leaf": f"{item.key.endpoint}/{item.key.namespace or item.key.name}",
        "object": str(item.key),
        "class": item.object_class.value,
        "tenant": item.tenant,
        "kind": Told(item.kind.value, KINDS[item.kind.value]),
        "path": item.path,
        "wanted": item.wanted,
        "observed": item.observed,
        "manager": item.manager,
        "since": each.since,
        "policy": Told(each.policy, POLICIES[each.policy]),
    }


def _shown(each: Seen) -> Row:
    """The row of a table: the field below its object, the moment below who changed it."""
    key, item = str(each.item.key), each.item
    old, new = short(item.wanted), short(item.observed)
    zh, en = f"\n  {item.path}: 登记 {old}, 实际 {new}", f"\n  {item.path}: registered {old}, actual {new}"
    who = f"{item.manager}\n{moment(each.since)}" if item.manager else moment(each.since)
    return _row(each) | {"what": Text(key + zh, key + en) if item.path else key, "who": who}


@command(drift, "list", Text("列出全部不一致", "list every difference"))
def drift_list(session: Session) -> int:
    """Who changed what, which field, since when, and what the city wants done about it. Exit 1 where any."""
    from yunjin.engine import drift as engine

    estate = session.estate()
    with spine(session, estate) as made:
        parted = made.split()
        found = engine.seen(made, parted)
    unknown = parted.plan.unknown
    if session.output is not Output.TABLE:
        rows = [_row(each) for each in found]
        show_value(session, {"drift": rows, "waiting": len(parted.waiting), "unknown": list(unknown)})
    else:
        if found:
            show_rows(session, _COLUMNS, [_shown(each) for each in found])
        say(
            session,
            Text(
                f"{word('drift').zh} {len(found)} 处; 另有 {len(parted.waiting)} 项已申报未下发",
                f"{counted(len(found), 'difference')}; "
                f"{counted(len(parted.waiting), 'declared change')} waiting to be applied",
            ),
        )
        for endpoint in unknown:
            failure = parted.plan.bindings[endpoint].failure
            reason = failure.message if failure else word("unknown")
            say(
                session,
                Text(f"接入点 {endpoint} 未知: {reason.zh}", f"{endpoint} unknown: {reason.en}"),
                "bold red",
            )
    return unknown_exit(parted.plan) or int(bool(found))


@command(drift, "repair", Text("恢复为登记的内容", "put back what is registered"))
def drift_repair(
    session: Session,
    classes: Annotated[
        list[ObjectClass] | None, typer.Option("--class", help=said("只限这些类别", "of these classes only"))
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=said("不再询问", "do not ask"))] = False,
) -> int:
    """Undo what others changed, taking back the fields they wrote. Their own objects stay."""
    from yunjin.engine import drift as engine
    from yunjin.engine.choices import patience

    estate = session.estate()
    with spine(session, estate) as made:
        judged = engine.put_right(made, made.split(), frozenset(classes or ObjectClass))
        if session.output is Output.TABLE:
            show_judged(session, judged, made.leaves())
        consent(session, judged, yes=yes)
        receipts = apply_with_bar(session, made, judged, patience(estate))
    show_receipts(session, judged, receipts)
    return receipts_exit(judged, receipts)


@command(drift, "adopt", Text("把实际配额认可为登记配额", "make the actual quota the registered one"))
def drift_adopt(
    session: Session,
    leaf: Annotated[str, typer.Argument(help=said("命名空间/项目", "namespace or project"))],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=said("不再询问", "do not ask"))] = False,
) -> int:
    """Enter the observed figures into the ledger, where it has room for them."""
    from yunjin.engine import drift as engine

    estate = session.estate()
    with spine(session, estate) as made:
        adoption = engine.adopt(made, leaf)
        before, after = figures(adoption.leaf.allotted), figures(adoption.observed)
        say(
            session,
            Text(
                f"{leaf}: {before.text.zh} → {after.text.zh}", f"{leaf}: {before.text.en} → {after.text.en}"
            ),
        )
        agreed(session, Text("记入资源台账?", "enter it into the ledger?"), yes=yes)
        engine.save(made, adoption, actor())
    if session.output is not Output.TABLE:
        show_value(session, {"leaf": adoption.leaf.node, "before": before, "after": after})
    say(session, Text("已记入资源台账", "entered into the ledger"), "bold green")
    return 0
