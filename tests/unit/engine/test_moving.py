"""A move lowers the one leaf and sees that in force before it raises the other; else it leaves nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from clocks import Clock
from estates import SMALL, tenant
from spines import DAY, QUICK, City
from takings import CLOUD, CLOUD_POOL
from two_pools import CLUSTER_POOL, TwoPools
from yunjin.engine import moving
from yunjin.engine.moving import Progress
from yunjin.errors import ConflictError, RefusalError, ShortageError, UnreachableError, UsageError
from yunjin.ledger import Ledger, books, checks, reclaims
from yunjin.ledger.shares import shares, under_way
from yunjin.model.amounts import Amounts
from yunjin.model.change import Outcome
from yunjin.model.resources import Key
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.cloud import SimulatedCloud
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.engine.moving import Move
    from yunjin.model.change import Receipt

NAMES = TwoPools()
FOUR = Amounts.parse({"cpu": 4, "memory": "8Gi"})
OTHERS = [{"node": "leaf/k8s/jtj-egov", "pool": CLUSTER_POOL, "tenant": "jtj", "allotted": SMALL}]


class Town(City):
    """The city with its cloud: what both enforce, and the people who use it."""

    @contextmanager
    def cloud(self) -> Iterator[SimulatedCloud]:
        backend = SimulatedCloud.open(CLOUD, self.state / "simulated" / f"{CLOUD}.db")
        yield backend
        backend.close()

    def cores(self) -> tuple[str, int]:
        """What the namespace may use, and the project."""
        key = Key(CLOUD, NAMES.name, "Quota", "yunjin")
        with self.cloud() as cloud:
            figures = cloud.read([key])[key].body["spec"]["compute"]
        held = self.cpu(NAMES.name)
        assert held is not None
        return held, figures["cores"]

    def charged(self) -> tuple[int, int]:
        """What the ledger charges for each, in millicores."""
        with self.store() as store:
            found = shares(store.database)
        assert found is not None
        return found[NAMES.namespace].charged.of("cpu"), found[NAMES.project].charged.of("cpu")

    def move(self, move: Move, key: str = "") -> tuple[Progress, tuple[Receipt, ...]]:
        """As the command does, with everybody's consent."""
        with self.spine() as spine:
            number = moving.reserve(spine, move, "cloud-ops", key)
            judged = moving.judged(spine, move)
            moving.agree(spine, number, "cloud-ops")
            receipts = spine.apply(judged, QUICK, "cloud-ops", lambda _: None)
            return moving.progress(spine, number), receipts

    def books(self) -> object:
        """Everything that a move may change in the ledger."""
        with self.store() as store:
            return shares(store.database), under_way(store.database), checks.check(store.database)


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Applied once for all tests, which take copies."""
    folder = tmp_path_factory.mktemp("two-pools")
    town = Town(folder, **NAMES.documents())
    assert all(receipt.settled for receipt in town.apply())
    with town.ledger() as ledger:
        NAMES.grant(ledger)
    assert all(receipt.settled for receipt in town.apply())
    town.close()
    return folder


@pytest.fixture
def town(opened: Path, tmp_path: Path) -> Iterator[Town]:
    """Six cores on the cluster, two on the cloud."""
    shutil.copytree(opened, tmp_path, dirs_exist_ok=True)
    found = Town.at(tmp_path)
    yield found
    found.close()


def _move(town: Town, source: str, target: str, amounts: Amounts = FOUR) -> Move:
    return moving.between(town.estate(), NAMES.tenant, source, target, amounts)


def _there(town: Town, amounts: Amounts = FOUR) -> Move:
    return _move(town, CLUSTER_POOL, CLOUD_POOL, amounts)


def _back(town: Town, amounts: Amounts = FOUR) -> Move:
    return _move(town, CLOUD_POOL, CLUSTER_POOL, amounts)


def _outcomes(receipts: tuple[Receipt, ...]) -> dict[str, Outcome]:
    return {receipt.change.key.endpoint: receipt.outcome for receipt in receipts}


def test_there_and_back(town: Town) -> None:
    before = town.books()
    assert (town.cores(), town.charged()) == (("6", 2), (6000, 2000))
    progress, receipts = town.move(_there(town))
    assert progress is Progress.MOVED
    assert _outcomes(receipts) == {"k8s": Outcome.DONE, CLOUD: Outcome.DONE}
    assert (town.cores(), town.charged()) == (("2", 6), (2000, 6000))
    assert town.move(_back(town))[0] is Progress.MOVED
    assert (town.cores(), town.charged()) == (("6", 2), (6000, 2000))
    assert town.books() == before


def test_the_cloud_is_not_raised_before_the_cluster_was_seen_lowered(town: Town) -> None:
    town.people.freeze()
    progress, receipts = town.move(_there(town))
    assert progress is Progress.LOWERING
    assert _outcomes(receipts) == {"k8s": Outcome.PENDING, CLOUD: Outcome.SKIPPED}
    assert (town.cores(), town.charged()) == (("2", 2), (6000, 2000))
    town.people.thaw()
    town.apply()
    assert (town.cores(), town.charged()) == (("2", 6), (2000, 6000))


def test_the_cluster_is_not_raised_before_the_cloud_was_lowered(town: Town) -> None:
    town.move(_there(town))
    broken = Faults((Rule(operation=Operation.SERVICE, service="compute", effect=Effect.UNAVAILABLE),))
    cloud = SimulatedCloud.open(CLOUD, town.state / "simulated" / f"{CLOUD}.db", broken)
    with town.spine() as spine:
        spine.endpoints = replace(spine.endpoints, backends={**spine.endpoints.backends, CLOUD: cloud})
        move = _back(town)
        number = moving.reserve(spine, move, "cloud-ops")
        judged = moving.judged(spine, move)
        receipts = spine.apply(judged, replace(QUICK, attempts=1), "cloud-ops", lambda _: None)
        progress = moving.progress(spine, number)
    cloud.close()
    assert progress is Progress.LOWERING
    assert _outcomes(receipts) == {CLOUD: Outcome.FAILED, "k8s": Outcome.SKIPPED}
    assert (town.cores(), town.charged()) == (("2", 6), (2000, 6000))
    town.apply()
    assert (town.cores(), town.charged()) == (("6", 2), (6000, 2000))


def test_a_growth_that_is_lost_is_driven_on_by_the_next_apply(town: Town) -> None:
    broken = Faults((Rule(operation=Operation.SERVICE, service="compute", effect=Effect.UNAVAILABLE),))
    cloud = SimulatedCloud.open(CLOUD, town.state / "simulated" / f"{CLOUD}.db", broken)
    with town.spine() as spine:
        spine.endpoints = replace(spine.endpoints, backends={**spine.endpoints.backends, CLOUD: cloud})
        move = _there(town)
        number = moving.reserve(spine, move, "cloud-ops")
        spine.apply(moving.judged(spine, move), replace(QUICK, attempts=1), "cloud-ops", lambda _: None)
        assert moving.progress(spine, number) is Progress.RAISING
    cloud.close()
    assert (town.cores(), town.charged()) == (("2", 2), (2000, 6000))
    town.apply()
    with town.spine() as spine:
        assert moving.progress(spine, number) is Progress.MOVED
    assert town.cores() == ("2", 6)


def test_a_cut_below_use_on_the_cluster_is_held_and_the_growth_waits(town: Town) -> None:
    town.people.consume(NAMES.name, {"requests.cpu": "5"})
    assert town.move(_there(town))[0] is Progress.LOWERING
    assert (town.cores(), town.charged()) == (("5", 2), (6000, 2000))
    with town.store() as store:
        (row,) = reclaims.open_reclaims(store.database)
    assert (row.leaf, row.dimension, row.asked, row.used) == (NAMES.namespace, "cpu", 2000, 5000)
    town.people.consume(NAMES.name, {"requests.cpu": "2"})
    town.apply()
    assert (town.cores(), town.charged()) == (("2", 6), (2000, 6000))
    with town.store() as store:
        assert reclaims.open_reclaims(store.database) == ()


def test_a_cut_below_use_on_the_cloud_is_held_and_the_growth_waits(town: Town) -> None:
    with town.cloud() as cloud:
        cloud.consume(NAMES.name, {"compute": {"cores": 2, "instances": 1, "ram": 1024}})
    one = Amounts.parse({"cpu": 1})
    assert town.move(_back(town, one))[0] is Progress.LOWERING
    assert (town.cores(), town.charged()) == (("6", 2), (6000, 2000))
    with town.cloud() as cloud:
        cloud.consume(NAMES.name, {"compute": {"cores": 1, "instances": 1, "ram": 1024}})
    town.apply()
    assert (town.cores(), town.charged()) == (("7", 1), (7000, 1000))


def test_nothing_of_other_leaves_is_changed_on_the_way(town: Town) -> None:
    town.write(baseline=[*NAMES.documents()["baseline"], *OTHERS])
    assert town.move(_there(town))[0] is Progress.MOVED
    assert town.cpu("jtj-egov") is None
    town.apply()
    assert town.cpu("jtj-egov") is not None


def test_without_room_in_the_second_pool_it_says_whose_limit_is_in_the_way(town: Town) -> None:
    before = town.books()
    with pytest.raises(ShortageError) as caught:
        town.move(_there(town, Amounts.parse({"cpu": 6, "storage": "50Gi"})))
    facts = caught.value.facts
    assert (facts["node"], facts["pool"], facts["dimension"]) == (
        f"tenant/{NAMES.tenant}",
        CLOUD_POOL,
        "storage",
    )
    assert (facts["limit"], facts["asked"], facts["missing"]) == (100 * 1024, 50 * 1024, 50 * 1024)
    assert town.books() == before


@pytest.mark.parametrize(
    "amounts",
    [{"cpu": "1500m"}, {"memory": "1536Mi"}, {"storage": "100Mi"}, {"cpu": 7}, {"cpu": 0}],
    ids=["part of a core", "part of a GiB of memory", "of storage", "more than there is", "nothing"],
)
def test_what_cannot_be_moved_is_refused_and_leaves_nothing(town: Town, amounts: dict[str, str]) -> None:
    before = town.books()
    with pytest.raises(UsageError):
        town.move(_there(town, Amounts.parse(amounts)))
    assert town.books() == before


def test_a_part_of_a_core_is_named_with_the_leaf_that_cannot_hold_it(town: Town) -> None:
    with pytest.raises(UsageError) as caught:
        town.move(_there(town, Amounts.parse({"cpu": "1500m"})))
    assert caught.value.message.zh == f"{NAMES.project} 在 OpenStack 上, 额度不能为 3.5 核"


def test_a_part_of_a_core_cannot_leave_the_cloud_either(town: Town) -> None:
    with pytest.raises(UsageError) as caught:
        town.move(_back(town, Amounts.parse({"cpu": "500m"})))
    assert "1.5 核" in caught.value.message.zh


@pytest.mark.parametrize(("source", "target"), [("k8s-inet", CLOUD_POOL), (CLUSTER_POOL, "k8s-inet")])
def test_a_tenant_without_a_leaf_in_a_pool_has_nothing_to_move_there(
    town: Town, source: str, target: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _move(town, source, target)
    assert "k8s-inet" in caught.value.message.zh
    assert caught.value.remedy is not None
    assert f"{CLUSTER_POOL}, {CLOUD_POOL}" in caught.value.remedy.zh


def test_the_same_pool_twice_is_no_move(town: Town) -> None:
    with pytest.raises(UsageError):
        town.move(_move(town, CLUSTER_POOL, CLUSTER_POOL))


def test_of_several_leaves_in_a_pool_it_is_the_one_named_after_the_pool(town: Town) -> None:
    second = {"node": "leaf/k8s/depot", "pool": CLUSTER_POOL, "tenant": NAMES.tenant, "allotted": {"cpu": 1}}
    imported = {"leaf": second["node"], "since": "2026-11-22", "paper": {"doc": "盘政务云〔2026〕12号"}}
    town.write_tenant(tenant(NAMES.tenant, "institution", "bureau/jtj", imported=[{**imported}]))
    town.write(baseline=[*NAMES.documents()["baseline"], second])
    assert _there(town).source == NAMES.namespace


def test_nothing_is_moved_while_the_tenant_is_in_quarantine(town: Town) -> None:
    quarantine = {"since": "2026-11-22", "reason": "尚缺批准文号"}
    town.write_tenant(tenant(NAMES.tenant, "institution", "bureau/jtj", quarantine=quarantine))
    with pytest.raises(RefusalError) as caught:
        _there(town)
    assert "隔离待核" in caught.value.message.zh


def test_a_request_sent_twice_is_done_once(town: Town) -> None:
    first, second = town.move(_there(town), "oa-7"), town.move(_there(town), "oa-7")
    assert (first[0], second) == (Progress.MOVED, (Progress.MOVED, ()))
    assert town.cores() == ("2", 6)
    with pytest.raises(ConflictError):
        town.move(_there(town, Amounts.parse({"cpu": 1})), "oa-7")


def test_the_same_request_drives_on_what_waited(town: Town) -> None:
    town.people.consume(NAMES.name, {"requests.cpu": "5"})
    assert town.move(_there(town), "oa-7")[0] is Progress.LOWERING
    town.people.consume(NAMES.name, {"requests.cpu": "0"})
    assert town.move(_there(town), "oa-7")[0] is Progress.MOVED
    assert town.cores() == ("2", 6)


def test_given_up_it_leaves_nothing_and_may_be_asked_for_again(town: Town) -> None:
    before = town.books()
    for _ in range(2):
        with town.spine() as spine:
            number = moving.reserve(spine, _there(town), "cloud-ops", "oa-7")
            moving.give_up(spine, number, "cloud-ops")
            assert moving.progress(spine, number) is Progress.DROPPED
        assert town.books() == before
    assert town.move(_there(town), "oa-7")[0] is Progress.MOVED


@pytest.mark.parametrize("key", ["", "oa-7"])
def test_who_is_killed_at_the_question_is_in_nobodys_way(opened: Path, tmp_path: Path, key: str) -> None:
    clock = Clock()
    shutil.copytree(opened, tmp_path, dirs_exist_ok=True)
    town = Town.at(tmp_path, clock)
    before = town.books()
    with town.spine() as spine:
        killed = moving.reserve(spine, _there(town), "cloud-ops", key)
        clock.advance(3600)
        number = moving.reserve(spine, _there(town), "cloud-ops", key)
        assert number != killed
        moving.agree(spine, number, "cloud-ops")
        with pytest.raises(ConflictError):
            moving.agree(spine, killed, "cloud-ops")
        clock.advance(3600)
        assert Ledger(spine.store.database, spine.store.now, "controller").expire() == 0
        moving.give_up(spine, number, "cloud-ops")
    assert town.books() == before
    town.close()


def test_what_is_being_carried_out_is_not_given_up(town: Town) -> None:
    town.people.freeze()
    with town.spine() as spine:
        move = _there(town)
        number = moving.reserve(spine, move, "cloud-ops")
        spine.apply(moving.judged(spine, move), QUICK, "cloud-ops", lambda _: None)
        moving.give_up(spine, number, "cloud-ops")
        assert moving.progress(spine, number) is Progress.LOWERING
    town.people.thaw()
    town.apply()
    assert town.cores() == ("2", 6)


def test_room_that_somebody_took_meanwhile_drops_the_growth(town: Town) -> None:
    """The shrink stands: the ledger promises the second half only what is there in its turn."""
    town.people.freeze()
    with town.spine() as spine:
        move = _there(town)
        number = moving.reserve(spine, move, "cloud-ops")
        spine.apply(moving.judged(spine, move), QUICK, "cloud-ops", lambda _: None)
        for node in (f"tenant/{NAMES.tenant}", "bureau/jtj"):
            for grant in books.read(spine.store.database, (books.GRANTS,)).grants:
                if grant.node == node and grant.kind != "opening":
                    Ledger(spine.store.database, spine.store.now, "x").end(grant.number, "test", DAY)
    town.people.thaw()
    town.apply()
    with town.spine() as spine:
        assert moving.progress(spine, number) is Progress.DROPPED
    assert town.cores() == ("2", 2)


@pytest.mark.parametrize("pool", [CLUSTER_POOL, CLOUD_POOL])
def test_an_endpoint_that_does_not_answer_stops_it_before_anything_is_written(town: Town, pool: str) -> None:
    silent = Faults((Rule(operation=Operation.OBSERVE, effect=Effect.UNREACHABLE),))
    endpoint = town.estate().pools[pool].endpoint
    opens = SimulatedCloud.open if endpoint == CLOUD else SimulatedBackend.open
    backend = opens(endpoint, town.state / "simulated" / f"{endpoint}.db", silent)
    with town.spine() as spine:
        spine.endpoints = replace(spine.endpoints, backends={**spine.endpoints.backends, endpoint: backend})
        move = _there(town)
        moving.reserve(spine, move, "cloud-ops")
        with pytest.raises(UnreachableError):
            moving.judged(spine, move)
    backend.close()
    assert town.cores() == ("6", 2)


def test_an_endpoint_that_is_only_planned_takes_no_part(town: Town) -> None:
    documents = NAMES.documents()
    town.write(endpoints=[{**each, "state": "planned"} for each in documents["endpoints"]])
    before = town.books()
    with pytest.raises(UsageError) as caught:
        town.move(_there(town))
    assert "尚在规划" in caught.value.message.zh
    assert town.books() == before
