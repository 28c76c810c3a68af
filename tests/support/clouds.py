"""Leaves, flows and endpoints for tests of what a leaf is in a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from leaves import leaf
from yunjin.model.amounts import Amounts
from yunjin.model.centre import Endpoint, Flow

if TYPE_CHECKING:
    from yunjin.model.tenancy import Leaf

ZONES: Final = {
    "egov": ("10.120.0.0/16", "10.121.0.0/16"),
    "exch": ("10.131.0.0/24",),
    "inet": ("10.110.0.0/16",),
    "dark": (),
}
"""By zone its networks; those of egov are neighbours, and dark has none."""


def flow(item: str, origin: str, target: str, port: int = 8443, protocol: str = "TCP") -> Flow:
    """An approved way that holds for years."""
    fields = {"id": item, "from": origin, "to": target, "protocol": protocol, "port": port}
    return Flow.model_validate({**fields, "approval": "跨区批", "expires": "2037-01-01"})


FLOWS_IN: Final = (flow("requests", "exch", "egov"),)


def cloud_leaf(name: str = "jtj-egov", endpoint: str = "os-egov", **more: Any) -> Leaf:
    """A leaf of tenant jtj in pool os-egov, small unless `more` says otherwise."""
    fields: dict[str, Any] = {
        "pool": "os-egov",
        "cidrs": ZONES,
        "limit_percent": {},
        "allotted": Amounts.parse(
            {"cpu": 4, "memory": "8Gi", "storage": "100Gi", "volumes": 10, "ports": 10}
        ),
    }
    return leaf(name, endpoint, **(fields | more))


def endpoint(name: str = "os-egov") -> Endpoint:
    """A simulated cloud."""
    fields = {"id": name, "zh": "云", "en": "cloud", "technology": "openstack", "state": "live"}
    return Endpoint.model_validate({**fields, "access": "simulated"})
