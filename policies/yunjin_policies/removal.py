"""What a plan takes away or takes over, and what it could not see.

Run by `yunjin.policy` when a plan is judged; calls `yunjin.model`. Promises one finding a namespace or
project, not one an object, so that a long plan stays readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.change import Hold, Severity
from yunjin.model.resources import ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.policy import Breach, Facts, Scope, rule
from yunjin_policies.subjects import node_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from yunjin.model.change import Change, Extra, Held
    from yunjin.model.tenants import BaselineRow
    from yunjin.policy import LedgerFacts

_OURS: Final = "yunjin"  # the field manager whose fields are no one else's
_NAMED: Final = 3  # objects named in a sentence before it says how many more
_USE_LESS: Final = Text(
    "请该单位减少占用, 以后每次下发执行接着收回, 期限见 yunjin status",
    "have the tenant use less; each later apply goes on with it, and `yunjin status` shows until when",
)
_Leaf = tuple[str, str]


@rule(
    "R01",
    Severity.WARNING,
    requires=Text("删除对象的变更须明确同意", "A change that removes objects is agreed to on purpose"),
    remedy=Text("确认无误后加 --allow-destroy 下发执行", "if it is meant, apply with --allow-destroy"),
    scope=Scope.PLAN,
)
def removals(facts: Facts) -> Iterator[Breach]:
    """Leaves of which the plan removes objects."""
    for (endpoint, leaf), changes in _by_leaf(c for c in facts.changes if c.destructive).items():
        whole = any(change.object_class is ObjectClass.NAMESPACE for change in changes)
        count, listed, what = len(changes), _listed(changes), leaf or endpoint
        kind = facts.estate.leaf_word(endpoint)
        message = (
            Text(
                f"变更方案删除接入点 {endpoint} 的{kind.zh} {leaf}",
                f"the plan removes {kind.en} {leaf} of {endpoint}",
            )
            if whole
            else Text(
                f"变更方案删除 {what} 的 {count} 个对象: {listed}",
                f"the plan removes {count} of {what}: {listed}",
            )
        )
        yield Breach(
            _subject(endpoint, leaf),
            message,
            evidence={"objects": str(count), "tenant": changes[0].tenant, "whole": str(whole).lower()},
        )


@rule(
    "R02",
    Severity.ERROR,
    requires=Text("受保护的用云单位不得删除", "Nothing of a protected tenant is removed"),
    remedy=Text(
        "恢复该单位的文件; 确需删除的, 先经批准把 protected 改为 false 并下发执行, 再删除",
        "restore the tenant's file; if it is meant, get approval and apply `protected: false` first",
    ),
    scope=Scope.PLAN,
)
def protected_stay(facts: Facts) -> Iterator[Breach]:
    """Removals from a tenant whose file protects it, and those the plan holds because the objects say so."""
    for held in _held(facts):
        if held.hold is Hold.PROTECTED:
            yield _left(held)
    for (endpoint, leaf), changes in _by_leaf(c for c in facts.changes if c.destructive).items():
        tenant = facts.estate.tenants.get(changes[0].tenant)
        if tenant and tenant.protected:
            name, listed = node_text(facts, f"tenant/{tenant.id}"), _listed(changes)
            yield Breach(
                _subject(endpoint, leaf),
                Text(
                    f"{name.zh}受保护, 变更方案却要删除 {listed}",
                    f"{name.en} is protected, but the plan removes {listed}",
                ),
                facts.estate.place("tenant", tenant.id),
                {"tenant": tenant.id, "objects": str(len(changes))},
            )


@rule(
    "R03",
    Severity.ERROR,
    requires=Text(
        "先收回配额, 再删除命名空间或项目",
        "A namespace or project is removed after what was granted to it has ended",
    ),
    remedy=Text(
        "先终止该单位在此资源池的核定配额(yunjin grant end), 从 baseline.yaml 删除其各行, 再删除用云单位文件",
        "first end the tenant's grants in that pool (`yunjin grant end`) and remove its rows from "
        "baseline.yaml, then its file",
    ),
    scope=Scope.PLAN,
)
def grants_end_first(facts: Facts) -> Iterator[Breach]:
    """Removed namespaces that are still granted: by the ledger or, before it is opened, by the baseline."""
    if facts.ledger is not None:
        yield from _granted(facts, facts.ledger)
        return
    rows = {
        (facts.estate.pools[row.pool].endpoint, row.node.rpartition("/")[2]): row
        for row in facts.estate.leaf_rows
    }
    for change in facts.changes:
        if not change.destructive or change.object_class is not ObjectClass.NAMESPACE:
            continue
        row = rows.get((change.key.endpoint, change.leaf)) or _still_granted(facts, change)
        if row:
            kind = facts.estate.leaf_word(change.key.endpoint)
            yield Breach(
                _subject(change.key.endpoint, change.leaf),
                Text(
                    f"变更方案删除{kind.zh} {change.leaf}, 而 {row.node} 在资源池 {row.pool} 仍有核定配额",
                    f"the plan removes {kind.en} {change.leaf}, but {row.node} is still granted an amount "
                    f"in pool {row.pool}",
                ),
                facts.estate.place("baseline", row.key),
                {"node": row.node, "pool": row.pool},
            )


def _granted(facts: Facts, ledger: LedgerFacts) -> Iterator[Breach]:
    """Removed namespaces whose tenant holds grants in their pool."""
    pools = dict(key.split(" ") for key in ledger.now if key.startswith("leaf/"))
    for change in facts.changes:
        pool = pools.get(leaf_node(change.key.endpoint, change.leaf))
        numbers = ledger.grants.get(f"tenant/{change.tenant} {pool}")
        if numbers and change.destructive and change.object_class is ObjectClass.NAMESPACE:
            listed, kind = ", ".join(numbers), facts.estate.leaf_word(change.key.endpoint)
            yield Breach(
                _subject(change.key.endpoint, change.leaf),
                Text(
                    f"变更方案删除{kind.zh} {change.leaf}, 而用云单位 {change.tenant} 在资源池 {pool} "
                    f"仍有核定配额: {listed}",
                    f"the plan removes {kind.en} {change.leaf}, but tenant {change.tenant} still holds "
                    f"grants in pool {pool}: {listed}",
                ),
                evidence={"node": f"tenant/{change.tenant}", "pool": str(pool), "grants": listed},
            )


def _still_granted(facts: Facts, change: Change) -> BaselineRow | None:
    """The tenant's row of the pool that the removed leaf lay in, as its name tells."""
    for pool in facts.estate.pools.values():
        row = facts.estate.baseline.get(f"tenant/{change.tenant} {pool.id}")
        if row and pool.endpoint == change.key.endpoint and change.leaf == f"{change.tenant}-{pool.suffix}":
            return row
    return None


