"""Zones, endpoints, pools, data sets, policy values and prices of the city."""

import ipaddress
from datetime import date
from itertools import combinations

import pytest

from yunjin.model.amounts import CPU, MEMORY
from yunjin.model.estate import Estate
from yunjin.model.resources import ObjectClass

DEMO = date(2026, 11, 22)
DATASETS = {
    "grid-cells": ("zfj", "mzj"),
    "geo-spatial": ("ghj",),
    "city-parts": ("zfj",),
    "underground-pipes": ("zjw",),
    "buildings-houses": ("zjw",),
    "natural-resources": (),
    "industries": ("jxw", "fwyw"),
    "economy": ("fgw",),
    "population": ("gaj", "wjw"),
    "legal-persons": (),
    "admin-approvals": (),
    "video-resources": ("gaj", "jtj"),
    "hazard-sources": ("ajj",),
    "emergency-plans": ("gaj",),
    "six-elements": ("shuangtaizi", "xinglongtai", "dawa", "panshan", "liaodongwan", "liaohekou"),
    "citizen-requests": ("fgw",),
    "tourism-six": ("lfw",),
    "vehicle-feeds": ("jtj",),
    "road-bridge-obs": ("lzj",),
    "performance": ("fgw",),
}
WAREHOUSE = {
    "city-parts",
    "population",
    "legal-persons",
    "buildings-houses",
    "admin-approvals",
    "economy",
    "underground-pipes",
}
THRESHOLDS = {
    "u1.window": 30,
    "u1.cpu-p95": 3,
    "u1.memory-p95": 20,
    "u1.network": 1000,
    "u1.notice": 30,
    "u2.window": 30,
    "u2.cpu-p95": 10,
    "u2.memory-p95": 30,
    "u2.resize": 130,
    "u3.window": 30,
    "u3.cpu-mean": 30,
    "u3.memory-mean": 40,
    "u4.window": 7,
    "u4.cpu-mean": 50,
    "u4.memory-mean": 70,
    "u4.p95": 80,
    "u5.window": 30,
    "u5.shrink-below": 20,
    "u5.expand-above": 85,
    "u5.ticket-at": 98,
    "u6.window": 15,
    "u8.trial": 30,
    "sla.approval": 5,
    "sla.trial": 30,
    "sla.self-reduce": 30,
    "sla.forced": 5,
    "wait-quota": 120,
    "lock-timeout": 30,
}
FEN = {
    "vcpu": 3000,
    "memory": 1200,
    "block-ssd": 60,
    "block-hdd": 25,
    "object": 12,
    "bandwidth": 2500,
    "backup": 20,
    "mlps-2": 80_000,
    "mlps-3": 180_000,
}


def test_five_zones_and_databases_everywhere_but_in_the_internet_zone(panjin: Estate) -> None:
    assert {zone.id: zone.databases for zone in panjin.zones.values()} == {
        "inet": False,
        "egov": True,
        "egov-ded": True,
        "mgmt": True,
        "exch": True,
    }


def test_zones_carry_up_to_level_three_by_the_citys_own_decision(panjin: Estate) -> None:
    assert {zone.mlps for zone in panjin.zones.values()} == {3}
    assert all(zone.basis is not None and zone.basis.doc == "" for zone in panjin.zones.values())


def test_addresses_of_zones_are_private_and_do_not_overlap(panjin: Estate) -> None:
    ranges = [ipaddress.ip_network(cidr) for zone in panjin.zones.values() for cidr in zone.cidrs]
    assert all(part.is_private for part in ranges)
    assert not [pair for pair in combinations(ranges, 2) if pair[0].overlaps(pair[1])]
    assert all(zone.cidrs for zone in panjin.zones.values())


def test_every_way_between_zones_passes_the_gate_and_has_a_paper(panjin: Estate) -> None:
    flows = [flow for zone in panjin.zones.values() for flow in zone.flows]
    assert flows
    for flow in flows:
        assert "exch" in (flow.origin, flow.target), flow.id
        assert {flow.origin, flow.target} <= set(panjin.zones), flow.id
        assert flow.approval, flow.id
        assert flow.expires > DEMO, flow.id
    assert len({flow.id for flow in flows}) == len(flows)


def test_flows_end_on_the_day_they_expire(panjin: Estate) -> None:
    def ways(day: date) -> int:
        return sum(len(leaf.flows) for leaf in panjin.leaves(day) if leaf.zone == "egov")

    assert ways(DEMO) > ways(date(2027, 6, 30)) > ways(date(2027, 12, 31)) == 0


