"""Names that Yunjin gives in a cluster, and the table of a leaf's standard objects.

Read by every module of this package, by the simulated backend and by the import of existing namespaces.
Calls nothing.
"""

from __future__ import annotations

from typing import Final

from yunjin.model.resources import ObjectClass
from yunjin.substrates.objects import Standard

FIELD_MANAGER: Final = "yunjin"
LABEL_PREFIX: Final = "yunjin/"
TENANT: Final = "yunjin/tenant"
BUREAU: Final = "yunjin/bureau"
ZONE: Final = "yunjin/zone"
POOL: Final = "yunjin/pool"
ENDPOINT: Final = "yunjin/endpoint"
PROTECTED: Final = "yunjin/protected"
LEAF: Final = "yunjin/leaf"
ROLE: Final = "yunjin/role"
CREDENTIAL: Final = "yunjin/credential"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
NODE_SELECTOR: Final = "scheduler.alpha.kubernetes.io/node-selector"

SYSTEM_NAMESPACE: Final = "yunjin-system"
CREDENTIAL_NAMESPACE: Final = "yunjin-credentials"
ADMIN_ROLE: Final = "yunjin:tenant-admin"
VIEWER_ROLE: Final = "yunjin:tenant-viewer"
POOL_POLICY: Final = "yunjin-pool"


# Rank 4 is left for the confirmation of the quota: rights are granted only under a quota in force.
STANDARD: Final = (
    Standard("namespace", "Namespace", "", ObjectClass.NAMESPACE, 1),
    Standard("quota", "ResourceQuota", "yunjin", ObjectClass.QUOTA, 2),
    Standard("limits", "LimitRange", "yunjin", ObjectClass.LIMITS, 3),
    Standard("network-deny", "NetworkPolicy", "yunjin-deny", ObjectClass.NETWORK, 3),
    Standard("network-base", "NetworkPolicy", "yunjin-base", ObjectClass.NETWORK, 3),
    Standard("network-flows", "NetworkPolicy", "yunjin-flows", ObjectClass.NETWORK, 3),
    Standard("role-admin", "RoleBinding", "yunjin-admin", ObjectClass.ROLES, 5),
    Standard("role-viewer", "RoleBinding", "yunjin-viewer", ObjectClass.ROLES, 5),
)

SHARED_KEYS: Final = frozenset(
    {
        ("Namespace", SYSTEM_NAMESPACE),
        ("Namespace", CREDENTIAL_NAMESPACE),
        ("ClusterRole", ADMIN_ROLE),
        ("ClusterRole", VIEWER_ROLE),
        ("MutatingAdmissionPolicy", POOL_POLICY),
        ("MutatingAdmissionPolicyBinding", POOL_POLICY),
    }
)


def service_account(leaf: str, role: str) -> str:
    """The account behind a leaf's credentials of one role (`admin`, `viewer`); it lives outside the leaf."""
    return f"{leaf}-{role}"


def group(tenant: str, role: str) -> str:
    """The group an identity provider puts a tenant's people in."""
    return f"yunjin:{tenant}:{role}"
