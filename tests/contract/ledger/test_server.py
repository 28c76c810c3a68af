"""What only a server can do: let bodies work side by side, and lose a connection in the middle."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from check_ledger import check
from ledgers import DAY, K8S, Body, Hand, grant
from waiting import wait_until
from yunjin.ledger import grants, moves, reservations
from yunjin.store.operations import named, operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from postgres import Server
    from yunjin.store.connection import Connection, Cursor

pytestmark = pytest.mark.parametrize(
    "hand", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

EGOV, GIS, BUS, DAWA = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov", "leaf/k1/dawa-egov"


class Pause:
    """A transaction that stops before its end until it is told to go on."""

    reached = threading.Event()
    go_on = threading.Event()


@operation
def then_pause(connection: Connection, name: str, request: dict[str, Any]) -> Any:
    result = named(name)(connection, request)
    Pause.reached.set()
    assert Pause.go_on.wait(60)
    return result


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    Pause.reached.clear()
    Pause.go_on.clear()
    with ThreadPoolExecutor() as pool:
        yield pool
        Pause.go_on.set()


def paused(hand: Hand, threads: ThreadPoolExecutor, **request: Any) -> Future[Any]:
    """A reservation that is made and not committed to the disk yet."""
    content = hand.request(**request)
    name = "yunjin.ledger.reservations:reserve"
    future = threads.submit(hand.database.write, then_pause, name, content)
    assert Pause.reached.wait(60)
    return future


def waiting(postgres: Server) -> int:
    """How many connections wait for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return int(postgres.ask(sql)[0][0])


def test_bodies_within_their_guarantees_do_not_wait_for_one_another(
    hand: Hand, threads: ThreadPoolExecutor
) -> None:
    first = paused(hand, threads, leaf=EGOV, delta={"cpu": 5})
    second = threads.submit(hand.allot, DAWA, cpu=5)

    assert second.result(60)
    assert not first.done()
    assert (hand.allotted(DAWA), hand.allotted(EGOV)) == (5, 0)
    Pause.go_on.set()
    assert first.result(60)["counted"] == [[EGOV, K8S, {"cpu": 5}]]


def test_leaves_of_one_tenant_do_wait_and_see_what_was_done(
    hand: Hand, threads: ThreadPoolExecutor, postgres: Server
) -> None:
    hand.allot(EGOV, cpu=38)
    first = paused(hand, threads, leaf=EGOV, delta={"cpu": 1})
    second = threads.submit(hand, reservations.reserve, leaf=GIS, delta={"cpu": 2})
    wait_until(lambda: waiting(postgres) == 1)

    assert not second.done()
    Pause.go_on.set()
    first.result(60)
    error = second.exception(60)
    assert error is not None
    assert error.facts["taken"] == 39  # type: ignore[attr-defined]  # one of ours


def test_nobody_above_is_held_while_a_leaf_that_waits_for_a_shrink_is_waited_for(
    hand: Hand, threads: ThreadPoolExecutor, postgres: Server
) -> None:
    """Who held the tenant and waited for the leaf would wait in a circle with who climbs from the leaf."""
    hand.allot(EGOV, cpu=6)
    grown = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 4})["reservation"]
    hand(moves.move, source=EGOV, target=DAWA, amounts={"cpu": 9})
    paused(hand, threads, leaf=DAWA, delta={"cpu": 1})
    released = threads.submit(hand, reservations.release, reservation=grown)
    wait_until(lambda: waiting(postgres) == 1)

    assert threads.submit(hand.allot, GIS, cpu=1).result(20)
    Pause.go_on.set()
    assert len(released.result(60)["trimmed"]) == 2


def test_confirming_within_a_guarantee_does_not_lock_the_city(
    hand: Hand, threads: ThreadPoolExecutor
) -> None:
    hand.allot(DAWA, cpu=5)
    hand(reservations.reserve, leaf=DAWA, delta={"cpu": -3})
    hand(reservations.commit, leaf=DAWA, target={"cpu": 2})
    paused(hand, threads, leaf=BUS, delta={"cpu": 30})  # borrows from the city, whose row it holds

    confirmed = threads.submit(hand, reservations.confirm, leaf=DAWA, enforced={"cpu": 2}, used={})
    assert confirmed.result(60)


