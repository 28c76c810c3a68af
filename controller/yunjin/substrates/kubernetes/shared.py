"""Bodies of what all leaves of an endpoint rely on: two namespaces, two cluster roles, the binding to pools.

Called by `translate`. Calls `names`. Promises bodies that depend on nothing but the kind of pool binding:
several endpoints may be bound to one cluster, and must not fight over these objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates.kubernetes import names
from yunjin.substrates.kubernetes.standard import SECURITY

if TYPE_CHECKING:
    from yunjin.model.resources import Body

_LABELS: Final = {names.MANAGED_BY: names.FIELD_MANAGER}
_READ: Final = ["get", "list", "watch"]
_ALL: Final = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_ADMISSION: Final = "admissionregistration.k8s.io/v1"

_CORE: Final = ["configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "services"]
_APPS: Final = ["daemonsets", "deployments", "replicasets", "statefulsets"]
_BATCH: Final = ["cronjobs", "jobs"]
_ROUTES: Final = ["grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"]
_STANDING: Final = ["events", "limitranges", "namespaces", "resourcequotas"]

# Endpoints and EndpointSlices are read-only: whoever writes them can point a service into another namespace.
# Tokens, impersonation, roles, bindings, quotas, limits and network policies are not in the list, so they are
# refused: with Kubernetes' own `edit` a tenant could add a policy that opens everything.
_ADMIN_RULES: Final[list[Any]] = [
    {"apiGroups": [""], "resources": [*_CORE, "secrets", "serviceaccounts"], "verbs": _ALL},
    {
        "apiGroups": [""],
        "resources": ["pods/attach", "pods/exec", "pods/portforward"],
        "verbs": ["create", "get"],
    },
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["get", "patch", "update"]},
    {"apiGroups": [""], "resources": ["replicationcontrollers/scale"], "verbs": ["get", "patch", "update"]},
    {"apiGroups": ["apps"], "resources": _APPS, "verbs": _ALL},
    {
        "apiGroups": ["apps"],
        "resources": [f"{name}/scale" for name in _APPS if name != "daemonsets"],
        "verbs": ["get", "patch", "update"],
    },
    {"apiGroups": ["batch"], "resources": _BATCH, "verbs": _ALL},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _ALL},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _ALL},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": _ALL},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": _ROUTES, "verbs": _ALL},
]
_READ_RULES: Final[list[Any]] = [
    {
        "apiGroups": [""],
        "resources": [*_STANDING, "endpoints", "pods/log", "pods/status", "resourcequotas/status"],
        "verbs": _READ,
    },
    {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": _READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": _READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _READ},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings", "roles"], "verbs": _READ},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": _READ},
]
_VIEWER_RULES: Final[list[Any]] = [
    {"apiGroups": [""], "resources": [*_CORE, "serviceaccounts"], "verbs": _READ},
    {"apiGroups": ["apps"], "resources": _APPS, "verbs": _READ},
    {"apiGroups": ["batch"], "resources": _BATCH, "verbs": _READ},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _READ},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": _READ},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": _ROUTES, "verbs": _READ},
]

# The same annotation as PodNodeSelector's, so that a namespace says one thing however its endpoint reads it.
# A selector of the tenant's own on one of these labels is replaced. The condition stands in the mutation:
# where match conditions are evaluated, the API server does not know the namespace's metadata.
_ANNOTATIONS: Final = "namespaceObject.metadata.annotations"
_KEY: Final = repr(names.NODE_SELECTOR)
_BIND_TO_POOL: Final = (
    f"has({_ANNOTATIONS}) && {_KEY} in {_ANNOTATIONS} ? "
    '(has(object.spec.nodeSelector) ? [] : [JSONPatch{op: "add", path: "/spec/nodeSelector", value: {}}]) + '
    f'{_ANNOTATIONS}[{_KEY}].split(",").map(label, JSONPatch{{op: "add", path: "/spec/nodeSelector/" + '
    'jsonpatch.escapeKey(label.split("=")[0]), value: label.split("=")[1]}) : []'
)


def shared_namespace(name: str) -> Body:
    """A namespace of Yunjin's own."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**_LABELS, **SECURITY}},
    }


def cluster_roles() -> tuple[Body, Body]:
    """What a tenant's administrators and viewers may do in a namespace of theirs."""
    return (
        _cluster_role(names.ADMIN_ROLE, [*_ADMIN_RULES, *_READ_RULES]),
        _cluster_role(names.VIEWER_ROLE, [*_VIEWER_RULES, *_READ_RULES]),
    )


def pool_policy() -> tuple[Body, Body]:
    """Binds pods to their pool's nodes where PodNodeSelector cannot be enabled."""
    policy = {
        "apiVersion": _ADMISSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": names.POOL_POLICY, "labels": _LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {"matchExpressions": [{"key": names.POOL, "operator": "Exists"}]},
                "objectSelector": {},
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                        "scope": "*",
                    }
                ],
            },
            "matchConditions": [],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _BIND_TO_POOL}}],
            "variables": [],
        },
    }
    binding = {
        "apiVersion": _ADMISSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": names.POOL_POLICY, "labels": _LABELS},
        "spec": {"policyName": names.POOL_POLICY},
    }
    return policy, binding


def _cluster_role(name: str, rules: list[Any]) -> Body:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": _LABELS},
        "rules": rules,
    }
