"""Contacts: every tenant can be called, by post, about technique and about business.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that what is in quarantine is told of, not refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.change import Basis, Severity
from yunjin.policy import Breach, Facts, rule
from yunjin_policies.subjects import day_text, node_text, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from yunjin.errors import Place
    from yunjin.model.tenants import Tenant

_FILL_IN_PAPER: Final = Text(
    "查明批准文号, 填入用云单位文件中该项的 paper", "find the document and fill in `paper` of its entry"
)
_WORKING_GROUP: Final = Basis("盘政办发〔2015〕113号", "三(一)", verified=True)


@rule(
    "C01",
    Severity.ERROR,
    requires=Text(
        "用云单位至少有技术、业务联系人各一名, 且岗位不同",
        "A tenant has at least one technical and one business contact, on distinct posts",
    ),
    remedy=Text(
        "在用云单位文件的 contacts 中补齐两个不同岗位",
        "add both under `contacts` of the tenant's file, on two posts",
    ),
    basis=_WORKING_GROUP,
)
def both_contacts(facts: Facts) -> Iterator[Breach]:
    """One technical and one business post that differ."""
    for tenant in facts.estate.tenants.values():
        missing = None if tenant.quarantine else _missing(tenant)
        if missing:
            name = tenant_text(facts, tenant)
            yield Breach(
                f"tenant/{tenant.id}",
                Text(f"{name.zh}{missing.zh}", f"{name.en} {missing.en}"),
                tenant_place(facts, tenant),
                {"contacts": ", ".join(f"{contact.role}:{contact.post}" for contact in tenant.contacts)},
            )


def _missing(tenant: Tenant) -> Text | None:
    technical = {contact.post for contact in tenant.contacts if contact.role == "technical"}
    business = {contact.post for contact in tenant.contacts if contact.role == "business"}
    if not technical and not business:
        return Text("没有联系人", "has no contact")
    if not technical:
        return Text("缺技术联系人", "has no technical contact")
    if not business:
        return Text("缺业务联系人", "has no business contact")
    if len(technical | business) == 1:
        return Text("的技术、业务联系人是同一岗位", "has one post as both contacts")
    return None


@rule(
    "C02",
    Severity.NOTICE,
    requires=Text("隔离待核的尽快核清", "What is in quarantine is cleared up soon"),
    remedy=Text(
        "核清所属部门和联系人后删除 quarantine", "find out bureau and contacts, then remove `quarantine`"
    ),
)
def in_quarantine(facts: Facts) -> Iterator[Breach]:
    """Tenants in quarantine, and imported leaves without a paper: counted, not changed, not ranked."""
    for tenant in facts.estate.tenants.values():
        place = tenant_place(facts, tenant)
        if tenant.quarantine:
            reason = Text(tenant.quarantine.reason, tenant.quarantine.reason)
            yield _kept(facts, f"tenant/{tenant.id}", tenant.quarantine.since, reason, place)
        for part in tenant.imported:
            if part.paper is None:
                reason = Text("尚缺批准文号", "its paper is not known")
                yield replace(_kept(facts, part.leaf, part.since, reason, place), remedy=_FILL_IN_PAPER)


def _kept(facts: Facts, node: str, since: date, reason: Text, place: Place | None) -> Breach:
    name, day = node_text(facts, node), day_text(since)
    return Breach(
        node,
        Text(
            f"{name.zh}自 {day.zh} 起隔离待核, 计入用量, 不参与排名: {reason.zh}",
            f"{name.en} has been in quarantine since {day.en}, counted but not ranked: {reason.en}",
        ),
        place,
        {"since": since.isoformat()},
    )


RULES = (both_contacts, in_quarantine)
