"""The journal: what each apply was about to do, and how each change ended.

Written by `yunjin.apply`, read by `yunjin status`. Calls `database`. Promises that what `before` was given
is on the disk when it returns, and that a run that lost an endpoint's lease can journal, and so begin,
nothing there.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, Text
from yunjin.model.resources import Key
from yunjin.store.connection import locked
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from yunjin.model.change import Change, Outcome, Receipt
    from yunjin.store.connection import Connection
    from yunjin.store.database import Database
    from yunjin.store.operations import Call

IN_DOUBT: Final = "before"
"""State of an entry whose write may or may not have happened."""

_BEFORE = """
    INSERT INTO entries (run, seq, endpoint, namespace, kind, name, tenant, action, before_hash, after_hash,
                         fence, at, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'before')
    ON CONFLICT (run, seq) DO UPDATE SET at = excluded.at, state = excluded.state
"""
_AFTER = """
    INSERT INTO entries (run, seq, endpoint, namespace, kind, name, tenant, action, before_hash, after_hash,
                         fence, at, state, reason_zh, reason_en)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run, seq) DO UPDATE
    SET at = excluded.at, state = excluded.state,
        reason_zh = excluded.reason_zh, reason_en = excluded.reason_en
"""
_ENTRIES = """
    SELECT run, seq, endpoint, namespace, kind, name, tenant, action, before_hash, after_hash, fence, at,
           state, reason_zh, reason_en
    FROM entries WHERE run = ? AND state = coalesce(?, state) ORDER BY seq
"""
# One run has one entry of an object.
_LEFT = """
    SELECT endpoint, namespace, kind, name, after_hash, run
    FROM entries JOIN (
        SELECT endpoint, namespace, kind, name, max(run) AS run FROM entries
        WHERE endpoint = ? AND state IN ('done', 'already', 'pending')
        GROUP BY endpoint, namespace, kind, name
    ) AS newest USING (endpoint, namespace, kind, name, run)
"""
_DOUBTFUL = """
    SELECT endpoint, namespace, kind, name, after_hash, run FROM entries
    WHERE endpoint = ? AND state IN ('before', 'failed') ORDER BY run
"""
_RUNS = "SELECT id, plan, actor, holder, fences, started, finished, state FROM runs"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one run.

    Attributes:
        state: `before` while in doubt, else an `Outcome`.
        at: when it got into this state.
    """

    run: int
    seq: int
    key: Key
    tenant: str
    action: str
    before: str
    after: str
    fence: int
    state: str
    at: datetime
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One apply.

    Attributes:
        fences: fencing number of each endpoint whose lease it held.
        state: `running`, `finished`, or `interrupted`: it never finished, and a later run cleared its doubts.
        counts: how many entries are in each state.
    """

    id: int
    plan: str
    actor: str
    holder: str
    fences: Mapping[str, int]
    started: datetime
    finished: datetime | None
    state: str
    counts: Mapping[str, int]


class Journal:
    """All runs, newest last."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def begin(self, plan_hash: str, actor: str, holder: str, fences: Mapping[str, int]) -> Run:
        """Record, durably, that a run begins.

        Args:
            plan_hash: of the plan it applies.
            actor: who asked for it.
            holder: name of the process, as in its leases.
            fences: by endpoint, the fencing number of the lease it holds.
        """
        row = (plan_hash, actor, holder, json.dumps(fences, sort_keys=True), text(self._now()))
        return Run(self._database, self._now, self._database.write(_begin, row), dict(fences))

    def unfinished(self) -> tuple[tuple[RunRecord, tuple[Entry, ...]], ...]:
        """Runs that have not finished, oldest first, each with the entries whose write is in doubt."""
        rows = self._database.rows(f"{_RUNS} WHERE state = 'running' ORDER BY id")
        return tuple((self._record(row), self.entries(row[0], state=IN_DOUBT)) for row in rows)

    def interrupted(self) -> tuple[Entry, ...]:
        """Entries still in doubt of runs that are over, oldest first."""
        rows = self._database.rows("SELECT id FROM runs WHERE state = 'interrupted' ORDER BY id")
        return tuple(entry for (run,) in rows for entry in self.entries(run, state=IN_DOUBT))

    def resolve(self, ends: Mapping[Entry, Outcome]) -> None:
        """Record, durably, what became of entries in doubt. One that ended meanwhile keeps its end."""
        at = text(self._now())
        self._database.write(_resolve, [(end.value, at, entry.run, entry.seq) for entry, end in ends.items()])

    def runs(self, limit: int = 20) -> tuple[RunRecord, ...]:
        """The last runs, newest first."""
        rows = self._database.rows(f"{_RUNS} ORDER BY id DESC LIMIT ?", limit)
        return tuple(self._record(row) for row in rows)

    def entries(self, run: int, state: str | None = None) -> tuple[Entry, ...]:
        """What one run did, in the order it was journalled; with `state`, those in that state alone."""
        return tuple(_entry(row) for row in self._database.rows(_ENTRIES, run, state))

    def settled(self, endpoint: str) -> Mapping[Key, str]:
        """By object of one endpoint, the hash that the last change of it left, in force or not yet.

        An object that no longer stands so was changed by somebody else. One that a later write may have
        brought into yet another state is not among them.
        """
        # Asked in this order, an entry that ends meanwhile is no longer in doubt.
        doubtful = self._database.rows(_DOUBTFUL, endpoint)
        left = {Key(*row[:4]): (row[4], row[5]) for row in self._database.rows(_LEFT, endpoint)}
        for *names, after, run in doubtful:
            key = Key(*names)
            if key in left and run > left[key][1] and after != left[key][0]:
                del left[key]
        return {key: after for key, (after, _) in left.items()}

    def _record(self, row: tuple[Any, ...]) -> RunRecord:
        run, plan, actor, holder, fences, started, finished, state = row
        counts = self._database.rows("SELECT state, count(*) FROM entries WHERE run = ? GROUP BY state", run)
        ended = None if finished is None else time(finished)
        held = json.loads(fences)
        return RunRecord(run, plan, actor, holder, held, time(started), ended, state, dict(counts))


