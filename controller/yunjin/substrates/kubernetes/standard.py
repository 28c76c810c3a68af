"""Bodies of a leaf's eight standard objects.

Called by `translate`. Calls `names` and `quantities`. Promises the very form in which the API server keeps
each object (defaults spelled out, quantities canonical), so that whole parts compare equal at once. Empty
lists of rules are written out: what Yunjin applies as empty it owns, so a rule that somebody adds to one of
these policies shows and is refused. Parts that many leaves share are one object, never changed in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import CPU, MEMORY
from yunjin.substrates.kubernetes import names, quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.centre import Flow
    from yunjin.model.resources import Body
    from yunjin.model.tenancy import Leaf

SECURITY: Final = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}

_EVERY_POD: Final[Body] = {}
_BOTH: Final = ["Ingress", "Egress"]
_DENY: Final[Body] = {"podSelector": _EVERY_POD, "policyTypes": _BOTH, "ingress": [], "egress": []}
_BASE: Final[Body] = {
    "podSelector": _EVERY_POD,
    "policyTypes": _BOTH,
    "ingress": [{"from": [{"podSelector": _EVERY_POD}]}],
    "egress": [
        {"to": [{"podSelector": _EVERY_POD}]},
        {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        },
    ],
}

# What a container gets that asks for nothing: small, so that a forgotten request costs a tenant little.
_REQUEST: Final = {CPU: 100, MEMORY: 128}  # millicores, MiB
# How far above its request a container may burst, where its pool does not allow more. Memory cannot be
# throttled, only taken by killing, so it bursts less.
_BURST: Final = {CPU: 10, MEMORY: 4}

_ROLES: Final = {"role-admin": ("admin", names.ADMIN_ROLE), "role-viewer": ("viewer", names.VIEWER_ROLE)}


def owner_labels(leaf: Leaf) -> dict[str, str]:
    """Labels that every object of a leaf carries."""
    return {
        names.MANAGED_BY: names.FIELD_MANAGER,
        names.TENANT: leaf.tenant,
        names.BUREAU: leaf.bureau,
        names.ZONE: leaf.zone,
        names.POOL: leaf.pool,
        names.ENDPOINT: leaf.endpoint,
    }


def namespace(leaf: Leaf, labels: dict[str, str]) -> Body:
    """The namespace: Pod Security at its strictest, bound to the pool's nodes."""
    metadata: Body = {"name": leaf.name, "labels": {**labels, **SECURITY}}
    if leaf.protected:
        # Kept in the cluster, so that it still holds when the declaration is gone.
        metadata["labels"][names.PROTECTED] = "true"
    if leaf.node_selector:
        selector = ",".join(f"{key}={value}" for key, value in sorted(leaf.node_selector.items()))
        metadata["annotations"] = {names.NODE_SELECTOR: selector}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def quota(leaf: Leaf, metadata: Body) -> Body:
    """The hard quota."""
    spec = {"hard": quantities.hard(leaf.allotted, leaf.limit_percent)}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}


def limit_spec(limit_percent: Mapping[str, int]) -> Body:
    """Defaults that let a pod without requests pass the quota, in the pool's ratio, and a bound on bursts."""
    percent = {resource: limit_percent.get(resource, 100) for resource in _REQUEST}
    write = {CPU: quantities.cpu, MEMORY: quantities.mebibytes}
    return {
        "limits": [
            {
                "type": "Container",
                "default": {r: write[r](_REQUEST[r] * percent[r] // 100) for r in _REQUEST},
                "defaultRequest": {r: write[r](_REQUEST[r]) for r in _REQUEST},
                "maxLimitRequestRatio": {r: str(max(_BURST[r], -(-percent[r] // 100))) for r in _REQUEST},
            }
        ]
    }


def limits(spec: Body, metadata: Body) -> Body:
    """The limit range."""
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": spec}


def policy(spec: Body, metadata: Body) -> Body:
    """A network policy."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def deny_spec() -> Body:
    """Nothing in, nothing out."""
    return _DENY


def base_spec() -> Body:
    """Names are resolved and the namespace talks to itself."""
    return _BASE


def flow_spec(zone: str, flows: tuple[Flow, ...], cidrs: Mapping[str, tuple[str, ...]]) -> Body:
    """The approved ways between this zone's pods and the addresses of the other zones.

    A way to or from a zone without addresses is left out: an empty list of peers means everybody.
    """
    spec: dict[str, Any] = {"podSelector": _EVERY_POD, "policyTypes": _BOTH}
    for field, side, own, other in (
        ("ingress", "from", "target", "origin"),
        ("egress", "to", "origin", "target"),
    ):
        spec[field] = [
            {
                side: [{"ipBlock": {"cidr": cidr}} for cidr in cidrs[getattr(flow, other)]],
                "ports": [{"protocol": flow.protocol, "port": flow.port}],
            }
            for flow in sorted(flows, key=lambda flow: flow.id)
            if getattr(flow, own) == zone and cidrs.get(getattr(flow, other))
        ]
    return spec


def binding(leaf: Leaf, role: str, metadata: Body) -> Body:
    """The grant of `role-admin` or `role-viewer` to the tenant's people and to the leaf's credentials."""
    short, cluster_role = _ROLES[role]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role},
        "subjects": [
            {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Group",
                "name": names.group(leaf.tenant, short),
            },
            {
                "kind": "ServiceAccount",
                "name": names.service_account(leaf.name, short),
                "namespace": names.CREDENTIAL_NAMESPACE,
            },
        ],
    }
