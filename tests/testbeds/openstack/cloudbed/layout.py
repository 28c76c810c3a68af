"""Where everything of one cloud is: its folder, its ports, its hosts. Pure; every other module takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ADDRESS = "127.0.0.1"
REGION = "RegionOne"
DOMAIN = "default"
ADMIN = "admin"  # user and project
SERVICE_PROJECT = "service"
PASSWORD = "loopback-only"  # of everybody in it: nobody else can reach the cloud, and it is thrown away


class Service(NamedTuple):
    """How the catalogue of Keystone speaks of a service."""

    kind: str
    path: str


# In the order in which they need each other.
SERVICES = {
    "keystone": Service("identity", "/v3"),
    "placement": Service("placement", ""),
    "glance": Service("image", ""),
    "neutron": Service("network", ""),
    "cinder": Service("block-storage", "/v3"),
    "nova": Service("compute", "/v2.1"),
}


class Host(NamedTuple):
    """What a pretended hypervisor says it has."""

    cpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One cloud.

    Attributes:
        state: databases, keys, images and configuration; nothing is written elsewhere.
        ports: by name of the service; in a seed only Keystone's is real.
        hosts: the pretended hypervisors by name.
    """

    state: Path
    ports: Mapping[str, int]
    hosts: Mapping[str, Host]

    def url(self, name: str) -> str:
        """Of a service, as the catalogue has it."""
        return f"http://{ADDRESS}:{self.ports[name]}{SERVICES[name].path}"

    def file(self, name: str) -> Path:
        """Where a database lies. Nova has three of them, the others one of their name."""
        return self.state / "db" / f"{name}.sqlite"

    def database(self, name: str) -> str:
        """A database as SQLAlchemy is told; who waits a minute for its lock waits for something broken."""
        return f"sqlite:///{self.file(name)}?timeout=60"

    def configuration(self, name: str) -> Path:
        """The file of a service, in a folder that holds no other: two services read whole folders."""
        return self.state / "etc" / name / ("glance-api.conf" if name == "glance" else f"{name}.conf")
