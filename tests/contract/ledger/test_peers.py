"""What went wrong in other systems of this kind, done here on purpose. docs/peers.md lists those left out."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from killing import fork
from ledgers import CLOUD, DAY, K8S, Body, Hand, grant
from yunjin.errors import ShortageError, YunjinError
from yunjin.ledger import GrantTerms, Ledger, checks, grants, nodes, reservations, supply
from yunjin.model.amounts import Amounts
from yunjin.store import Store
from yunjin.store.operations import operation
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from clocks import Clock
    from yunjin.store.connection import Connection, Cursor

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
IN_CLOUD, DAWA = "leaf/o1/jtj-egov", "leaf/k1/dawa-egov"


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do it in so many threads at the same moment; what each got, or the code of its error."""
    gate = Barrier(count)

    def run(number: int) -> Any:
        gate.wait(60)
        try:
            return work(number)
        except YunjinError as error:
            return error.code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_two_leaves_of_a_tenant_that_grow_together_do_not_pass_its_limit(hand: Hand) -> None:
    """capsule#49, capsule#1088: a quota over several namespaces overshot when two of them scaled at once."""
    hand.allot(EGOV, cpu=16)
    hand.allot(GIS, cpu=16)
    leaves = (EGOV, GIS)
    answers = at_once(2, lambda n: hand(reservations.reserve, leaf=leaves[n], delta={"cpu": 5}))

    assert answers.count("shortage") == 1
    assert hand.allotted("tenant/jtj") == 37


def test_asking_again_for_what_is_there_does_not_set_off_another_round(hand: Hand) -> None:
    """capsule#167: two updates of a quota answered each other for ever."""
    hand.allot(EGOV, cpu=16)
    before = hand.rows("SELECT * FROM reservations")
    for _ in range(3):
        made = hand(reservations.reserve, leaf=EGOV, target={"cpu": 16})
        assert made["reservation"] is None
        assert hand(reservations.commit, leaf=EGOV, target={"cpu": 16}) == []
        assert hand(reservations.confirm, leaf=EGOV, enforced={"cpu": 16}, used={}) == []

    assert hand.rows("SELECT * FROM reservations") == before


def test_many_who_see_the_same_room_do_not_all_take_it(hand: Hand) -> None:
    """cloudstack#9464: requests in parallel each checked the limit, then each counted itself."""
    hand.allot(EGOV, cpu=35)
    answers = at_once(16, lambda n: hand(reservations.reserve, leaf=(EGOV, GIS)[n % 2], delta={"cpu": 1}))

    assert answers.count("shortage") == 11
    assert hand.allotted("tenant/jtj") == 40


def test_what_others_have_in_flight_is_not_counted_as_ones_own(hand: Hand) -> None:
    """cloudstack#7506: what was in flight in one domain was counted in all of them."""
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": 30})
    hand(reservations.reserve, leaf=BUS, delta={"cpu": 10})

    assert hand(reservations.reserve, leaf=DAWA, delta={"cpu": 40})["reservation"]
    assert (hand.allotted("area/dawa"), hand.allotted("bureau/jtj")) == (40, 40)


def test_a_process_that_dies_leaves_no_reservation_behind(hand: Hand, clock: Clock, tmp_path: Path) -> None:
    """cloudstack#9169: reservations of a crashed server stayed counted."""
    until = text(clock() + timedelta(hours=1))
    request = hand.request(leaf=EGOV, delta={"cpu": 5}, expires=until, key="of one who died")
    url = hand.where if hand.where.startswith("postgresql") else None
    folder = tmp_path / "other" if url else Path(hand.where).parent

    def reserve_and_die() -> None:
        with Store.open(folder, url=url) as store:
            store.database.write(reservations.reserve, request)
            os.kill(os.getpid(), signal.SIGKILL)

    assert fork(reserve_and_die) == -signal.SIGKILL
    assert hand.allotted(EGOV) == 5
    found = hand.database.write(reservations.reserve, request)["reservation"]  # who comes back finds it
    assert hand.allotted(EGOV) == 5
    clock.advance(3600)
    assert hand(reservations.expire, reservation=found) is True
    assert hand.allotted(EGOV) == 0


def test_counting_anew_while_others_count_up_finds_and_changes_nothing(hand: Hand) -> None:
    """cloudstack#8302, cloudstack#8927: a recount that ran beside increments wrote wrong usage down."""

    def work(number: int) -> Any:
        if number == 0:
            return [checks.check(hand.database) for _ in range(10)]
        return [hand(reservations.reserve, leaf=DAWA, delta={"cpu": 1})["target"] for _ in range(8)]

    answers = at_once(4, work)

    assert answers[0] == [()] * 10
    assert hand.allotted(DAWA) == 24


