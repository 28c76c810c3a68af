"""Servers that bodies hand over to a pool: add, list, show, recall.

Calls `yunjin.ledger` and `yunjin.engine.relief`. What a body gets for its servers is shown with the figures
that prove it, level by level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.amounts import Asked, CpuOption, DimensionOption, MemoryOption, PodsOption, StorageOption
from yunjin_cli.commands.estate import BODY, found
from yunjin_cli.commands.supply import show_commands
from yunjin_cli.ledgers import asked, named, opened, plainly, proposal_value, show_proposal
from yunjin_cli.output import Column, Row, Told, figures, say, show_fields, show_rows, show_value
from yunjin_cli.session import Output, Session, business_date, command
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.ledger.capacity import Contribution
    from yunjin.ledger.history import Standing
    from yunjin.ledger.relief import Proposal
    from yunjin.model.estate import Estate
    from yunjin.store import Store

contribution = group("移交设备与保底", "servers handed over, and what is promised for them")

NumberArgument = Annotated[str, typer.Argument(help=said("移交编号", "number of the contribution"))]
BasisOption = Annotated[str, typer.Option("--basis", help=said("依据的文件或决定", "document or decision"))]
_STATES: Final = {
    "waiting": Text("待保底", "waits for its pool"),
    "staying": Text("在池", "staying"),
    "recalled": Text("待收回", "recalled"),
    "gone": Text("已收回", "gone"),
}
_LIST: Final = (
    Column("number", Text("编号", "number"), whole=True),
    Column("name", Text("单位", "body")),
    Column("pool", word("pool"), whole=True),
    Column("servers", Text("移交设备", "servers")),
    Column("promised", Text("可随时拿回", "to be had at any time")),
    Column("state", Text("状态", "state")),
    Column("effective", Text("收回日期", "goes on")),
)
_FIELDS: Final = (
    Column("number", Text("编号", "number")),
    Column("name", Text("单位", "body")),
    Column("node", Text("节点", "node")),
    Column("pool", word("pool")),
    Column("servers", Text("移交设备", "servers")),
    Column("amounts", Text("移交数额", "handed over")),
    Column("factor", Text("折算比例", "factor")),
    Column("promised", Text("保底额度(可随时拿回)", "guarantee, to be had at any time")),
    Column("idle", Text("其中尚未使用", "of it not in use")),
    Column("state", Text("状态", "state")),
    Column("valid_from", Text("移交日期", "handed over on")),
    Column("effective", Text("收回日期", "goes on")),
    Column("basis", word("basis")),
)
_PROOF: Final = (
    Column("node", Text("节点", "node"), whole=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("promised", Text("保底合计", "promised"), right=True),
    Column("within", Text("不超过", "within"), right=True),
    Column("what", Text("上限来源", "which is")),
    Column("holds", Text("成立", "holds")),
)


@command(contribution, "add", Text("登记移交设备", "record servers that a body hands over"))
def add(
    session: Session,
    body: Annotated[str, typer.Argument(help=said("部门或县区(园区)", "bureau or area"))],
    *,
    pool: Annotated[str, typer.Option("--pool", help=said("资源池编号", "id of the pool"))],
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    pods: PodsOption = None,
    dimension: DimensionOption = None,
    factor: Annotated[
        int | None,
        typer.Option(
            "--factor",
            help=said("折算比例(%), 缺省按策略 contribution-factor", "percent, else as policy says"),
        ),
    ] = None,
    servers: Annotated[str, typer.Option("--servers", help=said("设备说明", "which servers"))],
    basis: BasisOption,
    number: Annotated[
        str, typer.Option("--number", help=said("编号, 缺省由台账编排", "number, else the ledger's next"))
    ] = "",
) -> int:
    """Supply rises by what they carry, the body's guarantee and limit by that times the factor."""
    from yunjin.engine.choices import contribution_factor
    from yunjin.ledger.capacity import Capacity, Handover

    estate = session.estate()
    found(estate.pools, pool, word("pool"))
    handover = Handover(
        node=node_of(estate, body),
        pool=pool,
        amounts=Asked(cpu, memory, storage, pods, dimension or ()).amounts(),
        factor=contribution_factor(estate) if factor is None else factor,
        servers=servers,
        basis=basis,
        number=number,
    )
    with opened(session, estate) as store:
        capacity = Capacity(store.database, store.now, actor())
        made = capacity.contribute(handover, session.as_of)
        record = _record(store, made)
    if session.output is not Output.TABLE:
        show_value(session, _row(session, estate, record))
        return 0
    say(session, Text(f"移交已登记, 编号 {made}", f"recorded as {made}"))
    say(session, _sentence(session, estate, record), "bold")
    return 0


