"""What a grant may say, and who may say it.

Used by `grants` and `contributions`. Calls `rows`. Promises that a request which cannot be meant is refused
before anything is written: amounts, dates, numbers, nodes, and the authority of the grantor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.supply import require_counted
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import Lang
    from yunjin.ledger.records import Request
    from yunjin.store.connection import Connection

Figures = dict[str, dict[str, int]]
"""By pool, by dimension."""

OPENING: Final = "opening"
"""Kind of a grant that says what a node had before the ledger began; it may be nothing."""
HOLD: Final = "hold/"
"""What a node that keeps a later guarantee is called, before the grant's number."""
_LONGEST: Final = 100
_TAKEN: Final = (
    "SELECT number FROM grants WHERE number {0} UNION SELECT number FROM contributions WHERE number {0}"
)


def figures(by_pool: Mapping[str, Mapping[str, int]]) -> Figures:
    """Without what is zero."""
    found = {pool: {d: int(value) for d, value in by.items() if value} for pool, by in by_pool.items()}
    return {pool: by for pool, by in found.items() if by}


def with_total(by_pool: Mapping[str, Mapping[str, int]]) -> Figures:
    """With the sum over all pools beside them."""
    whole: dict[str, int] = {}
    for by in by_pool.values():
        for dimension, value in by.items():
            whole[dimension] = whole.get(dimension, 0) + value
    return {**{pool: dict(by) for pool, by in by_pool.items()}, ALL: whole}


def number(connection: Connection, request: Request, series: str = "G") -> str:
    """The number asked for, if nobody has it, or the next of its series in the year: G-2026-0001.

    Raises:
        ConflictError: another grant has it, or had it.
        UsageError: it is none.
    """
    if asked := str(request["number"]):
        if len(asked) > _LONGEST or not asked.isprintable() or asked != asked.strip():
            raise UsageError(
                Text(f"编号 {asked[:_LONGEST]!r} 无法使用", f"{asked[:_LONGEST]!r} is no number of a grant"),
                Text(f"编号为不超过 {_LONGEST} 个字符的一行文字", f"one line, {_LONGEST} characters at most"),
            )
        if connection.execute(_TAKEN.format("= ?"), (asked, asked)).fetchone() is not None:
            raise ConflictError(
                Text(f"核定配额 {asked} 已存在", f"grant {asked} exists already"),
                Text(
                    "换一个编号, 或不写编号由台账编排", "choose another number, or let the ledger number it"
                ),
            )
        return asked
    begins = f"{series}-{str(request['today'])[:4]}-"
    found = connection.execute(_TAKEN.format("LIKE ?"), (f"{begins}%", f"{begins}%")).fetchall()
    taken = [name.removeprefix(begins) for (name,) in found]
    return f"{begins}{max((int(part) for part in taken if part.isdecimal()), default=0) + 1:04}"


def require_sound(request: Request) -> None:
    """Refuse figures and dates that cannot be meant. Raises UsageError."""
    limit, guarantee = request["limit"], request["guarantee"]
    if not limit.keys() - {ALL} or ALL in guarantee:
        raise UsageError(Text("核定配额须写明资源池", "a grant names its pools"))
    for by_pool in (limit, guarantee):
        for by in by_pool.values():
            require_counted(str(request["node"]), by)
    if request["kind"] != OPENING and not any(value for by in limit.values() for value in by.values()):
        raise UsageError(Text("核定配额须写明数额", "a grant names amounts"))
    for pool, by in guarantee.items():
        if any(value > limit.get(pool, {}).get(d, 0) for d, value in by.items()):
            raise UsageError(
                Text(
                    f"保底额度不能高于配额上限(资源池 {pool})",
                    f"a guarantee cannot be above the limit (pool {pool})",
                ),
                Text("调低保底额度, 或提高配额上限", "lower the guarantee or raise the limit"),
            )
    _require_total(limit, guarantee)
    begins, until = request["valid_from"], request["valid_to"]
    if until is not None and until <= max(begins, request["today"]):
        raise UsageError(
            Text("到期日须晚于起始日和今天", "the end must be after the start and after today"),
            Text("到期日是不再有效的第一天", "the end is the first day on which it no longer holds"),
        )


