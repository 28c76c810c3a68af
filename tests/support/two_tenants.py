"""A small city in two states, whose difference holds every kind of change.

Used by the tests of killed applies. Calls the estate's loader, the ledger, the planner and the apply. Between
the states the first tenant moves to another bureau and gets more (all eight objects of its namespace change),
gets a second namespace (eight are created) and loses a policy and a binding that nobody declares; the second
tenant is removed; of the objects that all share, one is missing and one was tampered with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from estates import LARGE, SMALL, city, tenant, write_estate
from yunjin.apply import ApprovedPlan, Settings, apply
from yunjin.engine import opening
from yunjin.engine.accounts import unsettled
from yunjin.estate import load
from yunjin.ledger import GrantTerms, Ledger
from yunjin.ledger.shares import shares
from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT, Action, Binding, Change, Plan
from yunjin.model.resources import Key, ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.observe import observe_all
from yunjin.plan import make_plan, plan_hash
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Live
    from yunjin.store import Store
    from yunjin.substrates.contract import Backend

Thing = tuple[str, str, str]
"""Leaf, kind and name of an object."""
Objects = dict[Thing, Any]

DAY = date(2026, 11, 22)
TRANSLATOR = KubernetesTranslator()
# One worker and few changes a journal entry: the steps come in one order, and there are many of them.
SETTINGS = Settings(allow_destroy=True, workers=1, chunk=3, poll=0.02, lock_timeout=5)
_TRANSIENT = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


@dataclass(frozen=True)
class TwoTenants:
    """The city of one trial.

    Attributes:
        folder: where its declared files are written.
        name: begins the ids of its endpoint and its tenants, so that trials on one server do not meet.
        connect: opens a connection to its endpoint.
    """

    folder: Path
    name: str
    connect: Callable[[], Backend]

    @property
    def endpoint(self) -> str:
        """Its only endpoint."""
        return f"{self.name}-k8s"

    def before(self) -> Estate:
        """What stands when the apply begins."""
        return self._estate("before", ["first", "second"], {"first-egov": SMALL, "second-egov": SMALL})

    def after(self) -> Estate:
        """What the apply is to bring about."""
        return self._estate("after", ["first"], {"first-egov": LARGE, "first-inet": SMALL})

    def prepare(self, store: Store) -> None:
        """Bring the endpoint into the first state, and put some things there that should not be."""
        backend = self.connect()
        opening.enter(store, self.before(), DAY, "cloud-ops")
        self.carry_out(self.plan(backend, store, self.before()), backend, store)
        self._allot(store)
        stale = [self._stale("NetworkPolicy", "stale"), self._stale("RoleBinding", "stale")]
        roles = [
            wanted for wanted in TRANSLATOR.shared(self._declared(), {}) if wanted.key.kind == "ClusterRole"
        ]
        live = backend.read([wanted.key for wanted in roles])
        removed, tampered = roles
        for change in stale:
            backend.write(change, None)
        backend.write(_change(Action.DELETE, removed.key, None), live[removed.key])
        backend.write(
            _change(Action.UPDATE, tampered.key, {**tampered.body, "rules": []}, force=True),
            live[tampered.key],
        )
        backend.close()

    def _allot(self, store: Store) -> None:
        """Let the ledger say what the second state shall hold."""
        opening.enter(store, self.after(), DAY, "cloud-ops")
        ledger = Ledger(store.database, store.now, "cloud-ops")
        more = _amounts(SMALL)
        for node in ("bureau/jtj", f"tenant/{self.name}-first"):
            ledger.grant(GrantTerms("", node, more, {"k8s-inet": more}, DAY), DAY)
        ledger.allot(leaf_node(self.endpoint, f"{self.name}-first-egov"), _amounts(LARGE))
        ledger.allot(leaf_node(self.endpoint, f"{self.name}-first-inet"), _amounts(SMALL))

    def plan(self, backend: Backend, store: Store, estate: Estate | None = None) -> Plan:
        """What is to be done now, towards the second state unless told otherwise."""
        return make_plan(
            estate or self.after(),
            DAY,
            observe_all({self.endpoint: backend}),
            {self.endpoint: TRANSLATOR},
            {self.endpoint: Binding("kubernetes", "simulated", None)},
            shares(store.database),
        )

    def carry_out(
        self, plan: Plan, backend: Backend, store: Store, settings: Settings = SETTINGS
    ) -> tuple[Receipt, ...]:
        """Apply a plan; the trial's rules approve of everything."""
        leaves = self.after().leaves(DAY, shares(store.database))
        open_ones = unsettled(store.database, leaves, {self.endpoint: TRANSLATOR}, plan)
        approved = ApprovedPlan(plan, plan_hash(plan), "cloud-ops", open_ones)
        return apply(approved, {self.endpoint: backend}, {self.endpoint: TRANSLATOR}, store, settings)

    def charged(self, store: Store) -> dict[str, Amounts]:
        """What the ledger charges for each leaf, whatever the city is called; nothing left out but zeros."""
        found = shares(store.database) or {}
        return {
            node.rpartition("/")[2].removeprefix(self.name): Amounts(
                {d: v for d, v in share.charged.items() if v}
            )
            for node, share in found.items()
        }

    def enforced(self, backend: Backend) -> dict[str, Amounts]:
        """What the endpoint enforces for each leaf, in the same form."""
        return {
            live.key.namespace.removeprefix(self.name): Amounts(
                {d: v for d, v in TRANSLATOR.holding(live).enforced.items() if v}
            )
            for state in backend.observe()
            for live in state.objects.values()
            if live.key.kind == "ResourceQuota"
        }

    def objects(self, backend: Backend) -> Objects:
        """Everything that stands, without what differs between two runs that did the same."""
        return {
            self.thing(live.key): self._essence(live)
            for state in backend.observe()
            for live in state.objects.values()
        }

    def thing(self, key: Key) -> Thing:
        """What a key names, whatever the city is called."""
        leaf = key.name if key.kind == "Namespace" else key.namespace
        return leaf.removeprefix(self.name), key.kind, key.name.removeprefix(self.name)

    def _declared(self) -> Any:
        return self.after().endpoints[self.endpoint]

    def _stale(self, kind: str, name: str) -> Change:
        leaf = next(leaf for leaf in self.before().leaves(DAY) if leaf.name == f"{self.name}-first-egov")
        model = next(wanted for wanted in TRANSLATOR.wanted(leaf) if wanted.key.kind == kind)
        body = {**model.body, "metadata": {**model.body["metadata"], "name": name}}
        return _change(Action.CREATE, replace(model.key, name=name), body)

    def _essence(self, live: Live) -> Any:
        metadata = {name: part for name, part in live.body["metadata"].items() if name not in _TRANSIENT}
        owned = [
            entry["fieldsV1"]
            for entry in live.body["metadata"].get("managedFields", ())
            if entry["manager"] == "yunjin" and not entry.get("subresource")
        ]
        text = json.dumps({**live.body, "metadata": metadata, "owned": owned}, sort_keys=True)
        return json.loads(text.replace(self.name, "NAME"))

    def _estate(self, state: str, tenants: list[str], leaves: dict[str, dict[str, Any]]) -> Estate:
        folder = self.folder / state
        return load(
            folder if folder.exists() else write_estate(folder, **self._documents(state, tenants, leaves))
        )

    def _documents(
        self, state: str, tenants: list[str], leaves: dict[str, dict[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        documents = city()
        (endpoint,) = documents["endpoints"]
        endpoint["id"] = self.endpoint
        owner = {"before": "bureau/jtj", "after": "bureau/fgw"}[state]
        ratio = {"before": 200, "after": 300}[state]
        for pool in documents["pools"]:
            pool.update(endpoint=self.endpoint, limit_percent={"cpu": ratio, "memory": 100})
        documents["tenants"] = [tenant(f"{self.name}-{item}", "institution", owner) for item in tenants]
        whole = {"cpu": 12, "memory": "24Gi", "storage": "300Gi", "pods": 120}  # LARGE and SMALL
        documents["baseline"] = [
            {"node": "bureau/jtj", "pool": "k8s-egov", "limit": whole},
            *({"node": f"tenant/{self.name}-{item}", "pool": "k8s-egov", "limit": LARGE} for item in tenants),
        ]
        documents["baseline"] += [
            {
                "node": f"leaf/{self.endpoint}/{self.name}-{leaf}",
                "pool": f"k8s-{leaf.rpartition('-')[2]}",
                "tenant": f"{self.name}-{leaf.partition('-')[0]}",
                "allotted": amounts,
            }
            for leaf, amounts in leaves.items()
        ]
        return documents


def _change(action: Action, key: Key, body: dict[str, Any] | None, *, force: bool = False) -> Change:
    return Change(action, key, "", ObjectClass.CLUSTER, 0, ABSENT, "", (), body, force)


def _amounts(stated: Mapping[str, Any]) -> Amounts:
    return Amounts.parse(stated)
