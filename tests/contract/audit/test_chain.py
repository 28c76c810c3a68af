"""The chain of the audit on every database: sealed once, in order; kept by the database; forgery is seen."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from yunjin.errors import PermanentError, ShortageError
from yunjin.ledger import records, reservations
from yunjin.ledger.chain import Seal, Tail, end_of, links, tail_of
from yunjin.ledger.verification import Mark, Report, verify_database
from yunjin.store.operations import operation
from yunjin.store.times import text

if TYPE_CHECKING:
    from audits import Administrator, Place
    from clocks import Clock
    from ledgers import Hand
    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

LEAF = "leaf/k1/jtj-egov"
REFUSED = "never changed or deleted"
ON_SERVER = pytest.mark.parametrize(
    "place", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@operation
def _by_hand(connection: Connection, sql: str) -> None:
    connection.execute(sql)


@operation
def _numbered(connection: Connection, seq: int, request: dict[str, str]) -> None:
    """An audit row with a number of our choice, as one that was drawn early and is committed late."""
    text_of = records.canonical(request)
    connection.execute(
        "INSERT INTO audit (seq, key, at, actor, operation, digest, request, result) "
        "VALUES (?, ?, ?, ?, 'late', '', ?, '{}')",
        (seq, request["key"], request["at"], request["actor"], text_of),
    )


def verified(database: Database, *marks: Mark) -> Report:
    return verify_database(database, links(database), marks)


def kinds(report: Report) -> list[tuple[str, str]]:
    return [(problem.kind, problem.where) for problem in report.problems]


def mark(database: Database) -> Mark:
    end = end_of(database)
    return Mark("head", end.position, end.hash)


@pytest.fixture
def administrator(place: Place, hand: Hand) -> Administrator:
    """Without guards in the way."""
    place.administrator.take_guards_away()
    return place.administrator


def test_every_row_is_sealed_once_in_order(database: Database, hand: Hand) -> None:
    for cpu in (1, 2, 3):
        hand.allot(LEAF, cpu=cpu)
    waiting = tail_of(database)
    Seal(database, hand.clock).seal()
    Seal(database, hand.clock).seal()

    ((rows,),) = hand.rows("SELECT count(*) FROM audit")
    assert waiting == Tail(9, text(hand.clock()))
    assert tail_of(database) == Tail()
    assert [(link.position, link.seq) for link in links(database)] == [(n, n) for n in range(1, rows + 1)]
    report = verified(database)
    assert (report.sound, report.rows, report.end.position) == (True, rows, rows)


def test_an_empty_audit_is_sound(database: Database, clock: Clock) -> None:
    assert Seal(database, clock).seal() == 0
    report = verified(database)
    assert (report.sound, report.rows, report.end.position) == (True, 0, 0)


def test_sealers_at_once_make_one_chain(place: Place, database: Database, hand: Hand) -> None:
    other = place.open()
    try:
        with ThreadPoolExecutor(8) as pool:
            requests = [hand.request(leaf=LEAF, delta={"memory": 1}) for _ in range(40)]
            work: list[Future[Any]] = [
                pool.submit(database.write, reservations.reserve, each) for each in requests
            ]
            work += [pool.submit(Seal(which, hand.clock).seal) for which in (database, other) * 40]
            for each in work:
                each.result()
    finally:
        other.close()
    Seal(database, hand.clock).seal(whole=True)

    ((rows,),) = hand.rows("SELECT count(*) FROM audit")
    report = verified(database)
    assert (report.sound, report.rows, report.tail) == (True, rows, Tail())


def test_a_long_tail_is_sealed_whole(database: Database, hand: Hand) -> None:
    sealed = end_of(database).position
    database.write_all([(_numbered, (number + sealed + 1, hand.request())) for number in range(2500)])

    assert Seal(database, hand.clock).seal() == 2500
    assert verified(database).sound


@ON_SERVER  # the writer of a file commits in order
def test_a_row_committed_late_is_chained_when_it_is_seen(database: Database, hand: Hand) -> None:
    last = end_of(database).seq
    database.write(_numbered, last + 3, hand.request())
    Seal(database, hand.clock).seal()
    database.write(_numbered, last + 2, hand.request())

    assert tail_of(database).count == 1
    assert Seal(database, hand.clock).seal() == 1
    assert [link.seq for link in links(database)][-2:] == [last + 3, last + 2]
    assert verified(database).sound


@ON_SERVER
def test_a_row_committed_very_late_is_found_among_all(database: Database, hand: Hand) -> None:
    last = end_of(database).seq
    database.write(_numbered, last + 30_000, hand.request())
    Seal(database, hand.clock).seal()
    database.write(_numbered, last + 1, hand.request())

    assert Seal(database, hand.clock).seal() == 0
    assert Seal(database, hand.clock).seal(whole=True) == 1
    assert verified(database).sound


@pytest.mark.parametrize("table", ["audit", "audit_chain"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET seq = seq", "DELETE FROM {}"])
def test_the_database_refuses_to_change_or_delete(
    database: Database, hand: Hand, table: str, sql: str
) -> None:
    everything = f"SELECT * FROM {table} ORDER BY seq"  # noqa: S608 (a name of the test's own)
    before = hand.rows(everything)

    with pytest.raises(PermanentError, match=f"{table} are {REFUSED}"):
        database.write(_by_hand, sql.format(table))

    assert before == hand.rows(everything)


def refused(administrator: Administrator, *tricks: str) -> None:
    for trick in tricks:
        with pytest.raises((psycopg.Error, sqlite3.Error), match=REFUSED):
            administrator.execute(trick)
    assert administrator.execute("SELECT count(*) FROM audit WHERE actor = 'nobody'") == [(0,)]
    assert administrator.execute("SELECT 1 FROM audit WHERE seq = 3") == [(1,)]


def test_the_database_refuses_whoever_asks(place: Place, hand: Hand) -> None:
    refused(place.administrator, "DELETE FROM audit WHERE seq = 3", "UPDATE audit SET actor = 'nobody'")


@ON_SERVER
def test_a_server_also_refuses_to_empty_and_to_merge(place: Place, hand: Hand) -> None:
    refused(
        place.administrator,
        "TRUNCATE audit CASCADE",
        "INSERT INTO audit SELECT * FROM audit WHERE seq = 3 "
        "ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'",
    )


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_also_refuses_to_replace(place: Place, hand: Hand) -> None:
    rest = "key, at, 'nobody', operation, digest, request, result FROM audit WHERE seq = 3"
    refused(
        place.administrator,
        f"REPLACE INTO audit SELECT seq, {rest}",
        f"REPLACE INTO audit SELECT 999, {rest}",
        "REPLACE INTO audit_chain SELECT position, 4, hash, sealed FROM audit_chain WHERE seq = 3",
        "REPLACE INTO audit_chain SELECT 999, seq, hash, sealed FROM audit_chain WHERE seq = 3",
    )


@pytest.mark.parametrize("column", ["key", "at", "actor", "operation", "digest", "request", "result"])
def test_a_forged_column_is_named_by_its_place(
    database: Database, administrator: Administrator, column: str
) -> None:
    administrator.execute(f"UPDATE audit SET {column} = {column} || ' ' WHERE seq = 4")  # noqa: S608 (its own)

    assert kinds(verified(database)) == [("changed", "4")]


def test_a_forged_time_of_sealing_is_named(database: Database, administrator: Administrator) -> None:
    administrator.execute("UPDATE audit_chain SET sealed = '2026-01-01' WHERE position = 4")

    assert kinds(verified(database)) == [("changed", "4")]


def test_a_deleted_row_is_named(database: Database, administrator: Administrator) -> None:
    administrator.execute("DELETE FROM audit WHERE seq = 4")

    assert ("deleted", "4") in kinds(verified(database))


def test_rows_taken_out_of_audit_and_chain_leave_a_gap(
    database: Database, administrator: Administrator
) -> None:
    administrator.execute("DELETE FROM audit_chain WHERE position IN (4, 5)")
    administrator.execute("DELETE FROM audit WHERE seq IN (4, 5)")

    assert ("gap", "4-5") in kinds(verified(database))


def test_rows_that_changed_places_are_named(database: Database, administrator: Administrator) -> None:
    administrator.execute("UPDATE audit_chain SET seq = -seq WHERE position IN (4, 5)")
    administrator.execute("UPDATE audit_chain SET seq = 9 + seq WHERE position IN (4, 5)")

    assert kinds(verified(database)) == [("changed", "4"), ("changed", "5")]


def test_the_last_rows_deleted_with_their_seals_contradict_a_mark(
    database: Database, hand: Hand, administrator: Administrator
) -> None:
    seen = mark(database)
    administrator.execute("DELETE FROM audit_chain WHERE position >= ?", seen.position - 1)
    administrator.execute("DELETE FROM audit WHERE seq >= ?", seen.position - 1)

    assert ("rewritten", "head") in kinds(verified(database, seen))


def test_a_chain_rewritten_as_a_whole_contradicts_a_mark(
    database: Database, administrator: Administrator
) -> None:
    seen = mark(database)
    assert verified(database, seen).agreed == 1
    administrator.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = 4")
    administrator.rewrite_chain()

    assert verified(database).sound, "the forger knows how hashes are computed"
    report = verified(database, seen)
    assert (kinds(report), report.agreed) == ([("rewritten", "head")], 0)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)  # a server notes numbers
def test_a_row_deleted_before_it_was_sealed_is_missed(
    database: Database, hand: Hand, administrator: Administrator
) -> None:
    hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
    hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
    ((last,),) = hand.rows("SELECT max(seq) FROM audit")
    administrator.execute("DELETE FROM audit WHERE seq = ?", last - 1)
    assert kinds(verified(database)) == [("deleted", str(last - 1))]
    administrator.execute("DELETE FROM audit WHERE seq = ?", last)
    assert kinds(verified(database)) == [("deleted", f"{last - 1}-{last}")]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)  # a server may commit late
def test_a_row_that_was_put_in_afterwards_is_named(
    database: Database, hand: Hand, administrator: Administrator
) -> None:
    rest = "at, actor, operation, digest, request, result FROM audit WHERE seq = 4"
    administrator.execute(f"INSERT INTO audit SELECT -5, 'forged', {rest}")
    assert kinds(verified(database)) == [("order", "-5")]
    hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
    Seal(database, hand.clock).seal(whole=True)
    assert kinds(verified(database)) == [("order", "-5")]


@ON_SERVER
def test_a_row_that_a_server_has_lost_before_it_was_sealed_is_missed(
    database: Database, hand: Hand, administrator: Administrator
) -> None:
    with pytest.raises(ShortageError):
        hand(reservations.reserve, leaf=LEAF, delta={"cpu": 99})  # takes a number, and leaves no row
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(lambda _: hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1}), range(8)):
            pass
    ((last,),) = hand.rows("SELECT max(seq) FROM audit")
    assert verified(database).sound
    administrator.execute("DELETE FROM audit WHERE seq = ?", last)
    assert kinds(verified(database)) == [("deleted", str(last))]
    administrator.execute("DELETE FROM audit WHERE seq = 4")
    both = [("deleted", "4"), ("deleted", str(last))]
    assert kinds(verified(database)) == both, "what a seal tells is told once"


@ON_SERVER
def test_a_row_written_past_the_trigger_of_a_server_is_named(
    database: Database, hand: Hand, administrator: Administrator
) -> None:
    administrator.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_numbered")
    hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
    ((last,),) = hand.rows("SELECT max(seq) FROM audit")
    assert kinds(verified(database)) == [("changed", str(last))]


def test_many_problems_are_counted(database: Database, hand: Hand, administrator: Administrator) -> None:
    for _ in range(60):
        hand.allot(LEAF, cpu=1)
        hand.allot(LEAF, cpu=2)
    Seal(database, hand.clock).seal()
    administrator.execute("UPDATE audit SET actor = 'nobody'")

    report = verified(database)
    assert len(report.problems) == 100
    assert report.rows == 100 + report.more
