"""The objects a leaf and an endpoint get in a cloud: the form that the module states, and what passes."""

from __future__ import annotations

import ast
import json
import re
from ipaddress import IPv4Address, IPv4Network
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clouds import FLOWS_IN, ZONES, cloud_leaf, endpoint, flow
from yunjin.model.amounts import Amounts
from yunjin.model.resources import ObjectClass
from yunjin.substrates.openstack import forms, names, quantities, rules, standard
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from yunjin.model.resources import Body
    from yunjin.model.tenancy import Leaf
    from yunjin.substrates.contract import Translator

TRANSLATOR: Translator = OpenStackTranslator()
ways = st.lists(
    st.tuples(
        st.sampled_from(sorted(ZONES)),
        st.sampled_from(sorted(ZONES)),
        st.integers(1, 65535),
        st.sampled_from(("TCP", "UDP")),
    ),
    max_size=5,
).map(lambda rows: tuple(flow(f"way-{n}", *row) for n, row in enumerate(rows)))
# So few addresses that neighbours and overlaps are common.
networks = st.lists(
    st.tuples(st.integers(0, 2**8 - 1), st.integers(25, 32)).map(lambda n: str(IPv4Network(n, strict=False))),
    max_size=6,
)


def _bodies(of: Leaf) -> dict[str, Body]:
    return {str(wanted.key): wanted.body for wanted in TRANSLATOR.wanted(of)}


def _rules(of: Leaf) -> set[str]:
    return set(_bodies(of)[f"os-egov/{of.name}/SecurityGroup/default"]["spec"]["rules"])


def _stated() -> list[Body]:
    """The examples in the docstring of the module, which others build on."""
    lines = (standard.__doc__ or "").split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith('    {"kind": "')]
    found = []
    for start in starts:
        for end in range(start + 1, len(lines)):
            text = "\n".join(line[4:] for line in lines[start:end])
            try:
                found.append(ast.literal_eval(text))
            except SyntaxError:
                continue
            break
    assert len(found) == len(starts)
    return found


def test_what_is_wanted_has_the_form_that_the_module_states() -> None:
    of = cloud_leaf(flows=FLOWS_IN)
    wanted = [*TRANSLATOR.shared(endpoint(), {"egov": ZONES["egov"]}), *TRANSLATOR.wanted(of)]
    stated = {(body["kind"], body["metadata"]["name"]): body for body in _stated()}
    for one in wanted:
        if one.key.name == "jtj-egov-viewer":
            continue
        body = dict(stated.pop((one.key.kind, one.key.name)))
        body.pop("status", None)
        assert body == one.body
    assert not stated


def test_a_leaf_has_nine_objects_in_the_order_of_writing() -> None:
    assert [(str(w.key), w.rank, w.object_class.value) for w in TRANSLATOR.wanted(cloud_leaf())] == [
        ("os-egov/Project/jtj-egov", 1, "namespace"),
        ("os-egov/jtj-egov/Quota/yunjin", 2, "quota"),
        ("os-egov/jtj-egov/PoolBinding/yunjin", 3, "limits"),
        ("os-egov/jtj-egov/Network/yunjin", 3, "network"),
        ("os-egov/jtj-egov/SecurityGroup/default", 3, "network"),
        ("os-egov/jtj-egov/Subnet/yunjin", 4, "network"),
        ("os-egov/jtj-egov/Router/yunjin", 5, "network"),
        ("os-egov/jtj-egov/Group/jtj-egov-admin", 6, "roles"),
        ("os-egov/jtj-egov/Group/jtj-egov-viewer", 6, "roles"),
    ]


@given(ways)
def test_keys_name_the_objects_they_stand_for(flows: tuple[Any, ...]) -> None:
    for one in TRANSLATOR.wanted(cloud_leaf(flows=flows)):
        assert one.key.name == one.body["metadata"]["name"]
        assert one.key.namespace == one.body["metadata"].get("namespace", "")
        assert one.key.kind == one.body["kind"]
        assert json.loads(json.dumps(one.body)) == one.body


