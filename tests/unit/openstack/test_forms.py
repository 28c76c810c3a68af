"""What services answer, brought into one form: names, times, figures, bindings."""

from __future__ import annotations

from typing import Any

from yunjin.substrates.openstack import forms
from yunjin.substrates.openstack.forms import Leaf

PROJECT = {
    "id": "9f2e",
    "name": "jtj-egov",
    "enabled": True,
    "tags": ["yunjin:tenant=jtj", "somebody's own", "yunjin:endpoint=os-egov"],
}
LEAF = Leaf("os-egov", PROJECT)
OWNER = {"yunjin:tenant": "jtj", "yunjin:endpoint": "os-egov"}


def _network(own: str, name: str, created: str = "2026-11-20T00:00:00Z", **more: Any) -> dict[str, Any]:
    return {"id": own, "name": name, "created_at": created, "admin_state_up": True, "shared": False, **more}


def test_every_object_tells_whose_it_is() -> None:
    (live,) = forms.networks(
        LEAF, [_network("a", "yunjin", updated_at="2026-11-21T00:00:00Z", revision_number=4)]
    )
    assert live.body == {
        "kind": "Network",
        "metadata": {
            "name": "yunjin", "namespace": "jtj-egov", "id": "a", "project_id": "9f2e", "owner": OWNER,
            "updated_at": "2026-11-21T00:00:00Z",
        },
        "spec": {"admin_state_up": True, "shared": False},
    }  # fmt: skip
    assert live.version == "4"
    assert LEAF.project().body["spec"] == {"enabled": True, "tags": OWNER}
    assert LEAF.project().body["metadata"]["project_id"] == "9f2e"


def test_of_several_of_a_standard_name_the_eldest_keeps_it() -> None:
    found = [
        _network("b", "yunjin", "2026-11-21T00:00:00Z"),
        _network("a", "yunjin", "2026-11-20T00:00:00Z"),
        _network("c", "web"),
        _network("d", "web"),
        _network("e", ""),
        _network("f", "alone"),
    ]
    named = {live.body["metadata"]["id"]: live.key.name for live in forms.networks(LEAF, found)}
    assert named == {
        "a": "yunjin", "b": "yunjin (b)", "c": "web (c)", "d": "web (d)", "e": "(e)", "f": "alone",
    }  # fmt: skip


def test_a_quota_holds_the_figures_that_are_written_and_what_is_used_of_them() -> None:
    compute = {
        "id": "9f2e",
        "cores": {"limit": 4, "in_use": 1, "reserved": 1},
        "ram": {"limit": -1, "in_use": 512, "reserved": 0},
        "key_pairs": {"limit": 100, "in_use": 0, "reserved": 0},
    }
    network = {"port": {"limit": 14, "used": 3, "reserved": 0}}
    live = forms.quota(LEAF, {"compute": compute, "network": network})
    assert live.body["spec"] == {"compute": {"cores": 4, "ram": -1}, "network": {"port": 14}}
    assert live.body["status"] == {"compute": {"cores": 2, "ram": 512}, "network": {"port": 3}}


def test_a_binding_is_any_entry_that_nova_would_take() -> None:
    aggregates = [
        {"name": "os-xc", "metadata": {"filter_tenant_id_9f2e": "9f2e", "yunjin:xc": "true"}},
        {"name": "os-egov", "metadata": {"filter_tenant_id2": "9f2e"}},
        {"name": "os-inet", "metadata": {"filter_tenant_id_other": "other", "note": "9f2e"}},
    ]
    bound = forms.binding(LEAF, aggregates)
    assert bound is not None
    assert bound.body["spec"] == {"aggregate": "os-egov,os-xc", "xc": False}
    alone = forms.binding(LEAF, aggregates[:1])
    assert alone is not None
    assert alone.body["spec"] == {"aggregate": "os-xc", "xc": True}
    assert forms.binding(LEAF, aggregates[2:]) is None


def test_a_router_lies_in_the_subnets_of_its_interfaces() -> None:
    ports = [
        {"device_id": "r", "fixed_ips": [{"subnet_id": "s"}], "updated_at": "2026-11-22T00:00:00Z"},
        {"device_id": "r", "fixed_ips": [{"subnet_id": "foreign"}]},
        {"device_id": "other", "fixed_ips": [{"subnet_id": "t"}]},
    ]
    router = _network("r", "yunjin", updated_at="2026-11-21T00:00:00Z")
    (live,) = forms.routers(LEAF, [router], ports, {"s": "yunjin", "t": "t"})
    assert live.body["spec"] == {"admin_state_up": True, "subnets": {"foreign": True, "yunjin": True}}
    assert live.body["metadata"]["updated_at"] == "2026-11-22T00:00:00Z"


def test_rights_of_groups_and_users_stand_by_who_has_them() -> None:
    rows = [
        {"group": {"id": "g"}, "role": {"id": "m"}},
        {"group": {"id": "elsewhere"}, "role": {"id": "m"}},
        {"user": {"id": "u"}, "role": {"id": "unknown"}},
        {"user": {"id": "u"}, "role": {"id": "m"}},
        {"group": {"id": "alike"}, "role": {"id": "m"}},
        {"user": {"id": "gone"}, "role": {"id": "m"}},
    ]
    strangers = {"u": "kaifa", "elsewhere": "运维组", "alike": "jtj-egov-viewer", "gone": ""}
    found = {
        (live.key.kind, live.key.name): live.body["spec"]
        for live in forms.rights(
            LEAF, {"g": "jtj-egov-admin", "idle": "jtj-egov-viewer"}, strangers, rows, {"m": "member"}
        )
    }
    assert found == {
        ("Group", "jtj-egov-admin"): {"roles": {"member": True}},
        ("Group", "jtj-egov-viewer (alike)"): {"roles": {"member": True}},
        ("Group", "运维组 (elsewhere)"): {"roles": {"member": True}},
        ("User", "(gone)"): {"roles": {"member": True}},
        ("User", "kaifa (u)"): {"roles": {"member": True, "unknown": True}},
    }


def test_odd_answers_are_no_error() -> None:
    bare = {"id": "x"}
    assert [live.key.name for live in forms.networks(LEAF, [bare])] == ["(x)"]
    assert [live.key.name for live in forms.subnets(LEAF, [bare], {}, {})] == ["(x)"]
    assert [live.key.name for live in forms.routers(LEAF, [bare], [{"id": "p"}], {})] == ["(x)"]
    assert [live.key.name for live in forms.security_groups(LEAF, [bare])] == ["(x)"]
    assert forms.subnet_pool("os-egov", bare).body["spec"] == {"prefixes": [], "default_prefixlen": None}
    assert forms.quota(LEAF, {"compute": {"cores": 4}}).body["spec"] == {"compute": {}}
    assert Leaf("os-egov", {"id": "y", "name": "n"}).project().body["spec"]["tags"] == {}