class Heard:
    """A connection that remembers which values its statements were given."""

    values: list[Any]

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        Heard.values += values
        return self.connection.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        given = [tuple(row) for row in rows]
        Heard.values += [value for row in given for value in row]
        self.connection.executemany(sql, given)


@operation
def overheard(connection: Connection, request: dict[str, Any]) -> Any:
    Heard.values = []
    return reservations.reserve(Heard(connection), request)


def test_not_every_request_locks_the_root(hand: Hand) -> None:
    """cloudstack#14169: every request locked the root domain, and thousands of them timed out."""
    hand.database.write(overheard, hand.request(leaf=EGOV, delta={"cpu": 10}))
    assert "tenant/jtj" in Heard.values
    assert "bureau/jtj" not in Heard.values  # the tenant's guarantee carries it
    lookups = Heard.values.count("city")
    assert lookups == 1  # whether its pool is in deficit, which locks nothing

    hand.database.write(overheard, hand.request(leaf=EGOV, delta={"cpu": 15}))
    assert Heard.values.count("city") > lookups


def test_a_tenant_without_a_quota_of_its_own_has_none(hand: Hand) -> None:
    """cozystack#3085, cozystack#3086: a child without a quota was bounded by nobody."""
    hand(nodes.add_node, node="tenant/new", parent="bureau/jtj", pool=None, today=DAY)
    hand(nodes.add_node, node="leaf/k1/new-egov", parent="tenant/new", pool=K8S, today=DAY)
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf="leaf/k1/new-egov", delta={"cpu": 1})

    assert (caught.value.facts["node"], caught.value.facts["limit"]) == ("tenant/new", 0)


def test_no_record_is_no_quota_in_any_pool_or_dimension(hand: Hand) -> None:
    """regulatory-intelligence-copilot (airnub-labs): who had no quota record could take everything."""
    for dimension in ("pods", "gpu/a100", "storage/ssd"):
        with pytest.raises(ShortageError):
            hand(reservations.reserve, leaf=EGOV, delta={dimension: 1})
    hand(nodes.add_node, node="leaf/k9/jtj-egov", parent="tenant/jtj", pool="k9-egov", today=DAY)
    with pytest.raises(ShortageError):
        hand(reservations.reserve, leaf="leaf/k9/jtj-egov", delta={"cpu": 1})


def test_a_child_is_not_granted_more_than_its_parent_has(hand: Hand) -> None:
    """kubesphere#3503, kubesphere#3509: the quota of a project could be above that of its workspace."""
    more = Body("tenant/bus", "", {K8S: {"cpu": 1}}, {"cpu": 1}, {})
    with pytest.raises(ShortageError) as caught:
        hand(grants.add_grant, **grant(more, "G1"), today=DAY)

    assert (caught.value.facts["node"], caught.value.facts["missing"]) == ("bureau/jtj", 1)


def test_a_parent_that_was_lowered_afterwards_bounds_its_children(hand: Hand) -> None:
    """kubesphere#3509, the other way round: the least limit on the path counts."""
    hand(grants.end_grant, number="opening/bureau/jtj", cause="withdrawn", today=DAY)
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=BUS, delta={"cpu": 1})

    assert caught.value.facts["node"] == "bureau/jtj"


def test_what_is_left_never_goes_below_zero(hand: Hand) -> None:
    """rancher#35647: what was left of a project's quota went to zero and below."""
    growth = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 5})["reservation"]
    hand(reservations.reserve, leaf=EGOV, target={"cpu": 0})
    hand(reservations.release, reservation=growth)

    assert hand(reservations.reserve, leaf=EGOV, delta={})["target"].get("cpu", 0) == 0
    least = "SELECT min(guarantee), min(nested), min(limit_), min(allotted) FROM quota_cells"
    assert hand.rows(least) == [(0, 0, 0, 0)]


def test_every_counter_that_is_read_is_written_by_somebody(hand: Hand) -> None:
    """wso2 open-cloud-datacenter#210: usage was read from columns nobody wrote, and its test wrote them."""
    hand.allot(EGOV, cpu=25)
    most = "SELECT max(guarantee), max(nested), max(limit_), max(allotted) FROM quota_cells"

    assert all(figure > 0 for figure in hand.rows(most)[0])
    assert checks.check(hand.database) == ()


def test_what_a_backend_says_is_used_enters_no_counter(hand: Hand) -> None:
    """devantler-tech/platform#2807: a backend reported up to eleven times what was used."""
    hand.allot(EGOV, cpu=10)
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": -4})
    hand(reservations.commit, leaf=EGOV, target={"cpu": 6})
    used = {"cpu": 110, "memory": 9999}

    assert hand(reservations.confirm, leaf=EGOV, enforced={"cpu": 6}, used=used) == []
    assert (hand.allotted(EGOV), hand.allotted("tenant/jtj")) == (10, 10)
    assert hand(reservations.reserve, leaf=GIS, delta={"cpu": 30})["reservation"]


