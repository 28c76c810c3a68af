"""Leaves to Kubernetes objects, and Kubernetes objects to differences.

Called by `yunjin.plan`, `yunjin.apply`, `yunjin.engine` and by the simulated backend, which keeps the same
objects. Calls `standard`, `shared`, `compare` and `quantities`. Pure: no SDK, no clock, no network.

Promises, for every wanted `w` and live `l`: `matches(w, l)` exactly where `differences(w, l)` is empty,
exactly where `fingerprint(w, l) == target(w)`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT
from yunjin.model.resources import Key, ObjectClass, Wanted
from yunjin.substrates import fields
from yunjin.substrates.kubernetes import claim, compare, enforcement, names, quantities, shared, standard
from yunjin.substrates.kubernetes.names import FIELD_MANAGER, LABEL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.model.centre import Endpoint, Flow
    from yunjin.model.resources import Body, Claim, Difference, Holding, Live
    from yunjin.model.tenancy import Leaf

__all__ = ["FIELD_MANAGER", "LABEL_PREFIX", "KubernetesTranslator"]


class KubernetesTranslator:
    """The `Translator` of clusters. Safe to use from several threads."""

    def __init__(self) -> None:
        # Leaves of one zone share their flows, and leaves of one pool their ratio, as the very same values.
        self._flows: dict[str, tuple[tuple[Flow, ...], Mapping[str, tuple[str, ...]], Body]] = {}
        self._limits: dict[str, tuple[Mapping[str, int], Body]] = {}

    def shared(self, endpoint: Endpoint, cidrs: Mapping[str, Sequence[str]]) -> tuple[Wanted, ...]:  # noqa: ARG002 (a cluster has none of its own)
        """Two namespaces, two cluster roles and, where the endpoint asks for it, the binding to pools."""
        bodies = [
            shared.shared_namespace(names.SYSTEM_NAMESPACE),
            shared.shared_namespace(names.CREDENTIAL_NAMESPACE),
            *shared.cluster_roles(),
        ]
        if endpoint.pool_binding == "admission-policy":
            bodies += shared.pool_policy()
        return tuple(
            Wanted(Key(endpoint.id, "", body["kind"], body["metadata"]["name"]), body, ObjectClass.CLUSTER, 0)
            for body in bodies
        )

    def home(self, endpoint: str, leaf: str) -> Key:
        """The key of its namespace."""
        return Key(endpoint, "", "Namespace", leaf)

    def wanted(self, leaf: Leaf) -> tuple[Wanted, ...]:
        """The eight standard objects of a leaf, without those an imported leaf goes without."""
        labels = standard.owner_labels(leaf)
        found = []
        for entry in names.STANDARD:
            if entry.role in leaf.without:
                continue
            name = leaf.renamed.get(entry.role, entry.name) if entry.name else leaf.name
            namespace = leaf.name if entry.name else ""
            body = self._body(leaf, entry.role, name, labels)
            key = Key(leaf.endpoint, namespace, entry.kind, name)
            found.append(Wanted(key, body, entry.object_class, entry.rank, leaf.imported))
        return tuple(found)

    def matches(self, wanted: Wanted, live: Live) -> bool:
        """Whether the object stands as wanted. A few microseconds where it does."""
        if not wanted.loose and compare.stands(wanted.body, live.body):
            return True
        return not compare.deviations(wanted, live)

    def differences(self, wanted: Wanted, live: Live) -> tuple[Difference, ...]:
        """Every field that differs, in order of path.

        Where that takes a quota over, also what it will bound for the first time: people will feel that.
        """
        found = compare.deviations(wanted, live)
        if found and wanted.loose and not compare.owns(live.body):
            found = {**compare.newly_bound(wanted, live), **found}
        return compare.explain(live, found)

    def fingerprint(self, wanted: Wanted, live: Live | None) -> str:
        """Hash of the compared fields as they stand: the wanted ones, with each that differs as observed."""
        if live is None:
            return ABSENT
        return fields.fingerprint(compare.leaves(wanted), compare.deviations(wanted, live))

    def target(self, wanted: Wanted) -> str:
        """Hash of the wanted fields."""
        return fields.digest(compare.leaves(wanted))

    def unfinished(self, wanted: Wanted, before: Live | None, now: Live) -> bool:  # noqa: ARG002 (the contract's)
        """Never: the API server writes an object whole or not at all."""
        return False

    def claim(self, live: Live) -> Claim:
        """Whose an object says it is, by its labels and managers."""
        return claim.claim(live)

    def lowers(self, wanted: Wanted, live: Live) -> bool:
        """Whether a quota only gives capacity back; False for everything that is no quota."""
        return wanted.object_class is ObjectClass.QUOTA and compare.lowers(compare.deviations(wanted, live))

    def holding(self, live: Live) -> Holding:
        """What a quota grants and what is used of it."""
        return enforcement.holding(live.body)

    def counted(self, amounts: Amounts) -> Amounts:
        """Without what no ResourceQuota counts, and without zeros; cards under the name of their maker."""
        return _counted(amounts)

    def _body(self, leaf: Leaf, role: str, name: str, labels: dict[str, str]) -> Body:
        if role == "namespace":
            return standard.namespace(leaf, labels)
        metadata = {"name": name, "namespace": leaf.name, "labels": labels}
        if role == "quota":
            return standard.quota(leaf, metadata)
        if role == "limits":
            return standard.limits(self._limit_spec(leaf), metadata)
        if role.startswith("network-"):
            return standard.policy(self._network_spec(leaf, role), metadata)
        return standard.binding(leaf, role, metadata)

    def _network_spec(self, leaf: Leaf, role: str) -> Body:
        if role == "network-deny":
            return standard.deny_spec()
        return standard.base_spec() if role == "network-base" else self._flow_spec(leaf)

    def _limit_spec(self, leaf: Leaf) -> Body:
        known = self._limits.get(leaf.pool)
        if known is None or known[0] is not leaf.limit_percent:
            known = (leaf.limit_percent, standard.limit_spec(leaf.limit_percent))
            self._limits[leaf.pool] = known
        return known[1]

    def _flow_spec(self, leaf: Leaf) -> Body:
        known = self._flows.get(leaf.zone)
        if known is None or known[0] is not leaf.flows or known[1] is not leaf.cidrs:
            known = (leaf.flows, leaf.cidrs, standard.flow_spec(leaf.zone, leaf.flows, leaf.cidrs))
            self._flows[leaf.zone] = known
        return known[2]


@lru_cache(maxsize=4096)
def _counted(amounts: Amounts) -> Amounts:
    granted = quantities.amounts(quantities.hard(amounts, {}))
    return Amounts({dimension: value for dimension, value in granted.items() if value})
