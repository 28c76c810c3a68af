"""What must hold between items: ids once, no circles, leaves where they belong, tenants below somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import city, document, named, tenant, write_estate
from mistakes import city_with_mistake, errors_of, make_mistake, places_of
from yunjin.estate import load
from yunjin.estate.structure import find_circles

if TYPE_CHECKING:
    from pathlib import Path


def bureau(item: str, **more: Any) -> dict[str, Any]:
    return {"id": item, "names": [{"zh": item, "en": item}], **more}


def leaf(node: str, pool: str = "k8s-egov", owner: str = "jtj") -> dict[str, Any]:
    return {"node": node, "pool": pool, "tenant": owner, "allotted": {"cpu": 1}}


@pytest.mark.parametrize(
    "name", ["bureaus", "areas", "elements", "zones", "endpoints", "datasets", "policies", "prices"]
)
def test_an_id_twice_in_one_file(tmp_path: Path, name: str) -> None:
    item = city()[name][0]
    write_estate(tmp_path, **{name: [*city()[name], item]})
    (error,) = errors_of(tmp_path)
    assert error.field == "id"
    assert error.place.path.name == f"{name}.yaml"
    assert f"{name}.yaml:3:3" in error.message.zh, "the first place is named as well"


def test_a_baseline_row_twice(tmp_path: Path) -> None:
    rows = city()["baseline"]
    write_estate(tmp_path, baseline=[*rows, rows[0]])
    (error,) = errors_of(tmp_path)
    assert error.field == "node"
    assert "baseline.yaml:3:3" in error.message.en


def test_two_files_declaring_one_tenant(tmp_path: Path) -> None:
    write_estate(tmp_path)
    (tmp_path / "traffic.yaml").write_text((tmp_path / "jtj.yaml").read_text("utf-8"), "utf-8")
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/traffic.yaml:3:7"
    assert f"{tmp_path}/jtj.yaml:3:3" in error.message.en


@pytest.mark.parametrize("name", ["jtj.yaml", "programmes/2016.yaml"])
def test_a_file_named_otherwise_than_its_item(tmp_path: Path, name: str) -> None:
    write_estate(tmp_path)
    other = (tmp_path / name).rename((tmp_path / name).with_name("other.yaml"))
    (error,) = errors_of(tmp_path)
    assert (error.place.path, error.place.line, error.field) == (other, 3, "id")


@pytest.mark.parametrize(("number", "place"), [(0, "jtj.yaml:2:8"), (2, "jtj.yaml:3:1")])
def test_a_tenant_file_holds_one_tenant(tmp_path: Path, number: int, place: str) -> None:
    items = [tenant("jtj", "bureau", "bureau/jtj"), tenant("jtj2", "bureau", "bureau/jtj")]
    write_estate(tmp_path, jtj=document("tenant", items[:number]))
    assert places_of(tmp_path)[0] == (place, "items")


def test_a_tenant_named_like_a_shared_file(tmp_path: Path) -> None:
    write_estate(tmp_path, zones=document("tenant", [tenant("zones", "bureau", "bureau/jtj")]))
    assert ("zones.yaml:1:7", "kind") in places_of(tmp_path)


def test_a_bureau_and_an_area_of_one_id(tmp_path: Path) -> None:
    write_estate(tmp_path, bureaus=[*city()["bureaus"], bureau("dawa")])
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/areas.yaml:3:7"
    assert "bureaus.yaml" in error.message.zh


@pytest.mark.parametrize(
    ("field", "more"),
    [("parent", {}), ("successor", {"valid": {"until": "2019-01-01"}})],
)
def test_circles_of_bureaus(tmp_path: Path, field: str, more: dict[str, Any]) -> None:
    circle = [
        bureau("a", **{field: "b"}, **more),
        bureau("b", **{field: "c"}, **more),
        bureau("c", **{field: "a"}, **more),
    ]
    write_estate(tmp_path, bureaus=[*city()["bureaus"], *circle])
    circles = [error for error in errors_of(tmp_path) if "循环" in error.message.zh]
    assert [(error.field, "a -> b -> c -> a" in error.message.en) for error in circles] == [(field, True)]


def test_a_bureau_above_itself(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "bureaus.yaml", "- id: jtj", "- parent: «jtj\n  id: jtj")
    assert places_of(tmp_path) == [(place, "parent")]


def test_a_tenant_above_itself(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "jtj.yaml", "owner: bureau/jtj", "owner: «tenant/jtj")
    assert places_of(tmp_path) == [(place, "owner")]


def test_programmes_that_follow_each_other(tmp_path: Path) -> None:
    plan = {"doc_no": "无", "status": "draft"}
    items = [named("a", "甲", "A", follows="b", **plan), named("b", "乙", "B", follows="a", **plan)]
    write_estate(tmp_path, programmes=items)
    assert places_of(tmp_path) == [("programmes/a.yaml:6:12", "follows")]


@given(st.dictionaries(st.integers(0, 12).map(str), st.none() | st.integers(0, 12).map(str), max_size=13))
def test_every_circle_is_found_once(above: dict[str, str | None]) -> None:
    on_circle = set()
    for start in above:
        name, steps = above.get(start), 0
        while name is not None and name != start and steps < 20:
            name, steps = above.get(name), steps + 1
        if name == start:
            on_circle.add(start)
    found = find_circles(above)
    assert sorted(name for circle in found for name in circle) == sorted(on_circle)
    for circle in found:
        assert [above[name] for name in circle] == [*circle[1:], circle[0]]


@pytest.mark.parametrize(
    ("name", "items", "place"),
    [
        (
            "tenants",
            [
                {
                    **tenant("jtj", "bureau", "bureau/jtj"),
                    "systems": [named("s", "甲", "A"), named("s", "乙", "B")],
                }
            ],
            "systems[1].id",
        ),
        (
            "elements",
            [{**city()["elements"][0], "subsystems": [named("s", "甲", "A"), named("s", "乙", "B")]}],
            "subsystems[1].id",
        ),
    ],
)
def test_parts_of_one_id(tmp_path: Path, name: str, items: list[dict[str, Any]], place: str) -> None:
    overrides: dict[str, Any] = {name: items}
    if name == "tenants":
        overrides["baseline"] = []
    write_estate(tmp_path, **overrides)
    (error,) = errors_of(tmp_path)
    assert error.field == place


def test_flows_of_one_id_in_two_zones(tmp_path: Path) -> None:
    flow = {
        "id": "f",
        "from": "inet",
        "to": "egov",
        "protocol": "TCP",
        "port": 1,
        "approval": "a",
        "expires": "2027-01-01",
    }
    zones = [{**zone, "flows": [flow]} for zone in city()["zones"]]
    write_estate(tmp_path, zones=zones)
    (error,) = errors_of(tmp_path)
    assert error.field == "flows[0].id"


def test_tasks_of_one_number(tmp_path: Path) -> None:
    plan = city()["programmes"][0]
    write_estate(tmp_path, programmes=[{**plan, "tasks": plan["tasks"] * 2}])
    (error,) = errors_of(tmp_path)
    assert error.field == "tasks[1].id"


def test_pools_of_one_suffix_on_one_endpoint(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "pools.yaml", "suffix: inet", "suffix: «egov")
    assert places_of(tmp_path) == [(place, "suffix")]


@pytest.mark.parametrize(
    "node",
    ["leaf/k8s/jtj", "leaf/k8s/jtj-inet", "leaf/k8s/fgw-egov2", "leaf/other/jtj-egov"],
)
def test_a_leaf_that_does_not_fit_tenant_and_pool(tmp_path: Path, node: str) -> None:
    endpoints = [*city()["endpoints"], {**city()["endpoints"][0], "id": "other"}]
    write_estate(tmp_path, endpoints=endpoints, baseline=[leaf(node)])
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/baseline.yaml:3:9"
    assert error.expected
    assert error.expected.en == "leaf/k8s/jtj-egov"


def test_an_imported_leaf_keeps_its_name(tmp_path: Path) -> None:
    items = city()
    items["tenants"][1]["imported"] = [{"leaf": "leaf/k8s/legacy", "since": "2026-01-01"}]
    write_estate(tmp_path, tenants=items["tenants"], baseline=[leaf("leaf/k8s/legacy")])
    assert "leaf/k8s/legacy k8s-egov" in load(tmp_path).baseline


@pytest.mark.parametrize("name", ["-legacy", "legacy-", "l" * 64])
def test_an_imported_leaf_has_a_name_that_a_namespace_can_have(tmp_path: Path, name: str) -> None:
    items = city()
    items["tenants"][1]["imported"] = [{"leaf": f"leaf/k8s/{name}", "since": "2026-01-01"}]
    write_estate(tmp_path, tenants=items["tenants"])
    assert [field for _, field in places_of(tmp_path)] == ["imported[0].leaf"]


def test_an_imported_leaf_belongs_to_who_imported_it(tmp_path: Path) -> None:
    items = city()
    items["tenants"][1]["imported"] = [{"leaf": "leaf/k8s/legacy", "since": "2026-01-01"}]
    write_estate(tmp_path, tenants=items["tenants"], baseline=[leaf("leaf/k8s/legacy", owner="fgw")])
    assert places_of(tmp_path) == [("baseline.yaml:5:11", "tenant")]


def test_a_leaf_imported_twice(tmp_path: Path) -> None:
    items = city()
    for item in items["tenants"][:2]:
        item["imported"] = [{"leaf": "leaf/k8s/legacy", "since": "2026-01-01"}]
    write_estate(tmp_path, tenants=items["tenants"])
    (error,) = errors_of(tmp_path)
    assert error.place.path.name == "jtj.yaml"
    assert "fgw.yaml" in error.message.en


def test_only_leaves_are_imported(tmp_path: Path) -> None:
    items = city()
    items["tenants"][1]["imported"] = [{"leaf": "tenant/jtj", "since": "2026-01-01"}]
    write_estate(tmp_path, tenants=items["tenants"])
    assert [field for _, field in places_of(tmp_path)] == ["imported[0].leaf"]


def test_a_leaf_lies_in_one_pool(tmp_path: Path) -> None:
    write_estate(tmp_path, baseline=[leaf("leaf/k8s/jtj-egov"), leaf("leaf/k8s/jtj-egov", "k8s-inet")])
    errors = errors_of(tmp_path)
    assert {str(error.place) for error in errors} == {f"{tmp_path}/baseline.yaml:8:9"}
    assert "baseline.yaml:3:9" in errors[0].message.en


def test_an_owner_may_be_missing_in_quarantine_only(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "jtj.yaml", "owner: bureau/jtj", "owner: «null")
    assert places_of(tmp_path) == [(place, "owner")]
    make_mistake(
        tmp_path, "jtj.yaml", "owner: null", "owner: null\n  quarantine: {since: 2026-01-01, reason: 导入}"
    )
    assert load(tmp_path).tenants["jtj"].owner is None


@pytest.mark.parametrize("owner", ["city", "leaf/k8s/fgw-egov", "tenant/fgw"])
def test_an_owner_is_a_bureau_or_an_area(tmp_path: Path, owner: str) -> None:
    place = city_with_mistake(tmp_path, "jtj.yaml", "owner: bureau/jtj", f"owner: «{owner}")
    assert places_of(tmp_path) == [(place, "owner")]


def _policy(item: str, value: int | str, unit: str = "") -> dict[str, Any]:
    return named(item, "策略", "A policy", value=value, unit=unit)


@pytest.mark.parametrize(
    ("policy", "value", "unit"),
    [
        ("drift.quota", "repiar", ""),
        ("drift.quota", 1, ""),
        ("wait-quota", 0, "s"),
        ("wait-quota", 120, "min"),
        ("wait-quota", "120", "s"),
        ("reclaim-days", -1, "d"),
        ("contribution-factor", 101, "%"),
        ("grant.warnings", "30, 30", "d"),
        ("grant.warnings", "9" * 5000, "d"),
        ("relief.order", "reserve, lottery", ""),
        ("relief.importance", "ordinary", ""),
    ],
)
def test_a_policy_that_the_machinery_could_not_follow(
    tmp_path: Path, policy: str, value: int | str, unit: str
) -> None:
    text = document("policies", [*city()["policies"], _policy(policy, value, unit)])
    write_estate(tmp_path, policies=text)
    line = text.count("\n", 0, text.rindex("value: ")) + 1
    assert places_of(tmp_path) == [(f"policies.yaml:{line}:10", "value")]


@pytest.mark.parametrize(
    ("policy", "meant"), [("drift.qouta", "drift.quota"), ("wait-qouta", "wait-quota"), ("limit", "")]
)
def test_a_misspelt_policy_is_not_left_to_its_default(tmp_path: Path, policy: str, meant: str) -> None:
    write_estate(tmp_path, policies=[*city()["policies"], _policy(policy, 1)])
    (error,) = errors_of(tmp_path)
    assert error.field == "id"
    assert error.message.zh == f"没有 {policy} 这项策略"
    assert error.remedy
    assert meant in error.remedy.zh


def test_policies_that_nobody_reads_yet_are_free(tmp_path: Path) -> None:
    write_estate(tmp_path, policies=[_policy("u1.window", "a month"), _policy("own.choice", 1)])
    assert set(load(tmp_path).policies) == {"u1.window", "own.choice"}


@pytest.mark.parametrize("zero", ["volumes", "storage/ssd"])
def test_a_zero_that_no_cluster_would_hold(tmp_path: Path, zero: str) -> None:
    items = city()
    row = next(row for row in items["baseline"] if row["node"] == "leaf/k8s/jtj-egov")
    row["allotted"] = {**row["allotted"], zero: "0Gi" if "/" in zero else 0}
    write_estate(tmp_path / "a", baseline=items["baseline"])
    assert [field for _, field in places_of(tmp_path / "a")] == [f"allotted.{zero}"]
    row["node"] = "leaf/k8s/legacy"
    items["tenants"][1]["imported"] = [{"leaf": "leaf/k8s/legacy", "since": "2026-01-01"}]
    write_estate(tmp_path / "b", baseline=items["baseline"], tenants=items["tenants"])
    assert load(tmp_path / "b").leaf_rows
