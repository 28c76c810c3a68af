"""What one rule says of a city, for tests of rules.

Used by tests of `yunjin_policies`; calls the rules and the model.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from yunjin.model.change import ABSENT, Action, Binding, Change, Plan
from yunjin.model.resources import Key, ObjectClass
from yunjin.policy import Facts
from yunjin_policies import RULES

if TYPE_CHECKING:
    from yunjin.model.change import Finding
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Difference

DAY = date(2026, 11, 22)
BY_ID = {rule.id: rule for rule in RULES}


def said(rule: str, estate: Estate, plan: Plan | None = None, day: date = DAY) -> list[Finding]:
    """Findings of one rule, in the order the rule yields them."""
    return list(BY_ID[rule].check(Facts(estate, day, plan)))


def messages(rule: str, estate: Estate, plan: Plan | None = None, day: date = DAY) -> list[str]:
    """Their Chinese messages."""
    return [finding.message.zh for finding in said(rule, estate, plan, day)]


def plan_of(*changes: Change, **more: object) -> Plan:
    """A plan of these changes on the minimal city's endpoint."""
    bindings = {"k8s": Binding("kubernetes", "simulated", None)}
    fields: dict[str, object] = {"as_of": DAY, "estate": "in-memory", "bindings": bindings, **more}
    return Plan(changes=changes, **fields)  # type: ignore[arg-type]  # fields are checked where they are read


def change(
    action: Action, namespace: str, kind: str, name: str, *differences: Difference, tenant: str = "jtj"
) -> Change:
    """One change of an object on endpoint `k8s`."""
    key = Key("k8s", "" if kind == "Namespace" else namespace, kind, name)
    return Change(
        action=action,
        key=key,
        tenant=tenant,
        object_class=ObjectClass.NAMESPACE if kind == "Namespace" else ObjectClass.QUOTA,
        rank=1,
        before="b",
        after=ABSENT if action is Action.DELETE else "a",
        differences=differences,
        body=None if action is Action.DELETE else {"kind": kind},
    )


def removal(namespace: str, kind: str = "Namespace", name: str = "", tenant: str = "jtj") -> Change:
    """The removal of a namespace, or of an object in it."""
    return change(Action.DELETE, namespace, kind, name or namespace, tenant=tenant)
