"""Plans between `yunjin plan` and `yunjin apply`: in the state database, and as files.

Called by the command line. Calls `yunjin.plan` for the text of a plan and `yunjin.store` to keep it.
Promises that a plan made from other declared files is never applied, nor a file that says anything else than
the plan that was made, and that a plan file is read within a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.errors import RefusalError, Text, UsageError, reason_of
from yunjin.plan import from_json, plan_hash, to_json
from yunjin.store import StoredPlan

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.engine.spine import Judged
    from yunjin.model.change import Plan
    from yunjin.model.estate import Estate
    from yunjin.store import Store

MOST: Final = 1 << 30
"""Bytes of a plan file: as many as the store keeps."""
_PLAN_AGAIN: Final = Text("重新执行 yunjin plan", "run yunjin plan again")


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan that was kept for later."""

    plan: Plan
    where: Text

    def still_declared(self, estate: Estate) -> None:
        """Whether the declared files are those the plan was made from.

        Raises:
            RefusalError: they have changed since.
        """
        if self.plan.estate != estate.digest:
            raise RefusalError(
                Text(
                    f"申报文件在变更方案({self.where.zh})生成后已改动, 不予下发",
                    f"the declared files have changed since the plan ({self.where.en}) was made",
                ),
                _PLAN_AGAIN,
            )

    def made_here(self, store: Store) -> None:
        """Whether `yunjin plan` made it, and kept it in this state.

        Raises:
            UsageError: it did not: the file was edited, or belongs to another state, or its time is over.
        """
        if store.plans.get(plan_hash(self.plan)) is None:
            raise UsageError(
                Text(
                    f"方案文件 {self.where.zh} 与本状态库留存的方案都不相同: 内容被改动、在别处生成, "
                    "或已过留存期",
                    f"the plan file {self.where.en} is none of the plans kept in this state: it was edited, "
                    "made elsewhere, or too long ago",
                ),
                _PLAN_AGAIN,
            )


def remember(store: Store, judged: Judged, out: Path | None) -> None:
    """Keep a plan and its verdict as the newest, and write the plan to `out` where one is given.

    Raises:
        UsageError: the file cannot be written.
    """
    plan = judged.plan
    text = to_json(plan)
    access = {name: binding.access for name, binding in plan.bindings.items()}
    store.plans.save(StoredPlan(judged.hash, plan.as_of, plan.estate, access, text, judged.verdict_text()))
    if out is None:
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = reason_of(error)
        raise UsageError(
            Text(
                f"无法写入方案文件 {out}: {reason.zh}",
                f"cannot write the plan file {out}: {reason.en}",
            ),
            Text("检查 --out 的路径和权限", "check the path after --out and its permissions"),
        ) from error


def newest(store: Store) -> Kept:
    """The plan made last.

    Raises:
        UsageError: none was made here.
    """
    stored = store.plans.newest()
    if stored is None:
        raise UsageError(
            Text("没有可下发的变更方案", "there is no plan to apply"),
            Text("先执行 yunjin plan", "run yunjin plan first"),
        )
    return Kept(
        from_json(stored.body), Text(f"最近的方案 {stored.hash[:12]}", f"the newest, {stored.hash[:12]}")
    )


def read_plan(path: Path) -> Kept:
    """A plan from a file.

    Raises:
        UsageError: the file is missing, too long, or no plan.
    """
    remedy = Text("给出 yunjin plan --out 写出的文件", "give a file that yunjin plan --out wrote")
    try:
        if path.stat().st_size > MOST:
            raise UsageError(Text(f"方案文件 {path} 过大", f"the plan file {path} is too long"), remedy)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            Text(f"无法读取方案文件 {path}", f"cannot read the plan file {path}"), remedy
        ) from error
    return Kept(from_json(text), Text(str(path), str(path)))
