"""Leaves for tests on the real services, in a pool with a host of its own.

Used by tests/integration/openstack/. Others' servers land on the other hosts as long as a project is bound
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaves import CLOUD_TRANSLATOR, cloud_leaf, objects

if TYPE_CHECKING:
    from leaves import Objects

POOL = "os-of-leaves"
HOST = "node-c"


def cloud_objects(name: str, endpoint: str, **more: Any) -> Objects:
    """What is wanted of a leaf in that pool."""
    return objects(cloud_leaf(name, endpoint, pool=POOL, **more), CLOUD_TRANSLATOR)
