"""What the pools can carry: show it, state it, record a fall, and what would close a deficit.

Calls `yunjin.ledger` and `yunjin.engine.relief`. A proposal changes nothing; what it proposes is carried out
with the commands that it names.
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
from yunjin_cli.ledgers import (
    amount,
    asked,
    deficit_rows,
    named,
    opened,
    plainly,
    proposal_value,
    show_deficits,
    show_proposal,
)
from yunjin_cli.output import Column, Row, Told, say, show_rows, show_value
from yunjin_cli.session import Output, Session, command
from yunjin_cli.sheets import rank
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.engine.inventory import Compared
    from yunjin.ledger.books import Deficit
    from yunjin.ledger.capacity import Change
    from yunjin.ledger.history import Standing
    from yunjin.ledger.relief import Proposal
    from yunjin.store import Store

supply = group("资源池供给", "supply of the pools")

PoolArgument = Annotated[str, typer.Argument(help=said("资源池编号", "id of the pool"))]
CauseOption = Annotated[
    str, typer.Option("--cause", help=said("原因, 与欠额一并公布", "why, as it stands beside a deficit"))
]
_OPTIONS: Final = ("cpu", "memory", "storage", "pods")
"""Dimensions that have an option of their own."""
_COLUMNS: Final = (
    Column("pool", word("pool"), whole=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("supply", word("supply"), right=True),
    Column("reserve", Text("预留", "reserve"), right=True),
    Column("percent", Text("超分", "lent"), right=True),
    Column("bound", Text("可分配", "limit"), right=True),
    Column("charged", Text("已计入", "charged"), right=True),
    Column("promised", Text("已保底", "promised"), right=True),
    Column("deficit", word("deficit"), right=True),
)

_COMPARED: Final = (
    Column("pool", word("pool"), whole=True),
    Column("hosts", Text("主机数", "hosts"), right=True),
    Column("dimension", Text("资源", "dimension"), whole=True),
    Column("supply", Text("台账供给", "supply"), right=True),
    Column("seen", Text("主机实有", "seen"), right=True),
    Column("lacking", Text("缺", "lacking"), right=True),
)


@command(supply, "show", Text("查看资源池的供给、占用和欠额", "show what pools carry and what they lack"))
def show(
    session: Session,
    pool: Annotated[
        str | None, typer.Argument(help=said("资源池编号, 缺省为全部", "id of the pool, else all"))
    ] = None,
) -> int:
    """Supply as valid on the business date, what is charged and promised, and open deficits."""
    estate = session.estate()
    if pool is not None:
        found(estate.pools, pool, word("pool"))
    with asked(session) as store:
        held = _held(session, store)
    rows = [row for row in _rows(held) if pool in (None, row["pool"])]
    deficits = _deficits(held, pool)
    if session.output is not Output.TABLE:
        show_value(session, {"pools": rows, "deficits": deficit_rows(deficits)})
        return 0
    show_rows(session, _COLUMNS, rows, session.dating("{}的供给和占用", "Supply and charges of {}"))
    show_deficits(session, deficits)
    return 0


@command(supply, "compare", Text("与主机实有核对供给", "compare supply with what the hosts have"))
def compare(session: Session) -> int:
    """Of pools whose endpoint can tell. Exit 1 where the ledger promises from what is not there."""
    from yunjin.engine import inventory
    from yunjin.engine.endpoints import connect
    from yunjin.ledger.history import standing

    estate = session.estate()
    with opened(session, estate) as store:
        supplied = {(each.pool, each.dimension): each.supply for each in standing(store.database).supply}
    access = session.accesses(estate)
    with connect(estate, session.state, access) as endpoints:
        seen = inventory.compare(estate, endpoints, supplied)
    rows = [_compared(each) for each in seen]
    if session.output is not Output.TABLE:
        show_value(session, rows)
    elif rows:
        show_rows(session, _COMPARED, rows)
    else:
        say(session, Text("各接入点都不能说明主机实有", "no endpoint can tell what its hosts have"))
    return int(any(each.lacking for each in seen))


@command(supply, "set", Text("登记供给、预留或超分比例", "state supply, reserve or how much is lent"))
def set_(
    session: Session,
    pool: PoolArgument,
    *,
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    pods: PodsOption = None,
    dimension: DimensionOption = None,
    reserve: Annotated[
        str | None,
        typer.Option(
            "--reserve",
            metavar="NAME=N,...",
            help=said("预留, 如 cpu=0,memory=64Gi", "kept back: cpu=0,memory=64Gi"),
        ),
    ] = None,
    percent: Annotated[
        str | None,
        typer.Option(
            "--percent",
            metavar="NAME=N,...",
            help=said("超分比例, 如 cpu=125", "how much may be promised, in percent: cpu=125"),
        ),
    ] = None,
    cause: CauseOption,
) -> int:
    """What is not named stays as it is."""
    from yunjin.ledger.capacity import Change
    from yunjin.model.amounts import Amounts

    given = Asked(cpu, memory, storage, pods, dimension or ())
    stated = given.amounts() if given != Asked() or not (reserve or percent) else Amounts()
    change = Change(
        pool,
        cause,
        supply=stated,
        reserve=listed(reserve) if reserve else {},
        percent=_percents(percent) if percent else {},
    )
    return _carry_out(session, change)


@command(supply, "fall", Text("登记供给减少(主机故障、设备撤出)", "record that a pool carries less"))
def fall(
    session: Session,
    pool: PoolArgument,
    *,
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    pods: PodsOption = None,
    dimension: DimensionOption = None,
    cause: CauseOption,
) -> int:
    """Whatever is promised: what no longer fits becomes a deficit, and the pool takes no growth."""
    from yunjin.ledger.capacity import Change

    lost = Asked(cpu, memory, storage, pods, dimension or ()).amounts()
    return _carry_out(session, Change(pool, cause, delta={d: -value for d, value in lost.items()}))


@command(
    supply, "relief", Text("提出欠额补足建议, 不作变更", "propose how a deficit closes; nothing is changed")
)
def relief(session: Session, pool: PoolArgument) -> int:
    """Who gives what, in the city's order, and what remains. Exit code 1 where something remains."""
    from yunjin.engine.relief import proposals
    from yunjin.ledger.history import standing

    estate = session.estate()
    found(estate.pools, pool, word("pool"))
    with asked(session) as store:
        held = standing(store.database)
    proposed, deficits = proposals(estate, held, pool), _deficits(held, pool)
    if session.output is not Output.TABLE:
        values = [proposal_value(each) for each in proposed]
        commands = carried_out_by(proposed)
        show_value(session, {"deficits": deficit_rows(deficits), "proposals": values, "commands": commands})
        return int(any(each.remains for each in proposed))
    if not proposed:
        say(session, Text(f"资源池 {pool} 没有欠额", f"pool {pool} is not short of anything"))
        return 0
    for each in proposed:
        show_proposal(session, each, estate)
        say(session, Text("", ""))
    show_commands(session, proposed)
    return int(any(each.remains for each in proposed))


