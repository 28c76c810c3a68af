"""Carrying out a reorganisation in the ledger: who hangs where, and whose limits, guarantees and grants.

Called through `Reorganisations`, inside its operations. Calls `regroup`, `regrant` and `references`. Promises
that tenants and leaves keep their ids and what they hold, that a body which ends keeps its place in the list
and in history, and that the tree is right again when it returns, or nothing has happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import RefusalError, Text
from yunjin.ledger import causes, references, regrant, rows
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.nodes import put_node
from yunjin.ledger.portions import no_portion, portion_of
from yunjin.ledger.regroup import Regrouping, cells_of, path_of, weight_of
from yunjin.ledger.terms import HOLD, OPENING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.ledger.regroup import Cells
    from yunjin.store.connection import Connection

RENAME: Final = "rename"
MERGE: Final = "merge"
SPLIT: Final = "split"
TRANSFER: Final = "transfer"

_CHILDREN: Final = "SELECT id FROM quota_nodes WHERE parent = ? AND ended IS NULL ORDER BY id"
_HANG: Final = "UPDATE quota_nodes SET parent = ? WHERE id = ?"
_PLACE: Final = "INSERT INTO quota_places (node, parent, valid_from, recorded, basis) VALUES (?, ?, ?, ?, ?)"
_END: Final = "UPDATE quota_nodes SET ended = ? WHERE id = ?"
_OPENING: Final = (
    "SELECT a.pool, a.dimension, SUM(a.limit_), SUM(a.guarantee) FROM grants g "
    "JOIN grant_amounts a ON a.grant_id = g.id "
    "WHERE g.node = ? AND g.kind = ? AND g.state = 'in_force' AND g.superseded IS NULL "
    "AND a.pool <> '*' GROUP BY a.pool, a.dimension"
)


@dataclass(slots=True)
class Work:
    """One reorganisation at work.

    Attributes:
        day: when it takes effect.
        basis: the decision.
        regrouping: what has been summed up so far.
        nodes: what hangs elsewhere now: node, from, to.
        grants: which grants are whose now: number, from, to, number there; an empty `to` for one that ended.
        ended: bodies.
        added: bodies.
        followed: rows that name the successor now, by column.
    """

    connection: Connection
    day: regrant.Day
    basis: str
    regrouping: Regrouping
    nodes: list[tuple[str, str, str]] = field(default_factory=list)
    grants: list[tuple[str, str, str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    followed: dict[str, int] = field(default_factory=dict)


def carry(
    connection: Connection, kind: str, terms: Mapping[str, Any], day: regrant.Day, basis: str
) -> dict[str, Any]:
    """Do the ledger's part of a reorganisation.

    Args:
        connection: of the transaction.
        kind: rename, merge, split or transfer.
        terms: `from`, a list of nodes; `into`, a node; `parent`, where a new one hangs; of a part also
            `tenants`, a list of nodes, and `share`, `share_guarantee`, `keep`, `keep_guarantee`, amounts by
            pool and dimension, or None.
        day: when it takes effect.
        basis: the decision.

    Returns:
        JSON values: what moved, what the bodies had and have, and their opening grants.

    Raises:
        ShortageError: a limit is in the way.
        RefusalError: it cannot be meant: in a circle, of a body that has ended, with amounts that do not fit.
    """
    rows.lock_tree(connection)
    work = Work(connection, day, basis, Regrouping(connection))
    bodies = sorted({*terms.get("from", ()), *([terms["into"]] if "into" in terms else [])})
    before = {body: _figures(cells_of(connection, body)) for body in bodies}
    if kind == MERGE:
        _merge(work, terms["from"], terms["into"], terms.get("parent"))
    elif kind in (SPLIT, TRANSFER) and terms["tenants"]:
        _part(work, terms)
    after = {body: _figures(cells_of(connection, body)) for body in bodies}
    return {
        "nodes": [list(moved) for moved in work.nodes],
        "grants": [list(moved) for moved in work.grants],
        "ended": work.ended,
        "added": work.added,
        "followed": work.followed,
        "before": before,
        "after": after,
        "opening": {body: _opening(connection, body) for body in bodies},
        "counted": [],
    }


def _merge(work: Work, sources: Sequence[str], target: str, parent: str | None) -> None:
    connection = work.connection
    _require_standing(connection, (*sources, target))
    known = [source for source in sources if _known(connection, source)]
    depths = {source: len(path_of(connection, source)) for source in known}
    if not known:
        return
    _ensure(work, target, parent)
    within = False
    for source in sorted(known, key=lambda found: (depths[found], found)):  # those above go first
        if source in path_of(connection, target):
            raise _circle(source, target)
        below = target in path_of(connection, source)
        within = within or below
        _absorb(work, source, target, below=below)
    cause = causes.reorganised(work.day.number)
    work.regrouping.carry(work.day.at, cause, summed=() if within else (target,))


def _absorb(work: Work, source: str, target: str, *, below: bool) -> None:
    """All of one body becomes another's; of one below that, only what hangs there and what it brought."""
    cells = cells_of(work.connection, source)
    own = {key: Cell(limit=cell.limit) if key[0] == ALL else cell for key, cell in cells.items()}
    work.regrouping.take(source, own)
    work.regrouping.inherit(source)
    hanging = {key: Cell(0, cell.nested, 0, cell.allotted) for key, cell in own.items() if key[0] != ALL}
    work.regrouping.add(target, hanging if below else own)
    for (child,) in work.connection.execute(_CHILDREN, (source,)).fetchall():
        _hang(work, child, source, target)
    beside = rows.node(work.connection, target).parent or target
    for grant in regrant.held_by(work.connection, source):
        if below and grant.kind != regrant.CONTRIBUTION:
            _drop_hold(work, grant)
            regrant.end(work.connection, grant, work.day, causes.reorganised(work.day.number))
            work.grants.append((grant.number, source, "", grant.number))
            continue
        _move_hold(work, grant, beside)
        regrant.hand_over(work.connection, grant, target, work.day)
        work.grants.append((grant.number, source, target, grant.number))
        if below and grant.state == "in_force":
            work.regrouping.add(target, _amounts(grant.limit, grant.guarantee))
    regrant.hand_over_reclaims(work.connection, source, target, work.day)
    regrant.follow_grantor(work.connection, source, target, work.day)
    for column, count in references.follow(work.connection, source, target).items():
        work.followed[column] = work.followed.get(column, 0) + count
    work.connection.execute(_END, (work.day.effective, source))
    work.ended.append(source)


