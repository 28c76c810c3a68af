"""What a rule is and what it may read.

Used by every family in `yunjin_policies`; calls `yunjin.model` alone. Promises that a rule is pure: it sees
`Facts`, which never change, and no clock, network or state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from yunjin.model.amounts import Amounts
from yunjin.model.change import Basis, Finding, Severity

if TYPE_CHECKING:
    from datetime import date

    from yunjin.errors import Place, Text
    from yunjin.model.change import Change, Plan
    from yunjin.model.estate import Estate

T = TypeVar("T")
CITY_OWN = Basis()  # 本市自定: no document stands behind it


class Scope(StrEnum):
    """What a rule reads, and so when it runs."""

    ESTATE = "estate"  # at validation of the declared files, and again when a plan is judged
    ENDPOINTS = "endpoints"  # the same, and silent of endpoints that nobody looked at
    LEDGER = "ledger"  # where there is a ledger: when a plan is judged, or the files beside an exported one
    PLAN = "plan"  # when a plan is judged


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a node in a pool.

    Attributes:
        amount: of a leaf what it is allotted, of any other node its limit.
        guarantee: of a leaf nothing.
    """

    amount: Amounts = field(default_factory=Amounts)
    guarantee: Amounts = field(default_factory=Amounts)


@dataclass(frozen=True, slots=True)
class Lack:
    """What a row of the baseline asks beyond the ledger, and does not fit.

    Attributes:
        row: key of the row.
        node: whose limit is in the way, in `pool`; None over all pools.
        asked: what that limit would have to carry.
        missing: by how much that is too much.
    """

    row: str
    node: str
    pool: str | None
    dimension: str
    limit: int
    asked: int
    missing: int


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What rules may know of the quota ledger. Everything is by node and pool: `tenant/jtj k8s-egov`.

    Attributes:
        now: figures that hold.
        imported: figures as the baseline stated them when they entered the ledger.
        grants: numbers of the grants in force.
        lacks: what edited rows ask in vain; empty where nobody looked, as beside the ledger itself, which
            refuses by itself.
    """

    now: Mapping[str, Figures]
    imported: Mapping[str, Figures]
    grants: Mapping[str, tuple[str, ...]]
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may know.

    Attributes:
        as_of: the business date.
        plan: None while only the declared files are validated.
        pool_bindings: by endpoint, whether one of the two mechanisms binds namespaces to the nodes of their
            pool; None where that could not be seen. An endpoint nobody looked at is missing.
        ledger: None while only the declared files are validated, and before they have entered the ledger.
    """

    estate: Estate
    as_of: date
    plan: Plan | None = None
    pool_bindings: Mapping[str, bool | None] = field(default_factory=dict)
    ledger: LedgerFacts | None = None
    _derived: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def derived(self, compute: Callable[[Estate], T]) -> T:
        """What a pure function makes of the estate; computed once, however many rules ask."""
        if compute not in self._derived:
            self._derived[compute] = compute(self.estate)
        found: T = self._derived[compute]
        return found

    @property
    def changes(self) -> tuple[Change, ...]:
        """Changes of the plan; none without one."""
        return self.plan.changes if self.plan else ()


@dataclass(frozen=True, slots=True)
class Breach:
    """One object that does not keep a rule.

    Attributes:
        subject: id of the object: a quota node, an item, an endpoint, a key.
        evidence: figures and ids in base units, for machines.
        remedy: where more can be said than the rule's own remedy.
    """

    subject: str
    message: Text
    place: Place | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    remedy: Text | None = None


Check: TypeAlias = Callable[[Facts], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with everything its table shows.

    Attributes:
        id: letter of the family and a number: `Q01`. Never given twice.
        requires: what must hold, as one sentence.
        remedy: what to do where it does not.
        basis: document and clause; an empty one is 本市自定.
        breaches: pure function of the facts; yields what does not keep the rule.
    """

    id: str
    severity: Severity
    requires: Text
    remedy: Text
    basis: Basis
    scope: Scope
    breaches: Check

    def check(self, facts: Facts) -> Iterator[Finding]:
        """What the rule says of these facts. Raises whatever its function raises."""
        for breach in self.breaches(facts):
            yield Finding(
                rule=self.id,
                severity=self.severity,
                subject=breach.subject,
                message=breach.message,
                remedy=breach.remedy or self.remedy,
                basis=self.basis,
                place=breach.place,
                evidence=breach.evidence,
            )


def rule(
    number: str,
    severity: Severity,
    *,
    requires: Text,
    remedy: Text,
    basis: Basis = CITY_OWN,
    scope: Scope = Scope.ESTATE,
) -> Callable[[Check], Rule]:
    """Declare the decorated function as a rule; what it yields becomes findings of the rule's severity."""

    def declare(breaches: Check) -> Rule:
        return Rule(number, severity, requires, remedy, basis, scope, breaches)

    return declare
