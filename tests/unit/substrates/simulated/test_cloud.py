"""What a simulated cloud does beyond the contract: faults between its services, its file, its people."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from leaves import (
    CLOUD_CIDRS,
    CLOUD_LARGE,
    CLOUD_SMALL,
    CLOUD_TRANSLATOR,
    change,
    cloud_leaf,
    objects,
    read,
    removal,
    state,
    with_body,
    write,
)
from yunjin.errors import ConflictError, PermanentError, RefusalError, TransientError, UsageError
from yunjin.model.amounts import Amounts
from yunjin.model.centre import Endpoint
from yunjin.model.resources import Key
from yunjin.substrates.openstack.quantities import SERVICES
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.cloud import SimulatedCloud
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from leaves import Objects
    from yunjin.model.resources import Body, Live, Wanted

ENDPOINT = "os"
PLACE = Endpoint.model_validate(
    {
        "id": ENDPOINT,
        "zh": "云",
        "en": "cloud",
        "technology": "openstack",
        "state": "live",
        "access": "simulated",
    }
)
SHARED = CLOUD_TRANSLATOR.shared(PLACE, CLOUD_CIDRS)
DEFAULTS = {"compute": 20, "network": 500, "volume": 10}
TOLD = {"compute": "cores", "network": "port", "volume": "volumes"}


def wanted(name: str = "jtj-egov", **more: object) -> Objects:
    return objects(cloud_leaf(name, ENDPOINT, **more), CLOUD_TRANSLATOR)


def live(simulated: SimulatedCloud, one: Wanted) -> Live:
    found = read(simulated, one.key)
    assert found is not None
    return found


def told(simulated: SimulatedCloud, quota: Wanted) -> dict[str, int]:
    """One figure of each service."""
    spec = live(simulated, quota).body["spec"]
    return {service: spec[service][figure] for service, figure in TOLD.items()}


def of(quota: Wanted) -> dict[str, int]:
    return {service: quota.body["spec"][service][figure] for service, figure in TOLD.items()}


@pytest.fixture
def cloud_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "os.db"


@pytest.fixture
def opened(cloud_file: Path) -> Iterator[Callable[..., SimulatedCloud]]:
    """The same cloud, with faults for those who come by this door."""
    clouds = []

    def one(*rules: Rule) -> SimulatedCloud:
        clouds.append(SimulatedCloud.open(ENDPOINT, cloud_file, Faults(rules)))
        return clouds[-1]

    yield one
    for each in clouds:
        each.close()


@pytest.fixture
def simulated(opened: Callable[..., SimulatedCloud]) -> SimulatedCloud:
    """With the endpoint's own objects."""
    found = opened()
    write(found, *SHARED)
    return found


@pytest.fixture
def jtj(simulated: SimulatedCloud) -> Objects:
    """A whole leaf."""
    made = wanted()
    write(simulated, *made.all)
    return made


LARGE = wanted(allotted=CLOUD_LARGE)


def strikes(service: str, effect: Effect, *calls: int) -> Rule:
    return Rule(operation=Operation.SERVICE, service=service, effect=effect, nth=calls)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (Effect.UNAVAILABLE, TransientError),
        (Effect.TIMEOUT_BEFORE, TransientError),
        (Effect.TIMEOUT_AFTER, TransientError),
        (Effect.CONFLICT, ConflictError),
        (Effect.REFUSED, RefusalError),
    ],
)
def test_a_fault_in_one_service_leaves_all_as_before(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], jtj: Objects, service: str,
    effect: Effect, kind: type[Exception],
) -> None:  # fmt: skip
    before = live(simulated, jtj.quota)
    struck = opened(strikes(service, effect, 1))
    with pytest.raises(kind):
        struck.write(change(LARGE.quota, before), before)
    assert told(simulated, jtj.quota) == of(jtj.quota)
    after = live(simulated, jtj.quota)
    struck.write(change(LARGE.quota, after), after)
    assert told(simulated, jtj.quota) == of(LARGE.quota)


@pytest.mark.parametrize("service", SERVICES)
def test_a_fault_in_one_service_leaves_a_new_quota_at_the_services_defaults(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], service: str
) -> None:
    write(simulated, wanted().namespace)
    struck = opened(strikes(service, Effect.TIMEOUT_AFTER, 1))
    with pytest.raises(TransientError):
        struck.write(change(wanted().quota, None), None)
    assert told(simulated, wanted().quota) == DEFAULTS


