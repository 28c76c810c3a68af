"""Why a node is full, as people and programs read it.

Used by `yunjin_cli.commands.ledger`; calls rich through `output`. Promises that who holds a limit is listed
whole, so that the reader can add it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.ledgers import amount, deficit_rows, named, plainly
from yunjin_cli.output import Column, Row, figures, say, show_rows
from yunjin_cli.sheets import (
    ALL,
    Names,
    in_order,
    pool_name,
    reservation_row,
    show_deficits,
    show_reservations,
)

if TYPE_CHECKING:
    from yunjin.ledger.explain import Explanation, Holder, Reason, Room
    from yunjin_cli.session import Session

_ROOMS: Final = (
    Column("pool", word("pool"), whole=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("limit", word("limit"), right=True),
    Column("charged", word("charged"), right=True),
    Column("free", word("free"), right=True),
)
_MOST_COLUMNS: Final = 4


def show_explanation(session: Session, names: Names, answer: Explanation) -> None:
    """Each limit, full ones first and with all about them; the only one is shown whole, full or not."""
    order = in_order({room.dimension for reason in answer.reasons for room in reason.rooms})
    told: list[tuple[int, object]] = []
    for number, reason in enumerate(answer.reasons, 1):
        say(session, Text("", ""))
        say(session, _headline(names, answer.node, reason, number), "bold" if reason.full else "")
        rooms = sorted(reason.rooms, key=lambda room: (room.free > 0, order.index(room.dimension), room.pool))
        elsewhere = any(room.pool != reason.bound.pool for room in rooms)
        show_rows(session, _ROOMS if elsewhere else _ROOMS[1:], [_room(room) for room in rooms])
        if reason.full or len(answer.reasons) == 1:
            who = (reason.bound.node, reason.holders, reason.growing, reason.shrinking, reason.waiting)
            first = next((earlier for earlier, same in told if same == who), number)
            told.append((number, who))
            _show_who(session, names, reason, first, number)
    if not answer.reasons:
        say(session, Text("没有登记额度, 即没有配额", "nothing is on record: no quota"))


def _show_who(session: Session, names: Names, reason: Reason, first: int, number: int) -> None:
    """Who holds it and what is on its way; of the same for several limits, once."""
    show_deficits(session, names, reason.deficits)
    if reason.bound.short:
        command = f"yunjin supply relief {reason.bound.pool}"
        say(session, Text(f"补足建议: {command}", f"how to close it: {command}"))
    if first != number:
        say(session, Text(f"占用情况见第 {first} 项", f"who holds it: see {first}"))
        return
    _show_holders(session, names, reason)
    _say_loans(session, names, reason)
    for found, title in (
        (reason.growing, Text("已预占, 尚未生效", "Reserved, not in force yet")),
        (reason.shrinking, Text("缩减待确认, 确认后腾出", "Shrinks that free this once confirmed")),
        (reason.waiting, Text("等待腾出", "Waiting for what is freed")),
    ):
        show_reservations(session, found, title)


def _headline(names: Names, node: str, reason: Reason, number: int) -> Text:
    bound = reason.bound
    if bound.short:
        return Text(
            f"{number}. 资源池 {bound.pool} 欠额, 暂不新增",
            f"{number}. Pool {bound.pool} is in deficit and takes no growth",
        )
    who = Text("本单位", "its own limit") if bound.node == node else names(bound.node)
    where = (
        Text("各资源池合计", "over all pools")
        if bound.pool == ALL
        else Text(f"在资源池 {bound.pool} ", f"in pool {bound.pool}")
    )
    full = in_order({room.dimension for room in reason.rooms if not room.free})
    zh, en = "、".join(named(d).text.zh for d in full), ", ".join(named(d).text.en for d in full)
    what = Text(f"{zh}已无余量", f"no {en} left") if full else Text("尚有余量", "room left")
    owner = who if bound.node == node else Text(f" {who.zh} ", f"the limit of {who.en}")
    return Text(
        f"{number}. {what.zh}: 受限于{owner.zh}{where.zh}的配额上限",
        f"{number}. {what.en}: {owner.en} {where.en}",
    )


def _room(room: Room) -> Row:
    return {
        "pool": pool_name(room.pool),
        "dimension": named(room.dimension),
        "limit": plainly(room.dimension, room.limit),
        "charged": plainly(room.dimension, room.charged),
        "free": plainly(room.dimension, room.free),
    }


def _show_holders(session: Session, names: Names, reason: Reason) -> None:
    if not reason.holders:
        return
    dimensions = in_order({room.dimension for room in reason.rooms})[:_MOST_COLUMNS]
    columns = [
        Column("name", Text("占用单位", "held by")),
        *(Column(d, named(d).text, right=True) for d in dimensions),
    ]
    rows: list[Row] = [
        {"name": names(holder.node), **{d: _held(holder, d) for d in dimensions}} for holder in reason.holders
    ]
    say(session, Text("", ""))
    show_rows(
        session,
        columns,
        rows,
        Text("占用情况: 计入额度 (其中借用额度)", "Who holds it: charged (of it borrowed)"),
    )


def _held(holder: Holder, dimension: str) -> Text:
    """`64 (32) 核`; both units where they differ."""
    whole = plainly(dimension, holder.charge.of(dimension)).text
    if not holder.borrowed.of(dimension):
        return whole
    part = plainly(dimension, holder.borrowed.of(dimension)).text
    return Text(_together(whole.zh, part.zh), _together(whole.en, part.en))


def _together(whole: str, part: str) -> str:
    number, _, unit = whole.partition(" ")
    less, _, same = part.partition(" ")
    return f"{number} ({less}) {unit}".rstrip() if same == unit else f"{whole} ({part})"


def _say_loans(session: Session, names: Names, reason: Reason) -> None:
    """What the holders borrow stands in their table; here who borrows further up."""
    held = {holder.node for holder in reason.holders}
    for loan in reason.loans:
        if loan.node in held:
            continue
        one, other, what = names(loan.node), names(loan.lender), figures(loan.amounts).text
        say(
            session,
            Text(f"{one.zh} 向 {other.zh} 借用 {what.zh}", f"{one.en} borrows {what.en} from {other.en}"),
        )


def explanation_value(names: Names, answer: Explanation) -> Row:
    """The whole of it for programs."""
    return {
        "node": answer.node,
        "name": names(answer.node),
        "reasons": [_reason_value(names, reason) for reason in answer.reasons],
    }


def _reason_value(names: Names, reason: Reason) -> Row:
    bound = reason.bound
    return {
        "full": reason.full,
        "bound": {"node": bound.node, "name": names(bound.node), "pool": bound.pool, "short": bound.short},
        "rooms": [
            {
                "pool": room.pool,
                "dimension": room.dimension,
                **{key: amount(room.dimension, getattr(room, key)) for key in ("limit", "charged", "free")},
            }
            for room in reason.rooms
        ],
        "holders": [
            {
                "node": holder.node,
                "name": names(holder.node),
                "charge": figures(holder.charge),
                "guarantee": figures(holder.guarantee),
                "allotted": figures(holder.allotted),
                "borrowed": figures(holder.borrowed),
            }
            for holder in reason.holders
        ],
        "loans": [
            {"node": loan.node, "lender": loan.lender, "amounts": figures(loan.amounts)}
            for loan in reason.loans
        ],
        "growing": [reservation_row(each) for each in reason.growing],
        "shrinking": [reservation_row(each) for each in reason.shrinking],
        "waiting": [reservation_row(each) for each in reason.waiting],
        "deficits": deficit_rows(reason.deficits),
    }