def test_nobody_borrows_what_is_guaranteed_to_others(hand: Hand) -> None:
    """kueue#5289: what was borrowed passed what the others had left to lend."""
    stands = {"cpu": 50, "memory": 1000}
    hand(supply.set_supply, pool=K8S, supply=stands, reserve={}, percent={}, cause="x", today=DAY)
    hand.allot(EGOV, cpu=35)  # 15 are guaranteed to area/dawa, and idle
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=BUS, delta={"cpu": 1})
    assert caught.value.facts["node"] == "city"

    assert hand(reservations.reserve, leaf=DAWA, delta={"cpu": 15})["reservation"]


def test_a_backend_that_took_half_of_it_is_charged_for_the_greater_of_old_and_new(hand: Hand) -> None:
    """Waldur: quotas are set service by service; if the second refuses, nobody knew what was in force."""
    hand.allot(IN_CLOUD, cpu=10, memory=100)
    hand(reservations.reserve, leaf=IN_CLOUD, target={"cpu": 15, "memory": 60})
    hand(reservations.commit, leaf=IN_CLOUD, target={"cpu": 15, "memory": 60})
    half = {"cpu": 15, "memory": 100}

    assert hand(reservations.confirm, leaf=IN_CLOUD, enforced=half, used={}) == []
    assert hand.allotted(IN_CLOUD, CLOUD) == 15
    assert hand.allotted(IN_CLOUD, CLOUD, "memory") == 100


def test_a_limit_that_somebody_raised_in_the_backend_is_not_adopted(hand: Hand) -> None:
    """Waldur: a pull wrote the backend's limit over the recorded one; an unasked raise became the truth."""
    hand.allot(EGOV, cpu=10)
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": 2})
    hand(reservations.commit, leaf=EGOV, target={"cpu": 12})

    assert hand(reservations.confirm, leaf=EGOV, enforced={"cpu": 64}, used={"cpu": 30}) == []
    assert hand.allotted(EGOV) == 12


def test_a_grant_and_its_allotment_come_together_or_not_at_all(hand: Hand, clock: Clock) -> None:
    """oslo.limit: a resource not registered yet has limit 0, so the order of calls decides who starves."""
    ledger = Ledger(hand.database, clock, "tests")
    day, cores = date.fromisoformat(DAY), Amounts({"cpu": 10})
    hand(nodes.add_node, node="tenant/new", parent="area/dawa", pool=None, today=DAY)
    hand(nodes.add_node, node="leaf/k1/new-egov", parent="tenant/new", pool=K8S, today=DAY)
    ledger.grant(GrantTerms("G1", "tenant/new", cores, {K8S: cores}, day), day, to="leaf/k1/new-egov")
    assert hand.allotted("leaf/k1/new-egov") == 10

    hand.allot(DAWA, cpu=30)  # the area is full
    with pytest.raises(ShortageError):
        ledger.grant(GrantTerms("G2", "tenant/new", cores, {K8S: cores}, day), day, to="leaf/k1/new-egov")
    assert hand.rows("SELECT count(*) FROM grants WHERE number = 'G2'") == [(0,)]


def test_the_first_to_touch_a_leaf_do_not_each_begin_their_own_row(hand: Hand) -> None:
    """KubeSphere GetLock: at the first use of a key two callers could each make, and hold, another lock."""
    answers = at_once(8, lambda _: hand(reservations.reserve, leaf=GIS, delta={"memory": 1}))

    assert len({answer["reservation"] for answer in answers}) == 8
    assert hand.allotted(GIS, dimension="memory") == 8


def test_more_reservations_may_be_open_than_a_small_number_thought_enough(hand: Hand) -> None:
    """capsule: more than 1,024 reservations under way within two minutes were an error."""
    for node in ("bureau/jtj", "tenant/jtj"):
        more = Body(node, "", {K8S: {"memory": 200}}, {"memory": 200}, {})
        hand(grants.add_grant, **grant(more, f"more/{node}"), today=DAY)
    requests = [hand.request(leaf=GIS, delta={"memory": 1 if n < 550 else -1}) for n in range(1100)]
    hand.database.write_all([(reservations.reserve, (request,)) for request in requests])

    under_way = "SELECT count(*) FROM reservations WHERE state = 'reserved'"
    assert hand.rows(under_way) == [(1100,)]
    assert hand.allotted(GIS, dimension="memory") == 550
