"""The objects a leaf and an endpoint get: what they say, and that a strict server would take them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import leaf
from yunjin.model.amounts import Amounts
from yunjin.model.centre import Endpoint, Flow
from yunjin.model.resources import Holding, Key, Live, ObjectClass
from yunjin.substrates.kubernetes import names
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from yunjin.model.resources import Body, Wanted
    from yunjin.model.tenancy import Leaf

CIDRS = {"egov": ("10.8.0.0/16", "10.9.0.0/16"), "inet": ("10.7.0.0/16",), "exch": ()}
RESERVED = {"networkpolicies", "rolebindings", "roles", "resourcequotas", "limitranges", "namespaces"}
WRITING = {"create", "update", "patch", "delete", "deletecollection", "bind", "escalate", "impersonate", "*"}


def _flow(item: str, origin: str, target: str, port: int = 443) -> Flow:
    fields = {"id": item, "from": origin, "to": target, "protocol": "TCP", "port": port}
    return Flow.model_validate({**fields, "approval": "批复", "expires": "2027-01-01"})


def _bodies(of: Leaf) -> dict[str, Body]:
    translator = KubernetesTranslator()
    roles = [entry.role for entry in names.STANDARD if entry.role not in of.without]
    return dict(zip(roles, (wanted.body for wanted in translator.wanted(of)), strict=True))


def _endpoint(binding: str = "node-selector") -> Endpoint:
    fields = {"id": "k8s", "zh": "集群", "en": "cluster", "technology": "kubernetes", "state": "live"}
    return Endpoint.model_validate({**fields, "access": "simulated", "pool_binding": binding})


amounts = st.dictionaries(
    st.sampled_from(("cpu", "memory", "storage", "pods", "gpu/nvidia", "storage/fast", "load-balancers")),
    st.integers(0, 2**40),
).map(Amounts)
flows = st.lists(
    st.tuples(st.sampled_from(sorted(CIDRS)), st.sampled_from(sorted(CIDRS)), st.integers(1, 65535)),
    max_size=4,
).map(lambda rows: tuple(_flow(f"flow-{n}", *row) for n, row in enumerate(rows)))
percents = st.dictionaries(st.sampled_from(("cpu", "memory")), st.integers(100, 1000))
leaves = st.builds(
    lambda allotted, ways, percent, selector: leaf(
        "zfj-egov",
        "k8s",
        allotted=allotted,
        flows=ways,
        limit_percent=percent,
        cidrs=CIDRS,
        node_selector=selector,
    ),
    amounts,
    flows,
    percents,
    st.sampled_from(({}, {"yunjin/pool": "k8s-egov"}, {"a": "b", "c/d": "e"})),
)


@settings(max_examples=5)  # the validator takes its time
@given(leaves)
def test_a_strict_server_would_take_every_object(of: Leaf) -> None:
    for wanted in KubernetesTranslator().wanted(of):
        kubernetes_validate.validate(wanted.body, "1.37", strict=True)
        assert json.loads(json.dumps(wanted.body)) == wanted.body


@pytest.mark.parametrize("binding", ["node-selector", "admission-policy"])
def test_a_strict_server_would_take_the_shared_objects(binding: str) -> None:
    shared = KubernetesTranslator().shared(_endpoint(binding), {})
    for wanted in shared:
        kubernetes_validate.validate(wanted.body, "1.37", strict=True)
        assert (wanted.key.kind, wanted.key.name) in names.SHARED_KEYS
        assert (wanted.rank, wanted.object_class) == (0, ObjectClass.CLUSTER)
    kinds = {wanted.key.kind for wanted in shared}
    assert ("MutatingAdmissionPolicy" in kinds) == (binding == "admission-policy")


def test_endpoints_of_one_cluster_agree_on_the_shared_objects() -> None:
    translator = KubernetesTranslator()
    other = Endpoint.model_validate({**_endpoint().model_dump(), "id": "another"})
    assert [w.body for w in translator.shared(_endpoint(), {})] == [
        w.body for w in translator.shared(other, {})
    ]


def test_a_leaf_has_eight_objects_in_the_order_of_writing() -> None:
    wanted = KubernetesTranslator().wanted(leaf("zfj-egov", "k8s"))
    assert [(str(w.key), w.rank, w.object_class.value) for w in wanted] == [
        ("k8s/Namespace/zfj-egov", 1, "namespace"),
        ("k8s/zfj-egov/ResourceQuota/yunjin", 2, "quota"),
        ("k8s/zfj-egov/LimitRange/yunjin", 3, "limits"),
        ("k8s/zfj-egov/NetworkPolicy/yunjin-deny", 3, "network"),
        ("k8s/zfj-egov/NetworkPolicy/yunjin-base", 3, "network"),
        ("k8s/zfj-egov/NetworkPolicy/yunjin-flows", 3, "network"),
        ("k8s/zfj-egov/RoleBinding/yunjin-admin", 5, "roles"),
        ("k8s/zfj-egov/RoleBinding/yunjin-viewer", 5, "roles"),
    ]


def test_every_object_says_whose_it_is() -> None:
    owner = {
        "yunjin/tenant": "ent", "yunjin/bureau": "zfj", "yunjin/zone": "egov", "yunjin/pool": "k8s-egov",
        "yunjin/endpoint": "k8s", "app.kubernetes.io/managed-by": "yunjin",
    }  # fmt: skip
    for body in _bodies(leaf("a", "k8s", tenant="ent", bureau="zfj")).values():
        assert owner.items() <= body["metadata"]["labels"].items()


def test_the_namespace_is_strict_and_bound_to_its_nodes() -> None:
    body = _bodies(leaf("a", "k8s", node_selector={"yunjin/pool": "p", "arch": "arm64"}))["namespace"]
    assert body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert body["metadata"]["annotations"] == {names.NODE_SELECTOR: "arch=arm64,yunjin/pool=p"}


def test_pods_without_requests_stay_in_the_ratio_of_their_pool() -> None:
    (item,) = _bodies(leaf("a", "k8s", limit_percent={"cpu": 400}))["limits"]["spec"]["limits"]
    assert item["defaultRequest"] == {"cpu": "100m", "memory": "128Mi"}
    assert item["default"] == {"cpu": "400m", "memory": "128Mi"}
    (item,) = _bodies(leaf("a", "k8s", limit_percent={"memory": 801}))["limits"]["spec"]["limits"]
    assert item["maxLimitRequestRatio"] == {"cpu": "10", "memory": "9"}


@given(leaves)
def test_defaults_never_break_the_bound_on_bursts(of: Leaf) -> None:
    from yunjin.substrates.kubernetes.quantities import value

    (item,) = _bodies(of)["limits"]["spec"]["limits"]
    for resource, bound in item["maxLimitRequestRatio"].items():
        assert value(item["default"][resource]) <= value(bound) * value(item["defaultRequest"][resource])


def test_approved_ways_open_both_directions_and_no_other() -> None:
    ways = (_flow("b", "inet", "egov", 8443), _flow("a", "egov", "inet", 443), _flow("c", "inet", "exch"))
    spec = _bodies(leaf("a", "k8s", flows=ways, cidrs=CIDRS))["network-flows"]["spec"]
    inet = [{"ipBlock": {"cidr": "10.7.0.0/16"}}]
    assert spec["ingress"] == [{"from": inet, "ports": [{"protocol": "TCP", "port": 8443}]}]
    assert spec["egress"] == [{"to": inet, "ports": [{"protocol": "TCP", "port": 443}]}]


@given(leaves)
def test_no_rule_lets_everybody_in_or_out(of: Leaf) -> None:
    for role in ("network-deny", "network-base", "network-flows"):
        spec = _bodies(of)[role]["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        for rule in spec["ingress"]:
            assert rule["from"]
        for rule in spec["egress"]:
            assert rule["to"]


def test_the_deny_policy_owns_its_emptiness() -> None:
    spec = _bodies(leaf("a", "k8s"))["network-deny"]["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}


def test_rights_go_to_the_tenants_people_and_to_the_leafs_credentials() -> None:
    body = _bodies(leaf("zfj-egov", "k8s", tenant="zfj"))["role-admin"]
    assert body["roleRef"]["name"] == "yunjin:tenant-admin"
    assert [(s["kind"], s["name"], s.get("namespace")) for s in body["subjects"]] == [
        ("Group", "yunjin:zfj:admin", None),
        ("ServiceAccount", "zfj-egov-admin", "yunjin-credentials"),
    ]


def _rules(name: str) -> list[dict[str, Any]]:
    shared = KubernetesTranslator().shared(_endpoint(), {})
    rules: list[dict[str, Any]] = next(w.body["rules"] for w in shared if w.key.name == name)
    return rules


@pytest.mark.parametrize("role", [names.ADMIN_ROLE, names.VIEWER_ROLE])
def test_no_tenant_may_change_its_own_bounds(role: str) -> None:
    for rule in _rules(role):
        resources = {resource.partition("/")[0] for resource in rule["resources"]}
        assert not resources & RESERVED or not set(rule["verbs"]) & WRITING
        assert "*" not in {*rule["resources"], *rule["apiGroups"], *rule["verbs"]}
        assert not {"serviceaccounts/token", "pods/binding", "pods/proxy"} & set(rule["resources"])
        assert "impersonate" not in rule["verbs"]


def test_a_viewer_changes_nothing_and_reads_no_secret() -> None:
    for rule in _rules(names.VIEWER_ROLE):
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert not {"secrets", "pods/exec", "pods/attach", "pods/portforward"} & set(rule["resources"])


def test_an_imported_leaf_keeps_names_and_goes_without() -> None:
    of = leaf(
        "old",
        "k8s",
        imported=True,
        renamed={"quota": "compute"},
        without=frozenset({"limits", "network-deny"}),
    )
    wanted = KubernetesTranslator().wanted(of)
    assert [w.key.name for w in wanted if w.object_class is ObjectClass.QUOTA] == ["compute"]
    assert {w.key.kind for w in wanted} == {"Namespace", "ResourceQuota", "NetworkPolicy", "RoleBinding"}
    assert all(w.loose for w in wanted)
    assert wanted[1].body["metadata"]["name"] == "compute"


def test_leaves_of_other_flows_or_ratios_are_not_confused() -> None:
    translator = KubernetesTranslator()
    first = leaf("a", "k8s", flows=(_flow("a", "inet", "egov"),), cidrs=CIDRS, limit_percent={"cpu": 200})
    second = leaf("a", "k8s", flows=(), cidrs=CIDRS, limit_percent={"cpu": 300})
    for of in (first, second, first):
        assert [w.body for w in translator.wanted(of)] == [w.body for w in KubernetesTranslator().wanted(of)]


def test_pods_are_bound_by_what_the_namespace_says() -> None:
    shared = KubernetesTranslator().shared(_endpoint("admission-policy"), {})
    policy = next(w.body for w in shared if w.key.kind == "MutatingAdmissionPolicy")
    expression = policy["spec"]["mutations"][0]["jsonPatch"]["expression"]
    assert len(re.findall(re.escape(names.NODE_SELECTOR), expression)) == 2
    assert policy["spec"]["failurePolicy"] == "Fail"


def _quota(hard: Body, status: Body | None = None) -> Live:
    body = {"metadata": {}, "spec": {"hard": hard}, **({"status": status} if status is not None else {})}
    return Live(Key("k8s", "a", "ResourceQuota", "yunjin"), body, "1")


def _holding(hard: Body, status: Body | None = None) -> Holding:
    return KubernetesTranslator().holding(_quota(hard, status))


def test_use_that_was_not_counted_yet_is_unknown() -> None:
    assert _holding({"pods": "4"}, {}) == Holding(Amounts({"pods": 4}), Amounts(), None)
    assert _holding({"pods": "4"}) == Holding(Amounts({"pods": 4}), Amounts(), None)
    assert _holding({"pods": "4"}, {"used": {"pods": "1"}}).used == Amounts({"pods": 1})


def test_what_is_enforced_is_what_the_status_says() -> None:
    changed = _holding({"pods": "2"}, {"hard": {"pods": "9"}, "used": {"pods": "5"}})
    assert changed == Holding(Amounts({"pods": 2}), Amounts({"pods": 9}), Amounts({"pods": 5}))


@pytest.mark.parametrize(
    ("hard", "limits", "needed"),
    [
        ({"requests.cpu": "4", "limits.cpu": "8"}, "6", 3000),
        ({"requests.cpu": "4", "limits.cpu": "8"}, "7001m", 3501),
        ({"requests.cpu": "4", "limits.cpu": "8"}, "0", 1000),
        ({"requests.cpu": "0", "limits.cpu": "0"}, "2", 2000),
        ({"requests.cpu": "4"}, "6", 1000),
    ],
)
def test_limits_count_as_use_by_the_ratio_of_the_quota(hard: Body, limits: str, needed: int) -> None:
    """A quota that carried the requests alone would still not carry the pods."""
    status = {"used": {"requests.cpu": "1", "limits.cpu": limits}}
    used = _holding(hard, status).used
    assert used is not None
    assert used.of("cpu") == needed


def test_what_a_quota_counts_of_amounts() -> None:
    asked = Amounts({"cpu": 1500, "memory": 0, "pods": 3, "gpu/a100": 2, "floating-ips": 4, "ports": 9})
    assert KubernetesTranslator().counted(asked) == Amounts({"cpu": 1500, "pods": 3, "gpu/nvidia": 2})


def test_keys_name_the_objects_they_stand_for() -> None:
    wanted: tuple[Wanted, ...] = KubernetesTranslator().wanted(leaf("zfj-egov", "k8s"))
    for one in wanted:
        assert one.key.name == one.body["metadata"]["name"]
        assert one.key.namespace == one.body["metadata"].get("namespace", "")
        assert one.key.kind == one.body["kind"]
