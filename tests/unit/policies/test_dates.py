"""Date rules: late tasks, ended bases and bodies, periods that run backwards."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import SMALL, SOURCE, city, named
from findings import messages, said

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

ENDED = {"doc": "旧文件", "clause": "第一条", "valid_to": "2026-01-01"}


@pytest.mark.parametrize("rule", ["V01", "V02", "V03", "V04", "V05", "V07", "V08"])
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


def programme(due: str = "2026-11-20", **fields: Any) -> list[dict[str, Any]]:
    task = city()["programmes"][0]["tasks"][0]
    plan = named("p1", "计划一", "Plan one", doc_no="文一", status="in-force", tasks=[{**task, "due": due}])
    return [{**plan, **fields}]


def test_a_late_task_names_day_delay_and_lead() -> None:
    estate = declared(programmes=programme())

    (finding,) = said("V01", estate)

    assert finding.message.zh == (
        "T01 整合资源实现云计算处理应于 2026年11月20日 完成, 逾期 2 天, 牵头: 市发改委"
    )
    assert finding.evidence == {"due": "2026-11-20", "late_days": "2", "lead": "fgw"}


@pytest.mark.parametrize(
    ("due", "fields", "late"),
    [
        ("2026-11-22", {}, 0),  # due today is not late
        ("2026-11-21", {}, 1),
        ("2026-11-21", {"status": "repealed"}, 0),
        ("2026-11-21", {"status": "draft"}, 0),
        ("2026-11-21", {"status": "draft", "demo": True}, 1),
    ],
)
def test_only_programmes_in_force_and_the_demonstration_have_late_tasks(
    due: str, fields: dict[str, Any], late: int
) -> None:
    assert len(said("V01", declared(programmes=programme(due, **fields)))) == late


def test_a_task_carried_on_is_late_by_its_new_day_and_marked_as_demonstration() -> None:
    carrying = named("demo", "演示", "Demo", doc_no="无", status="draft", demo=True, follows="2016")
    carrying["carried"] = [{"id": "T01", "due": "2026-12-31"}]
    estate = declared(programmes=[*city()["programmes"], carrying])

    assert said("V01", estate) == []
    assert messages("V01", estate, day=date(2027, 1, 10)) == [
        "T01 整合资源实现云计算处理(演示)应于 2026年12月31日 完成, 逾期 10 天, 牵头: 市发改委"
    ]


@pytest.mark.parametrize("document", ["zones", "pools", "areas", "policies", "prices"])
def test_a_basis_that_ended_is_warned_of(document: str) -> None:
    items: list[dict[str, Any]] = city()[document]
    items[0]["basis"] = ENDED
    estate = declared(**{document: items})

    (finding,) = said("V02", estate)

    assert "旧文件 第一条 在 2026年11月22日 无效" in finding.message.zh
    assert finding.place is not None
    assert said("V02", estate, day=date(2025, 12, 31)) == []


def test_a_paper_of_an_import_that_is_no_longer_in_force() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    paper = {"doc": "旧批复", "valid_to": "2026-01-01"}
    tenants[1]["imported"] = [{"leaf": "leaf/k8s/jtj-egov", "since": "2025-11-01", "paper": paper}]
    estate = declared(tenants=tenants)

    (finding,) = said("V02", estate)

    assert finding.message.zh == "命名空间 jtj-egov 的依据 旧批复 在 2026年11月22日 无效"
    assert finding.place == estate.place("tenant", "jtj")


def test_the_basis_of_a_price_that_itself_ended_does_not_matter() -> None:
    prices: list[dict[str, Any]] = city()["prices"]
    prices[0].update(basis=ENDED, valid_to="2026-06-01")

    assert said("V02", declared(prices=prices)) == []


def with_ended_jtj(**fields: Any) -> Estate:
    bureaus: list[dict[str, Any]] = city()["bureaus"]
    bureaus[1].update(valid={"until": "2026-01-01"}, **fields)
    return declared(bureaus=bureaus)


def test_a_tenant_of_a_body_that_ended() -> None:
    estate = with_ended_jtj()

    assert messages("V04", estate) == [
        "用云单位用云单位jtj(jtj)所属的市交通局(jtj)在 2026年11月22日 不存在, 承接部门: 无"
    ]
    assert said("V03", estate) == []
    assert said("V04", estate, day=date(2025, 12, 31)) == []


def test_a_tenant_of_a_body_that_another_carries_on_for() -> None:
    estate = with_ended_jtj(successor="fgw")

    assert said("V04", estate) == []
    (finding,) = said("V03", estate)
    assert finding.evidence == {"owner": "jtj", "successor": "fgw"}


def test_a_tenant_of_a_body_that_has_not_begun() -> None:
    areas: list[dict[str, Any]] = city()["areas"]
    areas[0]["valid"] = {"from": "2026-12-01"}

    assert len(said("V04", declared(areas=areas))) == 1


def test_before_a_body_was_founded_those_it_carries_on_for_stand_for_it() -> None:
    """As files are after a merger into a new body, asked about earlier days and later ones."""
    parts: dict[str, Any] = city()
    parts["bureaus"][1] |= {"valid": {"from": "2026-01-01", "until": "2026-12-01"}, "successor": "jt"}
    founded = {"id": "jt", "valid": {"from": "2026-12-01"}, "successor": None}
    parts["bureaus"].append(parts["bureaus"][1] | founded)
    parts["tenants"][1]["owner"] = "bureau/jt"
    parts["elements"][0] |= {"lead": "jt", "coop": ["jt"]}
    estate = declared(bureaus=parts["bureaus"], tenants=parts["tenants"], elements=parts["elements"])

    for rule in ("V03", "V04", "L03", "L04"):
        assert [said(rule, estate, day=date(2026, month, 30)) for month in (11, 12)] == [[], []], rule
    assert len(said("V04", estate, day=date(2025, 12, 31))) == 1
    assert len(said("L03", estate, day=date(2025, 12, 31))) == 1


def test_leaves_of_a_planned_endpoint_are_told_of() -> None:
    endpoints = [
        *city()["endpoints"],
        named("os", "云主机", "Cloud", technology="openstack", state="planned"),
    ]
    endpoints[-1]["access"] = "env:OS_CLOUD"
    pool = named("os-egov", "云主机池", "Pool", endpoint="os", zone="egov", suffix="egov", supply=SMALL)
    leaf = {"node": "leaf/os/jtj-egov", "pool": "os-egov", "tenant": "jtj", "allotted": SMALL}
    estate = declared(
        endpoints=endpoints, pools=[*city()["pools"], pool], baseline=[*city()["baseline"], leaf]
    )

    (finding,) = said("V05", estate)

    assert finding.message.zh == "接入点 os(云主机)尚在规划, 其上 1 个命名空间/项目不下发"
    assert finding.evidence == {"leaves": "1"}


def test_a_repealed_programme_is_told_of() -> None:
    assert messages("V06", declared()) == [
        "盘政办发〔2015〕113号《云盘锦行动计划》已废止, 其任务只作框架, 不计逾期"
    ]
    assert said("V06", declared(programmes=programme())) == []


@pytest.mark.parametrize(
    ("signed", "published", "due", "said_of_it"),
    [
        ("2015-11-10", "2015-11-10", "2015-11-10", []),  # all on one day
        ("2015-11-10", "2015-11-09", "2016-12-31", ["文一 的发布日期早于成文日期"]),
        (
            "2015-11-10",
            "2015-11-23",
            "2015-11-22",
            ["T01 的期限 2015年11月22日 早于 文一 的日期 2015年11月23日"],
        ),
        ("2015-11-10", None, "2015-11-09", ["T01 的期限 2015年11月9日 早于 文一 的日期 2015年11月10日"]),
        (None, None, "2015-11-09", []),
    ],
)
def test_a_programme_is_signed_then_published_then_due(
    signed: str | None, published: str | None, due: str, said_of_it: list[str]
) -> None:
    plans = programme(due, signed=signed, published=published)

    assert messages("V07", declared(programmes=plans)) == said_of_it


def test_what_is_recorded_as_done_is_not_in_the_future() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    lack = {"object": "network-deny", "since": "2026-12-05", "reason": "待商定"}
    tenants[1]["imported"] = [{"leaf": "leaf/k8s/jtj-egov", "since": "2026-12-01", "without": [lack]}]
    tenants[2]["quarantine"] = {"since": "2026-11-22", "reason": "归属不明"}

    assert messages("V08", declared(tenants=tenants)) == [
        "用云单位用云单位jtj(jtj)登记的日期 2026年12月1日 晚于业务日期",
        "用云单位用云单位jtj(jtj)登记的日期 2026年12月5日 晚于业务日期",
    ]


def test_a_task_without_a_lead_is_late_too() -> None:
    element = named("education", "智慧教育", "Education", kind="platform", horizon="135", source=SOURCE)
    plans = programme()
    plans[0]["tasks"][0]["element"] = "education"

    (late,) = said("V01", declared(programmes=plans, elements=[*city()["elements"], element]))

    assert late.message.zh.endswith("牵头: 无")
