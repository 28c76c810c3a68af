"""`yunjin demo`: the main job on the embedded default, in lines a newcomer can follow.

Calls the same spine as `plan` and `apply`, on a copy of the declared files and a state folder that are both thrown
away. Every figure it prints is computed in the run.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunjin.apply import Settings
from yunjin.errors import RefusalError, Text
from yunjin.estate import load
from yunjin.estate.rewrite import set_allotted
from yunjin.model.amounts import Amounts, total
from yunjin.model.change import Outcome, Severity
from yunjin.model.formats import amounts_text, date_text
from yunjin_cli.commands.spine import spine
from yunjin_cli.output import say
from yunjin_cli.session import Session, command, shipped_estate

if TYPE_CHECKING:
    import typer

    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate

DAY: Final = date(2026, 11, 22)
_PROGRAMME = "2016"
_NODE, _POOL = "leaf/k8s-egov/jtj-egov", "k8s-egov"


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(app, "demo", Text("在模拟底座上走一遍主流程", "walk the main job on the simulated substrate"))(
        demo
    )


def demo(session: Session) -> int:
    """Load Panjin, plan, apply, apply again, and refuse a change that exceeds a bureau's limit."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yunjin-demo-") as folder:
        tenants = Path(folder) / "tenants"
        shutil.copytree(shipped_estate(), tenants)
        walk = Walk(
            replace(session, tenants=tenants, state=Path(folder) / "state", as_of=DAY, kubeconfig=None)
        )
        walk.load()
        walk.provision()
        walk.repeat()
        walk.overreach()
        walk.close(time.monotonic() - began)
    return 0


class Walk:
    """The steps of the demo; each prints one numbered line."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._step = 0
        self._estate: Estate = load(session.tenants)
        self._written = 0

    def load(self) -> None:
        """What the action plan holds, and what the rules say of the declared files."""
        estate = self._estate
        programme = estate.programmes[_PROGRAMME]
        kinds = [element.kind for element in estate.elements.values()]
        bureaus = sum(bureau.origin == "seed" for bureau in estate.bureaus.values())
        tasks = len(estate.tasks(_PROGRAMME))
        self._say(
            f"读入 {programme.doc_no}: 建设任务 {len(kinds)} 项({kinds.count('centre')} 中心 {kinds.count('system')} 系统 "
            f"{kinds.count('platform')} 平台), 重点工作 {tasks} 项, 部门 {bureaus} 个, 县区(园区) {len(estate.areas)} 个; "
            f"业务日期 {date_text(DAY, 'zh')}",
            f"read {programme.doc_no}: {len(kinds)} elements ({kinds.count('centre')} centre, {kinds.count('system')} "
            f"systems, {kinds.count('platform')} platforms), {tasks} tasks, {bureaus} bureaus, {len(estate.areas)} "
            f"areas; business date {DAY}",
        )
        from yunjin.engine.spine import Spine
        from yunjin_policies import RULES

        findings = Spine.validate(estate, DAY, RULES)
        errors = sum(f.severity is Severity.ERROR for f in findings)
        warnings = sum(f.severity is Severity.WARNING for f in findings)
        leaderless = sum(element.lead is None for element in estate.elements.values())
        self._say(
            f"校验申报: 用云单位 {len(estate.tenants)} 家, 错误 {errors} 项, 警告 {warnings} 项"
            f"(其中 {leaderless} 个平台尚无牵头部门)",
            f"checked: {len(estate.tenants)} tenants, {errors} errors, {warnings} warnings "
            f"({leaderless} platforms have no lead bureau yet)",
        )

    def provision(self) -> None:
        """Plan and apply everything."""
        with spine(self._session, self._estate) as made:
            judged = made.plan()
            self._say(
                f"变更方案 {judged.hash[:12]}: {judged.plan.leaves} 个命名空间, {len(judged.plan.changes)} 项变更, 审查通过",
                f"plan {judged.hash[:12]}: {judged.plan.leaves} namespaces, {len(judged.plan.changes)} changes, approved",
            )
            receipts = _apply(made, judged)
            self._written = _writes(receipts)
            quotas = sum(r.settled and r.change.key.kind == "ResourceQuota" for r in receipts)
            self._say(
                f"下发执行: 写入 {self._written} 项, {quotas} 个配额均已生效",
                f"applied: {self._written} writes, all {quotas} quotas effective",
            )

    def repeat(self) -> None:
        """Apply the same once more."""
        with spine(self._session, self._estate) as made:
            judged = made.plan()
            writes = _writes(_apply(made, judged))
        self._say(f"再次下发: 写入 {writes} 项, 无一变动", f"applied again: {writes} writes")

    def overreach(self) -> None:
        """Lift a tenant above its bureau's limit and see it refused."""
        row = self._estate.baseline[f"{_NODE} {_POOL}"]
        before = row.allotted or Amounts()
        asked = before + Amounts({"cpu": 16_000})
        set_allotted(self._session.tenants, _NODE, _POOL, asked)
        estate = load(self._session.tenants)
        name = estate.tenants["jtj"].name(DAY)
        with spine(self._session, estate) as made:
            judged = made.plan()
            errors = judged.verdict.of(Severity.ERROR)
            try:
                _apply(made, judged)
            except RefusalError:
                outcome = Text("不予下发", "refused")
            else:
                outcome = Text("已下发", "applied")
        reason = "; ".join(dict.fromkeys(error.message.of(self._session.lang) for error in errors))
        self._say(
            f"超额申报: {name.zh}由 {before.of('cpu') // 1000} 核改为 {asked.of('cpu') // 1000} 核 → {outcome.zh}: {reason}",
            f"overreach: {name.en} from {before.of('cpu') // 1000} to {asked.of('cpu') // 1000} cores → {outcome.en}: {reason}",
        )

    def close(self, seconds: float) -> None:
        """Totals and what was real."""
        sums = total(row.allotted or Amounts() for row in self._estate.leaf_rows)
        kept = Amounts({d: sums.of(d) for d in ("cpu", "memory", "storage")})
        self._say(
            f"合计 {len(self._estate.leaf_rows)} 个命名空间 {amounts_text(kept, 'zh')}; 写入 {self._written} 项; "
            f"用时 {seconds:.1f} 秒; 模拟底座; 真实服务见 make test",
            f"in all {len(self._estate.leaf_rows)} namespaces, {amounts_text(kept, 'en')}; {self._written} writes; "
            f"{seconds:.1f} s; simulated substrate; for the real one see make test",
        )

    def _say(self, zh: str, en: str) -> None:
        self._step += 1
        say(self._session, Text(f"{self._step}. {zh}", f"{self._step}. {en}"))


def _apply(made: Spine, judged: Judged) -> tuple[Receipt, ...]:
    return made.apply(judged, Settings(), "demo", lambda _: None)


def _writes(receipts: tuple[Receipt, ...]) -> int:
    return sum(receipt.outcome is Outcome.DONE for receipt in receipts)