def show_commands(session: Session, proposed: Sequence[Proposal]) -> None:
    """With which commands the proposals are carried out, each of them approved like any other."""
    rests = [each for each in proposed if each.remains]
    for each in rests:
        rest = amount(each.dimension, each.remains).text
        say(
            session,
            Text(f"全部让出后尚欠 {rest.zh}", f"{rest.en} would remain after all of it"),
            "bold",
        )
    say(
        session,
        Text(
            "以上为建议, 未作任何变更; 经批准后用下列命令办理:",
            "Nothing was changed. Once approved, carry it out with:",
        ),
    )
    for line in carried_out_by(proposed):
        say(session, Text(f"  {line}", f"  {line}"))


def carried_out_by(proposed: Sequence[Proposal]) -> list[str]:
    """Commands for all steps, one for each figure's owner."""
    from yunjin.model.amounts import written

    reserves: dict[str, list[str]] = {}
    allotments: dict[str, dict[str, str]] = {}
    guarantees: dict[str, None] = {}
    for each in proposed:
        for change in (change for step in each.steps for change in step.changes):
            figure = written(each.dimension, change.after)
            if change.what == "reserve":
                reserves.setdefault(each.pool, []).append(f"{each.dimension}={figure}")
            elif change.what == "allotted":
                allotments.setdefault(change.node, {})[each.dimension] = figure
            else:
                guarantees[change.node] = None
    return [
        *(
            f"yunjin supply set {pool} --reserve {','.join(kept)} --cause ..."
            for pool, kept in reserves.items()
        ),
        *(f"yunjin allot {leaf} {_options(figures)}" for leaf, figures in allotments.items()),
        *(f"yunjin grant list --node {node}" for node in guarantees),
    ]