@command(contribution, "list", Text("列出移交设备", "list contributions"))
def list_(
    session: Session,
    body: Annotated[
        str | None, typer.Argument(help=said("部门或县区(园区), 缺省为全部", "bureau or area, else all"))
    ] = None,
) -> int:
    """What stands on the business date."""
    from yunjin.ledger.capacity import contributions_of

    estate = session.estate()
    node = None if body is None else node_of(estate, body)
    with asked(session) as store:
        every = contributions_of(store.database, session.as_of)
    rows = [_row(session, estate, each) for each in every if node in (None, each.node)]
    show_rows(session, _LIST, rows, session.dating("{}的移交设备", "What stands on {}"))
    return 0


@command(contribution, "show", Text("查看一笔移交及其保底的依据", "show a contribution and what proves it"))
def show(session: Session, number: NumberArgument) -> int:
    """Its figures, and level by level that what is promised for it is there. Exit code 1 where it is not."""
    from yunjin.ledger.history import standing

    estate = session.estate()
    with asked(session) as store:
        record = _record(store, number)
        stands = standing(store.database)
    row = _row(session, estate, record) | {"idle": _idle(stands, record)}
    proof = _proof(stands, record) if record.state in ("staying", "recalled") else []
    broken = int(not all(level["holds"] for level in proof))
    if session.output is not Output.TABLE:
        show_value(session, row | {"proof": proof})
        return broken
    show_fields(session, _FIELDS, row)
    if proof:
        say(session, Text("", ""))
        show_rows(session, _PROOF, proof, Text("逐级核对", "Level by level"))
    say(session, _sentence(session, estate, record), "bold")
    return broken


@command(
    contribution, "recall", Text("收回移交设备: 先腾退, 到期执行", "take servers home: drain first, then go")
)
def recall(
    session: Session,
    number: NumberArgument,
    *,
    effective: Annotated[
        str | None,
        typer.Option("--effective", metavar="YYYY-MM-DD", help=said("收回日期", "day on which they go")),
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help=said("不再收回", "they stay after all"))] = False,
    basis: BasisOption,
) -> int:
    """On its day supply and guarantee fall together; until then the plan says what must give."""
    from yunjin.engine.relief import drains
    from yunjin.ledger.capacity import Capacity
    from yunjin.ledger.history import standing

    if (effective is None) != cancel:
        raise UsageError(
            Text("须写明收回日期, 或写明不再收回", "say when they go, or that they stay"),
            Text("写 --effective 或 --cancel 之一", "give either --effective or --cancel"),
        )
    estate = session.estate()
    day = None if effective is None else business_date(effective)
    with opened(session, estate) as store:
        planned = () if day is None else drains(estate, standing(store.database), _record(store, number))
        capacity = Capacity(store.database, store.now, actor())
        state = capacity.recall(number, day, basis, session.as_of)
        record = _record(store, number)
    if session.output is not Output.TABLE:
        show_value(
            session, _row(session, estate, record) | {"drain": [proposal_value(each) for each in planned]}
        )
        return 0
    _tell(session, estate, record, planned if state == "recalled" else ())
    return 0