def test_two_clusters_and_two_clouds_are_live_on_the_embedded_default(panjin: Estate) -> None:
    assert {e.id: (e.technology, e.state) for e in panjin.endpoints.values()} == {
        "k8s-egov": ("kubernetes", "live"),
        "k8s-inet": ("kubernetes", "live"),
        "os-egov": ("openstack", "live"),
        "os-inet": ("openstack", "live"),
    }
    assert {e.access for e in panjin.endpoints.values()} == {"simulated"}


def test_pools_by_endpoint_zone_and_suffix(panjin: Estate) -> None:
    assert {p.id: (p.endpoint, p.zone, p.suffix, p.xc) for p in panjin.pools.values()} == {
        "k8s-egov": ("k8s-egov", "egov", "egov", False),
        "k8s-egov-xc": ("k8s-egov", "egov", "egov-xc", True),
        "k8s-inet": ("k8s-inet", "inet", "inet", False),
        "os-egov": ("os-egov", "egov", "egov", False),
        "os-inet": ("os-inet", "inet", "inet", False),
    }
    for pool in panjin.pools.values():
        cluster = panjin.endpoints[pool.endpoint].technology == "kubernetes"
        assert pool.node_selector == ({"yunjin/pool": pool.id} if cluster else {})
        assert not pool.reserve.excess_over(pool.supply)
        assert pool.overcommit_percent[MEMORY] == 100


def test_limits_are_twice_the_requests_of_cpu_and_equal_those_of_memory(panjin: Estate) -> None:
    clusters = [pool for pool in panjin.pools.values() if pool.id.startswith("k8s-")]
    assert {tuple(pool.limit_percent.items()) for pool in clusters} == {((CPU, 200), (MEMORY, 100))}


def test_twenty_data_sets_with_their_stewards(panjin: Estate) -> None:
    assert {dataset.id: dataset.steward for dataset in panjin.datasets.values()} == DATASETS
    stewards = {body for bodies in DATASETS.values() for body in bodies}
    assert stewards <= {*panjin.bureaus, *panjin.areas}


def test_seven_databases_of_task_t02(panjin: Estate) -> None:
    assert {dataset.id for dataset in panjin.datasets.values() if dataset.warehouse} == WAREHOUSE
    assert set(panjin.tasks("2016")[1].data_out) == WAREHOUSE


def test_users_of_data_sets_are_elements_or_all(panjin: Estate) -> None:
    for dataset in panjin.datasets.values():
        assert dataset.users, dataset.id
        assert set(dataset.users) <= {"ALL", *panjin.elements}, dataset.id


def test_data_of_tasks_is_declared_and_all_of_it_is_touched(panjin: Estate) -> None:
    touched = {item for task in panjin.tasks("2016") for item in (*task.data_in, *task.data_out)}
    assert touched == set(panjin.datasets)


@pytest.mark.parametrize(("policy", "value"), THRESHOLDS.items())
def test_thresholds_and_time_limits(panjin: Estate, policy: str, value: int) -> None:
    assert panjin.policies[policy].value == value


def test_every_kind_of_object_has_a_drift_policy_and_quotas_are_only_reported(panjin: Estate) -> None:
    values = {kind: panjin.policies[f"drift.{kind.value}"].value for kind in ObjectClass}
    assert set(values.values()) <= {"report", "repair", "adopt"}
    assert values.pop(ObjectClass.QUOTA) == "report"
    assert set(values.values()) == {"repair"}


def test_contribution_factor_is_at_most_one(panjin: Estate) -> None:
    factor = panjin.policies["contribution-factor"]
    assert isinstance(factor.value, int)
    assert 0 < factor.value <= 100


def test_a_basis_that_names_a_document_names_its_clause_and_whether_it_was_read(panjin: Estate) -> None:
    named = {policy.id: policy.basis for policy in panjin.policies.values() if policy.basis.doc}
    assert set(named) == {"log.retention"}
    basis = named["log.retention"]
    assert basis.clause
    assert not basis.verified
    assert basis.holds(DEMO)
    assert not basis.holds(date(2025, 12, 31))


def test_logs_are_kept_for_any_six_months(panjin: Estate) -> None:
    longest = max(
        date(2027 + (month + 6) // 13, (month + 5) % 12 + 1, 1) - date(2027, month, 1)
        for month in range(1, 13)
    )
    assert panjin.policies["log.retention"].value == longest.days


def test_prices_in_fen(panjin: Estate) -> None:
    assert {price.id: price.fen for price in panjin.prices.values()} == FEN
    assert all(price.basis.doc == "" for price in panjin.prices.values())