def _options(figures: Mapping[str, str]) -> str:
    return " ".join(
        f"--{name} {figure}" if name in _OPTIONS else f"--dimension {name}={figure}"
        for name, figure in figures.items()
    )


def _carry_out(session: Session, change: Change) -> int:
    """Do it and show what came of it."""
    from yunjin.ledger.capacity import Capacity

    estate = session.estate()
    found(estate.pools, change.pool, word("pool"))
    with opened(session, estate) as store:
        capacity = Capacity(store.database, store.now, actor())
        short = capacity.change_supply(change, session.as_of)
        held = _held(session, store)
    rows = [row for row in _rows(held) if row["pool"] == change.pool]
    deficits = _deficits(held, change.pool)
    if session.output is not Output.TABLE:
        show_value(session, {"pools": rows, "deficits": deficit_rows(deficits)})
        return 0
    show_rows(session, _COLUMNS, rows)
    show_deficits(session, deficits)
    if short.deficits or short.promises:
        pool = change.pool
        say(
            session,
            Text(
                f"资源池 {pool} 欠额, 补足前暂不新增; 补足建议: yunjin supply relief {pool}",
                f"pool {pool} is short and takes no growth; relief: yunjin supply relief {pool}",
            ),
            "bold",
        )
    return 0


def _compared(each: Compared) -> Row:
    return {
        "pool": each.pool,
        "hosts": each.hosts,
        "dimension": named(each.dimension),
        "supply": plainly(each.dimension, each.supply),
        "seen": plainly(each.dimension, each.seen),
        "lacking": plainly(each.dimension, each.lacking) if each.lacking else None,
    }


def _held(session: Session, store: Store) -> Standing:
    """The ledger on the business date; as it is now where none was given."""
    from yunjin.ledger.history import NOW, When, standing

    return standing(store.database, When(day=session.as_of) if session.dated else NOW)


def _rows(held: Standing) -> list[Row]:
    from yunjin.ledger.supply import bound
    from yunjin.model.estate import CITY

    rows: list[Row] = []
    for record in sorted(held.supply, key=lambda each: (each.pool, rank(each.dimension))):
        d = record.dimension
        cell = held.cell(CITY, record.pool, d)
        firm = max(0, record.supply - record.reserve)
        limit = bound(record.supply, record.reserve, record.percent)
        short = max(0, cell.allotted - limit, cell.promised - firm)
        rows.append(
            {
                "pool": record.pool,
                "dimension": named(d),
                "supply": plainly(d, record.supply),
                "reserve": plainly(d, record.reserve),
                "percent": Told(record.percent, Text(f"{record.percent}%", f"{record.percent}%")),
                "bound": plainly(d, limit),
                "charged": plainly(d, cell.allotted),
                "promised": plainly(d, cell.promised),
                "deficit": plainly(d, short) if short else None,
            }
        )
    return rows


def _deficits(held: Standing, pool: str | None) -> list[Deficit]:
    """Those of the city's own row: what a pool lacks."""
    from yunjin.model.estate import CITY

    return [each for each in held.deficits if each.node == CITY and pool in (None, each.pool)]


def _percents(text: str) -> Mapping[str, int]:
    """`cpu=125,memory=100`. Raises UsageError."""
    percents: dict[str, int] = {}
    for part in text.split(","):
        dimension, _, number = part.partition("=")
        if not number.strip().isdecimal():
            raise UsageError(
                Text(f"超分比例 {part!r} 无法识别", f"{part!r} is no percentage"),
                Text("写成 cpu=125 的形式", "write it as cpu=125"),
            )
        percents[dimension.strip()] = int(number)
    return percents