@pytest.mark.parametrize(
    ("first", "second", "old"),
    [
        # The third service says no, and one of the others cannot be put back.
        (("volume", Effect.REFUSED), ("compute", Effect.UNAVAILABLE), {"network", "volume"}),
        (("volume", Effect.REFUSED), ("network", Effect.UNAVAILABLE), {"compute", "volume"}),
        (("network", Effect.CONFLICT), ("compute", Effect.CONFLICT), {"network", "volume"}),
        # It is silent, and stays so: what it did, it did.
        (("volume", Effect.TIMEOUT_AFTER), ("volume", Effect.UNAVAILABLE), {"compute", "network"}),
        (("network", Effect.TIMEOUT_AFTER), ("network", Effect.UNAVAILABLE), {"compute", "volume"}),
    ],
)
def test_what_cannot_be_put_back_is_in_doubt_and_is_driven_forward(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], jtj: Objects,
    first: tuple[str, Effect], second: tuple[str, Effect], old: set[str],
) -> None:  # fmt: skip
    before = live(simulated, jtj.quota)
    struck = opened(strikes(*first, 1), strikes(*second, 2))
    written = change(LARGE.quota, before)
    with pytest.raises(TransientError, match="in doubt") as raised:
        struck.write(written, before)
    in_doubt = raised.value.facts["in_doubt"]
    assert isinstance(in_doubt, dict)
    assert {service for service, held in in_doubt.items() if held == "old"} == old
    small, large = of(jtj.quota), of(LARGE.quota)
    assert told(simulated, jtj.quota) == {s: small[s] if s in old else large[s] for s in SERVICES}
    half = live(simulated, jtj.quota)
    assert CLOUD_TRANSLATOR.unfinished(LARGE.quota, before, half)
    assert struck.effective([written]) == {}
    struck.write(change(LARGE.quota, half), half)
    assert told(simulated, jtj.quota) == large
    assert struck.effective([written]).keys() == {LARGE.quota.key}


def test_a_quota_that_falls_in_one_service_and_cannot_in_another_stays(
    simulated: SimulatedCloud, jtj: Objects
) -> None:
    write(simulated, LARGE.quota)
    simulated.consume("jtj-egov", {"volume": {"volumes": 15}})
    before = live(simulated, jtj.quota)
    with pytest.raises(ConflictError) as raised:
        simulated.write(change(jtj.quota, before), before)
    assert raised.value.facts == {"service": "volume", "below_use": ["volumes"]}
    assert told(simulated, jtj.quota) == of(LARGE.quota)


@pytest.mark.parametrize(
    ("use", "exhausted"),
    [
        ({"compute": {"cores": 5}}, ["cores"]),
        ({"network": {"port": 20}}, ["port"]),
        ({"volume": {"volumes": 11}}, ["volumes"]),
    ],
)
def test_use_beyond_the_quota_is_refused_and_changes_nothing(
    simulated: SimulatedCloud, jtj: Objects, use: Mapping[str, Mapping[str, int]], exhausted: list[str]
) -> None:
    before = live(simulated, jtj.quota)
    with pytest.raises(RefusalError) as raised:
        simulated.consume("jtj-egov", use)
    assert raised.value.facts == {"service": next(iter(use)), "over_quota": exhausted}
    assert live(simulated, jtj.quota) == before


def test_use_up_to_the_quota_is_granted_and_what_stays_beyond_one_may_stay(
    simulated: SimulatedCloud, jtj: Objects
) -> None:
    simulated.consume("jtj-egov", {"compute": {"cores": 4, "ram": 8192}})
    simulated.consume("jtj-egov", {"compute": {"cores": 2}})
    holding = CLOUD_TRANSLATOR.holding(live(simulated, jtj.quota))
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


def test_a_removal_that_was_broken_off_shows_and_is_finished_by_the_next(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], jtj: Objects
) -> None:
    ended, before = removal(jtj.namespace), live(simulated, jtj.namespace)
    struck = opened(strikes("identity", Effect.TIMEOUT_BEFORE, 1))
    with pytest.raises(TransientError):
        struck.write(ended, before)
    half = live(simulated, jtj.namespace)
    assert CLOUD_TRANSLATOR.claim(half).ending
    assert not half.body["spec"]["enabled"]
    assert struck.effective([ended]) == {}
    struck.write(ended, half)
    assert simulated.read(jtj.keys) == {}
    assert set(state(simulated)) == {""}


def test_people_see_what_they_did_and_cannot_make_what_is_there(
    simulated: SimulatedCloud, jtj: Objects
) -> None:
    tags = live(simulated, jtj.namespace).body["spec"]["tags"]
    simulated.edit(
        jtj.namespace.key, {("spec", "tags", "yunjin:tenant"): "fgw", ("spec", "tags", "yunjin:pool"): None}
    )
    edited = {**tags, "yunjin:tenant": "fgw"}
    del edited["yunjin:pool"]
    assert live(simulated, jtj.namespace).body["spec"]["tags"] == edited
    assert live(simulated, jtj.admin).body["metadata"]["owner"] == edited
    with pytest.raises(ConflictError):
        simulated.create_foreign(jtj.namespace.body)
    with pytest.raises(ConflictError):
        simulated.edit(Key(ENDPOINT, "jtj-egov", "Network", "nothing"), {("spec", "shared"): True})
    simulated.remove(Key(ENDPOINT, "jtj-egov", "Network", "nothing"))


