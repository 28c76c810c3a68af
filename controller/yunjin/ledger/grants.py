"""Grants: dated raises of a node's limit and guarantee, each with its basis.

Called through `Ledger`. Calls `climb` and `terms`. Promises that a limit which rises fits its parent's, that
a guarantee fits all the way up from the day it is approved (a grant that begins later is held beside its node
until then), and that an end lowers limits and takes nothing away: what is used beyond them becomes a deficit.

    future ──start──> in_force ──end──> ended
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, ShortageError, Text, UsageError
from yunjin.ledger import causes, rows, terms
from yunjin.ledger.cells import ALL, Cell, Step
from yunjin.ledger.climb import climb, require_no_deficit
from yunjin.ledger.records import audited
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.records import Request, Result
    from yunjin.ledger.terms import Figures
    from yunjin.store.connection import Connection

CONTRIBUTION: Final = "contribution"
"""Kind of a grant that stays as long as servers do; see `contributions`."""
RECLAIM: Final = "reclaim"
"""Kind of the clock that an end sets where more is used than may be."""

_ADD: Final = (
    "INSERT INTO grants (number, node, kind, grantor, basis, valid_from, valid_to, state, follows, recorded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_AMOUNT: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) VALUES (?, ?, ?, ?, ?)"
)
_ONE: Final = (
    "SELECT id, node, kind, state, valid_from, valid_to FROM grants "
    "WHERE number = ? AND superseded IS NULL AND state <> 'moved'"
)
_AMOUNTS: Final = "SELECT pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
_SUPERSEDE: Final = "UPDATE grants SET superseded = ? WHERE id = ?"
_AGAIN: Final = (
    "INSERT INTO grants "
    "(number, node, kind, grantor, basis, valid_from, valid_to, state, cause, follows, recorded) "
    "SELECT number, node, kind, grantor, COALESCE(?, basis), valid_from, ?, ?, ?, id, ? FROM grants "
    "WHERE id = ? RETURNING id"
)
_COPY: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) "
    "SELECT ?, pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
)
_SHORT: Final = "SELECT 1 FROM quota_deficits WHERE node = ? AND closed IS NULL"
_SET_CLOCK: Final = (
    "INSERT INTO clocks (kind, subject, due, done) VALUES (?, ?, ?, NULL) "
    "ON CONFLICT (kind, subject, due) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a grant that counts.

    Attributes:
        id: of its row; another one as soon as anything about the grant changes.
    """

    id: int
    node: str
    kind: str
    state: str
    valid_from: str
    valid_to: str | None


@audited
def add_grant(connection: Connection, request: Request) -> Result:
    """Approve a grant.

    Args:
        connection: of the transaction.
        request: `number`, "" for the next of the ledger's own; `node`; `limit`, by pool, by dimension, pool
            `*` for the raise over all pools; `guarantee`, by pool, by dimension; `kind` (grant, opening);
            `grantor`, the node by whose authority; `basis`; `valid_from` (inclusive, None for today),
            `valid_to` (exclusive, or None); `today`.

    Raises:
        ShortageError: a limit above is in the way.
        RefusalError: the pool is in deficit, the grantor does not stand above the node, or guarantees more
            than is guaranteed to itself.
        UsageError: figures or dates that cannot be meant.
        ConflictError: the number is taken.
    """
    request = {**request, "valid_from": request["valid_from"] or request["today"]}
    terms.require_sound(request)
    rows.lock_tree(connection)
    node = str(request["node"])
    terms.require_authority(connection, node, str(request["grantor"]))
    limit, guarantee = terms.figures(request["limit"]), terms.figures(request["guarantee"])
    state = "in_force" if request["valid_from"] <= request["today"] else "future"
    numbered = {**request, "number": terms.number(connection, request)}
    insert(connection, numbered, state, limit, guarantee)
    if state == "in_force":
        enter(connection, node, limit, guarantee, request["at"])
    elif guarantee:
        _hold(connection, node, numbered, guarantee)
    terms.require_own(connection, str(request["grantor"]), guarantee)
    return {"grant": numbered["number"], "state": state, "counted": []}


@audited
def start_grant(connection: Connection, request: Request) -> Result:
    """The day of a grant has come. Raises as `add_grant` does; what was held for it is its own until then."""
    found = current(connection, request)
    if found.state != "future" or found.valid_from > request["today"]:
        return {"grant": request["number"], "state": found.state, "counted": []}
    limit, guarantee = recorded(connection, found)
    if guarantee:
        _unhold(connection, request, guarantee)
    enter(connection, found.node, limit, guarantee, request["at"])
    again(connection, found, request, "in_force", found.valid_to)
    return {"grant": request["number"], "state": "in_force", "counted": []}