def _tell(session: Session, estate: Estate, record: Contribution, planned: Sequence[Proposal]) -> None:
    from yunjin.model.formats import date_text

    if record.state != "recalled" or record.effective is None:
        state = _STATES[record.state]
        say(session, Text(f"移交 {record.number}: {state.zh}", f"contribution {record.number}: {state.en}"))
        return
    zh, en = (date_text(record.effective, lang) for lang in ("zh", "en"))
    say(
        session,
        Text(
            f"移交 {record.number} 定于 {zh} 收回, 届时供给与保底额度同时减少",
            f"contribution {record.number} goes on {en}; supply and guarantee fall together then",
        ),
        "bold",
    )
    if not planned:
        say(session, Text("无须腾退", "nothing must give before that"))
        return
    say(session, Text("到期前须腾退, 否则届时成为欠额:", "What must give before, or becomes a deficit then:"))
    for each in planned:
        show_proposal(session, each, estate)
        say(session, Text("", ""))
    show_commands(session, planned)


def node_of(estate: Estate, body: str) -> str:
    """`bureau/jtj` or `jtj`, as a node. Raises UsageError where there is no such body."""
    kind, slash, item = body.partition("/")
    name = item if slash else kind
    if name in estate.areas and kind in ("area", name):
        return f"area/{name}"
    if kind == "tenant" and slash:
        found(estate.tenants, name, word("tenant"))
        return body
    found(estate.bureaus, name, BODY)
    if slash and kind != "bureau":
        raise UsageError(
            Text(f"{body} 不是部门或县区(园区)", f"{body} is no bureau or area"),
            Text("写成 jtj 或 bureau/jtj", "write jtj or bureau/jtj"),
        )
    return f"bureau/{name}"


def _record(store: Store, number: str) -> Contribution:
    from yunjin.ledger.capacity import contributions_of

    every = {each.number: each for each in contributions_of(store.database)}
    return found(every, number, Text("移交记录", "contribution"))


def _row(session: Session, estate: Estate, record: Contribution) -> Row:
    return {
        "number": record.number,
        "name": estate.owner_name(record.node, session.as_of),
        "node": record.node,
        "pool": record.pool,
        "servers": record.servers,
        "amounts": figures(record.amounts),
        "factor": Told(record.factor, Text(f"{record.factor}%", f"{record.factor}%")),
        "promised": figures(record.promised),
        "state": Told(record.state, _STATES[record.state]),
        "valid_from": record.valid_from,
        "effective": record.effective,
        "basis": record.basis,
    }


def _sentence(session: Session, estate: Estate, record: Contribution) -> Text:
    name, what = estate.owner_name(record.node, session.as_of), figures(record.promised).text
    if record.state == "gone":
        return Text(f"{name.zh}已收回 {record.servers}", f"{name.en} took {record.servers} home")
    if record.state == "waiting":
        return Text(
            f"{name.zh}交出 {record.servers}; 资源池 {record.pool} 欠额补足后, 随时可拿回 {what.zh}",
            f"{name.en} handed over {record.servers} and may have {what.en} once {record.pool} is not short",
        )
    return Text(
        f"{name.zh}交出 {record.servers}, 随时可拿回 {what.zh}",
        f"{name.en} handed over {record.servers} and may have {what.en} at any time",
    )


def _idle(stands: Standing, record: Contribution) -> Told:
    """What of the promise nobody below the body uses now."""
    from yunjin.model.amounts import Amounts

    left = {}
    for dimension, value in record.promised.items():
        cell = stands.cell(record.node, record.pool, dimension)
        left[dimension] = min(value, max(0, cell.guarantee - cell.allotted))
    return figures(Amounts({d: value for d, value in left.items() if value}))


def _proof(stands: Standing, record: Contribution) -> list[Row]:
    """From the body up to the city: what is promised there fits what there may be."""
    rows: list[Row] = []
    firm = {
        each.dimension: max(0, each.supply - each.reserve)
        for each in stands.supply
        if each.pool == record.pool
    }
    for node in stands.path(record.node):
        for dimension in record.promised:
            cell = stands.cell(node, record.pool, dimension)
            last = stands.nodes[node].parent is None
            within = firm.get(dimension, 0) if last else cell.limit
            rows.append(
                {
                    "node": node,
                    "dimension": named(dimension),
                    "promised": plainly(dimension, cell.promised),
                    "within": plainly(dimension, within),
                    "what": Text("供给减预留", "supply less reserve") if last else word("limit"),
                    "holds": cell.promised <= within,
                }
            )
    return rows
