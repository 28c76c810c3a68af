"""No commit raises a deficit except one that records a fall, whatever happens in which order."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.errors import YunjinError
from yunjin.ledger import contributions, grants, reservations, supply
from yunjin.ledger.checks import check
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POOLS = st.sampled_from([K8S, CLOUD])
BODIES = st.sampled_from(["bureau/jtj", "area/dawa", "tenant/jtj", "tenant/bus", "tenant/dawa"])
LEAVES = st.sampled_from(["leaf/k1/jtj-egov", "leaf/k1/bus-egov", "leaf/k1/dawa-egov", "leaf/o1/jtj-egov"])
SMALL = st.integers(0, 40)
FALLS = frozenset({supply.change_supply, grants.end_grant, contributions.recall_contribution})
Call = tuple[Any, dict[str, Any]]
COUNT = itertools.count(1)


@st.composite
def grant(draw: st.DrawFn) -> Call:
    pool, limit = draw(POOLS), draw(SMALL)
    return grants.add_grant, {
        "number": f"G-{draw(st.integers(1, 6))}", "node": draw(BODIES),
        "limit": {pool: {"cpu": limit}, "*": {"cpu": limit}},
        "guarantee": {pool: {"cpu": draw(st.integers(0, limit))}},
        "kind": "grant", "grantor": "city", "basis": "b",
        "valid_from": draw(st.sampled_from([DAY, "2027-01-01"])), "valid_to": None,
    }  # fmt: skip


@st.composite
def change(draw: st.DrawFn) -> Call:
    delta = draw(st.integers(-60, 60))
    percent = draw(st.sampled_from([{}, {"cpu": 100}, {"cpu": 200}]))
    return supply.change_supply, {
        "pool": draw(POOLS), "delta": {"cpu": delta}, "percent": percent, "cause": "counted",
    }  # fmt: skip


@st.composite
def handover(draw: st.DrawFn) -> Call:
    return contributions.add_contribution, {
        "number": f"C-{draw(st.integers(1, 3))}", "node": draw(BODIES), "pool": draw(POOLS),
        "amounts": {"cpu": draw(SMALL)}, "factor": draw(st.sampled_from([1, 80, 100])),
        "servers": "s", "basis": "b",
    }  # fmt: skip


def numbered(operation: Callable[..., Any], letter: str, most: int, **other: Any) -> st.SearchStrategy[Call]:
    numbers = st.integers(1, most).map(lambda number: f"{letter}-{number}")
    return numbers.map(lambda number: (operation, {"number": number, "cause": "over", "basis": "b"} | other))


CALLS = st.one_of(
    grant(),
    grant(),
    change(),
    handover(),
    numbered(grants.end_grant, "G", 6),
    BODIES.map(lambda node: (grants.end_grant, {"number": f"opening/{node}", "cause": "over"})),
    numbered(grants.start_grant, "G", 6, today="2027-01-01"),
    numbered(grants.renew_grant, "G", 6, valid_to="2028-01-01"),
    numbered(contributions.promise_contribution, "C", 3),
    numbered(contributions.recall_contribution, "C", 3, effective=DAY),
    st.builds(
        lambda leaf, value: (reservations.reserve, {"leaf": leaf, "delta": {"cpu": value}}), LEAVES, SMALL
    ),
    st.builds(lambda leaf, value: ("allot", {"leaf": leaf, "cpu": value}), LEAVES, SMALL),
)


def deficits(hand: Hand) -> dict[tuple[Any, ...], int]:
    found = hand.rows(
        "SELECT node, pool, dimension, promise, amount FROM quota_deficits WHERE closed IS NULL"
    )
    return {row[:4]: row[4] for row in found}


def carry_out(hand: Hand, operation: Any, content: dict[str, Any]) -> None:
    if operation != "allot":
        hand(operation, **{"today": DAY, **content})
        return
    leaf = content["leaf"]
    target = hand(reservations.reserve, leaf=leaf, target={"cpu": content["cpu"]})["target"]
    hand(reservations.commit, leaf=leaf, target=target)
    hand(reservations.confirm, leaf=leaf, enforced=target, used={})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CALLS, max_size=25))
def test_only_a_recorded_fall_raises_a_deficit(planted: Path, tmp_path: Path, calls: list[Call]) -> None:
    state = tmp_path / str(next(COUNT))
    state.mkdir(mode=0o700)
    (state / "state.db").write_bytes(planted.read_bytes())
    with Store.open(state) as store:
        hand = Hand(store.database)
        for operation, content in calls:
            before = deficits(hand)
            try:
                carry_out(hand, operation, content)
            except YunjinError:
                assert operation == "allot" or deficits(hand) == before
            if operation not in FALLS:
                risen = {key for key, amount in deficits(hand).items() if amount > before.get(key, 0)}
                assert not risen, (operation, content)
        assert check(store.database) == ()
