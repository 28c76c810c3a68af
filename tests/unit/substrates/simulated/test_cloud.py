"""What a simulated cloud does beyond the contract: faults between its services, its file, its people."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from leaves import (
    CLOUD_CIDRS,
    CLOUD_SMALL,
    CLOUD_TRANSLATOR,
    change,
    read,
    removal,
    state,
    with_body,
    write,
)
from simulated_clouds import DEFAULTS, ENDPOINT, PLACE, SHARED, live, told, wanted
from yunjin.errors import ConflictError, PermanentError, RefusalError, TransientError, UsageError
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from leaves import Objects
    from yunjin.model.resources import Body, Live


@pytest.mark.parametrize(
    ("use", "exhausted"),
    [
        ({"compute": {"cores": 5}}, ["cores"]),
        ({"network": {"port": 20}}, ["port"]),
        ({"volume": {"volumes": 11}}, ["volumes"]),
    ],
)
def test_use_beyond_the_quota_is_refused_and_changes_nothing(
    simulated: SimulatedCloud, whole: Objects, use: Mapping[str, Mapping[str, int]], exhausted: list[str]
) -> None:
    before = live(simulated, whole.quota)
    with pytest.raises(RefusalError) as raised:
        simulated.consume("jtj-egov", use)
    assert raised.value.facts == {"service": next(iter(use)), "over_quota": exhausted}
    assert live(simulated, whole.quota) == before


def test_use_up_to_the_quota_is_granted_and_what_stays_beyond_one_may_stay(
    simulated: SimulatedCloud, whole: Objects
) -> None:
    simulated.consume("jtj-egov", {"compute": {"cores": 4, "ram": 8192}})
    simulated.consume("jtj-egov", {"compute": {"cores": 2}})
    holding = CLOUD_TRANSLATOR.holding(live(simulated, whole.quota))
    assert holding.used is not None
    assert (holding.used.of("cpu"), holding.used.of("memory")) == (2000, 8192)


def test_a_standard_object_beyond_the_quota_is_refused(simulated: SimulatedCloud) -> None:
    leaf = wanted()
    network = next(one for one in leaf.all if one.key.kind == "Network")
    write(simulated, leaf.namespace, leaf.quota)
    simulated.create_foreign(with_body(network, metadata={"name": "theirs", "namespace": "jtj-egov"}).body)
    with pytest.raises(RefusalError) as raised:
        write(simulated, network)
    assert raised.value.facts == {"service": "network", "over_quota": ["network"]}
    assert read(simulated, network.key) is None


def test_people_see_what_they_did_and_cannot_make_what_is_there(
    simulated: SimulatedCloud, whole: Objects
) -> None:
    tags = live(simulated, whole.namespace).body["spec"]["tags"]
    simulated.edit(
        whole.namespace.key, {("spec", "tags", "yunjin:tenant"): "fgw", ("spec", "tags", "yunjin:pool"): None}
    )
    edited = {**tags, "yunjin:tenant": "fgw"}
    del edited["yunjin:pool"]
    assert live(simulated, whole.namespace).body["spec"]["tags"] == edited
    assert live(simulated, whole.admin).body["metadata"]["owner"] == edited
    with pytest.raises(ConflictError):
        simulated.create_foreign(whole.namespace.body)
    with pytest.raises(ConflictError):
        simulated.edit(Key(ENDPOINT, "jtj-egov", "Network", "nothing"), {("spec", "shared"): True})
    simulated.remove(Key(ENDPOINT, "jtj-egov", "Network", "nothing"))


def test_what_people_reset_is_as_the_services_make_it(simulated: SimulatedCloud, whole: Objects) -> None:
    group = next(one for one in whole.all if one.key.kind == "SecurityGroup")
    simulated.remove(whole.quota.key)
    simulated.remove(group.key)
    assert told(simulated, whole.quota) == DEFAULTS
    assert live(simulated, group).body["spec"] == {
        "rules": {
            "egress any to any": True,
            "egress ipv6 any to any": True,
            "ingress any from own-group": True,
            "ingress ipv6 any from own-group": True,
        }
    }


def test_a_removed_network_takes_its_subnet_and_the_routers_interface(
    simulated: SimulatedCloud, whole: Objects
) -> None:
    by_kind = {one.key.kind: one for one in whole.all}
    simulated.remove(by_kind["Network"].key)
    assert read(simulated, by_kind["Subnet"].key) is None
    assert live(simulated, by_kind["Router"]).body["spec"]["subnets"] == {}
    write(simulated, by_kind["Network"], by_kind["Subnet"], by_kind["Router"])
    assert all(CLOUD_TRANSLATOR.matches(one, live(simulated, one)) for one in whole.all)


def _network(simulated: SimulatedCloud, leaf: Objects) -> str:
    subnet = next(one for one in leaf.all if one.key.kind == "Subnet")
    return str(live(simulated, subnet).body["metadata"]["cidr"])


def test_addresses_are_given_once_and_again_when_they_are_free(opened: Callable[..., SimulatedCloud]) -> None:
    simulated = opened()
    cidrs = {"egov": ("10.120.0.0/23",)}
    write(simulated, *CLOUD_TRANSLATOR.shared(PLACE, cidrs))
    leaves = [wanted(name, cidrs=cidrs) for name in ("a", "b", "c")]
    for leaf in leaves[:2]:
        write(simulated, *leaf.all)
    given = {_network(simulated, leaf) for leaf in leaves[:2]}
    assert given == {"10.120.0.0/24", "10.120.1.0/24"}
    with pytest.raises(TransientError, match="Insufficient prefix space"):
        write(simulated, *leaves[2].all)
    first = _network(simulated, leaves[0])
    simulated.write(removal(leaves[0].namespace), live(simulated, leaves[0].namespace))
    write(simulated, *leaves[2].all)
    assert _network(simulated, leaves[2]) == first


def test_a_pool_of_addresses_grows_and_never_shrinks(simulated: SimulatedCloud) -> None:
    (pool,) = CLOUD_TRANSLATOR.shared(PLACE, {"egov": (*CLOUD_CIDRS["egov"], "10.200.0.0/16")})[1:]
    write(simulated, pool)
    assert CLOUD_TRANSLATOR.matches(pool, live(simulated, pool))
    before = live(simulated, pool)
    with pytest.raises(PermanentError):
        simulated.write(change(SHARED[1], before), before)
    assert live(simulated, pool) == before


def test_aggregates_are_there_unless_told_otherwise(simulated: SimulatedCloud) -> None:
    leaf = wanted()
    write(simulated, leaf.namespace)
    simulated.provide("os-egov", there=False)
    with pytest.raises(RefusalError, match="os-egov"):
        write(simulated, leaf.limits)
    simulated.provide("os-egov", there=True)
    write(simulated, leaf.limits)
    assert CLOUD_TRANSLATOR.matches(leaf.limits, live(simulated, leaf.limits))


def test_names_of_groups_are_unique_in_the_domain(simulated: SimulatedCloud, whole: Objects) -> None:
    write(simulated, wanted("fgw-egov").namespace)
    theirs = with_body(whole.admin, metadata={"name": "jtj-egov-admin", "namespace": "fgw-egov"}).body
    with pytest.raises(ConflictError):
        simulated.create_foreign(theirs)


def test_nothing_is_made_without_the_domain(opened: Callable[..., SimulatedCloud]) -> None:
    with pytest.raises(ConflictError, match="yunjin"):
        write(opened(), wanted().namespace)


def test_what_is_seeded_is_what_writing_would_have_left(
    simulated: SimulatedCloud, whole: Objects, tmp_path: Path
) -> None:
    seeded = SimulatedCloud.open(ENDPOINT, tmp_path / "seeded.db")
    bodies = [one.body for one in (*SHARED, *whole.all, *wanted("fgw-egov").all)]
    assert seeded.seed(bodies) == len(bodies)

    def essence(found: Live) -> Body:
        metadata = {
            name: value
            for name, value in found.body["metadata"].items()
            if name not in ("id", "project_id", "updated_at")
        }
        return {**found.body, "metadata": metadata}

    for one in (*SHARED, *whole.all):
        assert essence(live(seeded, one)) == essence(live(simulated, one))
    assert set(state(seeded)) == {"", "fgw-egov", "jtj-egov"}
    networks = [ip_network(_network(seeded, wanted(name))) for name in ("fgw-egov", "jtj-egov")]
    assert not networks[0].overlaps(networks[1])
    seeded.close()


def test_a_seed_with_a_wrong_object_seeds_nothing(simulated: SimulatedCloud, whole: Objects) -> None:
    before = state(simulated)
    long = wanted("x" * 65).namespace.body
    with pytest.raises(PermanentError):
        simulated.seed([wanted("fgw-egov").namespace.body, long])
    assert state(simulated) == before


def test_a_cluster_s_file_is_no_cloud_s_and_the_other_way_round(
    simulated: SimulatedCloud, cloud_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"os\.db"):
        SimulatedBackend.open("k8s", cloud_file)
    SimulatedBackend.open("k8s", tmp_path / "k8s.db").close()
    with pytest.raises(UsageError, match=r"k8s\.db"):
        SimulatedCloud.open(ENDPOINT, tmp_path / "k8s.db")
    assert set(state(simulated)) == {""}


def test_watched_names_are_shown_though_nobody_tagged_them(
    simulated: SimulatedCloud, cloud_file: Path
) -> None:
    for name in ("theirs", "others"):
        simulated.create_foreign(
            {"kind": "Project", "metadata": {"name": name}, "spec": {"enabled": True, "tags": {}}}
        )
    watching = SimulatedCloud.open(ENDPOINT, cloud_file, watch_names=frozenset({"theirs"}))
    assert set(state(watching)) == {"", "theirs"}
    watching.close()


def test_importing_a_simulated_cloud_loads_no_client() -> None:
    clients = ("openstack", "keystoneauth1", "kubernetes", "requests")
    code = (
        "import sys, yunjin.substrates.simulated.cloud; "
        f"print(*(name for name in {clients} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_amounts_are_those_that_were_granted(simulated: SimulatedCloud, whole: Objects) -> None:
    holding = CLOUD_TRANSLATOR.holding(live(simulated, whole.quota))
    assert {d: holding.enforced.of(d) for d in CLOUD_SMALL} == dict(CLOUD_SMALL)
    assert holding.used is not None
    assert not any((holding.used or Amounts()).values())
