"""A backend on the real services, one that reaches them through proxies, and leaves of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud_proxies import CloudProxies
from devcloud import furnish
from housed_leaves import HOST, POOL, cloud_objects
from leaves import CLOUD_CIDRS, CLOUD_LARGE, CLOUD_TRANSLATOR, write
from yunjin.model.centre import Endpoint
from yunjin.substrates.openstack.backend import OpenStackBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcloud import DevCloud
    from leaves import Objects

_PATIENCE = 8.0  # seconds that the proxied backend waits for an answer; a service that works needs less


@pytest.fixture
def endpoint(unique: Callable[[str], str]) -> str:
    """An endpoint of the test's own on the one cloud."""
    return unique("endpoint")


@pytest.fixture
def direct(cloud: DevCloud, endpoint: str) -> Iterator[OpenStackBackend]:
    """A backend that speaks to the services themselves; the endpoint's own objects stand."""
    furnish.aggregate(cloud.api(), POOL, [HOST])
    opened = OpenStackBackend.connect(endpoint, cloud.clouds_yaml, cloud.name)
    declared = {"id": endpoint, "zh": "测试云", "en": "cloud of the tests", "technology": "openstack"}
    place = Endpoint.model_validate({**declared, "state": "live", "access": "simulated"})
    write(opened, *CLOUD_TRANSLATOR.shared(place, CLOUD_CIDRS))
    yield opened
    opened.close()


@pytest.fixture
def proxies(cloud: DevCloud, tmp_path: Path) -> Iterator[CloudProxies]:
    """Proxies before the services."""
    with CloudProxies(cloud, tmp_path / "proxies") as started:
        yield started


@pytest.fixture
def backend(direct: OpenStackBackend, proxies: CloudProxies) -> Iterator[OpenStackBackend]:
    """The same endpoint through the proxies."""
    opened = OpenStackBackend.connect(direct.endpoint, proxies.clouds_yaml, proxies.name, timeout=_PATIENCE)
    opened.client.operator  # noqa: B018 (a token and the addresses, so that faults meet what they are meant for)
    yield opened
    opened.close()


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    """Of a leaf."""
    return unique("leaf")


@pytest.fixture
def small(name: str, endpoint: str) -> Objects:
    """What is wanted of it at first."""
    return cloud_objects(name, endpoint)


@pytest.fixture
def large(name: str, endpoint: str) -> Objects:
    """The same leaf with more of everything."""
    return cloud_objects(name, endpoint, allotted=CLOUD_LARGE)
