"""Amounts to the figures of three services and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.model.amounts import MOST, Amounts
from yunjin.model.resources import Holding
from yunjin.substrates.openstack import quantities

COUNTED = ("cpu", "memory", "storage", "volumes", "ports", "floating-ips")
UNCOUNTED = ("pods", "load-balancers", "gpu/nvidia", "storage/fast")
amounts = st.dictionaries(st.sampled_from((*COUNTED, *UNCOUNTED)), st.integers(0, MOST)).map(Amounts)
whole = st.dictionaries(
    st.sampled_from(COUNTED),
    st.integers(0, 2**31 - 1).map(lambda n: n * 1024 * 1000),
).map(lambda found: Amounts({d: min(n, MOST // 1024000 * 1024000) for d, n in found.items()}))
numbers = st.integers(-1, 2**31 - 1)


def _everything(number: int) -> dict[str, dict[str, int]]:
    empty = quantities.figures(Amounts(), 5)
    return {service: dict.fromkeys(figures, number) for service, figures in empty.items()}


def _with(figures: dict[str, dict[str, Any]], place: str, number: Any) -> dict[str, dict[str, Any]]:
    service, _, figure = place.partition(".")
    return {**figures, service: {**figures[service], figure: number}}


@given(whole)
def test_whole_amounts_come_back_as_they_were(asked: Amounts) -> None:
    assert quantities.unfit(asked) == ()
    granted = quantities.amounts(quantities.figures(asked, 5))
    assert granted == Amounts(dict.fromkeys(COUNTED, 0) | dict(asked))


@given(amounts)
def test_no_more_is_granted_than_was_asked_and_less_only_of_what_is_unfit(asked: Amounts) -> None:
    granted = quantities.amounts(quantities.figures(asked, 5))
    assert granted.excess_over(asked) == {}
    lost = {d for d in COUNTED if granted.of(d) != asked.of(d)}
    assert lost <= set(quantities.unfit(asked))


@pytest.mark.parametrize(
    ("asked", "unfit"),
    [
        ({"cpu": 4000, "memory": 8192, "storage": 102400}, ()),
        ({"cpu": 500}, ("cpu",)),
        (
            {"cpu": 4001, "memory": 1536, "storage": 512, "volumes": 1, "pods": 7},
            ("cpu", "memory", "storage"),
        ),
        ({}, ()),
    ],
)
def test_what_is_not_whole_is_named(asked: dict[str, int], unfit: tuple[str, ...]) -> None:
    assert quantities.unfit(Amounts(asked)) == unfit


def test_the_figures_of_a_quota() -> None:
    asked = Amounts.parse(
        {"cpu": 4, "memory": "8Gi", "storage": "100Gi", "volumes": 10, "ports": 20, "floating-ips": 2}
    )
    assert quantities.figures(asked, 7) == {
        "compute": {"cores": 4, "instances": 4, "ram": 8192},
        "network": {
            "network": 1, "subnet": 1, "router": 1, "security_group": 1, "security_group_rule": 7,
            "rbac_policy": 0, "subnetpool": 0, "port": 24, "floatingip": 2,
        },
        "volume": {"volumes": 10, "snapshots": 10, "gigabytes": 100, "backups": 0, "backup_gigabytes": 0},
    }  # fmt: skip


def test_what_is_not_granted_is_zero_but_for_the_leafs_own_network() -> None:
    figures = quantities.figures(Amounts(), 5)
    assert set(figures["compute"].values()) == set(figures["volume"].values()) == {0}
    positive = {name for name, number in figures["network"].items() if number}
    assert positive == {"network", "subnet", "router", "security_group", "security_group_rule", "port"}
    assert quantities.amounts(figures) == Amounts(dict.fromkeys(COUNTED, 0))


def test_no_bound_is_the_most_there_is() -> None:
    assert quantities.amounts(_everything(-1)) == Amounts(dict.fromkeys(COUNTED, MOST))


@given(st.dictionaries(st.sampled_from(sorted(quantities.CAPACITY)), st.integers(-1, 2**63)))
def test_any_figure_gives_an_amount(found: dict[tuple[str, str], int]) -> None:
    figures: dict[str, dict[str, int]] = {}
    for (service, figure), number in found.items():
        figures.setdefault(service, {})[figure] = number
    counted = quantities.amounts(figures)
    assert set(counted) == {quantities.CAPACITY[place] for place in found}


@pytest.mark.parametrize(
    "odd", [None, [], "4", {}, {"compute": None}, {"compute": {"cores": None, "ram": "8"}}]
)
def test_odd_answers_count_as_unknown(odd: Any) -> None:
    assert quantities.holding({"spec": odd, "status": odd}) == Holding(Amounts(), Amounts(), None)


def test_what_a_quota_grants_is_in_force_at_once() -> None:
    asked = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "100Gi", "volumes": 10, "ports": 20})
    spec = quantities.figures(asked, 5)
    holding = quantities.holding({"spec": spec, "status": _everything(0)})
    assert holding.granted == holding.enforced == Amounts({**asked, "floating-ips": 0})
    assert holding.used == Amounts(dict.fromkeys(COUNTED, 0))


@pytest.mark.parametrize(
    ("place", "number", "dimension", "needed"),
    [
        ("compute.cores", 3, "cpu", 3000),
        ("compute.instances", 2, "cpu", 2000),
        ("compute.ram", 1500, "memory", 1500),
        ("volume.gigabytes", 7, "storage", 7168),
        ("volume.volumes", 4, "volumes", 4),
        ("volume.snapshots", 6, "volumes", 6),
        ("network.floatingip", 1, "floating-ips", 1),
        ("network.port", 3, "ports", 0),
        ("network.port", 9, "ports", 5),
    ],
)
def test_what_is_used_is_the_least_that_would_carry_it(
    place: str, number: int, dimension: str, needed: int
) -> None:
    spec = quantities.figures(Amounts(), 5)
    holding = quantities.holding({"spec": spec, "status": _with(_everything(0), place, number)})
    assert holding.used == Amounts(dict.fromkeys(COUNTED, 0) | {dimension: needed})


@given(
    st.dictionaries(
        st.sampled_from(sorted({*quantities.CAPACITY, ("compute", "instances"), ("volume", "snapshots")})),
        st.integers(0, 2**31 - 1),
    )
)
def test_a_quota_made_for_what_is_used_carries_it(found: dict[tuple[str, str], int]) -> None:
    status = _everything(0)
    for (service, figure), number in found.items():
        status[service][figure] = number
    used = quantities.holding({"spec": _everything(-1), "status": status}).used
    assert used is not None
    assert quantities.unfit({d: n for d, n in used.items() if d != "memory"}) == ()
    carrying = quantities.figures(used, 5)
    assert all(carrying[service][figure] >= number for (service, figure), number in found.items())


@pytest.mark.parametrize("service", quantities.SERVICES)
def test_use_that_one_service_does_not_tell_is_unknown(service: str) -> None:
    spec, status = quantities.figures(Amounts(), 5), _everything(0)
    assert quantities.holding({"spec": spec}).used is None
    without = {name: figures for name, figures in status.items() if name != service}
    assert quantities.holding({"spec": spec, "status": without}).used is None
    assert quantities.holding({"spec": spec, "status": {**status, service: {}}}).used is None


@pytest.mark.parametrize(
    ("service", "follower", "leading"),
    [("compute", "instances", "cores"), ("volume", "snapshots", "volumes")],
)
def test_use_that_follows_and_is_not_told_adds_nothing(service: str, follower: str, leading: str) -> None:
    status = _everything(0)
    status[service] = {**status[service], leading: 3}
    whole = quantities.holding({"spec": _everything(-1), "status": status}).used
    del status[service][follower]
    assert quantities.holding({"spec": _everything(-1), "status": status}).used == whole
    assert whole is not None


def test_a_cloud_without_volumes_tells_of_the_others() -> None:
    spec, status = quantities.figures(Amounts({"cpu": 1000}), 5), _everything(0)
    del spec["volume"], status["volume"]
    used = quantities.holding({"spec": spec, "status": status}).used
    assert used == Amounts({"cpu": 0, "memory": 0, "ports": 0, "floating-ips": 0})