@rule(
    "R04",
    Severity.WARNING,
    requires=Text(
        "接入点都能观测到, 看不到的不作判断", "Every endpoint was seen; of one that was not, nothing is known"
    ),
    remedy=Text(
        "恢复连接后重新生成变更方案; 其余接入点可以先下发执行",
        "restore the connection and plan again; the other endpoints can be applied",
    ),
    scope=Scope.PLAN,
)
def unseen_endpoints(facts: Facts) -> Iterator[Breach]:
    """Endpoints that could not be read when the plan was made."""
    for endpoint, binding in sorted(facts.plan.bindings.items()) if facts.plan else ():
        if binding.observed_at is not None:
            continue
        failure = binding.failure
        why = Text(f": {failure.message.zh}", f": {failure.message.en}") if failure else Text("", "")
        yield Breach(
            f"endpoint/{endpoint}",
            Text(
                f"接入点 {endpoint} 未能观测, 情况未知{why.zh}",
                f"endpoint {endpoint} was not seen, what it holds is unknown{why.en}",
            ),
            facts.estate.place("endpoint", endpoint),
            {"code": failure.code if failure else ""},
            failure.remedy if failure else None,
        )


@rule(
    "R05",
    Severity.NOTICE,
    requires=Text(
        "接管他人维护的字段须知会对方", "Whoever else manages a field is told before it is taken over"
    ),
    remedy=Text(
        "与该管理者核实, 避免双方反复改写", "agree with that manager, or each will write over the other"
    ),
    scope=Scope.PLAN,
)
def taken_over(facts: Facts) -> Iterator[Breach]:
    """Fields that another manager owns, by endpoint and manager."""
    fields: dict[tuple[str, str], list[tuple[Change, str]]] = {}
    for change in facts.changes:
        for difference in change.differences:
            if difference.manager not in ("", _OURS) and not change.destructive:
                fields.setdefault((change.key.endpoint, difference.manager), []).append(
                    (change, difference.path)
                )
    for (endpoint, manager), taken in fields.items():
        listed, count = _listed(list({change.key: change for change, _ in taken}.values())), len(taken)
        yield Breach(
            f"endpoint/{endpoint} {manager}",
            Text(
                f"接入点 {endpoint} 上由 {manager} 维护的 {count} 个字段将被改写: {listed}",
                f"{manager} manages {count} fields on endpoint {endpoint} that change: {listed}",
            ),
            facts.estate.place("endpoint", endpoint),
            {"manager": manager, "fields": str(count), "first": taken[0][1]},
        )


