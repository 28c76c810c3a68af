"""One cloud on loopback: six services in their own processes, hypervisors of any size that only look real.

Called by test fixtures, benchmarks and tests/testbeds/openstack/server.py. Calls the other modules of the
package and, in the services' own environment, `python -m cloudbed run`. Promises that `start` returns a cloud
all of whose services answer, with ports and a folder of its own, and that `stop` ends exactly its processes.
"""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from devcloud.api import CloudApi, Login
from devcloud.builds import ensure_built, variables
from devcluster import process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READY_WITHIN = 120.0  # seconds; 5 to 7 on an idle machine
_RUN = "cloud"
_STATE = "state"
_ADDRESSES = "services.json"


class Host(NamedTuple):
    """What a pretended hypervisor says it has."""

    cpus: int
    memory_mib: int
    disk_gib: int


HOSTS = {
    "node-a": Host(32, 131072, 2000),
    "node-b": Host(16, 65536, 1000),
    "node-c": Host(8, 32768, 500),
}


class CloudError(Exception):
    """A service ended or never answered; carries the end of its log."""


class DevCloud:
    """A running cloud. Use `start`, then `stop` or a `with` block.

    Attributes:
        folder: databases, logs and clouds.yaml; nothing of it lies elsewhere.
        name: of the cloud in `clouds_yaml`.
        region: the only one.
        admin: the administrator's account.
        hosts: the hypervisors by name.
    """

    name = "devcloud"
    region = "RegionOne"
    admin = Login("admin", "loopback-only", {"name": "admin", "domain": {"id": "default"}})

    def __init__(self, folder: Path, hosts: Mapping[str, Host]) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.hosts = dict(hosts)
        self._addresses: dict[str, str] = {}

    @classmethod
    def start(cls, folder: Path, *, hosts: Mapping[str, Host] = HOSTS, tied: bool = True) -> Self:
        """Start a cloud in an empty folder and wait until it works.

        Args:
            folder: becomes the cloud's own.
            hosts: hypervisors, of any size.
            tied: it ends with the process that started it.

        Raises:
            BuildError: the services could not be had.
            CloudError: one did not start.
        """
        cloud = cls(folder, hosts)
        try:
            cloud._start(tied=tied)
        except BaseException:
            cloud.stop()
            raise
        return cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def auth_url(self) -> str:
        """Address of Keystone, `http://127.0.0.1:PORT/v3`."""
        return self.url("keystone")

    @property
    def clouds_yaml(self) -> Path:
        """Of an administrator; the cloud in it is called `name`."""
        return self.folder / "clouds.yaml"

    def url(self, service: str) -> str:
        """Address of keystone, placement, glance, neutron, cinder or nova, as the catalogue has it."""
        return self._addresses[service]

    def api(self, login: Login | None = None) -> CloudApi:
        """A client of our own, as administrator unless somebody else is named."""
        return CloudApi(self.auth_url, login or self.admin)

    def stop(self) -> None:
        """End every process of this cloud at once, and forget its data; logs stay."""
        stop(self.folder)

    def _start(self, *, tied: bool) -> None:
        build = ensure_built()
        running = process.start(
            self.folder,
            _RUN,
            [build.python, "-m", "cloudbed", "run", self.folder, build.seed, json.dumps(self.hosts)],
            tied=tied,
            environ=variables(build),
        )
        deadline = time.monotonic() + READY_WITHIN
        while not (self.folder / _ADDRESSES).exists():
            if not running.running:
                raise CloudError(
                    f"the cloud ended while it started; logs: {self.folder}\n{running.complaint()}"
                )
            if time.monotonic() > deadline:
                raise CloudError(f"the cloud is not ready after {READY_WITHIN:.0f} s; logs: {self.folder}")
            time.sleep(0.05)
        self._addresses = json.loads((self.folder / _ADDRESSES).read_text("utf-8"))
        self._write_clouds_yaml()

    def _write_clouds_yaml(self) -> None:
        """JSON is YAML, too, and needs no library."""
        auth = {
            "auth_url": self.auth_url,
            "username": self.admin.user,
            "password": self.admin.password,
            "project_name": self.admin.project["name"],
            "user_domain_id": self.admin.domain,
            "project_domain_id": self.admin.project["domain"]["id"],
        }
        cloud = {"auth": auth, "region_name": self.region, "interface": "public"}
        text = json.dumps({"clouds": {self.name: cloud}}, indent=2)
        self.clouds_yaml.touch(mode=0o600)
        self.clouds_yaml.write_text(f"{text}\n", "utf-8")


def stop(folder: Path) -> tuple[str, ...]:
    """End every process that the folder remembers, whoever started it; the names of those that still ran."""
    parts = process.recorded(folder)
    ended = tuple(part.name for part in parts if part.running)
    for part in parts:
        part.kill()
    shutil.rmtree(folder / _STATE, ignore_errors=True)
    return ended
