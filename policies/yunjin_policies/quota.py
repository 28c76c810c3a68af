"""Quota: guarantees, limits, what is allotted and what the pools can supply.

Run by `yunjin.policy`; calls the accounts of the quota tree. Promises that a finding names who holds the
limit, the limit, what is asked and by how much it is too much, a finding for each dimension; and where files
and ledger disagree, the figures of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin.model.amounts import MEMORY, STORAGE, Amounts
from yunjin.model.change import Severity
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text, dimension_text
from yunjin.model.words import word
from yunjin.policy import Breach, Facts, Figures, Scope, rule
from yunjin_policies.accounts import Account, accounts
from yunjin_policies.subjects import node_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.errors import Place

_TENANT = "tenant/"
_LOWER = Text(
    "调低申请的数额, 或先提高上一级的配额上限, 再重新检查",
    "ask for less, or raise the limit above it first, and check again",
)


@rule(
    "Q01",
    Severity.ERROR,
    requires=Text("保底额度不高于本单位的配额上限", "A guarantee is within the limit of the same node"),
    remedy=Text("调低保底额度, 或提高配额上限", "lower the guarantee or raise the limit"),
)
def guarantee_within_limit(facts: Facts) -> Iterator[Breach]:
    """A node's own g against its own l."""
    for account in _accounts(facts).values():
        said = Text("保底额度", "is guaranteed")
        yield from _over(facts, account, account.guarantee, said, _row(facts, account))


@rule(
    "Q02",
    Severity.ERROR,
    requires=Text(
        "下级保底额度之和(嵌套的只计一次)不高于上级的配额上限",
        "The children's guarantees, nested ones counted once, are together within the parent's limit",
    ),
    remedy=Text(
        "调低下级的保底额度, 或提高上级的配额上限", "lower the guarantees below or raise the limit above"
    ),
)
def nested_within_limit(facts: Facts) -> Iterator[Breach]:
    """Sum of G of the children against l; the city's is Q06."""
    for account in _accounts(facts).values():
        if account.node != CITY:
            said = Text("下级保底额度合计", "guarantees below it add up to")
            yield from _over(facts, account, account.nested, said, _row(facts, account))


@rule(
    "Q03",
    Severity.ERROR,
    requires=Text(
        "每个下级的配额上限不高于上级的配额上限", "Each child's limit is within its parent's limit"
    ),
    remedy=_LOWER,
)
def limit_within_parent(facts: Facts) -> Iterator[Breach]:
    """Limit of each child against its parent's; the city's is what the pool may promise."""
    found = _accounts(facts)
    for account in found.values():
        if account.parent is None:
            continue
        name = node_text(facts, account.node)
        said = Text(f"{name.zh}申请", f"{name.en} asks for")
        yield from _over(
            facts, found[(account.parent, account.pool)], account.limit, said, _row(facts, account)
        )


@rule(
    "Q04",
    Severity.ERROR,
    requires=Text(
        "用云单位在一个资源池的分配额度之和不高于其配额上限",
        "What a tenant's namespaces and projects in a pool are allotted is together within its limit there",
    ),
    remedy=_LOWER,
)
def allotted_within_tenant(facts: Facts) -> Iterator[Breach]:
    """Sum of the leaves' a against the tenant's l."""
    for account in _accounts(facts).values():
        if account.node.startswith(_TENANT):
            yield from _over(facts, account, account.allotted, _asked(facts, account), _asker(facts, account))


@rule(
    "Q05",
    Severity.ERROR,
    requires=Text(
        "计入一个单位的数额(保底额度与分配额度取大)之和不高于其配额上限, 逐级向上",
        "What a body is charged, the greater of guarantee and allotment of each child, is within its limit, "
        "level by level",
    ),
    remedy=_LOWER,
)
def charged_within_ancestors(facts: Facts) -> Iterator[Breach]:
    """Sum of c of the children against l of bureaus and areas; the city's is Q07."""
    for account in _accounts(facts).values():
        if account.node != CITY and not account.node.startswith(_TENANT):
            yield from _over(facts, account, account.allotted, _asked(facts, account), _asker(facts, account))


@rule(
    "Q06",
    Severity.ERROR,
    requires=Text(
        "全市保底额度之和不高于资源池扣除预留后的供给, 不计超配",
        "All guarantees are together within a pool's supply less its reserve, overcommit not counted",
    ),
    remedy=Text("调低保底额度, 或增加资源池供给", "lower guarantees or add supply to the pool"),
)
def guarantees_within_supply(facts: Facts) -> Iterator[Breach]:
    """G of the city against supply - reserve."""
    found = _accounts(facts)
    for pool in facts.estate.pools.values():
        firm = Amounts({d: max(0, value - pool.reserve.of(d)) for d, value in pool.supply.items()})
        promised = found[(CITY, pool.id)].promised if found else Amounts()
        for dimension in promised.excess_over(firm):
            excess = _Excess(CITY, pool.id, dimension, firm.of(dimension), promised[dimension])
            yield excess.breach(
                Text(
                    f"资源池 {pool.id} 扣除预留后的{_kind(dimension).zh}供给为",
                    f"pool {pool.id} holds, reserve apart,",
                ),
                Text("全市保底额度合计", "all guarantees add up to"),
                facts.estate.place("pool", pool.id),
            )


