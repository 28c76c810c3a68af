"""Who leads an element and who cooperates in it.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that a lead named after the action plan counts only
with a document in force on the business date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.change import Basis, Severity
from yunjin.policy import Breach, Facts, rule
from yunjin_policies.subjects import carried_on_by, day_text, in_being, node_text, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.errors import Place
    from yunjin.model.programme import Element

_TASKS: Final = Basis("盘政办发〔2015〕113号", "二", verified=True)
_GROUP: Final = Basis("盘政办发〔2015〕113号", "三(一)", verified=True)
_WORK_PLAN: Final = Basis("盘政办发〔2015〕113号", "三(二)", verified=True)
_LEADS_IN_PLAN: Final = "2016"  # the plan names a lead for the elements of that year alone
_GROUPS: Final = ("ALL", "AREAS")
_DECLARE = Text(
    "由领导小组明确牵头部门, 在 elements.yaml 填写 lead 和 lead_basis",
    "have the leadership group name a lead, then fill in `lead` and `lead_basis` in elements.yaml",
)


@rule(
    "L01",
    Severity.WARNING,
    requires=Text(
        "每项建设任务有牵头部门, 且依据有效", "Every element has a lead bureau, named by a document in force"
    ),
    remedy=_DECLARE,
    basis=_WORK_PLAN,
)
def led(facts: Facts) -> Iterator[Breach]:
    """Elements without a lead on the business date."""
    for element in facts.estate.elements.values():
        lack = _lack(facts, element)
        if lack:
            yield Breach(
                f"element/{element.id}",
                Text(f"{element.zh}{lack.zh}", f"{element.en} {lack.en}"),
                _place(facts, element),
                {"lead": element.lead or "", "proposed": ", ".join(element.proposed_lead)},
            )


def _lack(facts: Facts, element: Element) -> Text | None:
    """Why an element counts as led by nobody; None where somebody leads it."""
    if element.lead is None:
        return Text("尚无牵头部门", "has no lead bureau yet")
    if element.horizon == _LEADS_IN_PLAN and element.lead_basis is None:
        return None
    if element.lead_basis is None or not element.lead_basis.doc:
        return Text("的牵头部门没有依据文件", "has a lead bureau without a document")
    if not element.lead_basis.holds(facts.as_of):
        day, doc = day_text(facts.as_of), element.lead_basis.doc
        return Text(
            f"的牵头部门依据 {doc} 在 {day.zh} 无效", f"has a lead bureau by {doc}, not in force on {day.en}"
        )
    return None


@rule(
    "L02",
    Severity.ERROR,
    requires=Text(
        "没有牵头部门的建设任务, 其系统不得转为正式运行",
        "No system of an element without a lead is in production",
    ),
    remedy=_DECLARE,
)
def production_is_led(facts: Facts) -> Iterator[Breach]:
    """Systems in production whose element nobody leads."""
    for tenant in facts.estate.tenants.values():
        for system in tenant.systems:
            element = facts.estate.elements.get(system.element or "")
            lack = _lack(facts, element) if element and system.stage == "production" else None
            if element and lack:
                name = tenant_text(facts, tenant)
                yield Breach(
                    f"tenant/{tenant.id} {system.id}",
                    Text(
                        f"{name.zh}的系统“{system.zh}”已正式运行, 而{element.zh}{lack.zh}",
                        f"system {system.id} of {name.en} is in production, but {element.en} {lack.en}",
                    ),
                    tenant_place(facts, tenant),
                    {"element": element.id, "system": system.id},
                )


@rule(
    "L03",
    Severity.ERROR,
    requires=Text(
        "牵头部门在业务日期存在, 或有承接部门",
        "A lead bureau exists on the business date, or somebody carries on for it",
    ),
    remedy=Text(
        "在 elements.yaml 改为现有部门, 并写明依据",
        "name a bureau that exists in elements.yaml, with its basis",
    ),
    basis=_TASKS,
)
def lead_exists(facts: Facts) -> Iterator[Breach]:
    """Leads that have ended, or not begun, and have no successor."""
    for element in facts.estate.elements.values():
        if element.lead and not in_being(facts, element.lead) and not carried_on_by(facts, element.lead):
            name, day = node_text(facts, f"bureau/{element.lead}"), day_text(facts.as_of)
            yield Breach(
                f"element/{element.id}",
                Text(
                    f"{element.zh}的牵头部门{name.zh}({element.lead})在 {day.zh} 不存在, 也无承接部门",
                    f"{name.en} ({element.lead}), lead of {element.en}, does not exist on {day.en}, "
                    "and nobody carries on for it",
                ),
                _place(facts, element),
                {"lead": element.lead},
            )


@rule(
    "L04",
    Severity.WARNING,
    requires=Text("牵头、配合部门是现有部门", "Lead and cooperating bodies are those that exist"),
    remedy=Text("在 elements.yaml 改为承接部门", "name the successor in elements.yaml"),
    basis=_TASKS,
)
def bodies_exist(facts: Facts) -> Iterator[Breach]:
    """Leads with a successor, and cooperating bodies, that do not exist on the business date."""
    for element in facts.estate.elements.values():
        lead = (element.lead,) if element.lead and carried_on_by(facts, element.lead) else ()
        named = (body for body in element.coop if body not in _GROUPS)
        for body in dict.fromkeys((*lead, *named)):
            if in_being(facts, body):
                continue
            heir = carried_on_by(facts, body)
            name, day = node_text(facts, _node(facts, body)), day_text(facts.as_of)
            heir_name = facts.estate.body_name(heir, facts.as_of) if heir else Text("无", "nobody")
            yield Breach(
                f"element/{element.id} {body}",
                Text(
                    f"{element.zh}所列的{name.zh}({body})在 {day.zh} 不存在, 承接部门: {heir_name.zh}",
                    f"{name.en} ({body}) of {element.en} does not exist on {day.en}; "
                    f"{heir_name.en} carries on for it",
                ),
                _place(facts, element),
                {"body": body, "successor": heir or ""},
            )


@rule(
    "L05",
    Severity.NOTICE,
    requires=Text("配合部门属于领导小组成员单位", "Cooperating bureaus belong to the leadership group"),
    remedy=Text(
        "由牵头部门提请领导小组协调, 或增补成员单位",
        "let the lead ask the group to coordinate, or to take it in",
    ),
    basis=_GROUP,
)
def cooperating_belong(facts: Facts) -> Iterator[Breach]:
    """Bureaus that a list names and that sit in no leadership group."""
    groups = [plan.leadership for plan in facts.estate.programmes.values() if plan.leadership]
    members = {member for group in groups for member in group.members}
    for element in facts.estate.elements.values() if groups else ():
        outside = [body for body in element.coop if body in facts.estate.bureaus and body not in members]
        if outside:
            names = [node_text(facts, f"bureau/{body}") for body in dict.fromkeys(outside)]
            zh, en = "、".join(name.zh for name in names), ", ".join(name.en for name in names)
            yield Breach(
                f"element/{element.id}",
                Text(
                    f"{element.zh}的配合部门不是领导小组成员单位: {zh}",
                    f"{element.en} lists bodies outside the leadership group: {en}",
                ),
                _place(facts, element),
                {"bodies": ", ".join(outside)},
            )


@rule(
    "L06",
    Severity.ERROR,
    requires=Text("每项重点工作有负责的牵头部门", "Every task has a lead bureau that answers for it"),
    remedy=_DECLARE,
    basis=_WORK_PLAN,
)
def tasks_are_led(facts: Facts) -> Iterator[Breach]:
    """Tasks that still run and whose element nobody leads."""
    for plan in facts.estate.programmes.values():
        if plan.status == "repealed":
            continue
        for task in facts.estate.tasks(plan.id):
            element = facts.estate.elements[task.element]
            lack = _lack(facts, element)
            if lack:
                yield Breach(
                    f"task/{plan.id}/{task.id}",
                    Text(
                        f"{task.id} {task.zh}: {element.zh}{lack.zh}",
                        f"{task.id} {task.en}: {element.en} {lack.en}",
                    ),
                    facts.estate.place("programme", plan.id),
                    {"element": element.id},
                )


def _place(facts: Facts, element: Element) -> Place | None:
    return facts.estate.place("element", element.id)


def _node(facts: Facts, body: str) -> str:
    return f"area/{body}" if body in facts.estate.areas else f"bureau/{body}"


RULES = (led, production_is_led, lead_exists, bodies_exist, cooperating_belong, tasks_are_led)
