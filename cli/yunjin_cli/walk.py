"""The steps of `yunjin demo`, each of which prints one numbered line.

Called by `yunjin_cli.commands.demo`. Calls the same spine as `plan` and `apply`. Every figure it prints is
computed in the run.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Final

from yunjin.apply import Settings
from yunjin.engine.naming import named
from yunjin.errors import RefusalError, ShortageError, Text
from yunjin.estate import load
from yunjin.estate.rewrite import set_allotted
from yunjin.ledger import Ledger, books
from yunjin.model.amounts import Amounts, total
from yunjin.model.change import Outcome, Severity
from yunjin.model.formats import amounts_text, date_text
from yunjin.model.resources import ObjectClass
from yunjin.policy import Facts, run
from yunjin_cli.commands.spine import spine
from yunjin_cli.output import say
from yunjin_policies import RULES

if TYPE_CHECKING:
    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate
    from yunjin.model.tenancy import Leaf
    from yunjin_cli.session import Session

DAY: Final = date(2026, 11, 22)
_PROGRAMME = "2016"
_NODE, _POOL = "leaf/k8s-egov/jtj-egov", "k8s-egov"
_MORE: Final = Amounts({"cpu": 16_000})


class Walk:
    """The main job on one city, from its files to a refusal.

    Attributes:
        as_promised: whether every step so far ended as it should.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._step = 0
        self._estate: Estate = load(session.tenants)
        self._written = 0
        self.as_promised = True

    def load(self) -> None:
        """What the action plan holds, and what the rules say of the declared files."""
        estate = self._estate
        programme = estate.programmes[_PROGRAMME]
        kinds: list[str] = [element.kind for element in estate.elements.values()]
        centres, systems, platforms = map(kinds.count, ("centre", "system", "platform"))
        bureaus = sum(bureau.origin == "seed" for bureau in estate.bureaus.values())
        tasks = len(estate.tasks(_PROGRAMME))
        self._say(
            f"读入 {programme.doc_no}: 建设任务 {len(kinds)} 项"
            f"({centres} 中心 {systems} 系统 {platforms} 平台), 重点工作 {tasks} 项, "
            f"部门 {bureaus} 个, 县区(园区) {len(estate.areas)} 个; 业务日期 {date_text(DAY, 'zh')}",
            f"read {programme.doc_no}: {len(kinds)} elements ({centres} centre, {systems} systems, "
            f"{platforms} platforms), {tasks} tasks, {bureaus} bureaus, {len(estate.areas)} areas; "
            f"business date {date_text(DAY, 'en')}",
        )
        findings = run(RULES, Facts(estate, DAY))
        errors, warnings = (
            sum(f.severity is s for f in findings) for s in (Severity.ERROR, Severity.WARNING)
        )
        leaderless = sum(element.lead is None for element in estate.elements.values())
        self._say(
            f"校验申报: 用云单位 {len(estate.tenants)} 家, 错误 {errors} 项, 警告 {warnings} 项"
            f"(其中 {leaderless} 个平台尚无牵头部门)",
            f"checked: {len(estate.tenants)} tenants, {errors} errors, {warnings} warnings "
            f"({leaderless} platforms have no lead bureau yet)",
        )

    def overreach(self) -> None:
        """Declare more for a tenant than its bureau's limit and see it refused."""
        before = self._estate.baseline[f"{_NODE} {_POOL}"].allotted or Amounts()
        set_allotted(self._session.tenants, _NODE, _POOL, before + _MORE)
        estate = load(self._session.tenants)
        with spine(self._session, estate) as made:
            judged = made.plan()
            try:
                _apply(made, judged)
            except RefusalError:
                outcome = Text("不予下发", "refused")
            else:
                outcome = Text("已下发", "applied")
                self.as_promised = False
        set_allotted(self._session.tenants, _NODE, _POOL, before)
        self._estate = load(self._session.tenants)
        old, new = before.of("cpu") // 1000, (before + _MORE).of("cpu") // 1000
        reasons = [error.message for error in judged.verdict.of(Severity.ERROR)]
        name = self._name()
        zh = [f"超额申报: {name.zh}由 {old} 核改为 {new} 核 → {outcome.zh}", *(r.zh for r in reasons)]
        en = [f"overreach: {name.en}, {old} to {new} cores → {outcome.en}", *(r.en for r in reasons)]
        self._say("\n   ".join(zh), "\n   ".join(en))

    def provision(self) -> None:
        """Plan and apply everything; the baseline enters the ledger."""
        with spine(self._session, self._estate) as made:
            judged = made.plan()
            plan, leaves, changes = judged.hash[:12], judged.plan.leaves, len(judged.plan.changes)
            counted = self._leaves()
            self._say(
                f"变更方案 {plan}: {counted.zh}, {changes} 项变更, 审查通过",
                f"plan {plan}: {counted.en}, {changes} changes, approved",
            )
            receipts = _apply(made, judged)
            self._written = _writes(receipts)
            quotas = sum(r.settled and r.change.object_class is ObjectClass.QUOTA for r in receipts)
            self.as_promised &= all(r.settled for r in receipts) and quotas == leaves
            self._say(
                f"下发执行: 写入 {self._written} 项, {leaves} 个配额中 {quotas} 个已生效",
                f"applied: {self._written} writes, {quotas} of {leaves} quotas effective",
            )
            found = books.read(made.store.database, (books.NODES, books.GRANTS, books.RESERVATIONS))
            equal = sum(_enforced(made, leaf) == leaf.charged for leaf in made.leaves())
        nodes, grants = len(found.nodes), len(found.grants)
        self.as_promised &= equal == leaves and not found.reservations
        self._say(
            f"资源台账: 期初基线一次入账, 节点 {nodes} 个, 核定配额 {grants} 笔; "
            f"{counted.zh}, 其中 {equal} 个账实相符",
            f"ledger: the baseline entered once, {nodes} nodes, {grants} grants; "
            f"{counted.en}, {equal} of which hold what the ledger says",
        )

    def repeat(self) -> None:
        """Apply the same once more."""
        with spine(self._session, self._estate) as made:
            before = _entries(made)
            writes = _writes(_apply(made, made.plan()))
            entries = _entries(made) - before
        self.as_promised &= writes == entries == 0
        self._say(
            f"再次下发: 写入 {writes} 项, 台账新增 {entries} 笔",
            f"applied again: {writes} writes, {entries} new entries in the ledger",
        )

    def shortage(self) -> None:
        """Ask the ledger for more than a limit allows."""
        with spine(self._session, self._estate) as made:
            ledger = Ledger(made.store.database, made.store.now, "demo")
            before = next(leaf.allotted for leaf in made.leaves() if leaf.node == _NODE)
            try:
                ledger.allot(_NODE, before + _MORE)
            except ShortageError as error:
                outcome, reason = Text("不予分配", "refused"), named(error, self._estate, DAY).message
            else:
                outcome, reason = Text("已分配", "allotted"), Text("", "")
                self.as_promised = False
        old, new, name = before.of("cpu") // 1000, (before + _MORE).of("cpu") // 1000, self._name()
        self._say(
            f"申请增配: {name.zh}由 {old} 核增至 {new} 核 → {outcome.zh}\n   {reason.zh}",
            f"asked for more: {name.en}, {old} to {new} cores → {outcome.en}\n   {reason.en}",
        )

    def close(self, seconds: float) -> None:
        """Totals and what was real."""
        rows = self._estate.leaf_rows
        sums = total(row.allotted or Amounts() for row in rows)
        counted = self._leaves()
        kept = Amounts({d: sums.of(d) for d in ("cpu", "memory", "storage")})
        self._say(
            f"合计 {counted.zh}, {amounts_text(kept, 'zh')}; 写入 {self._written} 项; "
            f"用时 {seconds:.1f} 秒; 模拟底座; 真实服务见 make test",
            f"in all {counted.en}, {amounts_text(kept, 'en')}; {self._written} writes; "
            f"{seconds:.1f} s; simulated substrate; for the real one see make test",
        )

    def _leaves(self) -> Text:
        """How many namespaces and projects are declared."""
        found = Counter(row.node.split("/")[1] for row in self._estate.leaf_rows)
        kinds = Counter[Text]()
        for endpoint, count in found.items():
            kinds[self._estate.leaf_word(endpoint)] += count
        return Text(
            ", ".join(f"{count} 个{kind.zh}" for kind, count in kinds.items()),
            " and ".join(f"{count} {kind.en}s" for kind, count in kinds.items()),
        )

    def _name(self) -> Text:
        return self._estate.tenants["jtj"].name(DAY)

    def _say(self, zh: str, en: str) -> None:
        self._step += 1
        say(self._session, Text(f"{self._step}. {zh}", f"{self._step}. {en}"))


def _apply(made: Spine, judged: Judged) -> tuple[Receipt, ...]:
    return made.apply(judged, Settings(), "demo", lambda _: None)


def _writes(receipts: tuple[Receipt, ...]) -> int:
    return sum(receipt.outcome is Outcome.DONE for receipt in receipts)


def _enforced(made: Spine, leaf: Leaf) -> Amounts:
    """What the endpoint enforces for a leaf, as far as the ledger counts it."""
    translator = made.endpoints.translators[leaf.endpoint]
    quota = next(one.key for one in translator.wanted(leaf) if one.object_class is ObjectClass.QUOTA)
    live = made.endpoints.backend(leaf.endpoint).read([quota]).get(quota)
    enforced = translator.holding(live).enforced if live else Amounts()
    return Amounts({dimension: enforced.of(dimension) for dimension in leaf.charged})


def _entries(made: Spine) -> int:
    """Rows of the ledger's audit."""
    ((count,),) = made.store.database.rows("SELECT count(*) FROM audit")
    return int(count)
