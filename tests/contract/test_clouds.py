"""What a cloud alone has: a quota over three services, security groups, addresses and pools of hosts."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from leaves import change, objects, read, removal, with_body, write
from waiting import wait_until
from yunjin.errors import ConflictError, PermanentError, RefusalError
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key, ObjectClass, Wanted
from yunjin.substrates.openstack import standard
from yunjin.substrates.openstack.names import subnet_pool
from yunjin.substrates.openstack.quantities import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_drivers import CloudDriver
    from leaves import Objects
    from yunjin.model.resources import Live

OPENSTACK = pytest.param("openstack", marks=pytest.mark.openstack)
pytestmark = pytest.mark.parametrize("driver", ["simulated-cloud", OPENSTACK], indirect=True)

FIGURES = {"compute": "ram", "network": "floatingip", "volume": "backups"}
RULES = {"ingress tcp 22 from any": True}


def _now(driver: CloudDriver, wanted: Wanted) -> Live:
    live = read(driver.backend, wanted.key)
    assert live is not None
    return live


def _group(wanted: Objects) -> Wanted:
    return next(one for one in wanted.all if one.key.kind == "SecurityGroup")


def test_a_project_comes_with_a_quota_that_is_not_ours_and_is_written_over(
    driver: CloudDriver, name: str
) -> None:
    wanted = objects(driver.leaf(name), driver.translator)
    write(driver.backend, wanted.namespace)
    arisen = _now(driver, wanted.quota)
    assert not driver.translator.matches(wanted.quota, arisen)
    assert driver.translator.unfinished(wanted.quota, None, arisen)
    driver.backend.write(change(wanted.quota, None), None)
    assert driver.translator.matches(wanted.quota, _now(driver, wanted.quota))


def test_the_group_that_comes_with_a_project_is_written_over(driver: CloudDriver, small: Objects) -> None:
    driver.backend.write(change(_group(small), None), None)
    assert driver.translator.matches(_group(small), _now(driver, _group(small)))


@pytest.mark.parametrize("service", SERVICES)
def test_a_figure_that_somebody_changed_is_a_difference_of_that_figure(
    driver: CloudDriver, small: Objects, service: str
) -> None:
    driver.set_figure(small.quota.key, service, FIGURES[service], 77)
    (difference,) = driver.translator.differences(small.quota, _now(driver, small.quota))
    assert difference.path == f"{service}.{FIGURES[service]}"
    assert difference.observed == 77
    write(driver.backend, small.quota)
    assert driver.translator.matches(small.quota, _now(driver, small.quota))


def test_a_quota_that_was_half_written_is_known_as_such_and_driven_forward(
    driver: CloudDriver, small: Objects, large: Objects
) -> None:
    before = _now(driver, small.quota)
    for figure, value in large.quota.body["spec"]["compute"].items():
        driver.set_figure(small.quota.key, "compute", figure, value)
    half = _now(driver, small.quota)
    assert driver.translator.unfinished(large.quota, before, half)
    assert not driver.translator.unfinished(large.quota, before, before)
    holding = driver.translator.holding(half)
    assert (holding.enforced.of("cpu"), holding.enforced.of("volumes")) == (8000, 10)
    driver.backend.write(change(large.quota, half), half)
    assert driver.translator.matches(large.quota, _now(driver, large.quota))


def test_a_quota_below_what_is_used_is_refused_and_all_is_as_before(
    driver: CloudDriver, name: str, small: Objects, large: Objects
) -> None:
    write(driver.backend, large.quota)
    driver.consume(name, 5)
    before = _now(driver, large.quota)
    shrunk = change(small.quota, before)
    with pytest.raises(ConflictError) as raised:
        driver.backend.write(shrunk, before)
    assert raised.value.facts["below_use"] == ["cores"]
    assert _now(driver, large.quota).body["spec"] == before.body["spec"]
    assert driver.backend.effective([shrunk]).keys() == frozenset()


def test_a_quota_shrinks_to_what_is_used(driver: CloudDriver, name: str, large: Objects) -> None:
    write(driver.backend, large.namespace, large.quota)
    driver.consume(name, 5)
    amounts = Amounts({**driver.small, "cpu": 5000})
    fitting = objects(driver.leaf(name, allotted=amounts), driver.translator).quota
    before = _now(driver, large.quota)
    shrunk = change(fitting, before)
    driver.backend.write(shrunk, before)
    wait_until(lambda: driver.backend.effective([shrunk]).keys() == {fitting.key})
    holding = driver.backend.effective([shrunk])[fitting.key]
    assert (holding.enforced.of("cpu"), (holding.used or Amounts()).of("cpu")) == (5000, 5000)


@pytest.mark.parametrize(
    ("service", "figure"), [("compute", "cores"), ("network", "port"), ("volume", "volumes")]
)
def test_what_goes_beyond_the_quota_is_refused_by_its_service(
    driver: CloudDriver, name: str, service: str, figure: str
) -> None:
    least = Amounts.parse({"cpu": 1, "memory": "1Gi", "storage": "4Gi", "volumes": 1, "ports": 1})
    wanted = objects(driver.leaf(name, allotted=least), driver.translator)
    write(driver.backend, *wanted.all)
    granted = 0
    while not (refused := driver.take(name, service)):
        granted += 1
        assert granted < 9
    assert granted
    assert figure in refused


def test_use_of_every_service_is_shown(driver: CloudDriver, name: str) -> None:
    wanted = objects(driver.leaf(name), driver.translator)
    write(driver.backend, *wanted.all)
    for service in SERVICES:
        assert not driver.take(name, service)
    # What exists counts at once; a router's interface is the leaf's own, and no port that it was granted.
    expected = {"cpu": 1000, "volumes": 1, "ports": 0}

    def used() -> dict[str, int]:
        found = driver.translator.holding(_now(driver, wanted.quota)).used or Amounts()
        return {dimension: found.of(dimension) for dimension in expected}

    wait_until(lambda: used() == expected)
    status = _now(driver, wanted.quota).body["status"]["network"]
    assert {
        figure: status[figure] for figure in ("network", "subnet", "router", "security_group", "port")
    } == {
        "network": 1,
        "subnet": 1,
        "router": 1,
        "security_group": 1,
        "port": 2,
    }
    assert status["security_group_rule"] == len(_group(wanted).body["spec"]["rules"])


def test_rules_that_a_tenant_changed_are_shown_and_put_back(driver: CloudDriver, small: Objects) -> None:
    group = _group(small)
    write(driver.backend, group)
    driver.set_rules(group.key, RULES)
    live = _now(driver, group)
    assert live.body["spec"] == {"rules": RULES}
    paths = {difference.path for difference in driver.translator.differences(group, live)}
    assert "rules.ingress tcp 22 from any" in paths
    write(driver.backend, group)
    assert driver.translator.matches(group, _now(driver, group))


def test_leaves_get_addresses_of_their_own_from_their_zone(
    driver: CloudDriver, unique: Callable[[str], str]
) -> None:
    networks = []
    for _ in range(4):
        leaf = driver.leaf(unique("net"))
        write(driver.backend, *objects(leaf, driver.translator).all)
        (network,) = map(ip_network, driver.addresses(leaf.name))
        networks.append(network)
    (zone,) = map(ip_network, driver.leaf("any").cidrs["egov"])
    assert all(network.subnet_of(zone) and network.prefixlen == 24 for network in networks)  # type: ignore[arg-type] # both are of IPv4
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


def test_an_aggregate_that_is_not_there_is_a_refusal_that_names_it(driver: CloudDriver, name: str) -> None:
    driver.withdraw("os-nowhere")
    wanted = objects(driver.leaf(name, pool="os-nowhere"), driver.translator)
    write(driver.backend, wanted.namespace)
    with pytest.raises(RefusalError, match="os-nowhere") as raised:
        driver.backend.write(change(wanted.limits, None), None)
    assert "os-nowhere" in raised.value.message.zh
    assert read(driver.backend, wanted.limits.key) is None


def test_what_a_subnet_was_made_of_stays(driver: CloudDriver, small: Objects) -> None:
    write(driver.backend, *small.all)
    subnet = next(one for one in small.all if one.key.kind == "Subnet")
    other = with_body(subnet, spec={**subnet.body["spec"], "pool": "yunjin-elsewhere"})
    live = _now(driver, subnet)
    with pytest.raises(PermanentError, match="pool"):
        driver.backend.write(change(other, live), live)
    assert driver.translator.matches(subnet, _now(driver, subnet))


def test_no_network_is_taken_out_of_a_zone(driver: CloudDriver) -> None:
    key = Key(driver.backend.endpoint, "", "SubnetPool", subnet_pool("egov"))
    elsewhere = Wanted(key, standard.body(key, standard.subnet_pool(["10.9.0.0/16"])), ObjectClass.CLUSTER, 0)
    live = _now(driver, elsewhere)
    with pytest.raises(PermanentError) as raised:
        driver.backend.write(change(elsewhere, live), live)
    assert "不能去掉 10.10.0.0/16" in raised.value.message.zh
    assert _now(driver, elsewhere).body["spec"] == live.body["spec"]


def test_a_zone_without_a_pool_of_addresses_is_a_refusal_that_names_it(
    driver: CloudDriver, small: Objects
) -> None:
    write(driver.backend, *(one for one in small.all if one.key.kind == "Network"))
    subnet = next(one for one in small.all if one.key.kind == "Subnet")
    other = with_body(subnet, spec={**subnet.body["spec"], "pool": "yunjin-elsewhere"})
    with pytest.raises(RefusalError, match="yunjin-elsewhere"):
        driver.backend.write(change(other, None), None)
    assert read(driver.backend, subnet.key) is None


def test_a_project_is_removed_with_what_runs_in_it(driver: CloudDriver, name: str, small: Objects) -> None:
    write(driver.backend, *small.all)
    driver.consume(name, 1)
    ended = removal(small.namespace)
    driver.backend.write(ended, _now(driver, small.namespace))
    wait_until(lambda: driver.backend.effective([ended]).keys() == {ended.key})
    write(driver.backend, *small.all)
    wait_until(
        lambda: (driver.translator.holding(_now(driver, small.quota)).used or Amounts()).of("cpu") == 0
    )


def test_figures_that_no_service_takes_are_refused_and_all_is_as_before(
    driver: CloudDriver, small: Objects, large: Objects
) -> None:
    before = _now(driver, small.quota)
    volume = {**large.quota.body["spec"]["volume"], "snapshots": -5}
    wrong = with_body(large.quota, spec={**large.quota.body["spec"], "volume": volume})
    with pytest.raises(PermanentError):
        driver.backend.write(change(wrong, before), before)
    assert _now(driver, small.quota).body["spec"] == before.body["spec"]
