"""Quota rules: each bound kept and broken, and the sentence that refuses a raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import LARGE, SMALL, city
from findings import said

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

JTJ_BUREAU, JTJ_TENANT, JTJ_LEAF = "bureau/jtj", "tenant/jtj", "leaf/k8s/jtj-egov"


TENANT_JTJ = "用云单位用云单位jtj(jtj)"


def changed(*rows: tuple[str, dict[str, Any]], **overrides: Any) -> Estate:
    """The minimal city with fields of baseline rows of pool k8s-egov replaced."""
    baseline: list[dict[str, Any]] = city()["baseline"]
    for node, fields in rows:
        (row,) = [row for row in baseline if row["node"] == node]
        row.update(fields)
    return declared(baseline=baseline, **overrides)


def without(*nodes: str) -> Estate:
    return declared(baseline=[row for row in city()["baseline"] if row["node"] not in nodes])


def more(amounts: dict[str, Any], **dimensions: Any) -> dict[str, Any]:
    return {**amounts, **dimensions}


QUOTA_RULES = ("Q01", "Q02", "Q03", "Q04", "Q05", "Q06", "Q07", "Q08")


@pytest.mark.parametrize("rule", QUOTA_RULES)
def test_the_minimal_city_keeps_every_bound(rule: str) -> None:
    assert said(rule, declared()) == []


def test_a_limit_above_the_bureaus_is_refused_naming_bureau_limit_amount_and_excess() -> None:
    renamed = [
        {"id": "fgw", "names": [{"zh": "市发改委", "en": "Reform"}]},
        {
            "id": "jtj",
            "names": [
                {"zh": "市交通局", "en": "Transport Bureau", "until": "2019-01-01"},
                {"zh": "市交通运输局", "en": "Transport Bureau", "from": "2019-01-01"},
            ],
        },
    ]
    estate = changed(
        (JTJ_BUREAU, {"limit": more(LARGE, cpu=64)}),
        (JTJ_TENANT, {"limit": more(LARGE, cpu=80)}),
        bureaus=renamed,
    )

    (finding,) = said("Q03", estate)

    assert finding.message.zh == (
        "市交通运输局在资源池 k8s-egov 的配额上限为 64 核, 用云单位用云单位jtj(jtj)申请 80 核, 超出 16 核"
    )
    assert finding.message.en == (
        "the limit of Transport Bureau in pool k8s-egov is 64 cores; "
        "tenant Tenant jtj (jtj) asks for 80 cores, 16 cores too much"
    )
    assert finding.evidence == {
        "node": "bureau/jtj",
        "pool": "k8s-egov",
        "dimension": "cpu",
        "limit": "64000",
        "asked": "80000",
        "excess": "16000",
    }
    assert finding.place == estate.place("baseline", "tenant/jtj k8s-egov")


def test_a_raised_allotment_is_refused_by_the_tenants_limit_and_by_its_bureaus() -> None:
    estate = changed((JTJ_LEAF, {"allotted": more(SMALL, cpu=80)}))

    (tenant,), (bureau,) = said("Q04", estate), said("Q05", estate)

    assert tenant.message.zh == (
        f"{TENANT_JTJ}在资源池 k8s-egov 的配额上限为 8 核, 命名空间 jtj-egov 申请 80 核, 超出 72 核"
    )
    assert bureau.message.zh == (
        "市交通局在资源池 k8s-egov 的配额上限为 8 核, 用云单位用云单位jtj(jtj)申请 80 核, 超出 72 核"
    )
    assert tenant.place == estate.place("baseline", f"{JTJ_LEAF} k8s-egov")
    assert bureau.place == estate.place("baseline", "tenant/jtj k8s-egov")


def test_memory_and_storage_are_named_because_both_are_counted_in_gib() -> None:
    estate = changed((JTJ_TENANT, {"limit": more(LARGE, memory="20Gi", storage="1Ti")}))

    assert [finding.message.zh for finding in said("Q03", estate)] == [
        f"市交通局在资源池 k8s-egov 的内存配额上限为 16 GiB, {TENANT_JTJ}申请 20 GiB, 超出 4 GiB",
        f"市交通局在资源池 k8s-egov 的存储配额上限为 200 GiB, {TENANT_JTJ}申请 1 TiB, 超出 824 GiB",
    ]


def test_a_guarantee_above_its_own_limit() -> None:
    estate = changed((JTJ_TENANT, {"guarantee": more(SMALL, cpu=9)}))

    (finding,) = said("Q01", estate)

    assert finding.message.zh == (
        "用云单位用云单位jtj(jtj)在资源池 k8s-egov 的配额上限为 8 核, 保底额度 9 核, 超出 1 核"
    )


def test_guarantees_below_are_summed_and_nested_ones_counted_once() -> None:
    line = {
        "id": "jtj-bus",
        "names": [{"zh": "公交", "en": "Bus"}],
        "kind": "line",
        "owner": "bureau/jtj",
        "mlps": 2,
    }
    rows = [*city()["baseline"]]
    rows.append(
        {"node": "tenant/jtj-bus", "pool": "k8s-egov", "limit": LARGE, "guarantee": more(SMALL, cpu=4)}
    )
    within = declared(baseline=rows, tenants=[*city()["tenants"], line])
    rows[-1] = {**rows[-1], "guarantee": more(SMALL, cpu="4500m")}
    above = declared(baseline=rows, tenants=[*city()["tenants"], line])

    assert said("Q02", within) == []  # 4 + 4 = 8, and the bureau's own 4 is not added to them
    assert [finding.message.zh for finding in said("Q02", above)] == [
        "市交通局在资源池 k8s-egov 的配额上限为 8 核, 下级保底额度合计 8.5 核, 超出 0.5 核"
    ]


def test_the_parts_of_a_bureau_count_below_it() -> None:
    bureaus = [*city()["bureaus"], {"id": "jjzd", "names": [{"zh": "支队", "en": "Unit"}], "parent": "jtj"}]
    row = {
        "node": "bureau/jjzd",
        "pool": "k8s-egov",
        "limit": more(LARGE, cpu=9),
        "guarantee": more(SMALL, cpu=5),
    }
    estate = declared(bureaus=bureaus, baseline=[*city()["baseline"], row])

    assert [finding.evidence["excess"] for finding in said("Q03", estate)] == ["1000"]
    assert [finding.evidence["asked"] for finding in said("Q02", estate)] == ["9000"]
    (charged,) = said("Q05", estate)
    assert (
        charged.message.zh == "市交通局在资源池 k8s-egov 的配额上限为 8 核, 下级 2 项合计申请 9 核, 超出 1 核"
    )


def test_a_guarantee_is_charged_even_where_nothing_is_allotted() -> None:
    estate = without(JTJ_LEAF, JTJ_BUREAU)

    assert {finding.evidence["asked"] for finding in said("Q05", estate)} == {"4000", "8192", "102400", "40"}


def test_no_record_is_no_quota() -> None:
    estate = without(JTJ_TENANT)

    findings = said("Q04", estate)

    assert [finding.evidence["dimension"] for finding in findings] == ["cpu", "memory", "pods", "storage"]
    assert findings[0].message.zh == (
        "用云单位用云单位jtj(jtj)在资源池 k8s-egov 的配额上限(未登记, 按 0 计)为 0 核, "
        "命名空间 jtj-egov 申请 4 核, 超出 4 核"
    )


def test_a_dimension_the_pool_does_not_supply_is_refused() -> None:
    more_of_it = {"limit": more(LARGE, **{"gpu/a100": 1})}
    estate = changed((JTJ_BUREAU, more_of_it), (JTJ_TENANT, more_of_it))

    (finding,) = said("Q03", estate)

    assert finding.message.zh == "资源池 k8s-egov 可承诺 0 块 a100, 市交通局申请 1 块 a100, 超出 1 块 a100"


def pool(**fields: Any) -> list[dict[str, Any]]:
    pools: list[dict[str, Any]] = city()["pools"]
    pools[0].update(fields)
    return pools


def test_a_limit_above_what_the_pool_may_promise() -> None:
    supply = {"cpu": 7, "memory": "128Gi", "storage": "2Ti", "pods": 600}

    findings = said("Q03", declared(pools=pool(supply=supply)))

    assert [finding.subject for finding in findings] == ["city k8s-egov cpu"] * 3
    assert findings[0].message.zh == "资源池 k8s-egov 可承诺 7 核, 市发改委申请 8 核, 超出 1 核"


@pytest.mark.parametrize(
    ("cpu", "percent", "broken"), [(12, 100, False), (11, 100, True), (11, 110, False), (11, 109, True)]
)
def test_what_is_promised_fits_the_supply_times_overcommit(cpu: int, percent: int, broken: bool) -> None:  # noqa: FBT001 (a case)
    supply = {"cpu": cpu, "memory": "128Gi", "storage": "2Ti", "pods": 600}
    estate = declared(pools=pool(supply=supply, overcommit_percent={"cpu": percent}))

    findings = said("Q07", estate)

    assert bool(findings) is broken
    if broken:
        assert findings[0].place == estate.place("pool", "k8s-egov")


def test_the_reserve_is_promised_to_nobody() -> None:
    (finding,) = said("Q07", declared(pools=pool(reserve={"cpu": 60})))

    assert finding.message.zh == "资源池 k8s-egov 可承诺 4 核, 各单位合计申请 12 核, 超出 8 核"


def test_guarantees_fit_the_supply_without_overcommit() -> None:
    supply = {"cpu": 8, "memory": "128Gi", "storage": "2Ti", "pods": 600}
    estate = declared(pools=pool(supply=supply, overcommit_percent={"cpu": 200}))

    assert said("Q07", estate) == []
    (finding,) = said("Q06", estate)
    assert finding.message.zh == "资源池 k8s-egov 扣除预留后的供给为 8 核, 全市保底额度合计 12 核, 超出 4 核"


def test_the_city_has_no_row() -> None:
    row = {"node": "city", "pool": "k8s-egov", "limit": LARGE}
    estate = declared(baseline=[*city()["baseline"], row])

    (finding,) = said("Q08", estate)

    assert finding.place == estate.place("baseline", "city k8s-egov")
    assert said("Q03", estate) == []  # and the row does not become the city's limit