def test_the_project_itself_is_the_leafs_home() -> None:
    (project, *_) = TRANSLATOR.wanted(cloud_leaf())
    assert project.key == TRANSLATOR.home("os-egov", "jtj-egov")


def test_a_project_says_whose_it_is_and_whether_it_is_protected() -> None:
    spec = _bodies(cloud_leaf(tenant="ent", bureau="zfj", protected=True))["os-egov/Project/jtj-egov"]["spec"]
    assert spec["tags"] == {
        "yunjin:tenant": "ent", "yunjin:bureau": "zfj", "yunjin:zone": "egov", "yunjin:pool": "os-egov",
        "yunjin:endpoint": "os-egov", "yunjin:protected": "true",
    }  # fmt: skip


def test_rights_are_the_least_of_keystones_own_roles() -> None:
    bodies = _bodies(cloud_leaf())
    assert bodies["os-egov/jtj-egov/Group/jtj-egov-admin"]["spec"] == {"roles": {"member": True}}
    assert bodies["os-egov/jtj-egov/Group/jtj-egov-viewer"]["spec"] == {"roles": {"reader": True}}


def test_an_endpoint_has_one_domain_and_addresses_for_its_zones() -> None:
    shared = TRANSLATOR.shared(endpoint(), ZONES)
    assert [str(wanted.key) for wanted in shared] == [
        "os-egov/Domain/yunjin",
        "os-egov/SubnetPool/yunjin-egov",
        "os-egov/SubnetPool/yunjin-exch",
        "os-egov/SubnetPool/yunjin-inet",
    ]
    assert {(wanted.rank, wanted.object_class) for wanted in shared} == {(0, ObjectClass.CLUSTER)}
    (pool,) = (w.body["spec"] for w in TRANSLATOR.shared(endpoint(), {"dark": (), "egov": ZONES["egov"]})[1:])
    assert pool == {"prefixes": ["10.120.0.0/15"], "default_prefixlen": 24}


@given(networks, st.randoms())
def test_the_networks_of_a_pool_are_the_same_addresses_told_once(cidrs: list[str], random: Any) -> None:
    written = standard.prefixes(cidrs)
    shuffled = [*cidrs, *cidrs[:1]]
    random.shuffle(shuffled)
    assert written == standard.prefixes(shuffled) == standard.prefixes(written)

    def addresses(of: list[str]) -> set[IPv4Address]:
        return {address for cidr in of for address in IPv4Network(cidr)}

    assert addresses(written) == addresses(cidrs)
    assert written == sorted(written, key=IPv4Network)
    assert sum(IPv4Network(cidr).num_addresses for cidr in written) == len(addresses(cidrs))


def test_a_pool_stands_in_whatever_order_neutron_answers_its_networks() -> None:
    cidrs = {"egov": ("10.8.0.0/24", "10.120.0.0/16", "9.1.0.0/16")}
    pool = TRANSLATOR.shared(endpoint(), cidrs)[1]
    for order in permutations(cidrs["egov"]):
        raw = {"id": "5c1f", "name": "yunjin-egov", "prefixes": list(order), "default_prefixlen": "24"}
        assert TRANSLATOR.matches(pool, forms.subnet_pool("os-egov", raw))


def test_networks_of_both_families_are_told_apart() -> None:
    cidrs = ["2001:db8:1::/48", "10.9.0.0/16", "2001:db8::/48", "10.8.0.0/16", "9.0.0.0/8"]
    assert standard.prefixes(cidrs) == ["9.0.0.0/8", "10.8.0.0/15", "2001:db8::/47"]


def test_approved_ways_open_their_own_direction_and_no_other() -> None:
    flows = (
        flow("a", "exch", "egov", 8443), flow("b", "egov", "exch", 443), flow("c", "egov", "dark", 9),
        flow("d", "inet", "exch", 7), flow("e", "exch", "egov", 514, "UDP"),
    )  # fmt: skip
    added = _rules(cloud_leaf(flows=flows)) - _rules(cloud_leaf())
    assert added == {
        "ingress tcp 8443 from 10.131.0.0/24",
        "egress tcp 443 to 10.131.0.0/24",
        "ingress udp 514 from 10.131.0.0/24",
    }