@audited
def end_grant(connection: Connection, request: Request) -> Result:
    """A grant ends: its day has come, or it is withdrawn. `cause` says why.

    Raises:
        UsageError: there is none of that number.
        RefusalError: it stays as long as servers do.
    """
    found = current(connection, request)
    _require_no_contribution(request, found)
    if found.state != "ended":
        leave(connection, request, found, causes.grant_ended(str(request["number"])))
    return {"grant": request["number"], "state": "ended", "counted": []}


@audited
def renew_grant(connection: Connection, request: Request) -> Result:
    """A grant runs until another day, `valid_to`. The earlier term stays on record.

    Raises:
        UsageError: there is none of that number, or the end cannot be meant.
        RefusalError: it has ended, or stays as long as servers do.
        ConflictError: it is no longer the `version` that was seen, where one is given.
    """
    found = current(connection, request)
    _require_no_contribution(request, found)
    name, today, until = request["number"], request["today"], request["valid_to"]
    if request.get("version") not in (None, found.id):
        raise ConflictError(
            Text(f"核定配额 {name} 已被他人改动", f"grant {name} was changed by somebody else"),
            Text("重新查看后再办理", "look at it again first"),
        )
    if found.state == "ended" or (found.valid_to is not None and found.valid_to <= today):
        raise RefusalError(
            Text(f"核定配额 {name} 已到期", f"grant {name} has ended"),
            Text("重新核定一笔", "add a new grant"),
        )
    if until is not None and until <= max(found.valid_from, today):
        raise UsageError(
            Text("新的到期日须晚于起始日和今天", "the new end must be after the start and after today"),
            Text("到期日是不再有效的第一天", "the end is the first day on which it no longer holds"),
        )
    again(connection, found, request, found.state, until)
    return {"grant": name, "state": found.state, "counted": []}


def current(connection: Connection, request: Request) -> Version:
    """The grant `number`, kept from others. Raises UsageError where there is none."""
    rows.lock_tree(connection)
    row = connection.execute(_ONE, (request["number"],)).fetchone()
    if row is None:
        raise UsageError(
            Text(f"没有核定配额 {request['number']}", f"there is no grant {request['number']}"),
            Text("用 yunjin grant list 核对编号", "check the number with `yunjin grant list`"),
        )
    return Version(*row)


def recorded(connection: Connection, found: Version) -> tuple[Figures, Figures]:
    """By how much it raises limit and guarantee."""
    limit: Figures = {}
    guarantee: Figures = {}
    for pool, dimension, raised, carved in connection.execute(_AMOUNTS, (found.id,)).fetchall():
        if raised:
            limit.setdefault(pool, {})[dimension] = raised
        if carved:
            guarantee.setdefault(pool, {})[dimension] = carved
    return limit, guarantee


def insert(connection: Connection, request: Request, state: str, limit: Figures, guarantee: Figures) -> None:
    """Write a new grant down."""
    names = ("number", "node", "kind", "grantor", "basis", "valid_from", "valid_to")
    values: list[Any] = [request[name] for name in names]
    version = int(connection.execute(_ADD, (*values, state, None, request["at"])).fetchone()[0])
    keys = {(pool, d) for by_pool in (limit, guarantee) for pool, by in by_pool.items() for d in by}
    connection.executemany(
        _AMOUNT,
        [
            (version, pool, d, limit.get(pool, {}).get(d, 0), guarantee.get(pool, {}).get(d, 0))
            for pool, d in sorted(keys)
        ],
    )


def again(
    connection: Connection, found: Version, request: Mapping[str, Any], state: str, until: str | None
) -> None:
    """What a grant says from now on, with its new basis or cause; what it said until now stays on record."""
    connection.execute(_SUPERSEDE, (request["at"], found.id))
    said = (request.get("basis"), until, state, request.get("cause"), request["at"], found.id)
    row = connection.execute(_AGAIN, said).fetchone()
    connection.execute(_COPY, (row[0], found.id))


def enter(connection: Connection, node: str, limit: Figures, guarantee: Figures, at: str) -> None:
    """Raise limits, against the parent's, and carve guarantees out."""
    for pool in sorted({*limit, *guarantee} - {ALL}):
        require_no_deficit(connection, pool)
    _step(connection, node, limit, guarantee, at)
    parent = rows.node(connection, node).parent
    if parent is None:
        return
    for pool in sorted(limit):
        _require_within(connection, node, parent, pool, limit[pool])


