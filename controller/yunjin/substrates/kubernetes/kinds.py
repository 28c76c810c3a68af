"""The kinds Yunjin manages and where the API server serves them.

Read by `observe`, `apply`, `watch` and `backend`. Calls `names`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from yunjin.model.resources import Key


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the root of its API, its name in paths, and whether its objects lie in namespaces.

    Attributes:
        optional: older clusters do not serve it.
    """

    name: str
    root: str
    plural: str
    namespaced: bool
    optional: bool = False

    def collection(self, namespace: str = "") -> str:
        """Path of all objects, or of those of one namespace."""
        if self.namespaced and namespace:
            return f"{self.root}/namespaces/{quote(namespace, safe='')}/{self.plural}"
        return f"{self.root}/{self.plural}"

    def item(self, namespace: str, name: str) -> str:
        """Path of one object."""
        return f"{self.collection(namespace)}/{quote(name, safe='')}"


_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"

NAMESPACE: Final = Kind("Namespace", "/api/v1", "namespaces", namespaced=False)
QUOTA: Final = Kind("ResourceQuota", "/api/v1", "resourcequotas", namespaced=True)

# Kinds of a leaf.
LEAF_KINDS: Final = (
    NAMESPACE,
    QUOTA,
    Kind("LimitRange", "/api/v1", "limitranges", namespaced=True),
    Kind("NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies", namespaced=True),
    Kind("RoleBinding", _RBAC, "rolebindings", namespaced=True),
)
# Kinds of the whole endpoint.
SHARED_KINDS: Final = (
    Kind("ClusterRole", _RBAC, "clusterroles", namespaced=False),
    Kind("MutatingAdmissionPolicy", _ADMISSION, "mutatingadmissionpolicies", namespaced=False, optional=True),
    Kind(
        "MutatingAdmissionPolicyBinding",
        _ADMISSION,
        "mutatingadmissionpolicybindings",
        namespaced=False,
        optional=True,
    ),
)
KINDS: Final = {kind.name: kind for kind in (*LEAF_KINDS, *SHARED_KINDS)}

SECRET: Final = Kind("Secret", "/api/v1", "secrets", namespaced=True)
SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "/api/v1", "serviceaccounts", namespaced=True)
LEASE: Final = Kind("Lease", "/apis/coordination.k8s.io/v1", "leases", namespaced=True)
POD: Final = Kind("Pod", "/api/v1", "pods", namespaced=True)


def path_of(key: Key) -> str:
    """Path of the object a key names."""
    return KINDS[key.kind].item(key.namespace, key.name)