def _require_total(limit: Mapping[str, Any], guarantee: Mapping[str, Any]) -> None:
    """In no pool more than over all of them together, and not more guaranteed than granted."""
    whole = limit.get(ALL, {})
    for pool, by in limit.items():
        if any(value > whole.get(d, 0) for d, value in by.items()):
            raise UsageError(
                Text(
                    f"资源池 {pool} 的数额高于各资源池合计",
                    f"more in pool {pool} than over all pools together",
                ),
                Text("核对数额", "check the amounts"),
            )
    if any(value > whole.get(d, 0) for d, value in with_total(guarantee)[ALL].items()):
        raise UsageError(
            Text(
                "各资源池的保底额度之和高于核定的合计数额",
                "the guarantees of all pools are more than the whole grant",
            ),
            Text("调低保底额度", "lower the guarantees"),
        )


def require_authority(connection: Connection, node: str, grantor: str) -> None:
    """A body may share out what is below it; only the city shares out among bodies.

    Raises:
        UsageError: no such node, one that has ended, or one that gets no grants.
        RefusalError: the grantor does not stand above it.
    """
    found = rows.node(connection, node)
    if found.ended is not None:
        raise UsageError(
            Text(f"{node} 已停用", f"{node} has ended"),
            Text("用 yunjin ledger show 核对名称", "check the name with `yunjin ledger show`"),
        )
    if node == CITY or found.pool is not None or node.startswith(HOLD):
        raise UsageError(
            Text(
                "核定配额给单位, 不给全市或命名空间/项目",
                "a grant is a body's or a tenant's, never the city's or a leaf's",
            ),
            Text("命名空间/项目用 yunjin allot 分配", "a leaf gets its share with `yunjin allot`"),
        )
    above = found.parent
    while above is not None and above != grantor:
        above = rows.node(connection, above).parent
    if above is None:
        raise RefusalError(
            Text(f"{grantor} 不是 {node} 的上级, 无权核定", f"{grantor} does not stand above {node}"),
            Text("由其上级单位核定", "the decision belongs to a body above it"),
        )


def require_own(connection: Connection, grantor: str, guarantee: Figures) -> None:
    """A body guarantees to those below it what is guaranteed to itself; only the city carves out more.

    Args:
        connection: of the transaction, in which the guarantee stands already.
        grantor: by whose authority.
        guarantee: what it has just guaranteed.

    Raises:
        RefusalError: it is more than its own.
    """
    for pool in sorted(guarantee) if grantor != CITY else ():
        cells = rows.cells(connection, grantor, pool)
        for dimension in sorted(guarantee[pool]):
            cell = cells.get((pool, dimension), Cell())
            if cell.nested > cell.guarantee:
                raise _more_than_own(grantor, pool, dimension, cell)


def _more_than_own(grantor: str, pool: str, dimension: str, cell: Cell) -> RefusalError:
    name = dimension_text(dimension)

    def figure(value: int, lang: Lang) -> str:
        return amount_text(dimension, value, lang)

    return RefusalError(
        Text(
            f"{grantor} ({pool}) 的{name.zh}保底额度为 {figure(cell.guarantee, 'zh')}, "
            f"对下级的保底合计将为 {figure(cell.nested, 'zh')}",
            f"{grantor} ({pool}) is guaranteed {figure(cell.guarantee, 'en')} of {name.en}; to those below "
            f"it would guarantee {figure(cell.nested, 'en')}",
        ),
        Text("调低保底额度, 或由全市核定", "guarantee less, or have the city decide"),
        facts={"node": grantor, "pool": pool, "dimension": dimension},
    )
