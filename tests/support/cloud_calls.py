"""Counts the requests that a session of the OpenStack SDK sends to a cloud, whoever uses it.

Used by benchmarks and tests: hung on the session of the client under test and on that of whoever does the
same beside it, so that both are counted by one rule. Counts what was answered, questions for tokens included.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from yunjin.substrates.openstack.access import Access
from yunjin.substrates.openstack.backend import OpenStackBackend
from yunjin.substrates.openstack.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import requests
    from keystoneauth1.session import Session

    from devcloud import DevCloud

SERVICES: Final = {
    "keystone": "identity",
    "nova": "compute",
    "neutron": "network",
    "cinder": "volume",
    "glance": "image",
    "placement": "placement",
}
"""Names of the cloud's processes, and what the requests to them are counted under."""
_ID: Final = re.compile(r"(?<=/)(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/|$)")


class Calls:
    """Every request in the order of its answer: service, method, path with its query."""

    def __init__(self, cloud: DevCloud) -> None:
        self._services = {urlsplit(cloud.url(name)).netloc: title for name, title in SERVICES.items()}
        self._lock = threading.Lock()
        self._seen: list[tuple[str, str, str]] = []

    def watch(self, session: Session) -> None:
        """Count what this session sends from now on."""
        session.session.hooks["response"].append(self._note)

    def forget(self) -> None:
        """Count anew."""
        with self._lock:
            self._seen.clear()

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        return iter(self._all())

    def by_service(self) -> Mapping[str, int]:
        """How many each service got, those with none left out."""
        return _sorted(service for service, _, _ in self)

    def by_kind(self) -> Mapping[str, int]:
        """How many there were of each kind: `network GET /v2.0/quotas/ID/details.json`."""
        return _sorted(f"{service} {method} {_ID.sub('ID', _path(path))}" for service, method, path in self)

    def of_one(self, project: str) -> Mapping[str, int]:
        """By service, requests whose path names this project."""
        return _sorted(service for service, _, path in self if project in _path(path))

    def _all(self) -> list[tuple[str, str, str]]:
        with self._lock:
            return list(self._seen)

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        address = urlsplit(str(response.request.url))
        path = f"{address.path}?{address.query}" if address.query else address.path
        with self._lock:
            self._seen.append((self._services[address.netloc], str(response.request.method), path))


def counted(cloud: DevCloud, endpoint: str) -> tuple[OpenStackBackend, Calls]:
    """A backend as `OpenStackBackend.connect` makes it, and the count of what it sends."""
    calls = Calls(cloud)
    access = Access.read(endpoint, cloud.clouds_yaml, cloud.name, 8)
    calls.watch(access.session)
    return OpenStackBackend(Client(endpoint, access, 30)), calls


def _path(path: str) -> str:
    return path.partition("?")[0]


def _sorted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))