def _part(work: Work, terms: Mapping[str, Any]) -> None:
    """Some tenants of one body become another's, with a share of its quota."""
    connection, (source,), target = work.connection, terms["from"], terms["into"]
    _require_standing(connection, (source, target))
    if not _known(connection, source):
        return
    _ensure(work, target, terms.get("parent"))
    tenants = [_require_below(connection, tenant, source) for tenant in terms["tenants"]]
    moving = [*tenants, *(hold for tenant in tenants for hold in _holds(connection, tenant))]
    weights = [weight_of(cells_of(connection, node)) for node in moving]
    if source in path_of(connection, target) or target in path_of(connection, source):
        share = no_portion(source, target, terms)
    else:
        share = portion_of(connection, source, target, tenants, weights, terms)
    for node, weight in zip(moving, weights, strict=True):
        work.regrouping.take(source, weight)
        work.regrouping.add(target, weight)
        _hang(work, node, source, target)
    work.regrouping.take(source, _amounts(share.limit, share.guarantee))
    work.regrouping.add(target, _amounts(share.limit, share.guarantee))
    held = [
        grant
        for grant in regrant.held_by(connection, source)
        if grant.state == "in_force" and grant.kind != regrant.CONTRIBUTION
    ]
    for grant, part in zip(held, regrant.parts(held, share.limit, share.guarantee), strict=True):
        if part.limit or part.guarantee:
            number = regrant.divide(connection, grant, target, part, work.day)
            work.grants.append((grant.number, source, target, number))
    work.regrouping.carry(work.day.at, causes.reorganised(work.day.number))


def _hang(work: Work, node: str, source: str, target: str) -> None:
    work.connection.execute(_HANG, (target, node))
    if not node.startswith(HOLD):
        work.connection.execute(_PLACE, (node, target, work.day.effective, work.day.at, work.basis))
        work.nodes.append((node, source, target))