def leave(connection: Connection, request: Request, found: Version, cause: str) -> None:
    """Take limits and guarantees of a grant back; what is used beyond them stays and is to be reclaimed."""
    limit, guarantee = recorded(connection, found)
    today = str(request["today"])
    until = min(found.valid_to, today) if found.valid_to else today
    if found.state == "future" and guarantee:
        _unhold(connection, request, guarantee)
    elif found.state == "in_force":
        _step(connection, found.node, _negative(limit), _negative(guarantee), request["at"], cause)
        if connection.execute(_SHORT, (found.node,)).fetchone():
            connection.execute(_SET_CLOCK, (RECLAIM, request["number"], until))
    again(connection, found, request, "ended", until)


def _step(
    connection: Connection, node: str, limit: Figures, guarantee: Figures, at: str, cause: str | None = None
) -> None:
    """All pools of a grant at one node; with a cause it is a fall.

    The limit over all pools rises with the first of them and falls with the last, so that in between it is
    never lower than what is charged.
    """
    rows.lock_paths(connection, (node,))
    pools = sorted({*limit, *guarantee} - {ALL})
    turn = pools[:1] if cause is None else pools[-1:]
    for pool in pools:
        over_all = limit.get(ALL, {}) if [pool] == turn else {}
        step = Step(
            guarantee=guarantee.get(pool, {}),
            limit=limit.get(pool, {}),
            limit_all=over_all,
            cause=cause or "",
        )
        climb(connection, node, pool, step, at)


def _require_within(
    connection: Connection, node: str, parent: str, pool: str, raised: Mapping[str, int]
) -> None:
    """What was raised may not be above what the parent may have itself."""
    own, above = rows.cells(connection, node, pool), rows.cells(connection, parent, pool)
    for dimension in sorted(raised):
        limit = own.get((pool, dimension), Cell()).limit
        bound = above.get((pool, dimension), Cell()).limit
        if raised[dimension] > 0 and limit > bound:
            raise _above_parent(node, parent, (pool, dimension), (limit, bound, raised[dimension]))


def _above_parent(
    node: str, parent: str, key: tuple[str, str], figures: tuple[int, int, int]
) -> ShortageError:
    (pool, dimension), (limit, bound, raised) = key, figures
    name = dimension_text(dimension)
    where = Text("各资源池合计", "over all pools") if pool == ALL else Text(pool, pool)
    return ShortageError(
        Text(
            f"{node} ({where.zh}) 的{name.zh}配额上限将为 {amount_text(dimension, limit, 'zh')}, "
            f"高于上级 {parent} 的 {amount_text(dimension, bound, 'zh')}",
            f"{node} ({where.en}): its {name.en} limit would be {amount_text(dimension, limit, 'en')}, "
            f"above the {amount_text(dimension, bound, 'en')} of {parent}",
        ),
        Text("调低数额, 或先提高上级的配额上限", "ask for less, or have the parent's limit raised first"),
        facts={
            "node": parent,
            "pool": pool,
            "dimension": dimension,
            "promise": False,
            "limit": bound,
            "taken": limit - raised,
            "asked": raised,
            "missing": limit - bound,
            "holders": [],
        },
    )


def _hold(connection: Connection, node: str, request: Request, guarantee: Figures) -> None:
    """Carve a later guarantee out of the parent, in a node of its own beside the one that gets it."""
    for pool in sorted(guarantee):
        require_no_deficit(connection, pool)
    parent = rows.node(connection, node).parent
    name = f"{terms.HOLD}{request['number']}"
    connection.execute("INSERT INTO quota_nodes (id, parent, pool) VALUES (?, ?, NULL)", (name, parent))
    _step(connection, name, terms.with_total(guarantee), guarantee, request["at"])


def _unhold(connection: Connection, request: Request, guarantee: Figures) -> None:
    name = f"{terms.HOLD}{request['number']}"
    back = _negative(guarantee)
    _step(connection, name, terms.with_total(back), back, request["at"], name)
    connection.execute("DELETE FROM quota_cells WHERE node = ?", (name,))
    connection.execute("DELETE FROM quota_nodes WHERE id = ?", (name,))


def _negative(by_pool: Figures) -> Figures:
    return {pool: {d: -value for d, value in by.items()} for pool, by in by_pool.items()}


def _require_no_contribution(request: Request, found: Version) -> None:
    if found.kind == CONTRIBUTION:
        raise RefusalError(
            Text(
                f"{request['number']} 随移交的设备存续, 不能单独终止或续期",
                f"{request['number']} stays as long as the servers do",
            ),
            Text(
                f"收回设备用 yunjin contribution recall {request['number']}",
                f"`yunjin contribution recall {request['number']}` takes the servers home",
            ),
        )
