"""Rules about files and ledger: history edited or overtaken, tenants gone while their grants last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from declared import declared
from findings import BY_ID, DAY, plan_of, removal
from yunjin.model.amounts import Amounts
from yunjin.model.change import Severity
from yunjin.policy import Facts, Figures, LedgerFacts

if TYPE_CHECKING:
    from yunjin.model.change import Finding, Plan
    from yunjin.model.estate import Estate

CITY = declared()
JTJ, TENANT = "leaf/k8s/jtj-egov k8s-egov", "tenant/jtj k8s-egov"
OPENED = {
    row.key: Figures(row.allotted or row.limit or Amounts(), row.guarantee or Amounts())
    for row in CITY.baseline.values()
}
LEDGER = LedgerFacts(now=OPENED, imported=OPENED, grants={TENANT: ("G-1", "G-2")})


def _said(
    rule: str, ledger: LedgerFacts | None, estate: Estate = CITY, plan: Plan | None = None
) -> list[Finding]:
    return list(BY_ID[rule].check(Facts(estate, DAY, plan or plan_of(), ledger=ledger)))


def _cpu(cpu: int, key: str = JTJ) -> Figures:
    return replace(OPENED[key], amount=Amounts({**OPENED[key].amount, "cpu": cpu}))


def test_files_that_agree_with_the_ledger_are_in_order() -> None:
    for rule in ("Q09", "Q10", "Q11"):
        assert _said(rule, LEDGER) == []


def test_before_the_opening_there_is_nothing_to_disagree_with() -> None:
    for rule in ("Q09", "Q10", "Q11"):
        assert _said(rule, None) == []


def test_what_grants_have_overtaken_is_a_notice_with_both_figures() -> None:
    ledger = replace(LEDGER, now={**OPENED, JTJ: _cpu(6000), TENANT: _cpu(12_000, TENANT)})
    assert _said("Q09", ledger) == []
    tenant, leaf = _said("Q10", ledger)
    assert tenant.message.zh == (
        "用云单位用云单位jtj(jtj)在资源池 k8s-egov: 基线的配额上限 8 核, 资源台账 12 核"
    )
    assert leaf.message.en == (
        "namespace jtj-egov in pool k8s-egov: allotted 4 cores by the baseline, 6 cores by the ledger"
    )
    assert (leaf.severity, leaf.place) == (Severity.NOTICE, CITY.place("baseline", JTJ))


def test_what_was_edited_since_is_a_warning_that_says_how_quota_is_changed() -> None:
    ledger = replace(LEDGER, now={**OPENED, JTJ: _cpu(5000)}, imported={**OPENED, JTJ: _cpu(5000)})
    assert _said("Q10", ledger) == []
    (finding,) = _said("Q09", ledger)
    assert "4 核" in finding.message.zh
    assert "5 核" in finding.message.zh
    assert finding.severity is Severity.WARNING
    for remedy in (finding.remedy.zh, finding.remedy.en):
        assert "yunjin grant add" in remedy
        assert "yunjin allot" in remedy


def test_a_row_the_ledger_does_not_know_was_added_since() -> None:
    without = {key: figures for key, figures in OPENED.items() if key != JTJ}
    (finding,) = _said("Q09", LedgerFacts(without, without, {}))
    assert finding.evidence == {"node": "leaf/k8s/jtj-egov", "pool": "k8s-egov"}
    assert "0 核" in finding.message.zh
    assert "内存" in finding.message.zh


def test_guarantees_are_compared_too() -> None:
    raised = replace(OPENED[TENANT], guarantee=Amounts({**OPENED[TENANT].guarantee, "cpu": 5000}))
    (finding,) = _said("Q10", replace(LEDGER, now={**OPENED, TENANT: raised}))
    assert "基线的保底额度 4 核, 资源台账 5 核" in finding.message.zh


def test_a_row_that_says_what_the_ledger_holds_is_in_order_whatever_it_said_before() -> None:
    older = {**OPENED, JTJ: _cpu(2000)}
    assert _said("Q09", replace(LEDGER, imported=older)) == []
    assert _said("Q10", replace(LEDGER, imported=older)) == []


def test_the_arithmetic_of_the_baseline_counts_until_it_has_entered_the_ledger() -> None:
    row = CITY.baseline[JTJ].model_copy(update={"allotted": Amounts({"cpu": 90_000})})
    beyond = replace(CITY, baseline={**CITY.baseline, JTJ: row})
    for rule in ("Q04", "Q05", "Q07"):
        assert _said(rule, None, beyond)
        assert _said(rule, LEDGER, beyond) == []
    for rule in ("Q01", "Q02", "Q03", "Q06"):
        assert _said(rule, LEDGER, beyond) == []


def test_a_tenant_gone_from_the_files_while_its_grants_last_is_named_with_them() -> None:
    gone = replace(CITY, tenants={name: each for name, each in CITY.tenants.items() if name != "jtj"})
    (finding,) = _said("Q11", LEDGER, gone)
    assert (finding.severity, finding.subject) == (Severity.WARNING, TENANT)
    assert "G-1, G-2" in finding.message.zh
    assert "yunjin grant end" in finding.remedy.zh


def test_a_namespace_goes_only_after_its_tenants_grants_in_the_ledger() -> None:
    plan = plan_of(removal("jtj-egov"))
    (finding,) = _said("R03", LEDGER, plan=plan)
    assert finding.severity is Severity.ERROR
    assert "G-1, G-2" in finding.message.zh
    assert _said("R03", replace(LEDGER, grants={"tenant/jtj k8s-inet": ("G-3",)}), plan=plan) == []


def test_what_the_baseline_grants_is_history_to_a_removal_too() -> None:
    assert _said("R03", replace(LEDGER, grants={}), plan=plan_of(removal("jtj-egov"))) == []
