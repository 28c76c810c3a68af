"""Identity rules: ids, names of leaves, sources, oddities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import SMALL, SOURCE, city, tenant
from findings import messages, said
from takings import beside_a_cloud
from yunjin.errors import Place, Text

if TYPE_CHECKING:
    from yunjin.model.estate import Estate


@pytest.mark.parametrize("rule", ["I01", "I02", "I04", "I05"])
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


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


def test_an_own_tenant_keeps_its_id_when_another_body_carries_on_for_its_own() -> None:
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    tenants: list[dict[str, Any]] = city()["tenants"]
    bureaus[1] |= {"successor": "fgw", "valid": {"until": "2026-12-01"}}
    tenants[1]["owner"] = "bureau/fgw"

    assert said("I02", declared(bureaus=bureaus, tenants=tenants)) == []


def test_lines_institutions_and_enterprises_have_ids_of_their_own() -> None:
    assert said("I02", with_tenant(tenant("hospital", "institution", "bureau/jtj"))) == []


def test_bodies_of_the_plan_have_a_source() -> None:
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    areas: list[dict[str, Any]] = city()["areas"]

    assert messages("I03", declared()) == [
        "市发改委(fgw)没有出处",
        "市交通局(jtj)没有出处",
        "大洼区(dawa)没有出处",
    ]
    bureaus[0]["source"], bureaus[1]["origin"], areas[0]["basis"] = (
        SOURCE,
        "proposed",
        {"doc": "国函〔2016〕53号"},
    )
    areas.append({"id": "tianjia", "names": [{"zh": "田家镇", "en": "Tianjia"}], "parent": "dawa"})
    assert said("I03", declared(bureaus=bureaus, areas=areas)) == []


def test_oddities_of_the_documents_are_shown_where_they_stand() -> None:
    place = Place(Path("tenants/elements.yaml"), 12, 5)
    estate = replace(declared(), warnings=((place, Text("市发改委列了两次", "fgw is named twice")),))

    (finding,) = said("I04", estate)

    assert (finding.message.zh, finding.place) == ("市发改委列了两次", place)


@pytest.mark.parametrize(
    ("length", "endpoint", "pool", "refused"),
    [(57, "os", "os-egov", 0), (58, "os", "os-egov", 1), (63, "k8s", "k8s-egov", 0)],
)
def test_the_name_of_a_project_leaves_room_for_its_groups(
    length: int, endpoint: str, pool: str, refused: int
) -> None:
    row = {"node": f"leaf/{endpoint}/{'p' * length}", "pool": pool, "tenant": "jtj", "allotted": SMALL}
    estate = declared(**beside_a_cloud(row))

    assert len(messages("I05", estate)) == refused


def test_an_imported_project_without_groups_of_ours_keeps_its_name() -> None:
    node = f"leaf/os/{'p' * 63}"
    row = {"node": node, "pool": "os-egov", "tenant": "jtj", "allotted": SMALL}
    without = [
        {"object": role, "since": "2026-11-22", "reason": "原无此项"}
        for role in ("role-admin", "role-viewer")
    ]
    tenants = city()["tenants"]
    tenants[1]["imported"] = [{"leaf": node, "since": "2026-11-22", "paper": None, "without": without}]

    assert messages("I05", declared(**{**beside_a_cloud(row), "tenants": tenants})) == []