def _ensure(work: Work, node: str, parent: str | None) -> None:
    """A body that is founded by the reorganisation, or that never had quota before, comes into the tree."""
    if not _known(work.connection, node):
        request = {"node": node, "parent": parent, "pool": None, "today": work.day.effective}
        put_node(work.connection, {**request, "at": work.day.at, "basis": work.basis})
        work.added.append(node)


def _hold_of(connection: Connection, grant: regrant.Held) -> str | None:
    name = f"{HOLD}{grant.number}"
    return name if grant.state == "future" and _known(connection, name) else None


def _move_hold(work: Work, grant: regrant.Held, parent: str) -> None:
    """What is held for a grant that begins later is held beside the body that will get it."""
    name = _hold_of(work.connection, grant)
    above = rows.node(work.connection, name).parent if name else None
    if name is None or above is None or above == parent:
        return
    weight = weight_of(cells_of(work.connection, name))
    work.regrouping.take(above, weight)
    work.regrouping.add(parent, weight)
    work.connection.execute(_HANG, (parent, name))


def _drop_hold(work: Work, grant: regrant.Held) -> None:
    name = _hold_of(work.connection, grant)
    above = rows.node(work.connection, name).parent if name else None
    if name is None or above is None:
        return
    work.regrouping.take(above, weight_of(cells_of(work.connection, name)))
    work.connection.execute("DELETE FROM quota_cells WHERE node = ?", (name,))
    work.connection.execute("DELETE FROM quota_nodes WHERE id = ?", (name,))


def _holds(connection: Connection, node: str) -> list[str]:
    """What is held beside a node for its grants that begin later."""
    found = (_hold_of(connection, grant) for grant in regrant.held_by(connection, node))
    return [name for name in found if name is not None]


def _known(connection: Connection, node: str) -> bool:
    return connection.execute("SELECT 1 FROM quota_nodes WHERE id = ?", (node,)).fetchone() is not None


def _require_standing(connection: Connection, nodes: Sequence[str]) -> None:
    for name in nodes:
        row = connection.execute("SELECT ended FROM quota_nodes WHERE id = ?", (name,)).fetchone()
        if row is not None and row[0] is not None:
            raise RefusalError(
                Text(f"{name} 已于 {row[0]} 撤销", f"{name} ended on {row[0]}"),
                Text("换成现有的部门", "name a body that exists"),
            )


def _require_below(connection: Connection, tenant: str, body: str) -> str:
    node = rows.node(connection, tenant)
    if node.parent != body or node.ended is not None:
        raise RefusalError(
            Text(f"{tenant} 不在 {body} 之下", f"{tenant} does not hang below {body}"),
            Text("用 yunjin bureau show 核对所属用云单位", "`yunjin bureau show` lists its tenants"),
        )
    return tenant


def _circle(source: str, target: str) -> RefusalError:
    return RefusalError(
        Text(
            f"{target} 在 {source} 之下, {source} 不能并入自己的下级",
            f"{target} hangs below {source}, which cannot become a part of it",
        ),
        Text("反过来合并, 再更名", "merge the other way round, then rename"),
    )


def _amounts(limit: regrant.Figures, guarantee: regrant.Figures) -> Cells:
    return {
        key: Cell(guarantee=guarantee.get(key, 0), limit=limit.get(key, 0)) for key in {*limit, *guarantee}
    }


def _figures(cells: Cells) -> dict[str, dict[str, dict[str, int]]]:
    """As JSON: by pool, by dimension."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (pool, dimension), cell in sorted(cells.items()):
        said = {"limit": cell.limit, "guarantee": cell.guarantee, "allotted": cell.allotted}
        found.setdefault(pool, {})[dimension] = said
    return found


def _opening(connection: Connection, body: str) -> dict[str, dict[str, dict[str, int]]]:
    """What the opening grants of a body add up to: by pool, `limit` and `guarantee`, by dimension."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for pool, dimension, limit, guarantee in connection.execute(_OPENING, (body, OPENING)).fetchall():
        row = found.setdefault(pool, {"limit": {}, "guarantee": {}})
        row["limit"][dimension] = int(limit)
        if guarantee:
            row["guarantee"][dimension] = int(guarantee)
    return found
