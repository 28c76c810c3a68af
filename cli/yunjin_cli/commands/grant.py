"""Commands on grants: approve one, renew it, end it, list them, show all that was ever said of one.

Calls `yunjin.ledger`. A grant raises what a body or a tenant may have; with `--to` a namespace or project
gets it at once, both or neither. Nothing stands on a cluster before it is applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.amounts import (
    Asked,
    CpuOption,
    DimensionOption,
    MemoryOption,
    PodsOption,
    StorageOption,
    listed,
)
from yunjin_cli.commands.estate import found
from yunjin_cli.grants import grant_row, list_grants, stated
from yunjin_cli.ledgers import asked, opened
from yunjin_cli.nodes import (
    KeyOption,
    NodeArgument,
    NodeOption,
    RecordedOption,
    asked_when,
    nodes_of,
    one_of,
    time_text,
)
from yunjin_cli.output import Column, say, show_fields, show_rows, show_value
from yunjin_cli.reservations import ExpiryOption, lasting, reserved_row, say_reserved
from yunjin_cli.session import Output, Session, business_date, command
from yunjin_cli.sheets import Names
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

    from yunjin.ledger import Granted, GrantTerms, Ledger, Reserved
    from yunjin.ledger.books import Grant
    from yunjin.model.amounts import Amounts
    from yunjin.store import Store

grant = group("核定配额: 核定、续期、终止、查看", "grants: approve, renew, end, list, show")

NumberArgument = Annotated[str, typer.Argument(help=said("核定配额编号", "number of the grant"))]
PoolsOption = Annotated[
    list[str],
    typer.Option("--pool", help=said("资源池, 可重复; 数额为各池合计", "pool; of several, in all together")),
]
GuaranteeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--guarantee",
        metavar="[POOL:]NAME=N,...",
        help=said("其中保底额度, 如 cpu=5,memory=8Gi", "of it guaranteed: cpu=5,memory=8Gi"),
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="YYYY-MM-DD",
        help=said("起始日, 缺省为业务日期", "first day, else the business date"),
    ),
]
UntilOption = Annotated[
    str,
    typer.Option(
        "--until",
        metavar="YYYY-MM-DD",
        help=said("到期日, 自该日起不再有效", "end: the first day on which it no longer holds"),
    ),
]
BasisOption = Annotated[str, typer.Option("--basis", help=said("依据的批复或文件", "decision it rests on"))]
NumberOption = Annotated[
    str, typer.Option("--number", help=said("编号, 缺省由台账编排", "number, else the ledger's next"))
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", help=said("同时分配给此命名空间/项目", "allot it to this leaf at once")),
]
ByOption = Annotated[
    str, typer.Option("--by", help=said("核定单位, 缺省为全市", "granted by this node, else by the city"))
]
ExpiringOption = Annotated[
    int | None,
    typer.Option(
        "--expiring", min=0, metavar="DAYS", help=said("只看几日内到期的", "that end within so many days")
    ),
]

_VERSIONS: Final = (
    Column("recorded", Text("登记时间", "recorded"), whole=True),
    Column("term", Text("有效期", "term"), whole=True),
    Column("state", Text("状态", "state"), whole=True),
    Column("basis", word("basis")),
    Column("cause", Text("终止原因", "why it ended")),
)
_FIELDS: Final = (
    Column("number", Text("编号", "number")),
    Column("kind", Text("类别", "kind")),
    Column("name", Text("单位", "node")),
    Column("amounts", Text("数额", "amounts")),
    Column("guarantee", word("guarantee"), listed=True),
    Column("grantor", Text("核定单位", "granted by")),
    Column("valid_from", Text("起始日", "from")),
    Column("valid_to", Text("到期日", "until")),
    Column("state", Text("状态", "state")),
    Column("basis", word("basis")),
)


@command(grant, "add", Text("核定一笔配额", "approve a grant"))
def add(
    session: Session,
    node: NodeArgument,
    *,
    pool: PoolsOption,
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    pods: PodsOption = None,
    dimension: DimensionOption = None,
    guarantee: GuaranteeOption = None,
    start: FromOption = None,
    until: UntilOption,
    basis: BasisOption,
    number: NumberOption = "",
    to: ToOption = None,
    by: ByOption = "city",
    expires_in: ExpiryOption = None,
    key: KeyOption = "",
) -> int:
    """It counts from its first day on; with `--to`, grant and allotment are made together or not at all."""
    from yunjin.engine.units import require_whole
    from yunjin.ledger import GrantTerms

    estate = session.estate()
    for each in pool:
        found(estate.pools, each, word("pool"))
    amounts = Asked(cpu, memory, storage, pods, dimension or ()).amounts()
    with opened(session, estate) as store:
        nodes = nodes_of(store)
        terms = GrantTerms(
            number=number,
            node=one_of(nodes, node),
            amount=amounts,
            pools=dict.fromkeys(pool, amounts),
            guarantee=_guaranteed(guarantee or (), pool),
            grantor=one_of(nodes, by),
            basis=stated("--basis", basis),
            valid_from=None if start is None else business_date(start),
            valid_to=business_date(until),
        )
        leaf = None if to is None else one_of(nodes, to)
        if leaf is not None:
            require_whole(estate, leaf, amounts)
        made = _approve(session, store, terms, leaf, lasting(estate, expires_in), key)
        version = _versions(store, made.number)[-1]
    _show_granted(session, Names(estate, session.as_of), version, leaf, made.reserved)
    return 0


def _approve(
    session: Session, store: Store, terms: GrantTerms, leaf: str | None, lasts: timedelta, key: str
) -> Granted:
    if leaf is None:
        return _ledger(store).grant(terms, session.as_of, key=key)
    if terms.valid_from and terms.valid_from > session.as_of:
        raise UsageError(
            Text("尚未生效的核定配额不能同时分配", "a grant that is yet to begin cannot be allotted"),
            Text(
                "去掉 --to, 生效后用 yunjin allot 分配",
                "leave out --to, and use `yunjin allot` once it holds",
            ),
        )
    return _ledger(store).grant(terms, session.as_of, to=leaf, expires=lasts, key=key)


def _guaranteed(written: Iterable[str], pools: Sequence[str]) -> dict[str, Amounts]:
    """By pool. Raises UsageError where it is not said in which of several pools."""
    guaranteed: dict[str, Amounts] = {}
    for text in written:
        pool, colon, amounts = text.rpartition(":")
        if not colon and len(pools) > 1:
            raise UsageError(
                Text(
                    "核定配额涉及多个资源池, 保底额度须写明在哪一个", "of several pools, say which guarantees"
                ),
                Text(f"写成 {pools[0]}:{text} 的形式", f"write {pools[0]}:{text}"),
            )
        chosen = pool if colon else pools[0]
        if chosen not in pools or chosen in guaranteed:
            raise UsageError(
                Text(
                    f"保底额度的资源池 {chosen} 不在核定之列或重复",
                    f"{chosen} is no pool of the grant, or twice",
                ),
                Text(f"可写的资源池: {', '.join(pools)}", f"its pools are {', '.join(pools)}"),
            )
        guaranteed[chosen] = listed(amounts)
    return guaranteed


def _show_granted(
    session: Session, names: Names, version: Grant, leaf: str | None, reserved: Reserved | None
) -> None:
    if session.output is not Output.TABLE:
        show_value(session, grant_row(names, version) | reserved_row(leaf, reserved))
        return
    name, amounts = names(version.node), grant_row(names, version)["amounts"].text
    state = (
        Text(f"自 {version.valid_from} 起生效", f"holds from {version.valid_from}")
        if version.state == "future"
        else Text("已生效", "is in force")
    )
    say(
        session,
        Text(
            f"核定配额 {version.number} {state.zh}, {version.valid_to} 到期: {name.zh}",
            f"grant {version.number} {state.en}, until {version.valid_to}: {name.en}",
        ),
        "bold",
    )
    say(session, amounts)
    if leaf and reserved:
        say_reserved(session, leaf, reserved)


@command(grant, "renew", Text("续期", "let a grant run until another day"))
def renew(
    session: Session,
    number: NumberArgument,
    *,
    until: UntilOption,
    basis: BasisOption,
    key: KeyOption = "",
) -> int:
    """The earlier term stays on record."""
    day, decision = business_date(until), stated("--basis", basis)
    version = _changed(
        session, number, lambda ledger: ledger.renew(number, day, decision, session.as_of, key=key)
    )
    say(
        session,
        Text(
            f"核定配额 {number} 已续期, {version.valid_to} 到期",
            f"grant {number} is renewed until {version.valid_to}",
        ),
    )
    return 0


@command(grant, "end", Text("终止", "end a grant"))
def end(
    session: Session,
    number: NumberArgument,
    *,
    cause: Annotated[str, typer.Option("--cause", help=said("终止原因", "why it ends"))],
    key: KeyOption = "",
) -> int:
    """Nothing is taken away by it: what is used beyond what remains becomes a deficit and is reclaimed."""
    why = stated("--cause", cause)
    version = _changed(session, number, lambda ledger: ledger.end(number, why, session.as_of, key=key))
    say(
        session,
        Text(
            f"核定配额 {number} 已终止; 超出部分记为欠额, 见 yunjin ledger show {version.node}",
            f"grant {number} has ended; see yunjin ledger show {version.node} for what is used beyond",
        ),
    )
    return 0


def _changed(session: Session, number: str, change: Callable[[Ledger], object]) -> Grant:
    """Make a change and show what the grant says from now on to programs."""
    estate = session.estate()
    with asked(session) as store:
        change(_ledger(store))
        version = _versions(store, number)[-1]
    if session.output is not Output.TABLE:
        show_value(session, grant_row(Names(estate, session.as_of), version))
    return version


@command(grant, "list", Text("列出核定配额", "list grants"))
def grant_list(
    session: Session,
    *,
    node: NodeOption = None,
    expiring: ExpiringOption = None,
    recorded_by: RecordedOption = None,
) -> int:
    """Those that count: in force, or approved and yet to begin."""
    from yunjin.ledger.questions import Questions
    from yunjin.ledger.questions import expiring as ending

    estate = session.estate()
    with asked(session) as store:
        questions = Questions(store.database)
        chosen = None if node is None else one_of(nodes_of(store), node)
        when = asked_when(session, recorded_by)
        grants = questions.grants(chosen, when)
    if expiring is not None:
        grants = ending(grants, session.as_of, expiring)
    list_grants(session, Names(estate, session.as_of), grants, time_text(when))
    return 0


@command(grant, "show", Text("查看一笔核定配额的全部登记", "show all that is on record of a grant"))
def show(session: Session, number: NumberArgument) -> int:
    """What it says, and every version it ever had."""
    estate = session.estate()
    names = Names(estate, session.as_of)
    with asked(session) as store:
        rows = [grant_row(names, each) for each in _versions(store, number)]
    if session.output is not Output.TABLE:
        show_value(session, {**rows[-1], "versions": rows})
        return 0
    show_fields(session, _FIELDS, rows[-1])
    say(session, Text("", ""))
    show_rows(session, _VERSIONS, rows, Text("历次登记", "Versions"))
    return 0


def _versions(store: Store, number: str) -> tuple[Grant, ...]:
    from yunjin.ledger.questions import Questions

    return Questions(store.database).versions(number)


def _ledger(store: Store) -> Ledger:
    from yunjin.ledger import Ledger

    return Ledger(store.database, store.now, actor())