def test_what_people_reset_is_as_the_services_make_it(simulated: SimulatedCloud, jtj: Objects) -> None:
    group = next(one for one in jtj.all if one.key.kind == "SecurityGroup")
    simulated.remove(jtj.quota.key)
    simulated.remove(group.key)
    assert told(simulated, jtj.quota) == DEFAULTS
    assert live(simulated, group).body["spec"] == {
        "rules": {
            "egress any to any": True,
            "egress ipv6 any to any": True,
            "ingress any from own-group": True,
            "ingress ipv6 any from own-group": True,
        }
    }


def test_a_removed_network_takes_its_subnet_and_the_routers_interface(
    simulated: SimulatedCloud, jtj: Objects
) -> None:
    by_kind = {one.key.kind: one for one in jtj.all}
    simulated.remove(by_kind["Network"].key)
    assert read(simulated, by_kind["Subnet"].key) is None
    assert live(simulated, by_kind["Router"]).body["spec"]["subnets"] == {}
    write(simulated, by_kind["Network"], by_kind["Subnet"], by_kind["Router"])
    assert all(CLOUD_TRANSLATOR.matches(one, live(simulated, one)) for one in jtj.all)


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
    (pool,) = CLOUD_TRANSLATOR.shared(PLACE, {"egov": ("10.120.0.0/15", "10.200.0.0/16")})[1:]
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


def test_names_of_groups_are_unique_in_the_domain(simulated: SimulatedCloud, jtj: Objects) -> None:
    write(simulated, wanted("fgw-egov").namespace)
    theirs = with_body(jtj.admin, metadata={"name": "jtj-egov-admin", "namespace": "fgw-egov"}).body
    with pytest.raises(ConflictError):
        simulated.create_foreign(theirs)


def test_nothing_is_made_without_the_domain(opened: Callable[..., SimulatedCloud]) -> None:
    with pytest.raises(ConflictError, match="yunjin"):
        write(opened(), wanted().namespace)


def test_what_is_seeded_is_what_writing_would_have_left(
    simulated: SimulatedCloud, jtj: Objects, tmp_path: Path
) -> None:
    seeded = SimulatedCloud.open(ENDPOINT, tmp_path / "seeded.db")
    bodies = [one.body for one in (*SHARED, *jtj.all, *wanted("fgw-egov").all)]
    assert seeded.seed(bodies) == len(bodies)

    def essence(found: Live) -> Body:
        metadata = {
            name: value
            for name, value in found.body["metadata"].items()
            if name not in ("id", "project_id", "updated_at")
        }
        return {**found.body, "metadata": metadata}

    for one in (*SHARED, *jtj.all):
        assert essence(live(seeded, one)) == essence(live(simulated, one))
    assert set(state(seeded)) == {"", "fgw-egov", "jtj-egov"}
    networks = [ip_network(_network(seeded, wanted(name))) for name in ("fgw-egov", "jtj-egov")]
    assert not networks[0].overlaps(networks[1])
    seeded.close()


def test_a_seed_with_a_wrong_object_seeds_nothing(simulated: SimulatedCloud, jtj: Objects) -> None:
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


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        (Operation.OBSERVE, state),
        (Operation.STREAM, state),
        (Operation.READ, lambda simulated: simulated.read([wanted().quota.key])),
        (Operation.WRITE, lambda simulated: simulated.write(change(wanted().admin, None), None)),
        (Operation.EFFECTIVE, lambda simulated: simulated.effective([])),
        (Operation.ACQUIRE, lambda simulated: simulated.acquire("apply-1", 60)),
        (Operation.RELEASE, lambda simulated: simulated.release("apply-1")),
    ],
)
@pytest.mark.parametrize("effect", [Effect.TIMEOUT_BEFORE, Effect.TIMEOUT_AFTER])
def test_every_call_can_be_struck(
    jtj: Objects, opened: Callable[..., SimulatedCloud], operation: Operation,
    call: Callable[[SimulatedCloud], object], effect: Effect,
) -> None:  # fmt: skip
    struck = opened(Rule(operation=operation, effect=effect, nth=(1,)))
    with pytest.raises(TransientError):
        call(struck)
    call(struck)


def test_importing_a_simulated_cloud_loads_no_client() -> None:
    clients = ("openstack", "keystoneauth1", "kubernetes", "requests")
    code = (
        "import sys, yunjin.substrates.simulated.cloud; "
        f"print(*(name for name in {clients} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_amounts_are_those_that_were_granted(simulated: SimulatedCloud, jtj: Objects) -> None:
    holding = CLOUD_TRANSLATOR.holding(live(simulated, jtj.quota))
    assert {d: holding.enforced.of(d) for d in CLOUD_SMALL} == dict(CLOUD_SMALL)
    assert holding.used is not None
    assert not any((holding.used or Amounts()).values())
