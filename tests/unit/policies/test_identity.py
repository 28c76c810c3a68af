"""Identity rules: ids, names of leaves, sources, oddities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import SMALL, SOURCE, city, named, tenant
from findings import messages, said
from yunjin.errors import Place, Text

if TYPE_CHECKING:
    from yunjin.model.estate import Estate


@pytest.mark.parametrize("rule", ["I01", "I02", "I03", "I04", "I05", "I07"])
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


def test_an_id_is_a_bureaus_or_an_areas() -> None:
    areas = [*city()["areas"], {"id": "jtj", "names": [{"zh": "某区", "en": "Some District"}]}]

    assert messages("I01", declared(areas=areas)) == ["编号 jtj 同时用于部门和县区(园区)"]


def with_tenant(extra: dict[str, Any]) -> Estate:
    return declared(tenants=[*city()["tenants"], extra])


def test_a_body_shares_its_id_with_its_own_tenant_alone() -> None:
    bureaus = [*city()["bureaus"], {"id": "wjw", "names": [{"zh": "卫健委", "en": "Health"}]}]
    tenants = [*city()["tenants"], tenant("wjw", "institution", "bureau/jtj")]

    assert messages("I01", declared(bureaus=bureaus, tenants=tenants)) == [
        "用云单位用云单位wjw(wjw)占用了部门或县区(园区)的编号"
    ]


@pytest.mark.parametrize(
    ("kind", "owner", "wanted"), [("bureau", "bureau/jtj", "jtj"), ("area", "area/dawa", "dawa")]
)
def test_a_bodys_own_tenant_has_the_bodys_id(kind: str, owner: str, wanted: str) -> None:
    (finding,) = said("I02", with_tenant(tenant("second", kind, owner)))

    assert finding.message.zh.endswith(f"编号应为 {wanted}")


def test_an_own_tenant_below_another_body() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["owner"] = "bureau/fgw"

    assert messages("I02", declared(tenants=tenants)) == [
        "用云单位用云单位jtj(jtj)登记为市发改委自用, 编号应为 fgw"
    ]


def test_lines_institutions_and_enterprises_have_ids_of_their_own() -> None:
    assert said("I02", with_tenant(tenant("hospital", "institution", "bureau/jtj"))) == []


def with_leaf(**fields: Any) -> Estate:
    leaf = {"node": "leaf/k8s/jtj-egov", "pool": "k8s-inet", "tenant": "jtj", "allotted": SMALL, **fields}
    return declared(baseline=[*city()["baseline"], leaf])


def test_a_leaf_lies_in_one_pool_of_its_endpoint() -> None:
    estate = with_leaf()

    (finding,) = said("I03", estate)

    assert finding.message.zh == "命名空间 jtj-egov 在接入点 k8s 上既属资源池 k8s-egov, 又属资源池 k8s-inet"
    assert finding.place == estate.place("baseline", "leaf/k8s/jtj-egov k8s-inet")
    assert said("I03", with_leaf(node="leaf/k8s/jtj-inet")) == []


def test_a_leaf_names_the_endpoint_of_its_pool() -> None:
    assert messages("I03", with_leaf(node="leaf/other/jtj-inet")) == [
        "leaf/other/jtj-inet 写的接入点是 other, 而资源池 k8s-inet 在接入点 k8s"
    ]


def test_a_leaf_is_called_by_tenant_and_suffix() -> None:
    assert messages("I04", with_leaf(node="leaf/k8s/old-portal")) == ["命名空间 old-portal 应命名为 jtj-inet"]


def test_an_imported_leaf_keeps_its_name() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["imported"] = [{"leaf": "leaf/k8s/old-portal", "since": "2026-11-01"}]
    leaf = {"node": "leaf/k8s/old-portal", "pool": "k8s-inet", "tenant": "jtj", "allotted": SMALL}

    assert said("I04", declared(tenants=tenants, baseline=[*city()["baseline"], leaf])) == []


def test_ids_inside_a_document_are_given_once() -> None:
    flow = {"id": "f1", "from": "egov", "to": "inet", "protocol": "TCP", "port": 443, "approval": "批1"}
    flow["expires"] = "2027-12-31"
    zones: list[dict[str, Any]] = city()["zones"]
    zones[0]["flows"], zones[1]["flows"] = [flow], [flow]
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["systems"] = [named("portal", "门户", "Portal"), named("portal", "门户二", "Portal two")]
    tenants[2]["systems"] = [named("portal", "门户", "Portal")]  # of another tenant, so another system

    assert messages("I05", declared(zones=zones, tenants=tenants)) == [
        "流向编号 f1 重复",
        "流向编号 f1 重复",
        "系统编号 portal 重复",
    ]


def test_bodies_of_the_plan_have_a_source() -> None:
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    areas: list[dict[str, Any]] = city()["areas"]

    assert messages("I06", declared()) == [
        "市发改委(fgw)没有出处",
        "市交通局(jtj)没有出处",
        "大洼区(dawa)没有出处",
    ]
    bureaus[0]["source"], bureaus[1]["origin"], areas[0]["basis"] = (
        SOURCE,
        "proposed",
        {"doc": "国函〔2016〕53号"},
    )
    assert said("I06", declared(bureaus=bureaus, areas=areas)) == []


def test_oddities_of_the_documents_are_shown_where_they_stand() -> None:
    place = Place(Path("tenants/elements.yaml"), 12, 5)
    estate = replace(declared(), warnings=((place, Text("市发改委列了两次", "fgw is named twice")),))

    (finding,) = said("I07", estate)

    assert (finding.message.zh, finding.place) == ("市发改委列了两次", place)