@rule(
    "R06",
    Severity.ERROR,
    requires=Text("隔离待核的不作变更", "Nothing that is in quarantine is changed"),
    remedy=Text("先核清所缺事项, 再生成变更方案", "find out what is not known, and plan again"),
    scope=Scope.PLAN,
)
def quarantine_untouched(facts: Facts) -> Iterator[Breach]:
    """Changes to leaves in quarantine, by themselves or with their tenant."""
    for (endpoint, leaf), changes in _by_leaf(facts.changes).items():
        tenant = facts.estate.tenants.get(changes[0].tenant)
        node = leaf_node(endpoint, leaf)
        if tenant and tenant.frozen(node):
            name = node_text(facts, f"tenant/{tenant.id}" if tenant.quarantine else node)
            listed = _listed(changes)
            yield Breach(
                _subject(endpoint, leaf),
                Text(
                    f"{name.zh}隔离待核, 变更方案却要改动 {listed}",
                    f"{name.en} is in quarantine, but the plan changes {listed}",
                ),
                facts.estate.place("tenant", tenant.id),
                {"objects": str(len(changes))},
            )


@rule(
    "R07",
    Severity.WARNING,
    requires=Text("变更方案能处理全部差异", "The plan can settle every difference"),
    remedy=Text("按说明处理后重新生成变更方案", "settle what the reason says and plan again"),
    scope=Scope.PLAN,
)
def left_alone(facts: Facts) -> Iterator[Breach]:
    """Leaves that differ and that the plan does not touch; protected ones are R02."""
    for held in _held(facts):
        if held.hold is not Hold.PROTECTED:
            yield _left(held)


@rule(
    "R08",
    Severity.NOTICE,
    requires=Text(
        "命名空间和项目里的受管对象只由云锦维护",
        "Objects of the managed kinds in a namespace or project are Yunjin's alone",
    ),
    remedy=Text("与该管理者核实后由其删除", "agree with that manager, who then removes them"),
    scope=Scope.PLAN,
)
def others_objects(facts: Facts) -> Iterator[Breach]:
    """Other people's objects of the managed kinds, by leaf; the plan never touches them."""
    leaves: dict[_Leaf, list[Extra]] = {}
    for extra in facts.plan.extras if facts.plan else ():
        leaves.setdefault((extra.key.endpoint, extra.key.namespace), []).append(extra)
    for (endpoint, leaf), extras in leaves.items():
        count, listed, kind = len(extras), _listed(extras), facts.estate.leaf_word(endpoint)
        yield Breach(
            _subject(endpoint, leaf),
            Text(
                f"{kind.zh} {leaf} 有 {count} 个他人建立的受管对象, 不作改动: {listed}",
                f"{kind.en} {leaf} holds {count} managed objects of others, left alone: {listed}",
            ),
            evidence={"managers": ", ".join(sorted({extra.manager for extra in extras}))},
        )


def _held(facts: Facts) -> tuple[Held, ...]:
    return facts.plan.held if facts.plan else ()


def _left(held: Held) -> Breach:
    evidence = {"tenant": held.tenant, "hold": held.hold.value}
    remedy = _USE_LESS if held.hold is Hold.IN_USE else None
    return Breach(_subject(held.endpoint, held.leaf), held.reason, evidence=evidence, remedy=remedy)


def _by_leaf(changes: Iterable[Change]) -> dict[_Leaf, list[Change]]:
    leaves: dict[_Leaf, list[Change]] = {}
    for change in changes:
        leaves.setdefault((change.key.endpoint, change.leaf), []).append(change)
    return leaves


def _subject(endpoint: str, leaf: str) -> str:
    return f"leaf/{endpoint}/{leaf}" if leaf else f"endpoint/{endpoint}"


def _listed(objects: Sequence[Change | Extra]) -> str:
    names = [f"{item.key.kind} {item.key.name}" for item in objects[:_NAMED]]
    more = len(objects) - len(names)
    return ", ".join(names) + (f" +{more}" if more else "")


RULES = (
    removals,
    protected_stay,
    grants_end_first,
    unseen_endpoints,
    taken_over,
    quarantine_untouched,
    left_alone,
    others_objects,
)
