"""The spine: observe, plan, judge, apply, over one estate and its endpoints.

Called by the command line and the controller, which hand in the rules. Calls `yunjin.observe`,
`yunjin.plan`, `yunjin.policy`, `yunjin.ledger` and `yunjin.apply`. Promises that nothing is applied but a
plan that was judged just before, and that an endpoint which could not be read takes no part in a plan.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from yunjin.apply import ApprovedPlan, apply, approve
from yunjin.engine import accounts, doubts, opening
from yunjin.engine.choices import drift_policies
from yunjin.engine.departures import held_back
from yunjin.engine.split import narrowed, overwrites, split, undoes
from yunjin.errors import YunjinError
from yunjin.ledger.shares import shares
from yunjin.model.policies import REPAIR
from yunjin.model.resources import LeafState, ObjectClass
from yunjin.observe import Observation, observe_all
from yunjin.plan import make_leaf_plan, make_plan, plan_hash, repair, to_json
from yunjin.policy import Facts, judge, run
from yunjin.substrates.contract import ClusterBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from yunjin.apply import Settings
    from yunjin.engine.endpoints import Endpoints
    from yunjin.engine.split import Split
    from yunjin.model.change import Finding, Plan, Receipt, Verdict
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Key
    from yunjin.model.tenancy import Leaf
    from yunjin.policy import LedgerFacts, Rule
    from yunjin.store import Store


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan, its hash, and what the rules say of it.

    Attributes:
        left: objects that differ because somebody else wrote them, and whose class is only reported.
    """

    plan: Plan
    hash: str
    verdict: Verdict
    left: int = 0

    def value(self) -> dict[str, Any]:
        """Plan and verdict as JSON values."""
        return {"hash": self.hash, "plan": json.loads(to_json(self.plan)), "findings": self._findings()}

    def verdict_text(self) -> str:
        """The verdict as JSON."""
        return json.dumps({"plan": self.verdict.plan, "findings": self._findings()}, ensure_ascii=False)

    def _findings(self) -> list[dict[str, Any]]:
        return [finding_value(finding) for finding in self.verdict.findings]


def finding_value(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values, in both languages."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "message": {"zh": finding.message.zh, "en": finding.message.en},
        "remedy": {"zh": finding.remedy.zh, "en": finding.remedy.en},
        "basis": {
            "doc": finding.basis.doc,
            "clause": finding.basis.clause,
            "verified": finding.basis.verified,
        },
        "place": str(finding.place) if finding.place else None,
        "evidence": dict(finding.evidence),
    }


