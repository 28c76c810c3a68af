"""After an apply was killed, what it did write is known as Yunjin's doing, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from estates import city
from spines import DENY, ENDPOINT, QUICK, QUOTA, City, home, key
from yunjin.model.change import Outcome
from yunjin.store import Fence, Holder

if TYPE_CHECKING:
    from clocks import Clock
    from yunjin.engine.split import Split
    from yunjin.model.resources import Key


def _killed(city: City, *written: Key) -> None:
    """An apply that journals all its changes, writes these of them, and ends there."""
    with city.spine() as spine:
        changes = spine.plan().plan.changes
        fence = spine.store.leases.acquire(ENDPOINT, Holder.mine(), 30)
        assert isinstance(fence, Fence)
        run = spine.store.journal.begin("plan", "cloud-ops", fence.holder.name, {ENDPOINT: fence.number})
        run.before(changes)
        backend = spine.endpoints.backend(ENDPOINT)
        for change in changes:
            if change.key in written:
                backend.write(change, backend.read([change.key]).get(change.key))
        spine.store.leases.release(fence)


def _split(city: City, clock: Clock) -> Split:
    clock.advance(1)
    with city.spine() as spine:
        return spine.split()


def _states(city: City) -> dict[Key, str]:
    with city.spine() as spine:
        run = next(run for run in spine.store.journal.runs() if run.plan == "plan")
        return {entry.key: entry.state for entry in spine.store.journal.entries(run.id)}


def test_what_was_written_is_drift_when_somebody_takes_it_away(declared: City, clock: Clock) -> None:
    _killed(declared, home(), DENY)
    assert _split(declared, clock).drifted == ()
    declared.people.remove(DENY)
    parted = _split(declared, clock)
    assert [change.key for change in parted.drifted] == [DENY]
    assert QUOTA in {change.key for change in parted.waiting}


def test_what_was_not_written_waits(declared: City, clock: Clock) -> None:
    _killed(declared)
    parted = _split(declared, clock)
    assert (parted.drifted, len(parted.waiting)) == ((), 28)
    assert set(_states(declared).values()) == {"failed"}


def test_a_run_that_a_later_apply_closed_leaves_no_doubt_either(declared: City, clock: Clock) -> None:
    _killed(declared, home(), DENY)
    clock.advance(1)
    with declared.spine() as spine:
        plan = spine.judge(spine.observed_plan())
        spine.apply(plan, QUICK, "cloud-ops", lambda _: None)
        assert spine.store.journal.runs()[-1].state == "interrupted"
        assert {entry.key for entry in spine.store.journal.interrupted()} >= {home(), DENY}
    declared.people.remove(key("NetworkPolicy", "yunjin-deny", "fgw-egov"))
    assert len(_split(declared, clock).drifted) == 1
    assert _states(declared)[DENY] == "already"
    declared.people.remove(DENY)
    assert len(_split(declared, clock).drifted) == 2


def test_what_others_changed_since_is_no_doing_of_the_killed_apply(town: City, clock: Clock) -> None:
    town.allot(cpu=3)
    _killed(town, QUOTA)
    town.people.edit(QUOTA, {("spec", "hard", "requests.cpu"): "6"})
    parted = _split(town, clock)
    assert [change.key for change in parted.drifted] == [QUOTA]
    assert parted.waiting == ()


def test_a_run_that_still_writes_is_left_to_itself(declared: City, clock: Clock) -> None:
    with declared.spine() as spine:
        changes = spine.plan().plan.changes
        fence = spine.store.leases.acquire(ENDPOINT, Holder.mine(), 600)
        assert isinstance(fence, Fence)
        run = spine.store.journal.begin("plan", "cloud-ops", fence.holder.name, {ENDPOINT: fence.number})
        run.before(changes)
        _split(declared, clock)
        assert set(_states(declared).values()) == {"before"}
        spine.store.leases.release(fence)


def test_a_removal_that_was_done_is_known_as_done(town: City, clock: Clock) -> None:
    rows = city()["baseline"]
    town.write(baseline=[row for row in rows if row["node"] not in ("tenant/jtj", "leaf/k8s/jtj-egov")])
    _killed(town, home())
    _split(town, clock)
    assert _states(town)[home()] == Outcome.ALREADY
    town.write(baseline=rows)
    assert _split(town, clock).drifted == ()
    town.apply(replace(QUICK, wait_quota=5))
    assert _split(town, clock).waiting == ()
