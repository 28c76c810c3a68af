"""Running rules and judging a plan.

Called by `yunjin.engine` and the command line; calls the rules it is handed. Promises the same findings in
the same order for the same facts, and that a rule which fails is itself an error: nothing passes unjudged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin.model.change import Finding, Severity, Verdict
from yunjin.policy.rule import CITY_OWN, Facts, Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}
_REASON_LENGTH = 200


def run(rules: Iterable[Rule], facts: Facts) -> tuple[Finding, ...]:
    """All findings, errors first, then by rule, subject and place.

    Rules about a plan are left out where there is none, and those about a ledger where neither is.
    """
    findings = [
        finding
        for rule in rules
        if facts.plan or _needs_no_plan(rule, facts)
        for finding in _checked(rule, facts)
    ]
    return tuple(sorted(findings, key=_order))


def _needs_no_plan(rule: Rule, facts: Facts) -> bool:
    return rule.scope is not Scope.PLAN and (rule.scope is not Scope.LEDGER or facts.ledger is not None)


def judge(rules: Iterable[Rule], facts: Facts, plan_hash: str = "") -> Verdict:
    """The verdict on the plan in `facts`, or on the declared files alone.

    `plan_hash` is what `yunjin.plan.plan_hash` says of that plan; without a plan it is empty.
    """
    return Verdict(plan_hash, run(rules, facts))


def _order(finding: Finding) -> tuple[int, str, str, str, str]:
    place = finding.place
    where = f"{place.path}:{place.line:08}:{place.column:08}" if place else ""
    return (_WEIGHT[finding.severity], finding.rule, finding.subject, where, finding.message.zh)


def _checked(rule: Rule, facts: Facts) -> Iterator[Finding]:
    try:
        yield from rule.check(facts)
    except Exception as error:  # noqa: BLE001 (whatever a rule does wrong must stop the apply, not the judging)
        yield _failed(rule, error)


def _failed(rule: Rule, error: Exception) -> Finding:
    reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
    return Finding(
        rule=rule.id,
        severity=Severity.ERROR,
        subject=f"rule/{rule.id}",
        message=Text(
            f"规则 {rule.id} 未能执行, 无法判断: {reason}",
            f"rule {rule.id} failed, so nothing is known: {reason}",
        ),
        remedy=Text(
            "修复该规则后重新检查; 在此之前不下发执行",
            "mend the rule and check again; nothing is applied before",
        ),
        basis=CITY_OWN,
        evidence={"error": type(error).__name__},
    )
