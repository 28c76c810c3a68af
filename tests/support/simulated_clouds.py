"""A simulated cloud for tests of it: one endpoint, its leaves, and one figure of each quota service.

Used by tests/unit/substrates/simulated. Calls the translator of clouds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaves import CLOUD_CIDRS, CLOUD_TRANSLATOR, cloud_leaf, objects, read
from yunjin.model.centre import Endpoint

if TYPE_CHECKING:
    from leaves import Objects
    from yunjin.model.resources import Live, Wanted
    from yunjin.substrates.simulated.cloud import SimulatedCloud

ENDPOINT = "os"
PLACE = Endpoint.model_validate(
    {
        "id": ENDPOINT,
        "zh": "云",
        "en": "cloud",
        "technology": "openstack",
        "state": "live",
        "access": "simulated",
    }
)
SHARED = CLOUD_TRANSLATOR.shared(PLACE, CLOUD_CIDRS)
DEFAULTS = {"compute": 20, "network": 500, "volume": 10}
TOLD = {"compute": "cores", "network": "port", "volume": "volumes"}


def wanted(name: str = "jtj-egov", **more: object) -> Objects:
    return objects(cloud_leaf(name, ENDPOINT, **more), CLOUD_TRANSLATOR)


def live(simulated: SimulatedCloud, one: Wanted) -> Live:
    found = read(simulated, one.key)
    assert found is not None
    return found


def told(simulated: SimulatedCloud, quota: Wanted) -> dict[str, int]:
    """One figure of each service."""
    spec = live(simulated, quota).body["spec"]
    return {service: spec[service][figure] for service, figure in TOLD.items()}


def of(quota: Wanted) -> dict[str, int]:
    return {service: quota.body["spec"][service][figure] for service, figure in TOLD.items()}
