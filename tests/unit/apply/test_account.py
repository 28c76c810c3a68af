"""What an apply writes, the ledger has committed; what it frees is free only once it is in force."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from applying import DAY, ENDPOINT, QUICK, TENANTS
from estates import synthetic_estate
from waiting import wait_until
from yunjin.apply import ApprovedPlan
from yunjin.errors import ShortageError
from yunjin.ledger import GrantTerms
from yunjin.ledger.reclaims import open_reclaims
from yunjin.ledger.shares import shares, under_way
from yunjin.model.amounts import Amounts
from yunjin.model.change import Binding, Hold, Outcome
from yunjin.model.resources import Key
from yunjin.observe import observe_all
from yunjin.plan import make_plan, plan_hash
from yunjin.store import Holder
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from applying import Place
    from yunjin.apply import Settings
    from yunjin.model.change import Plan, Receipt
    from yunjin.model.resources import Live

SHORT = replace(QUICK, wait_quota=0.05)
MORE = Amounts({"cpu": 6000})


def _plan(place: Place, tenants: int = TENANTS) -> Plan:
    estate = synthetic_estate(tenants)
    return make_plan(
        estate,
        DAY,
        observe_all({ENDPOINT: place.backend}),
        {ENDPOINT: place.translator},
        {ENDPOINT: Binding("kubernetes", "simulated", None)},
        shares(place.store.database),
    )


def _apply(
    place: Place, plan: Plan | None = None, settings: Settings = QUICK, unsettled: Sequence[Key] = ()
) -> dict[str, Receipt]:
    made = plan or _plan(place)
    approved = ApprovedPlan(made, plan_hash(made), "cloud-ops", tuple(unsettled))
    return {
        f"{name.partition('/')[2]}": receipt
        for name, receipt in place.carry_out(approved, settings=settings).items()
    } | {str(r.change.key): r for r in place.seen}


def _quota(number: int = 1) -> Key:
    return Key(ENDPOINT, f"t{number:05d}-egov", "ResourceQuota", "yunjin")


def _outcome(place: Place, number: int = 1) -> Outcome:
    return next(r.outcome for r in reversed(place.seen) if r.change.key == _quota(number))


def _reason(place: Place, number: int = 1) -> str:
    receipt = next(r for r in reversed(place.seen) if r.change.key == _quota(number))
    assert receipt.reason is not None
    assert receipt.reason.zh
    return receipt.reason.en


def _cpu(place: Place, number: int = 1) -> str:
    return str(place.backend.read([_quota(number)])[_quota(number)].body["spec"]["hard"]["requests.cpu"])


def _consume(place: Place, cpu: int, number: int = 1) -> None:
    place.backend.consume(f"t{number:05d}-egov", {"requests.cpu": str(cpu)})


@pytest.fixture
def standing(place: Place) -> Place:
    """All tenants have what the ledger says, 4 cores each."""
    _apply(place)
    place.seen.clear()
    assert under_way(place.store.database) == frozenset()
    return place


def test_what_an_apply_wrote_and_saw_in_force_is_confirmed(standing: Place) -> None:
    assert {_cpu(standing, number) for number in range(1, TENANTS + 1)} == {"4"}
    assert _plan(standing).changes == ()


def test_growth_is_written_after_it_was_reserved(standing: Place) -> None:
    standing.allot(cpu=7)
    _apply(standing)
    assert (_cpu(standing), standing.charged()) == ("7", 7000)
    assert under_way(standing.store.database) == frozenset()


def test_a_figure_that_moved_since_the_plan_is_skipped_and_the_rest_goes_on(standing: Place) -> None:
    standing.allot(1, cpu=6)
    standing.allot(2, cpu=6)
    plan = _plan(standing)
    standing.allot(1, cpu=5)
    _apply(standing, plan)
    assert (_outcome(standing, 1), _outcome(standing, 2)) == (Outcome.MOVED, Outcome.DONE)
    assert (_cpu(standing, 1), _cpu(standing, 2)) == ("4", "6")
    assert "ledger" in _reason(standing)
    _apply(standing)
    assert _cpu(standing) == "5"


def test_what_stands_otherwise_than_the_ledger_says_by_now_is_not_taken_for_done(standing: Place) -> None:
    standing.allot(cpu=6)
    plan = _plan(standing)
    _apply(standing, plan)
    standing.allot(cpu=5)
    standing.seen.clear()
    _apply(standing, plan)
    assert _outcome(standing) is Outcome.MOVED


def test_no_quota_is_written_for_a_leaf_the_ledger_does_not_know(place: Place) -> None:
    plan = make_plan(
        synthetic_estate(TENANTS + 1),
        DAY,
        observe_all({ENDPOINT: place.backend}),
        {ENDPOINT: place.translator},
        {ENDPOINT: Binding("kubernetes", "simulated", None)},
    )
    _apply(place, plan)
    assert _outcome(place, TENANTS + 1) is Outcome.FAILED
    assert "does not know" in _reason(place, TENANTS + 1)
    assert place.backend.read([_quota(TENANTS + 1)]) == {}


def test_the_commit_stands_in_the_journals_transaction(standing: Place) -> None:
    """Where the one cannot be kept the other is not either: a lost lease leaves the reservation as it was."""
    standing.allot(cpu=6)
    plan = _plan(standing)

    class Robbed(SimulatedBackend):
        """While it is read, somebody takes the lease."""

        def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
            _take_the_lease(standing)
            return super().read(keys)

    robbed = Robbed.open(ENDPOINT, standing.folder / f"{ENDPOINT}.db")
    standing.carry_out(ApprovedPlan(plan, plan_hash(plan), "cloud-ops"), backend=robbed)
    robbed.close()
    assert (_outcome(standing), _cpu(standing)) == (Outcome.FAILED, "4")
    states = standing.store.database.rows(
        "SELECT state FROM reservations WHERE leaf = ? ORDER BY id DESC LIMIT 1", standing.node()
    )
    assert states == [("reserved",)]


def _take_the_lease(place: Place) -> None:
    (fence,) = place.store.leases.held()
    place.store.leases.release(fence)
    place.store.leases.acquire(ENDPOINT, Holder.mine(), 60)


def test_a_shrink_not_in_force_frees_nothing(standing: Place) -> None:
    standing.allot(1, cpu=1)
    standing.backend.freeze()
    _apply(standing, settings=SHORT)
    assert _outcome(standing) is Outcome.PENDING
    assert (_cpu(standing), standing.charged()) == ("1", 4000)

    standing.backend.thaw()
    _apply(standing, unsettled=[_quota()])
    assert standing.charged() == 1000


def test_what_a_killed_run_wrote_is_confirmed_by_the_next_though_its_plan_is_empty(standing: Place) -> None:
    standing.allot(1, cpu=1)
    (change,) = _plan(standing).changes
    standing.backend.write(change, standing.backend.read([change.key])[change.key])
    assert _plan(standing).changes == ()
    _apply(standing, unsettled=[_quota()])
    assert (standing.charged(), under_way(standing.store.database)) == (1000, frozenset())


def test_what_stands_unlike_the_ledger_is_left_unsettled(standing: Place) -> None:
    standing.allot(1, cpu=6)
    nothing = replace(_plan(standing), changes=())
    _apply(standing, nothing, SHORT, [_quota()])
    assert _cpu(standing) == "4"
    assert under_way(standing.store.database) == {standing.node()}


def _move(place: Place, source: int, target: int, cpu: int) -> None:
    for node in (f"bureau/b{target}", f"tenant/t{target:05d}"):
        place.ledger.grant(GrantTerms("", node, MORE, {ENDPOINT: MORE}, DAY), DAY)
    place.ledger.move(place.node(source), place.node(target), Amounts({"cpu": cpu}))


def test_both_halves_of_a_move_are_made_in_one_run(standing: Place) -> None:
    _move(standing, 1, 2, 3000)
    _apply(standing)
    assert (_cpu(standing, 1), _cpu(standing, 2)) == ("1", "7")
    assert (standing.charged(1), standing.charged(2)) == (1000, 7000)
    assert under_way(standing.store.database) == frozenset()


def test_the_second_half_waits_until_the_first_is_in_force(standing: Place) -> None:
    _move(standing, 1, 2, 3000)
    standing.backend.freeze()
    work = threading.Thread(target=_apply, args=(standing,))
    work.start()
    wait_until(lambda: _cpu(standing, 1) == "1")
    assert (_cpu(standing, 2), standing.charged(1), standing.charged(2)) == ("4", 4000, 4000)
    standing.backend.thaw()
    work.join()
    assert (_cpu(standing, 1), _cpu(standing, 2)) == ("1", "7")


def test_the_second_half_is_skipped_where_the_first_does_not_come_into_force(standing: Place) -> None:
    _move(standing, 1, 2, 3000)
    standing.backend.freeze()
    _apply(standing, settings=replace(QUICK, wait_quota=0.2))
    assert (_outcome(standing, 1), _outcome(standing, 2)) == (Outcome.PENDING, Outcome.SKIPPED)
    assert "moved here" in _reason(standing, 2)
    assert (_cpu(standing, 2), standing.charged(1)) == ("4", 4000)

    standing.backend.thaw()
    _apply(standing, unsettled=[_quota(1)])
    assert _outcome(standing, 2) is Outcome.DONE
    assert (standing.charged(1), standing.charged(2)) == (1000, 7000)


def test_a_cut_below_use_opens_a_dated_reclaim_and_later_applies_finish_it(standing: Place) -> None:
    _consume(standing, 3)
    standing.allot(cpu=1)
    plan = _plan(standing)
    assert [held.hold for held in plan.held] == [Hold.IN_USE]
    _apply(standing, plan, replace(QUICK, reclaim_days=7))
    assert (_outcome(standing), _cpu(standing), standing.charged()) == (Outcome.DONE, "3", 4000)
    (reclaim,) = open_reclaims(standing.store.database)
    assert (reclaim.leaf, reclaim.dimension) == (standing.node(), "cpu")
    assert (reclaim.asked, reclaim.used, (reclaim.due - DAY).days) == (1000, 3000, 7)

    _consume(standing, 2)
    _apply(standing)
    assert (_cpu(standing), standing.charged()) == ("2", 4000)
    (still,) = open_reclaims(standing.store.database)
    assert (still.used, still.due, still.opened) == (2000, reclaim.due, reclaim.opened)

    _consume(standing, 0)
    _apply(standing)
    assert (_cpu(standing), standing.charged()) == ("1", 1000)
    assert open_reclaims(standing.store.database) == ()


def test_a_reclaim_ends_where_more_is_allotted_again(standing: Place) -> None:
    _consume(standing, 3)
    standing.allot(cpu=1)
    _apply(standing)
    standing.allot(cpu=4)
    _apply(standing)
    assert (_cpu(standing), standing.charged()) == ("4", 4000)
    assert open_reclaims(standing.store.database) == ()


def test_what_is_held_back_by_use_is_free_for_nobody(standing: Place) -> None:
    _consume(standing, 3)
    standing.allot(cpu=1)
    _apply(standing)
    with pytest.raises(ShortageError):
        standing.ledger.allot(standing.node(2), Amounts({"cpu": 90_000}))
    assert standing.charged() == 4000


def test_a_removed_leaf_gives_back_what_it_held_once_it_is_gone(standing: Place) -> None:
    plan = _plan(standing, tenants=1)
    standing.backend.freeze()
    removal = replace(SHORT, allow_destroy=True)
    _apply(standing, plan, removal)
    assert standing.charged(2) == 4000
    standing.backend.thaw()
    home = Key(ENDPOINT, "", "Namespace", "t00002-egov")
    wait_until(lambda: standing.backend.read([home]) == {})
    _apply(standing, replace(plan, changes=()), removal, [home])
    assert (standing.charged(1), standing.charged(2)) == (4000, 0)


def test_a_namespace_that_still_stands_keeps_what_it_holds(standing: Place) -> None:
    home = Key(ENDPOINT, "", "Namespace", "t00002-egov")
    _apply(standing, replace(_plan(standing), changes=()), SHORT, [home])
    assert standing.charged(2) == 4000
