"""Servers that a body hands over to a pool, and what it is promised for them as long as they stay.

Called through `Capacity`. Calls `supply` and `grants`. Promises that supply and the body's guarantee rise and
fall in one transaction, that the guarantee is floor(contribution x factor / 100) and is carved out like any
other, and that servers that go home take nothing away: what no longer fits becomes a deficit with its cause.

    waiting ──it fits──> staying ──recall──> recalled ──its day──> gone

Servers that arrive while their pool is in deficit count at once; the promise waits until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import RefusalError, Text, UsageError
from yunjin.ledger import causes, grants, rows, supply, terms
from yunjin.ledger.grants import CONTRIBUTION
from yunjin.ledger.records import audited
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_ADD: Final = (
    "INSERT INTO contributions "
    "(number, node, pool, factor, servers, basis, valid_from, effective, state, recorded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?) RETURNING id"
)
_AMOUNT: Final = "INSERT INTO contribution_amounts (contribution, dimension, amount) VALUES (?, ?, ?)"
_ONE: Final = (
    "SELECT id, number, node, pool, factor, basis, effective, state FROM contributions "
    "WHERE number = ? AND superseded IS NULL"
)
_AMOUNTS: Final = "SELECT dimension, amount FROM contribution_amounts WHERE contribution = ?"
_SUPERSEDE: Final = "UPDATE contributions SET superseded = ? WHERE id = ?"
_AGAIN: Final = (
    "INSERT INTO contributions "
    "(number, node, pool, factor, servers, basis, valid_from, effective, state, recorded) "
    "SELECT number, node, pool, factor, servers, COALESCE(?, basis), valid_from, ?, ?, ? "
    "FROM contributions WHERE id = ? RETURNING id"
)
_COPY: Final = (
    "INSERT INTO contribution_amounts (contribution, dimension, amount) "
    "SELECT ?, dimension, amount FROM contribution_amounts WHERE contribution = ?"
)
_SHORT: Final = "SELECT 1 FROM quota_deficits WHERE node = ? AND pool = ? AND closed IS NULL"
_LONGEST: Final = 200
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a contribution that counts."""

    id: int
    number: str
    node: str
    pool: str
    factor: int
    basis: str
    effective: str | None
    state: str


@audited
def add_contribution(connection: Connection, request: Request) -> Result:
    """A body hands servers over to a pool.

    Args:
        connection: of the transaction.
        request: `number`, "" for the next of the ledger's own; `node`; `pool`; `amounts`, what the servers
            carry, by dimension; `factor`, in percent; `servers`, which they are; `basis`; `today`.

    Returns:
        `contribution`, its number; `guarantee`, what it is worth; `state`: `staying`, or `waiting` where the
        pool is in deficit.

    Raises:
        UsageError: figures that cannot be meant, or a node that gets no grants.
        ShortageError: a body between this one and the city may not have as much.
        ConflictError: the number is taken.
    """
    pool, amounts, factor = str(request["pool"]), request["amounts"], request["factor"]
    guarantee = _worth(request)
    rows.lock_tree(connection)
    terms.require_authority(connection, str(request["node"]), CITY)
    number = terms.number(connection, request, "C")
    rows.lock(connection, CITY)
    arrived = {**request, "number": number, "cause": causes.contribution_arrived(number)}
    _change_supply(connection, {**arrived, "delta": amounts})
    state = "waiting" if connection.execute(_SHORT, (CITY, pool)).fetchone() else "staying"
    said = (number, request["node"], pool, factor, request["servers"], request["basis"], request["today"])
    version = int(connection.execute(_ADD, (*said, state, request["at"])).fetchone()[0])
    connection.executemany(_AMOUNT, [(version, d, value) for d, value in sorted(amounts.items()) if value])
    if state == "staying":
        _promise(connection, arrived, guarantee)
    return {"contribution": number, "guarantee": guarantee, "state": state, "counted": []}


@audited
def promise_contribution(connection: Connection, request: Request) -> Result:
    """A body gets the promise that waited for its pool. Raises as `add_contribution` does.

    Raises:
        RefusalError: the pool is still in deficit.
    """
    found = current(connection, str(request["number"]))
    if found.state == "waiting":
        worth = promised(_amounts(connection, found), found.factor)
        terms_of = {"number": found.number, "node": found.node, "pool": found.pool, "basis": found.basis}
        _promise(connection, {**request, **terms_of}, worth)
        _again(connection, found, {"at": request["at"]}, "staying", None)
    return {"contribution": found.number, "counted": []}