@rule(
    "Q07",
    Severity.ERROR,
    requires=Text(
        "一个资源池承诺的数额之和不高于 (供给 - 预留) x 超配比例",
        "What is promised of a pool is together within (supply - reserve) x overcommit, rounded down",
    ),
    remedy=Text("调低申请的数额, 或增加资源池供给", "ask for less or add supply to the pool"),
)
def charged_within_supply(facts: Facts) -> Iterator[Breach]:
    """The city's charge against the pool's bound."""
    for account in _accounts(facts).values():
        if account.node == CITY:
            said = Text("各单位合计申请", "all bodies together ask for")
            yield from _over(facts, account, account.allotted, said, facts.estate.place("pool", account.pool))


@rule(
    "Q08",
    Severity.ERROR,
    requires=Text(
        "全市的上限由资源池供给推算, 不登记", "The city's limit follows from supply and is never declared"
    ),
    remedy=Text(
        "删除 baseline.yaml 中 node: city 的行", "remove the rows with `node: city` from baseline.yaml"
    ),
)
def city_is_computed(facts: Facts) -> Iterator[Breach]:
    """Rows of the city in the baseline."""
    for row in facts.estate.baseline.values():
        if row.node == CITY:
            yield Breach(
                row.key,
                Text(
                    f"资源池 {row.pool} 登记了全市的上限, 该数额只能推算",
                    f"a limit of the whole city is declared in pool {row.pool}; it can only be computed",
                ),
                facts.estate.place("baseline", row.key),
            )


@rule(
    "Q09",
    Severity.WARNING,
    requires=Text(
        "基线入账后不再改动, 额度只由核定和分配改变",
        "The baseline is not edited once it has entered the ledger: grants and allotments change quota",
    ),
    remedy=Text(
        "改回 baseline.yaml; 确需调整额度的, 用 yunjin grant add 核定、yunjin allot 分配",
        "put baseline.yaml back; to change a quota, use `yunjin grant add` and `yunjin allot`",
    ),
    scope=Scope.LEDGER,
)
def baseline_is_history(facts: Facts) -> Iterator[Breach]:
    """Rows that say neither what entered the ledger nor what it holds."""
    yield from (breach for edited, breach in _disagreements(facts) if edited)


@rule(
    "Q10",
    Severity.NOTICE,
    requires=Text(
        "基线与资源台账一致, 不一致的以台账为准",
        "The baseline agrees with the ledger; where it does not, the ledger counts",
    ),
    remedy=Text(
        "基线是入账时的数额, 此后已另行核定, 无需处理; 也可把 baseline.yaml 改成台账的数额",
        "the baseline says what entered the ledger, and grants have changed it since: nothing need be done, "
        "or write the ledger's figures into baseline.yaml",
    ),
    scope=Scope.LEDGER,
)
def baseline_is_overtaken(facts: Facts) -> Iterator[Breach]:
    """Rows as they entered the ledger, which holds something else by now."""
    yield from (breach for edited, breach in _disagreements(facts) if not edited)


@rule(
    "Q11",
    Severity.WARNING,
    requires=Text(
        "核定配额都已终止, 才删除用云单位的文件", "A tenant's file goes only after its grants have ended"
    ),
    remedy=Text(
        "用 yunjin grant end 终止这些核定配额, 或恢复该单位的文件",
        "end the grants with `yunjin grant end`, or restore the tenant's file",
    ),
    scope=Scope.LEDGER,
)
def granted_tenants_are_declared(facts: Facts) -> Iterator[Breach]:
    """Tenants that no file declares, and that hold grants."""
    for key, numbers in sorted(facts.ledger.grants.items()) if facts.ledger else ():
        node, _, pool = key.partition(" ")
        if node.startswith(_TENANT) and node.removeprefix(_TENANT) not in facts.estate.tenants:
            listed = ", ".join(numbers)
            yield Breach(
                key,
                Text(
                    f"{node} 已无申报文件, 在资源池 {pool} 仍有核定配额: {listed}",
                    f"no file declares {node}, which still holds grants in pool {pool}: {listed}",
                ),
                evidence={"node": node, "pool": pool, "grants": listed},
            )


def _disagreements(facts: Facts) -> Iterator[tuple[bool, Breach]]:
    """Rows of the baseline that say something else than the ledger; whether they were edited after all."""
    if facts.ledger is None:
        return
    for row in facts.estate.baseline.values():
        stated = Figures(row.allotted or row.limit or Amounts(), row.guarantee or Amounts())
        held = facts.ledger.now.get(row.key, Figures())
        differences = _differences("allotted" if row.is_leaf else "limit", stated.amount, held.amount)
        differences += _differences("guarantee", stated.guarantee, held.guarantee)
        if differences:
            name = node_text(facts, row.node)
            listed = Text(", ".join(d.zh for d in differences), ", ".join(d.en for d in differences))
            yield (
                facts.ledger.imported.get(row.key) != stated,
                Breach(
                    row.key,
                    Text(
                        f"{name.zh}在资源池 {row.pool}: {listed.zh}",
                        f"{name.en} in pool {row.pool}: {listed.en}",
                    ),
                    facts.estate.place("baseline", row.key),
                    {"node": row.node, "pool": row.pool},
                ),
            )


