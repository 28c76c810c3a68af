"""Who gives when a pool is short, as the declared files say; and proposals over a real ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

import states
from estates import city, tenant, write_estate
from yunjin.engine import opening
from yunjin.engine.choices import (
    contribution_factor,
    grant_warnings,
    importance_order,
    relief_order,
)
from yunjin.engine.clocks import advance
from yunjin.engine.relief import drains, proposals, ranks
from yunjin.errors import DeclaredErrors
from yunjin.estate import load
from yunjin.ledger.capacity import Capacity, Change, Handover, contributions_of
from yunjin.ledger.history import standing
from yunjin.ledger.relief import Rank
from yunjin.model.amounts import Amounts
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.model.estate import Estate

DAY = date(2026, 11, 22)
LEAF = "leaf/k8s/jtj-egov"


def declared(folder: Path, systems: list[dict[str, Any]] | None = None, **policies: Any) -> Estate:
    """The small city; tenant jtj runs `systems`, and the city says `policies` (value and unit)."""
    items = city()
    chosen = [
        {"id": _id(name), "zh": "策略", "en": "A policy", "value": value, "unit": unit}
        for name, (value, unit) in policies.items()
    ]
    others = [each for each in items["tenants"] if each["id"] != "jtj"]
    jtj = tenant("jtj", "bureau", "bureau/jtj", systems=systems or [])
    return load(write_estate(folder, tenants=[*others, jtj], policies=[*items["policies"], *chosen]))


def _id(name: str) -> str:
    """`relief__order` stands for `relief.order`."""
    return name.replace("__", ".").replace("_", "-")


def system(stage: str, importance: str = "ordinary", pool: str | None = "k8s-egov") -> dict[str, Any]:
    groups = [{"use": "app", "pool": pool}] if pool else []
    name = f"{stage}-{importance}-{pool or 'any'}"
    return {
        "id": name, "zh": name, "en": name, "stage": stage, "importance": importance, "groups": groups
    }  # fmt: skip


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        ([], Rank()),
        ([system("trial")], Rank(trial=True)),
        ([system("trial"), system("planned")], Rank(trial=True)),
        ([system("planned")], Rank()),
        ([system("trial"), system("production")], Rank()),
        ([system("trial", "important")], Rank(1, trial=True)),
        ([system("trial", "critical")], Rank(2)),  # it gives with the critical ones
        ([system("production", "important"), system("production")], Rank(1)),
        ([system("production", "critical", "k8s-inet")], Rank()),  # it stands elsewhere
        ([system("production", "critical", None)], Rank(2)),  # it may stand anywhere
    ],
)
def test_what_runs_in_a_leaf_decides_when_it_gives(
    tmp_path: Path, systems: list[dict[str, Any]], expected: Rank
) -> None:
    assert ranks(declared(tmp_path, systems))[LEAF] == expected


def test_a_tenant_in_quarantine_gives_nothing(tmp_path: Path) -> None:
    items = city()
    others = [each for each in items["tenants"] if each["id"] != "jtj"]
    unknown = {"since": "2026-11-01", "reason": "联系人不明"}
    jtj = tenant("jtj", "bureau", "bureau/jtj", quarantine=unknown)
    assert ranks(load(write_estate(tmp_path, tenants=[*others, jtj])))[LEAF].fixed


def test_what_was_imported_without_a_paper_gives_nothing(tmp_path: Path) -> None:
    stood = {"leaf": LEAF, "since": "2026-11-01"}
    known = {**stood, "paper": {"doc": "盘政务云〔2026〕7号"}}
    for number, (part, fixed) in enumerate(((stood, True), (known, False))):
        others = [each for each in city()["tenants"] if each["id"] != "jtj"]
        jtj = tenant("jtj", "bureau", "bureau/jtj", imported=[part])
        estate = load(write_estate(tmp_path / str(number), tenants=[*others, jtj]))
        assert ranks(estate)[LEAF].fixed is fixed


def test_the_city_says_who_gives_and_otherwise_the_default_holds(tmp_path: Path) -> None:
    silent = declared(tmp_path / "a")
    assert relief_order(silent) == ("reserve", "trials", "borrowed", "guarantees")
    assert importance_order(silent) == ("ordinary", "important", "critical")
    assert grant_warnings(silent) == (30, 7, 1)
    assert contribution_factor(silent) == 80
    spoken = declared(
        tmp_path / "b",
        relief__order=("borrowed, reserve", ""),
        grant__warnings=("7, 60", "d"),
        contribution_factor=(50, "%"),
    )
    assert relief_order(spoken) == ("borrowed", "reserve")
    assert grant_warnings(spoken) == (60, 7)
    assert contribution_factor(spoken) == 50


@pytest.mark.parametrize(
    ("policy", "value", "unit"),
    [
        ("relief__order", "reserve, reserve", ""),
        ("relief__order", "reserve, lottery", ""),
        ("relief__importance", "ordinary, critical", ""),
        ("grant__warnings", "30, 7, 7", "d"),
        ("grant__warnings", "soon", "d"),
        ("grant__warnings", "0", "d"),
        ("grant__warnings", "30", "s"),
        ("contribution_factor", 101, "%"),
        ("contribution_factor", "most", "%"),
        ("contribution_factor", 80, ""),
    ],
)
def test_a_policy_that_cannot_be_meant_is_an_error_with_its_place(
    tmp_path: Path, policy: str, value: Any, unit: str
) -> None:
    said: Any = {policy: (value, unit)}
    with pytest.raises(DeclaredErrors, match=r"policies\.yaml:\d+"):
        declared(tmp_path, **said)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return declared(tmp_path / "tenants", [system("trial")])


@pytest.fixture
def store(tmp_path: Path, estate: Estate) -> Iterator[Store]:
    """Its ledger: three bodies with 4 of 64 cores each, all of them guaranteed."""
    with Store.open(states.begin(tmp_path / "state")) as opened:
        opening.enter(opened, estate, DAY, "tests")
        yield opened


def capacity(store: Store) -> Capacity:
    return Capacity(store.database, store.now, "tests")


def test_a_pool_that_is_not_short_gets_no_proposal(store: Store, estate: Estate) -> None:
    assert proposals(estate, standing(store.database), "k8s-egov") == ()


def test_a_proposal_has_the_figures_of_the_ledger(store: Store, estate: Estate) -> None:
    capacity(store).change_supply(Change("k8s-egov", "hosts died", delta={"cpu": -54_000}), DAY)
    (proposal,) = proposals(estate, standing(store.database), "k8s-egov")
    assert (proposal.dimension, proposal.short, proposal.remains) == ("cpu", 2000, 0)
    (step,) = proposal.steps
    assert [(change.node, change.what, change.after) for change in step.changes] == [
        (LEAF, "allotted", 2000),
        ("tenant/jtj", "guarantee", 2000),
        ("bureau/jtj", "guarantee", 2000),
    ]


def handed_over(store: Store) -> Any:
    handover = Handover("bureau/jtj", "k8s-egov", Amounts({"cpu": 10_000}), 80, "6 servers", "b")
    capacity(store).contribute(handover, DAY)
    (record,) = contributions_of(store.database)
    return record


def test_servers_that_go_and_leave_room_need_no_drain(store: Store, estate: Estate) -> None:
    record = handed_over(store)
    assert drains(estate, standing(store.database), record) == ()


def test_servers_without_a_promise_take_only_supply(store: Store, estate: Estate) -> None:
    record = handed_over(store)
    capacity(store).change_supply(Change("k8s-egov", "hosts died", delta={"cpu": -53_000}), DAY)
    found = standing(store.database)
    (staying,) = drains(estate, found, record)
    assert staying.short == 1000  # 12 are charged without the 8 that go with the promise, and 11 stand
    (waiting,) = drains(estate, found, replace(record, state="waiting"))
    assert waiting.short == 9000


def test_the_day_is_advanced_by_whoever_comes_first(store: Store, estate: Estate) -> None:
    number = handed_over(store).number
    capacity(store).recall(number, date(2026, 12, 31), "b", DAY)
    assert advance(store, estate, date(2026, 12, 30), "controller").warnings[0].left == 1
    assert advance(store, estate, date(2026, 12, 31), "controller").changed == (number,)
    assert advance(store, estate, date(2026, 12, 31), "operator").changed == ()


def test_without_a_ledger_a_day_brings_nothing(tmp_path: Path, estate: Estate) -> None:
    with Store.open(tmp_path / "empty") as empty:
        day = advance(empty, estate, DAY, "controller")
    assert (day.changed, day.refused, day.expired, day.warnings) == ((), (), 0, ())
