"""One simulated endpoint, a store, and plans made by hand: what is written is the point, not who planned it.

Used by tests of `yunjin.apply`. Calls the simulated backend and the translator, and opens the ledger for a
synthetic city.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import states
from estates import synthetic_estate
from yunjin.apply import ApprovedPlan, Settings, apply
from yunjin.engine import opening
from yunjin.ledger import GrantTerms, Ledger
from yunjin.ledger.shares import shares_of
from yunjin.model.amounts import Amounts
from yunjin.model.change import Action, Binding, Change, Plan
from yunjin.model.resources import ObjectClass
from yunjin.observe import observe_all
from yunjin.plan import make_plan, plan_hash
from yunjin.store import Store
from yunjin.substrates.kubernetes.translate import KubernetesTranslator
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Faults, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Wanted
    from yunjin.substrates.contract import Backend

ENDPOINT = POOL = "k8s-egov"
TENANTS = 4
DAY = date(2026, 11, 22)
QUICK = Settings(backoff=0.01, poll=0.01, wait_quota=5, lock_timeout=0.1)


class Place:
    """An endpoint with everything an apply needs.

    Attributes:
        seen: receipts as the progress callback got them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.translator = KubernetesTranslator()
        self.backend = self.connect()
        self.store = Store.open(states.begin(folder / "state"))
        self.ledger = Ledger(self.store.database, self.store.now, "cloud-ops")
        opening.enter(self.store, synthetic_estate(TENANTS), DAY, "cloud-ops")
        self.seen: list[Receipt] = []

    def connect(self, *rules: Rule, endpoint: str = ENDPOINT) -> SimulatedBackend:
        """Another connection to the same endpoint, with faults of its own."""
        return SimulatedBackend.open(endpoint, self.folder / f"{endpoint}.db", Faults(rules))

    def leaf(self, number: int = 1) -> tuple[Wanted, ...]:
        """The eight standard objects of tenant t0000N."""
        leaves = synthetic_estate(number).leaves(DAY)
        return self.translator.wanted(leaves[number - 1])

    @staticmethod
    def node(number: int = 1) -> str:
        """The leaf of tenant t0000N in the quota tree."""
        return f"leaf/{ENDPOINT}/t{number:05d}-egov"

    def allot(self, number: int = 1, **amounts: int | str) -> None:
        """Let the ledger say how much the leaf of tenant t0000N gets; what it lacks for that is granted."""
        more = Amounts.parse(amounts)
        for node in (f"bureau/b{number}", f"tenant/t{number:05d}"):
            self.ledger.grant(GrantTerms("", node, more, {POOL: more}, DAY), DAY)
        self.ledger.allot(self.node(number), more)

    def charged(self, number: int = 1) -> int:
        """Millicores that the leaf of tenant t0000N is charged."""
        return shares_of(self.store.database, [self.node(number)])[self.node(number)].charged.of("cpu")

    def shared(self) -> tuple[Wanted, ...]:
        """What all leaves of the endpoint rely on."""
        return self.translator.shared(synthetic_estate(1).endpoints[ENDPOINT], {})

    def change(self, wanted: Wanted, **more: Any) -> Change:
        """From what stands now to what is wanted."""
        live = self.backend.read([wanted.key]).get(wanted.key)
        return Change(
            action=Action.UPDATE if live else Action.CREATE,
            key=wanted.key,
            tenant="t00001",
            object_class=wanted.object_class,
            rank=wanted.rank,
            before=self.translator.fingerprint(wanted, live),
            after=self.translator.target(wanted),
            differences=self.translator.differences(wanted, live) if live else (),
            body=wanted.body,
            confirm=wanted.object_class is ObjectClass.QUOTA,
            **more,
        )

    def removal(self, wanted: Wanted) -> Change:
        """From what stands now to nothing; the namespace last."""
        last = wanted.object_class is ObjectClass.NAMESPACE
        change = replace(self.change(wanted), action=Action.DELETE, body=None, after="absent", confirm=last)
        (live,) = self.backend.read([wanted.key]).values()
        before = self.translator.fingerprint(change.wanted, live)
        return replace(change, before=before, differences=(), rank=9 if last else 8)

    def changes(self, wanted: Iterable[Wanted]) -> tuple[Change, ...]:
        """One change for each."""
        return tuple(self.change(item) for item in wanted)

    def plan(self, *changes: Change) -> ApprovedPlan:
        """An approved plan of these changes, made now."""
        binding = Binding("kubernetes", "simulated", datetime.now(UTC))
        return ApprovedPlan(Plan(DAY, "digest", changes, {ENDPOINT: binding}), "plan-hash", "cloud-ops")

    def planned(self, estate: Estate) -> ApprovedPlan:
        """An approved plan of what an estate wants and is not there."""
        binding = {ENDPOINT: Binding("kubernetes", "simulated", None)}
        observations = observe_all({ENDPOINT: self.backend})
        plan = make_plan(estate, DAY, observations, {ENDPOINT: self.translator}, binding)
        return ApprovedPlan(plan, plan_hash(plan), "cloud-ops")

    def carry_out(
        self,
        plan: ApprovedPlan,
        *,
        backend: Backend | None = None,
        settings: Settings = QUICK,
        progress: Callable[[Receipt], None] | None = None,
    ) -> dict[str, Receipt]:
        """Apply a plan; receipts by kind and name."""
        receipts = apply(
            plan,
            {ENDPOINT: backend or self.backend},
            {ENDPOINT: self.translator},
            self.store,
            settings,
            progress or self.seen.append,
        )
        assert [receipt.change for receipt in receipts] == list(plan.plan.changes)
        return {f"{receipt.change.key.kind}/{receipt.change.key.name}": receipt for receipt in receipts}

    def apply(
        self, *changes: Change, backend: Backend | None = None, settings: Settings = QUICK
    ) -> dict[str, Receipt]:
        """Apply a plan of these changes."""
        return self.carry_out(self.plan(*changes), backend=backend, settings=settings)

    def standing(self) -> set[str]:
        """Kind and name of everything on the endpoint."""
        return {f"{kind}/{name}" for leaf in self.backend.observe() for kind, name in leaf.objects}

    def states(self) -> dict[str, str]:
        """What the journal says of the last run, by kind and name."""
        run = self.store.journal.runs()[0].id
        return {
            f"{entry.key.kind}/{entry.key.name}": entry.state for entry in self.store.journal.entries(run)
        }


def outcomes(receipts: dict[str, Receipt]) -> dict[str, str]:
    """How each ended."""
    return {name: receipt.outcome.value for name, receipt in receipts.items()}