def _differences(what: str, stated: Amounts, held: Amounts) -> list[Text]:
    term = word(what)
    found = []
    for dimension in sorted({*stated, *held}):
        ours, theirs = stated.of(dimension), held.of(dimension)
        if ours != theirs:
            kind = _kind(dimension)
            zh, en = amount_text(dimension, ours, "zh"), amount_text(dimension, ours, "en")
            zh_held, en_held = amount_text(dimension, theirs, "zh"), amount_text(dimension, theirs, "en")
            of_kind = f" of {kind.en}" if kind.en else ""
            found.append(
                Text(
                    f"基线的{kind.zh}{term.zh} {zh}, 资源台账 {zh_held}",
                    f"{term.en}{of_kind} {en} by the baseline, {en_held} by the ledger",
                )
            )
    return found


def _accounts(facts: Facts) -> Mapping[tuple[str, str], Account]:
    """The baseline summed up. Once it has entered the ledger, the ledger itself keeps these bounds."""
    return {} if facts.ledger else facts.derived(accounts)


def _row(facts: Facts, account: Account) -> Place | None:
    return facts.estate.place("baseline", f"{account.node} {account.pool}")


def _asked(facts: Facts, account: Account) -> Text:
    if len(account.shares) == 1:
        name = node_text(facts, account.shares[0][0])
        return Text(f"{name.zh}申请", f"{name.en} asks for")
    count = len(account.shares)
    return Text(f"下级 {count} 项合计申请", f"{count} below it together ask for")


def _asker(facts: Facts, account: Account) -> Place | None:
    if len(account.shares) == 1:
        return facts.estate.place("baseline", f"{account.shares[0][0]} {account.pool}") or _row(
            facts, account
        )
    return _row(facts, account)


def _kind(dimension: str) -> Text:
    named = dimension.partition("/")[0] in (MEMORY, STORAGE)
    return dimension_text(dimension) if named else Text("", "")


@dataclass(frozen=True, slots=True)
class _Excess:
    """More of one dimension than the limit of a node in a pool, in base units."""

    node: str
    pool: str
    dimension: str
    limit: int
    asked: int

    def amount(self, value: int) -> Text:
        return Text(amount_text(self.dimension, value, "zh"), amount_text(self.dimension, value, "en"))

    def breach(self, holder: Text, said: Text, place: Place | None) -> Breach:
        """`holder` says whose limit it is, `said` who asks for more."""
        most, wanted, over = (self.amount(v) for v in (self.limit, self.asked, self.asked - self.limit))
        return Breach(
            subject=f"{self.node} {self.pool} {self.dimension}",
            message=Text(
                f"{holder.zh} {most.zh}, {said.zh} {wanted.zh}, 超出 {over.zh}",
                f"{holder.en} {most.en}; {said.en} {wanted.en}, {over.en} too much",
            ),
            place=place,
            evidence={
                "node": self.node,
                "pool": self.pool,
                "dimension": self.dimension,
                "limit": str(self.limit),
                "asked": str(self.asked),
                "excess": str(self.asked - self.limit),
            },
        )


def _over(facts: Facts, bound: Account, asked: Amounts, said: Text, place: Place | None) -> Iterator[Breach]:
    """Each dimension in which `asked` exceeds the limit of `bound`."""
    for dimension in asked.excess_over(bound.limit):
        excess = _Excess(bound.node, bound.pool, dimension, bound.limit.of(dimension), asked[dimension])
        yield excess.breach(_holder(facts, bound, _kind(dimension)), said, place)


def _holder(facts: Facts, bound: Account, kind: Text) -> Text:
    if bound.node == CITY:
        of_kind = f" {kind.en} of" if kind.en else ""
        return Text(f"资源池 {bound.pool} 可承诺{kind.zh}", f"pool {bound.pool} can promise{of_kind}")
    name = node_text(facts, bound.node)
    unrecorded = Text("", "") if bound.recorded else Text("(未登记, 按 0 计)", " (not recorded, so 0)")
    return Text(
        f"{name.zh}在资源池 {bound.pool} 的{kind.zh}配额上限{unrecorded.zh}为",
        f"the {f'{kind.en} ' if kind.en else ''}limit of {name.en} in pool {bound.pool}{unrecorded.en} is",
    )


RULES = (
    guarantee_within_limit,
    nested_within_limit,
    limit_within_parent,
    allotted_within_tenant,
    charged_within_ancestors,
    guarantees_within_supply,
    charged_within_supply,
    city_is_computed,
    baseline_is_history,
    baseline_is_overtaken,
    granted_tenants_are_declared,
)