@given(ways)
def test_nobody_outside_the_group_is_let_through_but_by_network_and_port(flows: tuple[Any, ...]) -> None:
    for text in _rules(cloud_leaf(flows=flows)):
        rule = rules.parse(text)
        assert str(rule) == text
        if rule.remote != "own-group":
            assert rule.low == rule.high is not None
            assert re.fullmatch(r"[0-9.]+/[0-9]+", rule.remote)
            assert IPv4Network(rule.remote).prefixlen > 0


@given(ways)
def test_a_quota_has_room_for_exactly_the_rules_of_the_group(flows: tuple[Any, ...]) -> None:
    of = cloud_leaf(flows=flows)
    network = _bodies(of)["os-egov/jtj-egov/Quota/yunjin"]["spec"]["network"]
    assert network["security_group_rule"] == len(_rules(of))


def test_a_zone_without_addresses_resolves_no_names_rather_than_asking_everybody() -> None:
    assert _rules(cloud_leaf(zone="dark")) == {
        "ingress any from own-group",
        "egress any to own-group",
        "egress tcp 80 to 169.254.169.254/32",
    }


def test_leaves_of_other_flows_are_not_confused() -> None:
    translator = OpenStackTranslator()
    first, second = cloud_leaf(flows=FLOWS_IN), cloud_leaf(flows=())
    moved = cloud_leaf(flows=FLOWS_IN, cidrs={"exch": ("10.132.0.0/24",)})
    for of in (first, second, first, moved, cloud_leaf(zone="inet")):
        assert [w.body for w in translator.wanted(of)] == [w.body for w in OpenStackTranslator().wanted(of)]


def test_an_imported_leaf_keeps_names_and_goes_without() -> None:
    of = cloud_leaf(
        imported=True,
        renamed={"network-base": "net1", "role-admin": "operators"},
        without=frozenset({"limits", "network-flows", "role-viewer"}),
    )
    wanted = {wanted.key.kind: wanted for wanted in TRANSLATOR.wanted(of)}
    assert set(wanted) == {"Project", "Quota", "Network", "Subnet", "Router", "Group"}
    assert {kind for kind, one in wanted.items() if one.loose} == {"Project", "Quota"}
    assert {wanted[kind].key.name for kind in ("Network", "Subnet", "Router")} == {"net1"}
    assert wanted["Subnet"].body["spec"]["network"] == "net1"
    assert wanted["Router"].body["spec"]["subnets"] == {"net1": True}
    assert wanted["Group"].key.name == "operators"


def test_an_imported_leaf_that_goes_without_nothing_is_like_any_other() -> None:
    wanted = TRANSLATOR.wanted(cloud_leaf(imported=True))
    assert wanted == TRANSLATOR.wanted(cloud_leaf())
    assert not any(one.loose for one in wanted)


@pytest.mark.parametrize("service", quantities.SERVICES)
def test_the_quota_speaks_to_every_service(service: str) -> None:
    (quota,) = (w for w in TRANSLATOR.wanted(cloud_leaf()) if w.object_class is ObjectClass.QUOTA)
    assert quota.body["spec"][service]


def test_what_a_quota_counts_of_amounts() -> None:
    asked = Amounts(
        {"cpu": 2500, "memory": 0, "storage": 2047, "pods": 3, "gpu/a100": 2, "ports": 9, "load-balancers": 1}
    )
    assert TRANSLATOR.counted(asked) == Amounts({"cpu": 2000, "storage": 1024, "ports": 9})


def test_every_wanted_object_is_standard() -> None:
    assert all(names.is_standard(wanted.key) for wanted in TRANSLATOR.wanted(cloud_leaf(flows=FLOWS_IN)))