def test_a_grant_waits_for_what_is_under_way_and_then_keeps_others_out(
    hand: Hand, threads: ThreadPoolExecutor, postgres: Server
) -> None:
    first = paused(hand, threads, leaf=EGOV, delta={"cpu": 5})
    body = Body("area/dawa", "city", {K8S: {"cpu": 5}}, {"cpu": 5}, {})
    granted = threads.submit(hand, grants.add_grant, **grant(body, "G1"), today=DAY)
    wait_until(lambda: waiting(postgres) == 1)
    behind = threads.submit(hand, reservations.reserve, leaf=DAWA, delta={"cpu": 1})
    wait_until(lambda: waiting(postgres) == 2)

    Pause.go_on.set()
    assert first.result(60)
    assert granted.result(60)["state"] == "in_force"
    assert behind.result(60)["reservation"]


class Cut:
    """A connection that is lost before its statement `fatal`; the ones after it are whole."""

    server: Server
    fatal = 0
    count = 0

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        self.step()
        return self.connection.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self.step()
        self.connection.executemany(sql, rows)

    def step(self) -> None:
        Cut.count += 1
        if Cut.count == Cut.fatal:
            (pid,) = self.connection.execute("SELECT pg_backend_pid()").fetchone()
            Cut.server.ask("SELECT pg_terminate_backend(%s, 10000)", (pid,))


@operation
def cut(connection: Connection, name: str, request: dict[str, Any]) -> Any:
    return named(name)(Cut(connection), request)


CASES = {
    "reservations:reserve": {"leaf": BUS, "delta": {"cpu": 12, "memory": 7}},
    "reservations:confirm": {"leaf": EGOV, "enforced": {"cpu": 15}, "used": {}},
    "moves:move": {"source": EGOV, "target": BUS, "amounts": {"cpu": 5}},
    "grants:end_grant": {"number": "opening/tenant/jtj", "cause": "withdrawn", "today": DAY},
}


@pytest.mark.parametrize(("name", "request_"), CASES.items(), ids=CASES)
def test_a_connection_cut_before_any_statement_leaves_it_done_once(
    hand: Hand, postgres: Server, name: str, request_: dict[str, Any]
) -> None:
    Cut.server = postgres
    hand.allot(EGOV, cpu=20)
    statements, content = 0, request_
    while True:
        if name == "reservations:confirm":
            hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 5})
            hand(reservations.commit, leaf=EGOV, target={"cpu": 15})
        Cut.fatal, Cut.count = statements + 1, 0
        request = hand.request(**content)
        result = hand.database.write(cut, f"yunjin.ledger.{name}", request)

        assert result
        assert check(hand.where) == []
        key = request["key"] if name != "reservations:confirm" else f"~confirm/{result[0]}"
        assert hand.rows("SELECT count(*) FROM audit WHERE key = ?", key) == [(1,)]
        if Cut.count < Cut.fatal:
            break
        statements += 1
        content = {**content, **undone(hand, name, result)}
    assert statements > 5


def undone(hand: Hand, name: str, result: Any) -> dict[str, Any]:
    """Make room for the next round; what is another in its request."""
    if name == "reservations:confirm":
        hand(reservations.commit, leaf=GIS, target={"cpu": 5})
        hand(reservations.confirm, leaf=GIS, enforced={"cpu": 5}, used={})
        hand.allot(GIS, cpu=0)
        hand.allot(EGOV, cpu=20)
        return {}
    if name != "grants:end_grant":
        hand(reservations.release, reservation=result["reservation"])
        return {}
    body = Body("tenant/jtj", "", {K8S: {"cpu": 40}}, {"cpu": 40}, {K8S: {"cpu": 10}})
    number = f"G{Cut.fatal}"
    hand(grants.add_grant, **grant(body, number), today=DAY)
    return {"number": number}
