"""Contact rules: two posts, quarantine, owner, paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import city
from findings import messages, said

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

TECHNICAL = {"role": "technical", "post": "信息科科长"}
BUSINESS = {"role": "business", "post": "办公室主任"}
QUARANTINE = {"since": "2026-11-01", "reason": "归属不明"}


def with_jtj(**fields: Any) -> Estate:
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1].update(fields)
    return declared(tenants=tenants)


@pytest.mark.parametrize("rule", ["C01", "C02"])
def test_the_minimal_city_keeps_every_rule(rule: str) -> None:
    assert said(rule, declared()) == []


@pytest.mark.parametrize(
    ("contacts", "missing"),
    [
        ([], "没有联系人"),
        ([BUSINESS], "缺技术联系人"),
        ([TECHNICAL], "缺业务联系人"),
        ([TECHNICAL, {**BUSINESS, "post": TECHNICAL["post"]}], "的技术、业务联系人是同一岗位"),
    ],
)
def test_both_contacts_on_distinct_posts(contacts: list[dict[str, str]], missing: str) -> None:
    estate = with_jtj(contacts=contacts)

    (finding,) = said("C01", estate)

    assert finding.message.zh == f"用云单位用云单位jtj(jtj){missing}"
    assert finding.place == estate.place("tenant", "jtj")
    assert (finding.basis.doc, finding.basis.clause) == ("盘政办发〔2015〕113号", "三(一)")


def test_a_second_post_of_one_role_is_enough_to_be_distinct() -> None:
    shared = {**BUSINESS, "post": TECHNICAL["post"]}

    assert said("C01", with_jtj(contacts=[TECHNICAL, shared, BUSINESS])) == []


def test_quarantine_is_told_of_and_needs_no_contacts() -> None:
    estate = with_jtj(contacts=[], owner=None, quarantine=QUARANTINE)

    assert said("C01", estate) == []
    assert messages("C02", estate) == [
        "用云单位用云单位jtj(jtj)自 2026年11月1日 起隔离待核, 计入用量, 不参与排名: 归属不明"
    ]


def test_what_was_imported_without_a_paper_is_told_of_with_what_to_fill_in() -> None:
    stood = {"leaf": "leaf/k8s/jtj-egov", "since": "2026-11-01"}

    estate = with_jtj(imported=[stood])
    (finding,) = said("C02", estate)

    assert finding.message.zh == (
        "命名空间 jtj-egov 自 2026年11月1日 起隔离待核, 计入用量, 不参与排名: 尚缺批准文号"
    )
    assert (finding.subject, finding.place) == ("leaf/k8s/jtj-egov", estate.place("tenant", "jtj"))
    assert "paper" in finding.remedy.zh
    assert said("C02", with_jtj(imported=[{**stood, "paper": {"doc": "盘政务云〔2026〕7号"}}])) == []
