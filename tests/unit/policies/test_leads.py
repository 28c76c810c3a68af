"""Lead rules: the nine platforms, production, bodies that end, cooperating lists, tasks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import SOURCE, city, named
from findings import messages, said

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

BASIS = {"doc": "盘政发〔2026〕1号", "clause": "第三条", "verified": True, "valid_from": "2026-01-01"}


def education(**fields: Any) -> dict[str, Any]:
    """A platform of the years 2016 to 2020, for which the plan names no lead."""
    fields = {"kind": "platform", "horizon": "135", "source": SOURCE, **fields}
    return named("education", "智慧教育", "Smart education", **fields)


def with_education(stage: str = "trial", **fields: Any) -> Estate:
    """The minimal city with that platform, and a system of it at jtj."""
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["systems"] = [named("school", "校园系统", "School", element="education", stage=stage)]
    return declared(elements=[*city()["elements"], education(**fields)], tenants=tenants)


@pytest.mark.parametrize("rule", ["L01", "L02", "L03", "L04", "L06"])
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


def test_a_platform_without_a_lead_is_warned_of() -> None:
    estate = with_education(proposed_lead=["jtj"])

    (finding,) = said("L01", estate)

    assert finding.message.zh == "智慧教育尚无牵头部门"
    assert finding.message.en == "Smart education has no lead bureau yet"
    assert finding.evidence == {"lead": "", "proposed": "jtj"}
    assert finding.place == estate.place("element", "education")


def test_a_lead_is_asked_for_where_the_plan_wants_somebody_responsible() -> None:
    estate = with_education("production")

    (lead,), (production,) = said("L01", estate), said("L02", estate)

    assert (lead.basis.doc, lead.basis.clause) == ("盘政办发〔2015〕113号", "三(二)")
    assert production.basis.doc == ""  # no sentence of the plan speaks of production: the city's own


@pytest.mark.parametrize(
    ("fields", "lack"),
    [
        ({}, "尚无牵头部门"),
        ({"lead": "jtj"}, "的牵头部门没有依据文件"),
        ({"lead": "jtj", "lead_basis": {}}, "的牵头部门没有依据文件"),
        (
            {"lead": "jtj", "lead_basis": {**BASIS, "valid_from": "2026-11-23"}},
            "的牵头部门依据 盘政发〔2026〕1号 在 2026年11月22日 无效",
        ),
        (
            {"lead": "jtj", "lead_basis": {**BASIS, "valid_to": "2026-11-22"}},
            "的牵头部门依据 盘政发〔2026〕1号 在 2026年11月22日 无效",
        ),
    ],
)
def test_production_waits_for_a_lead_with_a_basis_in_force(fields: dict[str, Any], lack: str) -> None:
    assert messages("L01", with_education(**fields)) == [f"智慧教育{lack}"]
    assert said("L02", with_education("trial", **fields)) == []
    assert messages("L02", with_education("production", **fields)) == [
        f"用云单位用云单位jtj(jtj)的系统“校园系统”已正式运行, 而智慧教育{lack}"
    ]


def test_production_may_begin_on_the_day_the_basis_is_in_force() -> None:
    estate = with_education("production", lead="jtj", lead_basis=BASIS)

    assert said("L02", estate, day=date(2026, 1, 1)) == said("L01", estate, day=date(2026, 1, 1)) == []
    assert len(said("L02", estate, day=date(2025, 12, 31))) == 1


def test_the_plan_itself_is_the_basis_of_the_leads_it_names() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["systems"] = [named("centre", "中心", "Centre", element="cloud-centre", stage="production")]

    assert said("L02", declared(tenants=tenants)) == []


def ended(heir: str | None, **jtj: Any) -> list[dict[str, Any]]:
    """The minimal city's bureaus where fgw, the lead, ended in 2026."""
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    bureaus[0].update(valid={"until": "2026-01-01"}, successor=heir)
    bureaus[1].update(jtj)
    return bureaus


def test_a_lead_that_ended_without_successor_is_an_error() -> None:
    estate = declared(bureaus=ended(None))

    assert messages("L03", estate) == [
        "大数据云计算处理中心的牵头部门市发改委(fgw)在 2026年11月22日 不存在, 也无承接部门"
    ]
    assert said("L04", estate) == []
    assert said("L03", estate, day=date(2025, 12, 31)) == []


def test_a_lead_that_somebody_carries_on_for_is_a_warning() -> None:
    estate = declared(bureaus=ended("jtj"))

    assert said("L03", estate) == []
    (finding,) = said("L04", estate)
    assert finding.message.zh == (
        "大数据云计算处理中心所列的市发改委(fgw)在 2026年11月22日 不存在, 承接部门: 市交通局"
    )
    assert finding.evidence == {"body": "fgw", "successor": "jtj"}


def test_successors_are_followed_and_a_circle_of_them_ends() -> None:
    third = {"id": "b3", "names": [{"zh": "第三局", "en": "Third"}]}
    chain = [*ended("jtj", valid={"until": "2026-06-01"}, successor="b3"), third]
    circle = ended("jtj", valid={"until": "2026-06-01"}, successor="fgw")

    assert said("L03", declared(bureaus=chain)) == []
    assert len(said("L03", declared(bureaus=circle))) == 1


def test_a_cooperating_body_that_ended_is_a_warning() -> None:
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    bureaus[1].update(valid={"until": "2026-01-01"})

    assert messages("L04", declared(bureaus=bureaus)) == [
        "大数据云计算处理中心所列的市交通局(jtj)在 2026年11月22日 不存在, 承接部门: 无"
    ]


def programmes(**fields: Any) -> list[dict[str, Any]]:
    plans: list[dict[str, Any]] = city()["programmes"]
    plans[0].update(fields)
    return plans


def test_cooperating_bureaus_outside_the_leadership_group_are_told_of() -> None:
    group = {"head": {"zh": "副市长", "en": "Vice-mayor"}, "deputies": [], "members": ["fgw"]}
    plans = programmes(leadership={**group, "areas": ["AREAS"], "source": SOURCE})

    assert messages("L05", declared(programmes=plans)) == [
        "大数据云计算处理中心的配合部门不是领导小组成员单位: 市交通局"
    ]
    plans[0]["leadership"]["members"].append("jtj")
    assert said("L05", declared(programmes=plans)) == []
    assert said("L05", declared()) == []  # without a group there is nothing to belong to


def test_a_task_that_still_runs_needs_a_lead() -> None:
    elements: list[dict[str, Any]] = city()["elements"]
    elements[0]["lead"] = None

    assert said("L06", declared(elements=elements)) == []  # the plan is repealed
    assert messages("L06", declared(elements=elements, programmes=programmes(status="in-force"))) == [
        "T01 整合资源实现云计算处理: 大数据云计算处理中心尚无牵头部门"
    ]
