"""Somebody who works in a project: boots servers, makes volumes, ports and networks, with rights of a member.

Used by tests that need a load, or a refusal. Calls the cloud through `devcloud.api`. What the services do
answer comes back as it is; nothing here decides whether a refusal was right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from devcloud import furnish
from devcloud.api import CloudApi, Login
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from devcluster.api import Answer

_PASSWORD = "of-a-tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A user of one project.

    Attributes:
        api: the cloud as this user.
        admin: the cloud as its administrator, for what a member may not see or make.
        project: id.
    """

    api: CloudApi
    admin: CloudApi
    project: str
    _furniture: dict[tuple[int, ...], str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, admin: CloudApi, project: str, user: str, role: str = "member") -> Self:
        """A new user of an existing project."""
        wanted = {"name": user, "password": _PASSWORD, "domain_id": "default"}
        made = admin.must("POST", "identity", "/users", {"user": wanted})["user"]["id"]
        (found,) = admin.get("identity", f"/roles?name={role}")["roles"]
        admin.must("PUT", "identity", f"/projects/{project}/users/{made}/roles/{found['id']}")
        login = Login(user, _PASSWORD, {"id": project})
        return cls(CloudApi(admin.auth_url, login), admin, project)

    @classmethod
    def new(cls, admin: CloudApi, name: str) -> Self:
        """A new project and a member of it, both of that name."""
        wanted = {"project": {"name": name, "domain_id": "default"}}
        return cls.of(admin, admin.must("POST", "identity", "/projects", wanted)["project"]["id"], name)

    def set_quota(self, *, compute: Any = None, network: Any = None, volume: Any = None) -> None:
        """Set some figures by the services' own names, as administrator. Raises ApiError."""
        if compute:
            body = {"quota_set": compute}
            self.admin.must("PUT", "compute", f"/os-quota-sets/{self.project}", body)
        if network:
            self.admin.must("PUT", "network", f"/v2.0/quotas/{self.project}", {"quota": network})
        if volume:
            body = {"quota_set": volume}
            self.admin.must("PUT", "block-storage", f"/os-quota-sets/{self.project}", body)

    def boot(self, name: str, *, cpus: int = 1, memory_mib: int = 512, network: str = "") -> Answer:
        """Ask for a server, without a network unless one is named. 202, or a refusal."""
        wanted = {
            "name": name,
            "imageRef": self._known((), lambda: furnish.image(self.admin)),
            "flavorRef": self._known(
                (cpus, memory_mib), lambda: furnish.flavor(self.admin, cpus, memory_mib)
            ),
            "networks": [{"uuid": network}] if network else "none",
        }
        return self.api.call("POST", "compute", "/servers", {"server": wanted})

    def server(self, number: str) -> dict[str, Any]:
        """A server as an administrator sees it, with its host."""
        found: dict[str, Any] = self.admin.get("compute", f"/servers/{number}")["server"]
        return found

    def booted(self, name: str, *, cpus: int = 1, memory_mib: int = 512, network: str = "") -> dict[str, Any]:
        """A server that was asked for and came to its end: ACTIVE, or ERROR."""
        answer = self.boot(name, cpus=cpus, memory_mib=memory_mib, network=network)
        assert answer.status == 202, answer
        number = answer.body["server"]["id"]
        wait_until(lambda: self.server(number)["status"] != "BUILD")
        return self.server(number)

    def delete_server(self, number: str) -> None:
        """Until it is gone and counts no more."""
        self.api.must("DELETE", "compute", f"/servers/{number}")
        wait_until(lambda: self.admin.call("GET", "compute", f"/servers/{number}").status == 404)

    def volume(self, name: str, gib: int = 1) -> Answer:
        """Ask for a volume. 202, or a refusal."""
        return self.api.call("POST", "block-storage", "/volumes", {"volume": {"name": name, "size": gib}})

    def network(self, name: str, cidr: str = "10.9.0.0/24") -> str:
        """Id of a network with one subnet."""
        made = self.api.must("POST", "network", "/v2.0/networks", {"network": {"name": name}})["network"][
            "id"
        ]
        subnet = {"network_id": made, "ip_version": 4, "cidr": cidr}
        self.api.must("POST", "network", "/v2.0/subnets", {"subnet": subnet})
        return str(made)

    def port(self, network: str) -> Answer:
        """Ask for a port. 201, or a refusal."""
        return self.api.call("POST", "network", "/v2.0/ports", {"port": {"network_id": network}})

    def _known(self, what: tuple[int, ...], make: Callable[[], str]) -> str:
        """Asked for once: a load of boots is to be boots, not questions for flavors."""
        if what not in self._furniture:
            self._furniture[what] = make()
        return self._furniture[what]
