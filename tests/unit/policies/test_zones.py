"""Zone rules: levels, secrets, databases, flows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import SMALL, city, named, tenant
from findings import messages, plan_of, said
from takings import beside_a_cloud
from yunjin.model.change import Action, Change
from yunjin.model.resources import Difference, Key, ObjectClass

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

ZONE_RULES = ("Z01", "Z02", "Z03", "Z04", "Z05", "Z06", "Z07", "Z08", "Z09")


@pytest.mark.parametrize("rule", ZONE_RULES)
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


def with_tenant(**fields: Any) -> Estate:
    """The minimal city where jtj has other fields."""
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1].update(fields)
    return declared(tenants=tenants)


def system(use: str, pool: str, **fields: Any) -> dict[str, Any]:
    return named("portal", "门户", "Portal", groups=[{"use": use, "pool": pool}], **fields)


def test_a_level_above_the_zone_of_a_namespace() -> None:
    zones: list[dict[str, Any]] = city()["zones"]
    zones[0]["mlps"] = 2
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["mlps"] = 3
    estate = declared(zones=zones, tenants=tenants)

    (finding,) = said("Z01", estate)

    assert finding.message.zh == "用云单位用云单位jtj(jtj)的等保级别为 3 级, 公用网络区最高承载 2 级"
    assert finding.place == estate.place("baseline", "leaf/k8s/jtj-egov k8s-egov")
    assert finding.basis.doc == "GB/T 22239-2019"


def test_a_level_above_the_zone_a_system_is_planned_in() -> None:
    estate = with_tenant(mlps=3, systems=[system("web", "k8s-inet")])

    (finding,) = said("Z01", estate)

    assert finding.evidence == {"zone": "inet", "tenant_level": "3", "zone_level": "2"}
    assert finding.place == estate.place("tenant", "jtj")


@pytest.mark.parametrize(("level", "refused"), [(3, 0), (4, 1), (5, 1)])
def test_level_4_and_above_stay_out(level: int, refused: int) -> None:
    assert len(said("Z02", with_tenant(mlps=level))) == refused


def test_state_secrets_stay_out() -> None:
    estate = with_tenant(systems=[system("app", "k8s-egov", secret=True), named("open", "公开", "Open")])

    assert messages("Z02", estate) == ["用云单位用云单位jtj(jtj)的系统“门户”涉密, 不得进入本中心"]


@pytest.mark.parametrize(
    ("use", "pool", "refused"),
    [
        ("database", "k8s-inet", 1),
        ("database", "k8s-egov", 0),
        ("web", "k8s-inet", 0),
        ("app", "k8s-inet", 0),
    ],
)
def test_no_database_in_the_internet_zone(use: str, pool: str, refused: int) -> None:
    findings = said("Z03", with_tenant(systems=[system(use, pool)]))

    assert len(findings) == refused
    if refused:
        assert findings[0].message.zh == (
            "用云单位用云单位jtj(jtj)的系统“门户”把数据库放在互联网接入区(资源池 k8s-inet)"
        )


def with_flow(origin: str, target: str, expires: str = "2027-12-31", **overrides: Any) -> Estate:
    """The minimal city with zones exch, mgmt and egov-ded, and one flow."""
    zones: list[dict[str, Any]] = city()["zones"]
    zones += [named(item, item, item, mlps=3, databases=False) for item in ("exch", "mgmt", "egov-ded")]
    flow = {"id": "f1", "from": origin, "to": target, "protocol": "TCP", "port": 443}
    zones[0]["flows"] = [{**flow, "approval": "批1", "expires": expires}]
    return declared(zones=zones, **overrides)


@pytest.mark.parametrize(
    ("origin", "target", "refused"),
    [
        ("inet", "egov", 1),
        ("inet", "egov-ded", 1),
        ("inet", "mgmt", 1),
        ("egov", "inet", 1),
        ("egov-ded", "inet", 1),
        ("inet", "exch", 0),
        ("exch", "inet", 0),
        ("exch", "egov", 0),
        ("egov", "exch", 0),
        ("mgmt", "inet", 0),
        ("mgmt", "egov", 0),
        ("egov-ded", "egov", 0),
    ],
)
def test_no_flow_joins_the_internet_zone_past_the_gate(origin: str, target: str, refused: int) -> None:
    assert len(said("Z04", with_flow(origin, target))) == refused


def test_a_direct_flow_is_named_with_both_zones() -> None:
    estate = with_flow("inet", "egov")

    (finding,) = said("Z04", estate)

    assert finding.message.zh == "流向 f1 由互联网接入区直通公用网络区"
    assert finding.place == estate.place("zone", "egov")


@pytest.mark.parametrize(
    ("expires", "warned", "refused"),
    [
        ("2026-12-23", 0, 0),  # 31 days left
        ("2026-12-22", 1, 0),  # 30
        ("2026-11-23", 1, 0),  # its last day
        ("2026-11-22", 0, 1),  # a flow ends on the day it expires
        ("2026-01-01", 0, 1),
    ],
)
def test_a_flow_in_use_is_warned_of_and_then_refused(expires: str, warned: int, refused: int) -> None:
    estate = with_flow("exch", "egov", expires)

    assert (len(said("Z05", estate)), len(said("Z06", estate))) == (warned, refused)


def test_the_warning_counts_the_days_and_the_refusal_names_the_zones() -> None:
    assert messages("Z05", with_flow("exch", "egov", "2026-12-01")) == [
        "流向 f1 将于 2026年12月1日 到期, 还有 9 天"
    ]
    assert messages("Z06", with_flow("exch", "egov", "2026-10-01")) == [
        "流向 f1(exch到公用网络区)已于 2026年10月1日 到期, 仍有用云单位依赖"
    ]


def test_an_ended_flow_that_nobody_uses_is_only_warned_of() -> None:
    estate = with_flow("mgmt", "exch", "2026-01-01")

    assert messages("Z05", estate) == ["流向 f1 已于 2026年1月1日 到期, 无人使用"]
    assert said("Z06", estate) == []


def test_the_business_date_decides() -> None:
    estate = with_flow("exch", "egov", "2026-11-22")

    assert said("Z06", estate, day=date(2026, 11, 21)) == []


def test_an_enterprise_stands_in_the_internet_zone_alone() -> None:
    shop = tenant("shop", "enterprise", "bureau/jtj")
    rows = city()["baseline"]
    leaf = {"node": "leaf/k8s/shop-inet", "pool": "k8s-inet", "tenant": "shop", "allotted": SMALL}
    outside = declared(tenants=[*city()["tenants"], shop], baseline=[*rows, leaf])
    inside = declared(
        tenants=[*city()["tenants"], shop],
        baseline=[*rows, {**leaf, "node": "leaf/k8s/shop-egov", "pool": "k8s-egov"}],
    )

    assert said("Z07", outside) == []
    assert messages("Z07", inside) == ["用云单位用云单位shop(shop)是企业, 不得进入公用网络区"]


def with_projects(*cidrs: str, projects: int, **imported: Any) -> Estate:
    """The small city beside a cloud, with so many projects in zone egov; the first may be an imported one."""
    zones: list[dict[str, Any]] = city()["zones"]
    zones[0]["cidrs"] = [*cidrs]
    names = [f"p{number}" for number in range(projects)]
    rows = [
        {"node": f"leaf/os/{name}", "pool": "os-egov", "tenant": "jtj", "allotted": SMALL} for name in names
    ]
    tenants: list[dict[str, Any]] = city()["tenants"]
    if imported:
        tenants[1]["imported"] = [{"leaf": "leaf/os/p0", "since": "2026-11-22", "paper": None, **imported}]
    return declared(**{**beside_a_cloud(*rows), "zones": zones, "tenants": tenants})


@pytest.mark.parametrize(
    ("cidrs", "projects", "room"),
    [
        ((), 0, 0),
        ((), 2, 0),
        (("10.10.0.0/25",), 1, 0),
        (("10.10.0.0/24",), 2, 1),
        (("10.10.0.0/24", "10.10.0.0/24", "10.10.9.0/25"), 2, 1),
    ],
)
def test_a_zone_with_projects_has_a_network_for_each(
    cidrs: tuple[str, ...], projects: int, room: int
) -> None:
    estate = with_projects(*cidrs, projects=projects)

    (finding,) = said("Z08", estate)

    assert finding.message.zh == f"公用网络区的网段可分给 {room} 个项目, 接入点 os 在该区域有 {projects} 个"
    assert finding.place == estate.place("zone", "egov")


@pytest.mark.parametrize(
    ("cidrs", "projects"),
    [
        (("10.10.0.0/24",), 0),
        (("10.10.0.0/24",), 1),
        (("10.10.0.0/25", "10.10.0.128/25"), 1),
        (("10.10.0.0/22",), 4),
    ],
)
def test_networks_that_are_enough_are_enough(cidrs: tuple[str, ...], projects: int) -> None:
    assert said("Z08", with_projects(*cidrs, projects=projects)) == []


@pytest.mark.parametrize(("lacks", "refused"), [("network-base", 0), ("limits", 1)])
def test_an_imported_project_with_addresses_of_its_own_needs_none(lacks: str, refused: int) -> None:
    without = [{"object": lacks, "since": "2026-11-22", "reason": "原无此项"}]
    estate = with_projects("10.10.0.0/24", projects=2, without=without)

    assert len(said("Z08", estate)) == refused


def test_clusters_take_no_addresses_from_their_zone() -> None:
    zones = [{**zone, "cidrs": []} for zone in city()["zones"]]

    assert said("Z08", declared(zones=zones)) == []


def readdressed(observed: list[str] | None, wanted: list[str]) -> Change:
    """A change of the addresses of zone egov on a cloud."""
    return Change(
        action=Action.UPDATE,
        key=Key("os", "", "SubnetPool", "yunjin-egov"),
        tenant="",
        object_class=ObjectClass.CLUSTER,
        rank=0,
        before="b",
        after="a",
        differences=(Difference("prefixes", wanted, observed),),
        body={"kind": "SubnetPool"},
    )


@pytest.mark.parametrize(
    ("observed", "wanted", "lost"),
    [
        (["10.10.0.0/16"], ["10.10.0.0/17"], "10.10.0.0/16"),
        (["10.10.0.0/16", "10.12.0.0/16"], ["10.10.0.0/15"], "10.12.0.0/16"),
        (["10.10.0.0/16", "fd00::/48"], ["10.10.0.0/16"], "fd00::/48"),
    ],
)
def test_addresses_of_projects_are_not_taken_away(observed: list[str], wanted: list[str], lost: str) -> None:
    assert messages("Z09", declared(), plan_of(readdressed(observed, wanted))) == [
        f"变更方案从 os/SubnetPool/yunjin-egov 去掉网段 {lost}, 项目的子网可能在其中"
    ]


@pytest.mark.parametrize("observed", [None, [], ["10.10.0.0/16"], ["10.10.4.0/24", "10.11.0.0/16"]])
def test_a_zone_may_get_more_addresses(observed: list[str] | None) -> None:
    assert said("Z09", declared(), plan_of(readdressed(observed, ["10.10.0.0/15"]))) == []
