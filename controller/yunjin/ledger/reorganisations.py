"""Decided changes of the organisation: recorded, listed, cancelled before their day, carried out on it.

Made by `yunjin.engine` over the store's database. Calls `reorganise`. Promises that a change which waits
touches nothing, that two waiting ones never name the same body, that one which is cancelled leaves its audit
rows alone, and that one is carried out once, whole, and not before its day.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.desk import Desk
from yunjin.ledger.records import audited, canonical, own_key, record
from yunjin.ledger.regrant import Day
from yunjin.ledger.reorganise import carry
from yunjin.store.connection import locked
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

PENDING: Final = "pending"
IN_LEDGER: Final = "in_ledger"
CARRIED_OUT: Final = "carried_out"

_COLUMNS: Final = "number, kind, effective, basis, terms, state, actor, recorded, carried, result"
_ONE: Final = f"SELECT {_COLUMNS} FROM reorganisations WHERE number = ?"  # noqa: S608 (our own words)
_ALL: Final = f"SELECT {_COLUMNS} FROM reorganisations ORDER BY effective, number"  # noqa: S608
_WAITING: Final = "SELECT number, terms FROM reorganisations WHERE state <> 'carried_out' ORDER BY number"
_DUE: Final = (
    "SELECT number FROM reorganisations WHERE state <> 'carried_out' AND effective <= ? "
    "ORDER BY effective, number"
)
_ADD: Final = (
    "INSERT INTO reorganisations (kind, effective, basis, terms, state, actor, recorded) "
    "VALUES (?, ?, ?, ?, 'pending', ?, ?) RETURNING number"
)
_CANCEL: Final = "DELETE FROM reorganisations WHERE number = ?"
_DONE: Final = "UPDATE reorganisations SET state = 'in_ledger', carried = ?, result = ? WHERE number = ?"
_FINISH: Final = "UPDATE reorganisations SET state = 'carried_out' WHERE number = ? AND state = 'in_ledger'"


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """A decided change.

    Attributes:
        kind: rename, merge, split or transfer.
        effective: first day on which it holds.
        basis: the decision.
        terms: what it says; `bodies` lists the nodes it names.
        state: pending; in_ledger, where the declared files wait to be written; carried_out.
        result: what moved, once it is carried out.
    """

    number: int
    kind: str
    effective: date
    basis: str
    terms: Mapping[str, Any]
    state: str
    actor: str
    recorded: str
    carried: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


@audited
def record_reorganisation(connection: Connection, request: Request) -> Result:
    """Put a change on record; it waits for its day.

    Args:
        connection: of the transaction.
        request: `kind`, `effective`, `basis`, `terms`, `today`; `node`, for the audit: whom it is about.

    Raises:
        UsageError: its day has passed.
        ConflictError: another change of one of its bodies waits.
    """
    rows.lock_tree(connection)
    require_day(str(request["effective"]), str(request["today"]))
    _require_free(connection.execute(_WAITING).fetchall(), request["terms"]["bodies"])
    said = (request["kind"], request["effective"], request["basis"], canonical(request["terms"]))
    row = connection.execute(_ADD, (*said, request["actor"], request["at"])).fetchone()
    return {"reorganisation": int(row[0]), "counted": []}


def _require_free(waiting: Sequence[tuple[int, str]], bodies: Sequence[str]) -> None:
    for number, terms in waiting:
        common = sorted(set(bodies) & set(json.loads(terms)["bodies"]))
        if common:
            raise ConflictError(
                Text(
                    f"{common[0]} 已有待生效的机构调整(第 {number} 号)",
                    f"reorganisation {number}, which names {common[0]} too, waits for its day",
                ),
                Text("待其生效或先撤回", f"wait for it, or cancel it: yunjin bureau cancel {number}"),
            )


def require_day(effective: str, today: str) -> None:
    """What is decided now takes effect today or later. Raises UsageError."""
    if effective < today:
        raise UsageError(
            Text(f"生效日期 {effective} 已过", f"{effective}, the day it takes effect, has passed"),
            Text("写今天或以后的日期", "name today or a later day"),
        )


@audited
def cancel_reorganisation(connection: Connection, request: Request) -> Result:
    """Take back a change before it is carried out; only the audit rows tell of it then.

    Raises UsageError where there is no such change, RefusalError once it is carried out.
    """
    found = _found(connection, int(request["number"]))
    if found.state != PENDING:
        raise RefusalError(
            Text(f"机构调整第 {found.number} 号已执行", f"reorganisation {found.number} is carried out"),
            Text("如需改回, 另行登记一项调整", "record another one that takes it back"),
        )
    connection.execute(_CANCEL, (found.number,))
    return {"reorganisation": found.number, "kind": found.kind, "counted": []}


@operation
def rehearse_reorganisation(connection: Connection, request: Request) -> Result:
    """What carrying a change out would do now, taken back again. Raises as `reorganise.carry` does."""
    connection.execute("SAVEPOINT rehearsal")
    try:
        day = Day(str(request["at"]), str(request["effective"]), int(request["number"]))
        return carry(connection, str(request["kind"]), request["terms"], day, str(request["basis"]))
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT rehearsal")
        connection.execute("RELEASE SAVEPOINT rehearsal")


def require_come(found: Reorganisation, today: str) -> None:
    """Nothing is carried out before its day. Raises RefusalError."""
    effective = found.effective.isoformat()
    if effective > today:
        raise RefusalError(
            Text(
                f"机构调整第 {found.number} 号 {effective} 生效, 尚未到期",
                f"reorganisation {found.number} takes effect on {effective}, not before",
            ),
            Text("到期由巡检自动执行", "the controller carries it out on that day"),
        )


@operation
def carry_out_reorganisation(connection: Connection, request: Request) -> Result:
    """Carry a change out, once.

    Args:
        connection: of the transaction.
        request: `number`; `today`; `expected`, what the rehearsal said; `edits`, what the declared files
            shall say, kept with the result so that a run which was killed before writing them can go on.

    Returns:
        The result, `edits` with it; of a change that was carried out before, what it was then.

    Raises:
        RefusalError: its day has not come, or it cannot be meant by now.
        ConflictError: the ledger changed since the rehearsal.
        ShortageError: a limit is in the way.
    """
    found = _found(connection, int(request["number"]))
    if found.state != PENDING:
        return dict(found.result)
    effective = found.effective.isoformat()
    require_come(found, str(request["today"]))
    day = Day(str(request["at"]), effective, found.number)
    moved = carry(connection, found.kind, found.terms, day, found.basis)
    if _decisive(moved) != _decisive(request["expected"]):
        raise ConflictError(
            Text("资源台账在此期间有变动", "the ledger changed meanwhile"), Text("重新执行", "run it again")
        )
    result = {**moved, "edits": request["edits"]}
    connection.execute(_DONE, (request["at"], canonical(result), found.number))
    named = {"node": found.terms.get("into"), "terms": dict(found.terms)}
    signed = {**request, "key": own_key("reorganisation", found.number), **named}
    record(connection, "carry_out_reorganisation", signed, result)
    return result


def _decisive(result: Mapping[str, Any]) -> str:
    """What of a result the declared files and people go by; what leaves use meanwhile is not."""
    return canonical({name: result.get(name) for name in ("nodes", "grants", "ended", "added", "opening")})


@operation
def finish_reorganisation(connection: Connection, request: Request) -> None:
    """The declared files say what they shall."""
    connection.execute(_FINISH, (int(request["number"]),))


class Reorganisations(Desk):
    """The desk at which changes of the organisation are handed in."""

    def require_free(self, bodies: Sequence[str]) -> None:
        """No other change that waits names one of these. Raises ConflictError."""
        _require_free([(number, terms) for number, terms in self._database.rows(_WAITING)], bodies)

    def record(self, kind: str, effective: date, basis: str, terms: Mapping[str, Any], today: date) -> int:
        """Put a change on record; its number. Raises UsageError, ConflictError."""
        asked = {"kind": kind, "effective": effective.isoformat(), "basis": basis, "terms": dict(terms)}
        done = self._write(
            record_reorganisation, "", today=today.isoformat(), node=terms.get("into"), **asked
        )
        return int(done["reorganisation"])

    def cancel(self, number: int) -> None:
        """Take a change back before it is carried out. Raises UsageError, RefusalError."""
        self._write(cancel_reorganisation, "", number=number, node=self.get(number).terms.get("into"))

    def rehearse(
        self, kind: str, effective: date, basis: str, terms: Mapping[str, Any], number: int = 0
    ) -> dict[str, Any]:
        """What would move; nothing does. Raises ShortageError, RefusalError, UsageError."""
        asked = {"kind": kind, "effective": effective.isoformat(), "basis": basis, "terms": dict(terms)}
        return self._write(rehearse_reorganisation, "", number=number, **asked)

    def carry_out(
        self, number: int, expected: Mapping[str, Any], edits: Sequence[Mapping[str, Any]], today: date
    ) -> dict[str, Any]:
        """Carry a change out. Raises RefusalError, ShortageError, ConflictError, UsageError."""
        said = {"expected": dict(expected), "edits": [dict(edit) for edit in edits]}
        return self._write(carry_out_reorganisation, "", number=number, today=today.isoformat(), **said)

    def finish(self, number: int) -> None:
        """The declared files of a change that is carried out in the ledger are written."""
        self._database.write(finish_reorganisation, {"number": number})

    def get(self, number: int) -> Reorganisation:
        """One change. Raises UsageError where there is none of that number."""
        return _read(self._database.rows(_ONE, number), number)

    def all(self) -> list[Reorganisation]:
        """Every change that was not cancelled, by the day on which it takes effect."""
        return [_of(row) for row in self._database.rows(_ALL)]

    def due(self, today: date) -> list[int]:
        """Numbers of those whose day has come and of which something remains to be done."""
        return [number for (number,) in self._database.rows(_DUE, today.isoformat())]


def _found(connection: Connection, number: int) -> Reorganisation:
    return _read(connection.execute(locked(connection, _ONE, alone=True), (number,)).fetchall(), number)


def _read(found: Sequence[tuple[Any, ...]], number: int) -> Reorganisation:
    if not found:
        raise UsageError(
            Text(f"没有机构调整第 {number} 号", f"there is no reorganisation {number}"),
            Text("用 yunjin bureau changes 核对编号", "check the number with `yunjin bureau changes`"),
        )
    return _of(found[0])


def _of(row: tuple[Any, ...]) -> Reorganisation:
    number, kind, effective, basis, terms, state, actor, recorded, carried, result = row
    return Reorganisation(
        number,
        kind,
        date.fromisoformat(effective),
        basis,
        json.loads(terms),
        state,
        actor,
        recorded,
        carried,
        json.loads(result) if result else {},
    )