@audited
def recall_contribution(connection: Connection, request: Request) -> Result:
    """The servers shall go home on `effective`, or, where that is None, stay after all.

    Returns:
        `state`: `recalled`, `gone` where the day has come already, `staying`, or `waiting`.

    Raises:
        UsageError: there is none of that number, or the day has passed.
        RefusalError: they have gone.
    """
    found = current(connection, str(request["number"]))
    effective, today = request["effective"], str(request["today"])
    if found.state == "gone":
        raise RefusalError(
            Text(f"{found.number} 的设备已收回", f"the servers of {found.number} have gone"),
            Text("再次移交用 yunjin contribution add 登记", "hand them over again as a new contribution"),
        )
    if effective is not None and effective < today:
        raise UsageError(
            Text("收回日期不能早于今天", "the day on which they go cannot have passed"),
            Text("用 --effective 写明今天或以后的日期", "name today or a later day with --effective"),
        )
    grant = _grant(connection, found.number)
    state = "recalled" if effective is not None else "staying" if grant else "waiting"
    version = _again(connection, found, request, state, effective)
    if grant:
        grants.again(connection, grant, {"at": request["at"]}, grant.state, effective)
    if effective == today:
        _go(connection, request, version)
        state = "gone"
    return {"contribution": found.number, "state": state, "effective": effective, "counted": []}


@audited
def end_contribution(connection: Connection, request: Request) -> Result:
    """The day has come on which recalled servers go; nothing happens before it."""
    found = current(connection, str(request["number"]))
    if found.state == "recalled" and found.effective and found.effective <= str(request["today"]):
        _go(connection, request, found)
        return {"contribution": found.number, "state": "gone", "counted": []}
    return {"contribution": found.number, "state": found.state, "counted": []}


def current(connection: Connection, number: str) -> Version:
    """The contribution, kept from others. Raises UsageError where there is none."""
    rows.lock_tree(connection)
    row = connection.execute(_ONE, (number,)).fetchone()
    if row is None:
        raise UsageError(
            Text(f"没有移交记录 {number}", f"there is no contribution {number}"),
            Text("用 yunjin contribution list 核对编号", "check it with `yunjin contribution list`"),
        )
    return Version(*row)


def promised(amounts: dict[str, int], factor: int) -> dict[str, int]:
    """What servers that carry `amounts` are worth as a guarantee; what rounds to nothing is left out."""
    worth = {d: value * factor // _WHOLE for d, value in sorted(amounts.items())}
    return {d: value for d, value in worth.items() if value}


def _promise(connection: Connection, request: Request, worth: dict[str, int]) -> None:
    """The grant of the same number, from today on and without an end."""
    pool = str(request["pool"])
    limit, guarantee = terms.with_total({pool: worth}), {pool: worth}
    says = {"kind": CONTRIBUTION, "grantor": CITY, "valid_from": request["today"], "valid_to": None}
    grants.insert(connection, {**request, **says}, "in_force", limit, guarantee)
    grants.enter(connection, str(request["node"]), limit, guarantee, request["at"])


def _go(connection: Connection, request: Request, found: Version) -> None:
    """Guarantee first, then supply: what the promise frees is not missed."""
    gone = {**request, "cause": causes.contribution_gone(found.number), "pool": found.pool}
    grant = _grant(connection, found.number)
    if grant:
        grants.leave(connection, gone, grant, gone["cause"])
    rows.lock(connection, CITY)
    stands = supply.figures_of(connection, found.pool)
    # Hosts may have died meanwhile, and what is not there cannot leave.
    amounts = _amounts(connection, found)
    delta = {d: -min(value, stands[d][0]) for d, value in amounts.items() if d in stands}
    _change_supply(connection, {**gone, "delta": delta})
    _again(connection, found, request, "gone", found.effective)


def _grant(connection: Connection, number: str) -> grants.Version | None:
    """What was promised for it; None where that waits."""
    if connection.execute("SELECT 1 FROM grants WHERE number = ?", (number,)).fetchone() is None:
        return None
    return grants.current(connection, {"number": number})


def _amounts(connection: Connection, found: Version) -> dict[str, int]:
    return dict(connection.execute(_AMOUNTS, (found.id,)).fetchall())


def _change_supply(connection: Connection, request: Request) -> None:
    supply.replace(connection, request, supply.changed(connection, {**request, "reserve": {}, "percent": {}}))


def _again(
    connection: Connection, found: Version, request: Request, state: str, effective: str | None
) -> Version:
    connection.execute(_SUPERSEDE, (request["at"], found.id))
    said = (request.get("basis"), effective, state, request["at"], found.id)
    version = int(connection.execute(_AGAIN, said).fetchone()[0])
    connection.execute(_COPY, (version, found.id))
    return replace(found, id=version, effective=effective, state=state)


def _worth(request: Request) -> dict[str, int]:
    amounts: dict[str, Any] = request["amounts"]
    factor, servers, basis = request["factor"], str(request["servers"]), str(request["basis"])
    supply.require_counted(str(request["node"]), amounts)
    if isinstance(factor, bool) or not isinstance(factor, int) or not 1 <= factor <= _WHOLE:
        raise UsageError(
            Text(f"折算比例不能为 {factor}%", f"the factor cannot be {factor}%"),
            Text("折算比例为 1 到 100 的整数", "a factor is a whole number from 1 to 100"),
        )
    for text in (servers, basis):
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise UsageError(
                Text("须各用一行文字写明设备和依据", "say in one line each which servers, and on what basis"),
                Text("用 --servers 和 --basis 写明", "with --servers and --basis"),
            )
    worth = promised(amounts, factor)
    if not worth:
        raise UsageError(
            Text("移交的数额折算后为零", "what is handed over is worth nothing"),
            Text("核对数额和折算比例", "check amounts and factor"),
        )
    return worth