class Run:
    """One apply under way. Safe to use from several threads."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], number: int, fences: dict[str, int]
    ) -> None:
        self.id = number
        self._database = database
        self._now = now
        self._fences = fences
        self._numbers: dict[Key, int] = {}
        self._numbering = threading.Lock()
        self._queued: list[Future[None]] = []

    def before(self, changes: Sequence[Change], calls: Sequence[Call] = ()) -> None:
        """Record that these are about to be written. Returns once that is durable.

        Args:
            changes: of endpoints of this run.
            calls: operations that are done with it, in the same transaction, or the record is not made.

        Raises:
            ConflictError: somebody else has taken an endpoint's lease; nothing was recorded or done.
            YunjinError: that of a call; nothing was recorded or done.
        """
        at = text(self._now())
        rows = [(*self._row(change), at) for change in changes]
        fenced = (_fenced, (self._fences_of(change.key.endpoint for change in changes),))
        self._database.write_all([fenced, *calls, (_before, (rows,))])

    def fenced(self, endpoints: Collection[str], calls: Sequence[Call]) -> list[Any]:
        """Do operations in one transaction, as long as this run has the endpoints' leases; their results.

        Raises:
            ConflictError: somebody else has taken an endpoint's lease; nothing was done.
            YunjinError: that of a call; nothing was done.
        """
        return self._database.write_all([(_fenced, (self._fences_of(endpoints),)), *calls])[1:]

    def after(self, receipts: Sequence[Receipt]) -> None:
        """Queue the record of how these ended; those without a `before` (nothing was written) are added."""
        at = text(self._now())
        rows = [
            (*self._row(receipt.change), at, receipt.outcome.value, *_languages(receipt.reason))
            for receipt in receipts
        ]
        future = self._database.submit(_after, rows)
        with self._numbering:
            self._queued.append(future)

    def finish(self, closes: Collection[int] = ()) -> None:
        """Record, durably, that nothing more comes.

        Args:
            closes: earlier runs that never finished and about whose writes this run leaves no doubt; they end
                as interrupted.

        Raises:
            The first error with which one of the queued records failed.
        """
        with self._numbering:
            queued, self._queued = self._queued, []
        for future in queued:
            future.result()
        self._database.write(_finish, self.id, text(self._now()), list(closes))

    def _fences_of(self, endpoints: Iterable[str]) -> dict[str, int]:
        return {endpoint: self._fences.get(endpoint, 0) for endpoint in endpoints}

    def _row(self, change: Change) -> tuple[Any, ...]:
        key = change.key
        with self._numbering:
            seq = self._numbers.setdefault(key, len(self._numbers) + 1)
        return (
            self.id,
            seq,
            key.endpoint,
            key.namespace,
            key.kind,
            key.name,
            change.tenant,
            change.action.value,
            change.before,
            change.after,
            self._fences.get(key.endpoint, 0),
        )


def _entry(row: tuple[Any, ...]) -> Entry:
    run, seq, endpoint, namespace, kind, name, tenant, action, before, after, fence, at, state, zh, en = row
    return Entry(
        run=run,
        seq=seq,
        key=Key(endpoint, namespace, kind, name),
        tenant=tenant,
        action=action,
        before=before,
        after=after,
        fence=fence,
        state=state,
        at=time(at),
        reason=None if zh is None else Text(zh, en),
    )


def _languages(reason: Text | None) -> tuple[str, str] | tuple[None, None]:
    return (reason.zh, reason.en) if reason else (None, None)


@operation
def _begin(connection: Connection, row: tuple[Any, ...]) -> int:
    (number,) = connection.execute(
        """
        INSERT INTO runs (plan, actor, holder, fences, started, state) VALUES (?, ?, ?, ?, ?, 'running')
        RETURNING id
        """,
        row,
    ).fetchone()
    return int(number)


@operation
def _fenced(connection: Connection, fences: dict[str, int]) -> None:
    # Locked: who takes the lease meanwhile waits until what is done under it is there.
    sql = locked(connection, "SELECT 1 FROM leases WHERE endpoint = ? AND fence = ? AND holder IS NOT NULL")
    for endpoint, fence in sorted(fences.items()):
        if connection.execute(sql, (endpoint, fence)).fetchone() is None:
            raise ConflictError(
                Text(f"端点 {endpoint} 的租约已失去", f"the lease of {endpoint} is no longer this run's"),
                Text("请等对方结束后重新生成变更方案", "wait until they end, then plan again"),
            )


@operation
def _before(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(_BEFORE, rows)


@operation
def _after(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(_AFTER, rows)


@operation
def _resolve(connection: Connection, rows: list[tuple[str, str, int, int]]) -> None:
    sql = "UPDATE entries SET state = ?, at = ? WHERE run = ? AND seq = ? AND state = 'before'"
    connection.executemany(sql, rows)


@operation
def _finish(connection: Connection, run: int, at: str, closes: list[int]) -> None:
    connection.execute("UPDATE runs SET finished = ?, state = 'finished' WHERE id = ?", (at, run))
    sql = "UPDATE runs SET state = 'interrupted' WHERE id = ? AND state = 'running'"
    connection.executemany(sql, [(number,) for number in closes])