class Spine:
    """One estate, its endpoints and its state, on one business date.

    Attributes:
        drift_policies: what the city wants done about drift, by class.
        rules: that judge its plans.

    Raises:
        DeclaredErrors: a policy about drift that there is not.
    """

    def __init__(
        self, estate: Estate, as_of: date, endpoints: Endpoints, store: Store, rules: Sequence[Rule]
    ) -> None:
        self.estate = estate
        self.as_of = as_of
        self.endpoints = endpoints
        self.store = store
        self.drift_policies = drift_policies(estate)
        self.rules = rules
        self._facts: tuple[int, LedgerFacts | None] | None = None

    @staticmethod
    def validate(
        estate: Estate, as_of: date, rules: Sequence[Rule], ledger: LedgerFacts | None = None
    ) -> tuple[Finding, ...]:
        """What the rules say of the declared files, beside the ledger or alone.

        Raises:
            DeclaredErrors: as `drift_policies`.
        """
        drift_policies(estate)
        return run(rules, Facts(estate, as_of, ledger=ledger))

    @property
    def repaired(self) -> frozenset[ObjectClass]:
        """Classes whose differences are put right without asking."""
        return frozenset(each for each, policy in self.drift_policies.items() if policy == REPAIR)

    def leaves(self) -> tuple[Leaf, ...]:
        """Every declared leaf with what the ledger says it shall hold."""
        return self.estate.leaves(self.as_of, shares(self.store.database))

    def plan(self) -> Judged:
        """Observe, plan and judge.

        What others changed is taken back where the class's policy is repair; elsewhere it is left to
        `yunjin drift`, and only counted. What stands as it was left is written, whoever owns its fields by
        now.
        """
        parted, repaired = self.split(), self.repaired
        observed = parted.plan
        drifted = frozenset(change.key for change in parted.drifted)
        kept = tuple(
            replace(change, force=True) if overwrites(change) else change
            for change in observed.changes
            if change.object_class in repaired or change.key not in drifted or not undoes(change)
        )
        judged = self.judge(repair(narrowed(observed, kept), repaired))
        return replace(judged, left=len(observed.changes) - len(kept))

    def observed_plan(self) -> Plan:
        """The plan as it follows from what stands now; nothing is taken from anybody."""
        observations = observe_all(self.endpoints.backends, self.store.now)
        plan = make_plan(
            self.estate,
            self.as_of,
            observations,
            self.endpoints.translators,
            self.endpoints.bindings,
            shares(self.store.database),
        )
        return held_back(plan, self.endpoints.backends)

    def split(self) -> Split:
        """What stands now, compared: drift on the one side, what waits to be applied on the other."""
        plan = self.observed_plan()
        doubts.settle(self, plan)
        return split(plan, self.store.journal)

    def leaf_plan(self, leaf: Leaf) -> Plan:
        """The plan for one leaf, from its standard objects as they are now. Raises as `Backend.read` does."""
        translator, backend = (
            self.endpoints.translators[leaf.endpoint],
            self.endpoints.backends[leaf.endpoint],
        )
        now = self.store.now()
        live = backend.read([wanted.key for wanted in translator.wanted(leaf)])
        state = LeafState(leaf.name, {(key.kind, key.name): found for key, found in live.items()})
        observation = Observation(leaf.endpoint, now, iter((state,)))
        binding = self.endpoints.bindings[leaf.endpoint]
        return make_leaf_plan(self.estate, self.as_of, leaf, observation, translator, binding)

    def judge(self, plan: Plan) -> Judged:
        """The verdict on a plan, over the estate as it is declared now."""
        digest = plan_hash(plan)
        facts = Facts(self.estate, self.as_of, plan, self._pool_bindings(plan), self._ledger_facts())
        return Judged(plan, digest, judge(self.rules, facts, digest))

    def apply(
        self, judged: Judged, settings: Settings, actor: str, progress: Callable[[Receipt], None]
    ) -> tuple[Receipt, ...]:
        """Make the changes of a judged plan. The first time, the declared city enters the ledger before.

        Args:
            judged: as `plan` or `judge` made it.
            settings: how patient, whether removals are allowed.
            actor: who asked for it.
            progress: called with each receipt as it comes.

        Raises:
            RefusalError: an error in the verdict, or a removal that was not allowed. Nothing was written.
            ConflictError: somebody else holds an endpoint's lease.
        """
        approved = approve(judged.plan, judged.verdict, actor)
        self.enter(actor)
        approved = replace(approved, unsettled=self._unsettled(judged.plan))
        return self._carry_out(approved, settings, progress)

    def enter(self, actor: str) -> None:
        """Bring what is declared into the ledger, where it is not there. Raises as `opening.enter` does."""
        opening.enter(self.store, self.estate, self.as_of, actor)

    def settle(self, plan: Plan, settings: Settings, actor: str) -> None:
        """Tell the ledger what came into force after the apply that wrote it was over.

        Args:
            plan: of all that stands now; nothing of it is written.
            settings: how patient.
            actor: who asks.

        Raises:
            ConflictError: somebody else holds an endpoint's lease.
        """
        keys = self._unsettled(plan)
        if keys:
            nothing = replace(plan, changes=())
            self._carry_out(ApprovedPlan(nothing, plan_hash(nothing), actor, keys), settings, lambda _: None)

    def _unsettled(self, plan: Plan) -> tuple[Key, ...]:
        return accounts.unsettled(self.store.database, self.leaves(), self.endpoints.translators, plan)

    def _carry_out(
        self, approved: ApprovedPlan, settings: Settings, progress: Callable[[Receipt], None]
    ) -> tuple[Receipt, ...]:
        return apply(
            approved, self.endpoints.backends, self.endpoints.translators, self.store, settings, progress
        )

    def _ledger_facts(self) -> LedgerFacts | None:
        """What rules may know of the ledger; read again only where something was entered since."""
        newest = accounts.entries(self.store.database)
        if self._facts is None or self._facts[0] != newest:
            self._facts = newest, accounts.facts(self.store.database, self.estate)
        return self._facts[1]

    def _pool_bindings(self, plan: Plan) -> Mapping[str, bool | None]:
        """By endpoint, whether pods are really bound to the nodes of their pool; None where unseen."""
        fresh = {change.key.name for change in plan.changes if change.object_class is ObjectClass.NAMESPACE}
        found: dict[str, bool | None] = {}
        for endpoint, backend in self.endpoints.backends.items():
            standing = [
                row for row in self.estate.leaf_rows if self.estate.pools[row.pool].endpoint == endpoint
            ]
            names = (row.node.rpartition("/")[2] for row in standing)
            name = next((name for name in names if name not in fresh), None)
            found[endpoint] = None
            if name and endpoint not in plan.unknown and isinstance(backend, ClusterBackend):
                with suppress(YunjinError):  # who falls silent after the plan stops nothing on the others
                    found[endpoint] = backend.pool_binding_active(name)
        return found
