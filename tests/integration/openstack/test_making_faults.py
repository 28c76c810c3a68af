"""A leaf is made whole, and once, though every single request of its making fails the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import faults
from cloud_proxies import says, says_after_effect
from faults import Fault, Rule
from leaves import CLOUD_TRANSLATOR, change, read
from yunjin.errors import ConflictError, TransientError

if TYPE_CHECKING:
    from cloud_proxies import CloudProxies
    from devcloud import DevCloud
    from leaves import Objects
    from yunjin.model.resources import Live, Wanted
    from yunjin.substrates.openstack.backend import OpenStackBackend

_ATTEMPTS = 8
# Every kind of request that makes a part of a leaf.
_MAKING = {
    "identity": ("POST /projects", "POST /groups", "PUT /roles/"),
    "compute": ("PUT /os-quota-sets/", "POST /os-aggregates/"),
    "network": (
        "PUT /quotas/", "POST /networks", "POST /security-group-rules", "POST /subnets", "POST /routers",
        "PUT /add_router_interface",
    ),
    "volume": ("PUT /os-quota-sets/",),
}  # fmt: skip
_FAULTS = {
    "failure": says(500),
    "failure after the effect": says_after_effect(500),
    "answer lost after the effect": faults.drop_after_effect(),
    "connection reset": faults.reset(),
    "malformed JSON": faults.malformed(),
}


@pytest.mark.parametrize("fault", _FAULTS.values(), ids=_FAULTS.keys())
def test_each_request_fails_once_and_the_leaf_stands(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    cloud: DevCloud,
    small: Objects,
    fault: Fault,
) -> None:
    for service, requests in _MAKING.items():
        for request in requests:
            method, _, path = request.partition(" ")
            proxies[service].inject(Rule(fault, method, path))
    for wanted in small.all:
        _applied(backend, wanted)
    assert all(CLOUD_TRANSLATOR.matches(wanted, _now(direct, wanted)) for wanted in small.all)
    met = [seen for _, seen in proxies.seen if seen.fault == fault]
    assert len(met) == sum(len(requests) for requests in _MAKING.values())
    project = _now(direct, small.namespace).body["metadata"]["id"]
    for name in ("networks", "subnets", "routers", "security-groups"):
        found = cloud.api().get("network", f"/v2.0/{name}?project_id={project}")[name.replace("-", "_")]
        assert len(found) == 1, name


def _applied(backend: OpenStackBackend, wanted: Wanted) -> None:
    """As an apply does it that found the leaf absent: read again, compare, write what is not there yet."""
    sent = change(wanted, None)
    for _ in range(_ATTEMPTS):
        live = read(backend, wanted.key)
        stands = CLOUD_TRANSLATOR.fingerprint(wanted, live)
        if stands == sent.after:
            return
        half = live is not None and CLOUD_TRANSLATOR.unfinished(wanted, None, live)
        assert stands == sent.before or half, f"{wanted.key} counts as moved by others"
        try:
            backend.write(sent, live)
        except (TransientError, ConflictError):
            continue
    raise AssertionError(f"{wanted.key} does not stand after {_ATTEMPTS} attempts")


def _now(backend: OpenStackBackend, wanted: Wanted) -> Live:
    live = read(backend, wanted.key)
    assert live is not None
    return live
