"""What may be applied: a plan with a verdict that lets it pass.

Called by `yunjin.engine` after the rules have run and a person has agreed. Promises that an `ApprovedPlan`
made by `approve` carries the very plan the rules judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.errors import RefusalError, Text
from yunjin.model.change import Severity
from yunjin.plan import plan_hash

if TYPE_CHECKING:
    from yunjin.model.change import Plan, Verdict
    from yunjin.model.resources import Key


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that may be applied.

    Attributes:
        hash: of the plan; every journal row of its runs leads back to it.
        actor: who asked for it.
        unsettled: what the ledger still waits to see though the plan leaves it as it is: quotas that stand as
            wanted, and leaves that are no longer declared.
    """

    plan: Plan
    hash: str
    actor: str
    unsettled: tuple[Key, ...] = ()


def approve(plan: Plan, verdict: Verdict, actor: str) -> ApprovedPlan:
    """Bind a plan to the verdict on it.

    Raises:
        RefusalError: the verdict is on another plan, or a finding is an error.
    """
    digest = plan_hash(plan)
    if verdict.plan != digest:
        raise RefusalError(
            Text("预审意见不属于该变更方案", "the verdict is not on this plan"),
            Text("请重新生成变更方案", "make the plan again"),
        )
    errors = verdict.of(Severity.ERROR)
    if errors:
        raise RefusalError(
            Text(
                f"变更方案有 {len(errors)} 处错误, 不予下发: {errors[0].message.zh}",
                f"the plan has {len(errors)} findings of severity error: {errors[0].message.en}",
            ),
            errors[0].remedy,
        )
    return ApprovedPlan(plan, digest, actor)
