"""Dates: what is late, what has ended and is still used, and what cannot have happened yet.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that only the business date decides, never a clock.
That periods run forwards and names follow each other is what `yunjin.estate` refuses to load otherwise.
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
    from yunjin.model.declared import Basis as DeclaredBasis
    from yunjin.model.tenants import Tenant

_WORK_PLAN: Final = Basis("盘政办发〔2015〕113号", "三(二)", verified=True)


@rule(
    "V01",
    Severity.WARNING,
    requires=Text("重点工作按期完成", "Tasks are done by their day"),
    remedy=Text(
        "报告进展并调整期限, 或由领导小组督办",
        "report progress and set a new day, or let the leadership group see to it",
    ),
    basis=_WORK_PLAN,
)
def on_time(facts: Facts) -> Iterator[Breach]:
    """Tasks past their day, of programmes in force and of the one that demonstrates."""
    for plan in facts.estate.programmes.values():
        if plan.status != "in-force" and not plan.demo:
            continue
        for task in facts.estate.tasks(plan.id):
            late = (facts.as_of - task.due).days
            if late > 0:
                element = facts.estate.elements[task.element]
                lead = node_text(facts, f"bureau/{element.lead}") if element.lead else Text("无", "nobody")
                day, mark = day_text(task.due), Text("(演示)", " (demo)") if plan.demo else Text("", "")
                yield Breach(
                    f"task/{plan.id}/{task.id}",
                    Text(
                        f"{task.id} {task.zh}{mark.zh}应于 {day.zh} 完成, 逾期 {late} 天, 牵头: {lead.zh}",
                        f"{task.id} {task.en}{mark.en} was due on {day.en}, {late} days ago; lead: {lead.en}",
                    ),
                    facts.estate.place("programme", plan.id),
                    {"due": task.due.isoformat(), "late_days": str(late), "lead": element.lead or ""},
                )


@rule(
    "V02",
    Severity.WARNING,
    requires=Text("所引依据在业务日期有效", "What a figure rests on is in force on the business date"),
    remedy=Text(
        "查找现行文件, 更新 basis 及其有效期",
        "find the document in force and update `basis` and its validity",
    ),
)
def bases_hold(facts: Facts) -> Iterator[Breach]:
    """Bases of zones, pools, areas, policy values, the prices of the day, and papers of imported leaves."""
    for subject, name, basis, place in _bases(facts):
        if not basis.holds(facts.as_of):
            day, doc = day_text(facts.as_of), f"{basis.doc} {basis.clause}".strip()
            yield Breach(
                subject,
                Text(
                    f"{name.zh}的依据 {doc} 在 {day.zh} 无效",
                    f"{doc}, on which {name.en} rests, is not in force on {day.en}",
                ),
                place,
                {"doc": basis.doc, "from": str(basis.valid_from or ""), "until": str(basis.valid_to or "")},
            )


def _bases(facts: Facts) -> Iterator[tuple[str, Text, DeclaredBasis, Place | None]]:
    estate = facts.estate
    for zone in estate.zones.values():
        if zone.basis:
            yield f"zone/{zone.id}", zone.text, zone.basis, estate.place("zone", zone.id)
    for pool in estate.pools.values():
        if pool.basis:
            yield f"pool/{pool.id}", pool.text, pool.basis, estate.place("pool", pool.id)
    for area in estate.areas.values():
        if area.basis:
            yield f"area/{area.id}", area.name(facts.as_of), area.basis, estate.place("area", area.id)
    for value in estate.policies.values():
        yield f"policy/{value.id}", value.text, value.basis, estate.place("policy", value.id)
    for price in estate.prices.values():
        if price.valid_from <= facts.as_of and (price.valid_to is None or facts.as_of < price.valid_to):
            yield f"price/{price.id}", price.text, price.basis, estate.place("price", price.id)
    yield from _papers(facts)


def _papers(facts: Facts) -> Iterator[tuple[str, Text, DeclaredBasis, Place | None]]:
    for tenant in facts.estate.tenants.values():
        for part in tenant.imported:
            if part.paper:
                yield part.leaf, node_text(facts, part.leaf), part.paper, tenant_place(facts, tenant)


@rule(
    "V03",
    Severity.WARNING,
    requires=Text(
        "用云单位不挂在已撤并的部门之下", "No tenant hangs below a body that another one carries on for"
    ),
    remedy=Text("把 owner 改为承接部门", "make the successor its `owner`"),
)
def owner_carried_on(facts: Facts) -> Iterator[Breach]:
    """Owners that do not exist on the business date and have a successor that does."""
    for tenant, body in _owned_by_absent(facts):
        heir = carried_on_by(facts, body)
        if heir:
            yield _absent(facts, tenant, body, heir)


@rule(
    "V04",
    Severity.ERROR,
    requires=Text(
        "用云单位所属的部门、县区(园区)在业务日期存在",
        "The body a tenant hangs below exists on the business date",
    ),
    remedy=Text(
        "明确承接部门, 或先收回配额再删除用云单位",
        "name who carries on, or end its grants and remove the tenant",
    ),
)
def owner_exists(facts: Facts) -> Iterator[Breach]:
    """Owners that do not exist on the business date, without a successor."""
    for tenant, body in _owned_by_absent(facts):
        if not carried_on_by(facts, body):
            yield _absent(facts, tenant, body, None)


def _owned_by_absent(facts: Facts) -> Iterator[tuple[Tenant, str]]:
    for tenant in facts.estate.tenants.values():
        body = (tenant.owner or "").partition("/")[2]
        if body and not in_being(facts, body):
            yield tenant, body


def _absent(facts: Facts, tenant: Tenant, body: str, heir: str | None) -> Breach:
    name, owner = tenant_text(facts, tenant), node_text(facts, tenant.owner or "")
    day = day_text(facts.as_of)
    heir_name = facts.estate.body_name(heir, facts.as_of) if heir else Text("无", "nobody")
    return Breach(
        f"tenant/{tenant.id}",
        Text(
            f"{name.zh}所属的{owner.zh}({body})在 {day.zh} 不存在, 承接部门: {heir_name.zh}",
            f"{owner.en} ({body}), above {name.en}, does not exist on {day.en}; successor: {heir_name.en}",
        ),
        tenant_place(facts, tenant),
        {"owner": body, "successor": heir or ""},
    )


@rule(
    "V05",
    Severity.NOTICE,
    requires=Text("规划中的接入点不观测、不下发", "A planned endpoint is neither observed nor written to"),
    remedy=Text("底座建成后把 state 改为 live", "set `state: live` once its substrate stands"),
)
def planned_endpoints(facts: Facts) -> Iterator[Breach]:
    """Planned endpoints whose pools already carry leaves."""
    leaves: dict[str, int] = {}
    for row in facts.estate.leaf_rows:
        endpoint = facts.estate.pools[row.pool].endpoint
        leaves[endpoint] = leaves.get(endpoint, 0) + 1
    for endpoint_id, count in leaves.items():
        item = facts.estate.endpoints[endpoint_id]
        if item.state == "planned":
            yield Breach(
                f"endpoint/{item.id}",
                Text(
                    f"接入点 {item.id}({item.zh})尚在规划, 其上 {count} 个命名空间/项目不下发",
                    f"endpoint {item.id} is planned: nothing is written for its {count} leaves",
                ),
                facts.estate.place("endpoint", item.id),
                {"leaves": str(count)},
            )


@rule(
    "V06",
    Severity.NOTICE,
    requires=Text("已废止的行动计划只作框架", "A repealed action plan serves as framework only"),
    remedy=Text(
        "有现行文件时, 登记为新的行动计划并用 follows 指明承接关系",
        "declare the document in force as a programme that `follows` it",
    ),
)
def repealed_plans(facts: Facts) -> Iterator[Breach]:
    """Programmes that are repealed."""
    for plan in facts.estate.programmes.values():
        if plan.status == "repealed":
            yield Breach(
                f"programme/{plan.id}",
                Text(
                    f"{plan.doc_no}《{plan.zh}》已废止, 其任务只作框架, 不计逾期",
                    f"{plan.doc_no} is repealed: its tasks are the framework and never late",
                ),
                facts.estate.place("programme", plan.id),
                {"doc": plan.doc_no},
            )


@rule(
    "V07",
    Severity.ERROR,
    requires=Text(
        "行动计划先成文、后发布, 任务期限不早于发布",
        "A programme is signed, then published, and no task is due before that",
    ),
    remedy=Text("对照原文改正日期", "mend the dates by the document"),
)
def programmes_run_forwards(facts: Facts) -> Iterator[Breach]:
    """Days of each programme and of its tasks."""
    for plan in facts.estate.programmes.values():
        place = facts.estate.place("programme", plan.id)
        begun = plan.published or plan.signed
        if plan.signed and plan.published and plan.published < plan.signed:
            yield Breach(
                f"programme/{plan.id}",
                Text(
                    f"{plan.doc_no} 的发布日期早于成文日期",
                    f"{plan.doc_no} was published before it was signed",
                ),
                place,
                {"signed": plan.signed.isoformat(), "published": plan.published.isoformat()},
            )
        for task in facts.estate.tasks(plan.id) if begun else ():
            if begun and task.due < begun:
                day, start = day_text(task.due), day_text(begun)
                yield Breach(
                    f"task/{plan.id}/{task.id}",
                    Text(
                        f"{task.id} 的期限 {day.zh} 早于 {plan.doc_no} 的日期 {start.zh}",
                        f"{task.id} is due on {day.en}, before {plan.doc_no} of {start.en}",
                    ),
                    place,
                    {"due": task.due.isoformat()},
                )


@rule(
    "V08",
    Severity.WARNING,
    requires=Text(
        "登记的既成事实不晚于业务日期", "What is recorded as done is not dated after the business date"
    ),
    remedy=Text("核对 since 的日期", "check the date after `since`"),
)
def since_is_past(facts: Facts) -> Iterator[Breach]:
    """Quarantine, import and missing objects dated in the future."""
    for tenant in facts.estate.tenants.values():
        days = [tenant.quarantine.since] if tenant.quarantine else []
        for part in tenant.imported:
            days += [part.since, *(lack.since for lack in part.without)]
        for since in sorted({day for day in days if day > facts.as_of}):
            name, day = tenant_text(facts, tenant), day_text(since)
            yield Breach(
                f"tenant/{tenant.id} {since}",
                Text(
                    f"{name.zh}登记的日期 {day.zh} 晚于业务日期",
                    f"{name.en} records {day.en}, after the business date",
                ),
                tenant_place(facts, tenant),
                {"since": since.isoformat()},
            )


RULES = (
    on_time,
    bases_hold,
    owner_carried_on,
    owner_exists,
    planned_endpoints,
    repealed_plans,
    programmes_run_forwards,
    since_is_past,
)
