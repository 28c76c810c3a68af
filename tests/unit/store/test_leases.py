"""Leases: one holder at a time, numbers that only grow, the dead keep nobody waiting."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunjin.store import Fence, HeldBy, Holder, Store

if TYPE_CHECKING:
    from pathlib import Path

    from clocks import Clock

ENDPOINT = "k8s-egov"


def _take(store: Store, holder: Holder, seconds: float = 30) -> Fence:
    fence = store.leases.acquire(ENDPOINT, holder, seconds)
    assert isinstance(fence, Fence)
    return fence


def test_a_lease_has_one_holder(store: Store) -> None:
    first, second = Holder.mine(), Holder.mine()
    fence = _take(store, first)

    held = store.leases.acquire(ENDPOINT, second, 30)

    assert held == HeldBy(ENDPOINT, first, fence.until)
    assert store.leases.held() == (fence,)


def test_endpoints_do_not_keep_each_other_out(store: Store) -> None:
    _take(store, Holder.mine())

    assert isinstance(store.leases.acquire("k8s-inet", Holder.mine(), 30), Fence)


def test_each_new_holder_gets_a_higher_number_and_the_same_holder_keeps_its_own(store: Store) -> None:
    first, second = Holder.mine(), Holder.mine()
    fence = _take(store, first)
    assert _take(store, first).number == fence.number

    store.leases.release(fence)

    assert _take(store, second).number == fence.number + 1


def test_a_lease_ends_with_its_time(store: Store, clock: Clock) -> None:
    fence = _take(store, Holder.mine(), seconds=30)
    clock.advance(30)

    assert store.leases.held() == ()
    assert _take(store, Holder.mine()).number == fence.number + 1


def test_renewing_holds_it_and_is_refused_once_it_was_taken(store: Store, clock: Clock) -> None:
    fence = _take(store, Holder.mine(), seconds=30)
    clock.advance(29)
    renewed = store.leases.renew(fence, 30)
    assert renewed is not None
    clock.advance(29)
    assert isinstance(store.leases.acquire(ENDPOINT, Holder.mine(), 30), HeldBy)

    clock.advance(1)
    _take(store, Holder.mine())

    assert store.leases.renew(renewed, 30) is None


def test_giving_back_what_was_lost_changes_nothing(store: Store, clock: Clock) -> None:
    lost = _take(store, Holder.mine(), seconds=30)
    clock.advance(30)
    kept = _take(store, Holder.mine())

    store.leases.release(lost)

    assert store.leases.held() == (kept,)


def test_a_dead_process_is_followed_at_once(store: Store) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send(str(Holder.mine())))
    child.start()
    dead = Holder.parse(ours.recv())
    child.join()
    fence = _take(store, dead)

    assert _take(store, Holder.mine()).number == fence.number + 1


def test_a_process_id_used_again_is_another_process(store: Store) -> None:
    mine = Holder.mine()
    gone = dataclasses.replace(mine, started=mine.started - 1)
    _take(store, gone)

    assert gone.dead
    assert not mine.dead
    assert isinstance(store.leases.acquire(ENDPOINT, mine, 30), Fence)


def test_a_process_that_cannot_be_judged_from_here_counts_as_alive(store: Store) -> None:
    elsewhere = dataclasses.replace(Holder.mine(), world="another:pid:[1]", pid=2**22 + 1)
    _take(store, elsewhere)

    assert isinstance(store.leases.acquire(ENDPOINT, Holder.mine(), 30), HeldBy)


def test_a_zombie_is_dead() -> None:
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    pid = os.fork()
    if pid == 0:
        theirs.send(str(Holder.mine()))
        os._exit(0)
    holder = Holder.parse(ours.recv())
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet buried

    assert holder.dead
    os.waitpid(pid, 0)


def test_a_holder_reads_back_as_it_was_written() -> None:
    holder = Holder.mine()

    assert Holder.parse(str(holder)) == holder
    assert str(os.getpid()) in holder.name


def _race(folder: Path, url: str | None, rounds: int) -> None:
    with Store.open(folder, url=url) as store:
        mine = Holder.mine()
        done = 0
        while done < rounds:
            fence = store.leases.acquire(ENDPOINT, mine, 30)
            if isinstance(fence, HeldBy):
                continue
            with (folder / "log").open("a") as log:
                log.write(f"{fence.number} {mine.work}\n")
            store.leases.release(fence)
            done += 1


def test_processes_racing_for_a_lease_never_share_a_number(
    folder: Path, store: Store, url: str | None
) -> None:
    context = multiprocessing.get_context("fork")
    racers = [context.Process(target=_race, args=(folder, url, 15)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    numbers = [int(line.split()[0]) for line in (folder / "log").read_text().splitlines()]
    assert numbers == list(range(1, 46))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["take", "renew", "release", "wait"]), st.integers(0, 2), st.integers(1, 40)
        ),
        max_size=25,
    )
)
def test_at_any_time_at_most_one_holder_may_write(
    store: Store, clock: Clock, steps: list[tuple[str, int, int]]
) -> None:
    clock.advance(1000)  # past all that an earlier example left
    holders = [Holder.mine() for _ in range(3)]
    fences: dict[int, Fence] = {}
    newest = 0
    for action, who, seconds in steps:
        if action == "wait":
            clock.advance(seconds)
        elif action == "take":
            got = store.leases.acquire(ENDPOINT, holders[who], seconds)
            if isinstance(got, Fence):
                assert got.number >= newest
                newest = got.number
                fences[who] = got
        elif who in fences and action == "renew":
            renewed = store.leases.renew(fences[who], seconds)
            assert renewed is None or renewed.number == newest
            fences[who] = renewed or fences[who]
        elif who in fences:
            store.leases.release(fences.pop(who))
        in_force = [f for f in fences.values() if f in store.leases.held()]
        assert len(in_force) <= 1
