"""Acting as somebody else on a cloud: an administrator, a tenant, a second process.

Used by the contract suite beside `substrate_drivers`. The simulated one uses the backend's own doors for
that, the real one goes to the services by a client of our own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from devcloud import Tenant, furnish
from leaves import CLOUD_CIDRS, CLOUD_LARGE, CLOUD_SMALL, CLOUD_TRANSLATOR, cloud_leaf, write
from substrate_drivers import Driver
from yunjin.errors import RefusalError
from yunjin.model.centre import Endpoint
from yunjin.model.resources import Key
from yunjin.substrates.openstack import dialects, rules
from yunjin.substrates.openstack.answer import COMPUTE, NETWORK, VOLUME, Answer
from yunjin.substrates.openstack.backend import OpenStackBackend
from yunjin.substrates.openstack.names import DOMAIN, ENDPOINT
from yunjin.substrates.simulated.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from devcloud import DevCloud
    from yunjin.model.tenancy import Leaf
    from yunjin.substrates.contract import Backend, Translator

POOL = "os-egov"


class CloudDriver(Driver, Protocol):
    """What there is besides on a cloud: three quota services, each with its own answer."""

    def set_figure(self, quota: Key, service: str, figure: str, value: int) -> None:
        """An administrator writes one figure, by the service's own name."""
        ...

    def set_rules(self, group: Key, texts: Iterable[str]) -> None:
        """A tenant makes these the only rules of a security group."""
        ...

    def take(self, leaf: str, service: str) -> tuple[str, ...]:
        """A tenant takes one core, port or volume more, of a leaf that stands whole.

        Returns:
            What there is no more of, as the service says; empty where it was granted.
        """
        ...

    def addresses(self, leaf: str) -> list[str]:
        """The networks of a leaf's subnets."""
        ...

    def withdraw(self, aggregate: str) -> None:
        """The operators provide no such aggregate."""
        ...


class _Cloud(ABC):
    """What both clouds have in common."""

    translator: Translator = CLOUD_TRANSLATOR
    small = CLOUD_SMALL
    large = CLOUD_LARGE
    longest = 64 - len("-viewer")  # a leaf's groups are named after it, and bear 64 characters as well

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._opened: list[Backend] = []
        self.backend = self.second()
        place = Endpoint.model_validate(
            {
                "id": endpoint,
                "zh": "测试云",
                "en": "cloud of the tests",
                "technology": "openstack",
                "state": "live",
                "access": "simulated",
            }
        )
        write(self.backend, *self.translator.shared(place, CLOUD_CIDRS))

    def leaf(self, name: str, **more: Any) -> Leaf:
        return cloud_leaf(name, self.endpoint, **more)

    def second(self) -> Backend:
        opened = self._open()
        self._opened.append(opened)
        return opened

    def set_cores(self, quota: Key, cores: int) -> None:
        self.set_figure(quota, "compute", "cores", cores)

    def close(self) -> None:
        for backend in self._opened:
            backend.close()

    @abstractmethod
    def set_figure(self, quota: Key, service: str, figure: str, value: int) -> None: ...

    @abstractmethod
    def _open(self) -> Backend: ...


class SimulatedCloudDriver(_Cloud):
    """The embedded default."""

    def __init__(self, endpoint: str, file: Path) -> None:
        self._file = file
        self._taken: dict[tuple[str, str], int] = {}
        self.people = SimulatedCloud.open(endpoint, file)
        super().__init__(endpoint)

    def set_figure(self, quota: Key, service: str, figure: str, value: int) -> None:
        self.people.edit(quota, {("spec", service, figure): value})

    def set_rules(self, group: Key, texts: Iterable[str]) -> None:
        self.people.edit(group, {("spec", "rules"): dict.fromkeys(texts, True)})

    def take(self, leaf: str, service: str) -> tuple[str, ...]:
        figures = {
            "compute": ("cores", "instances"),
            "network": ("port",),
            "volume": ("volumes", "gigabytes"),
        }
        self._taken[leaf, service] = self._taken.get((leaf, service), 0) + 1
        try:
            self.people.consume(leaf, {service: dict.fromkeys(figures[service], self._taken[leaf, service])})
        except RefusalError as error:
            return tuple(cast("list[str]", error.facts["over_quota"]))
        return ()

    def addresses(self, leaf: str) -> list[str]:
        found = {state.name: state.objects for state in self.backend.observe()}[leaf]
        return [live.body["metadata"]["cidr"] for (kind, _), live in found.items() if kind == "Subnet"]

    def withdraw(self, aggregate: str) -> None:
        self.people.provide(aggregate, there=False)

    def guest(self, leaf: str) -> Key:
        metadata = {"name": "guest (0123abcd)", "namespace": leaf}
        return self.people.create_foreign(
            {"kind": "User", "metadata": metadata, "spec": {"roles": {"reader": True}}}
        )

    def stranger(self, name: str, endpoint: str = "") -> None:
        tags = {ENDPOINT: endpoint} if endpoint else {}
        self.people.create_foreign(
            {"kind": "Project", "metadata": {"name": name}, "spec": {"enabled": True, "tags": tags}}
        )

    def remove(self, key: Key) -> None:
        self.people.remove(key)

    def consume(self, leaf: str, cores: int) -> None:
        self.people.consume(leaf, {"compute": {"cores": cores, "instances": 1, "ram": 512}})

    def close(self) -> None:
        super().close()
        self.people.close()

    def _open(self) -> Backend:
        return SimulatedCloud.open(self.people.endpoint, self._file)


class OpenStackDriver(_Cloud):
    """The real services."""

    def __init__(self, endpoint: str, cloud: DevCloud) -> None:
        self._cloud = cloud
        self._api = cloud.api()
        self._tenants: dict[str, Tenant] = {}
        furnish.aggregate(self._api, POOL, ["node-a"])
        super().__init__(endpoint)

    def set_figure(self, quota: Key, service: str, figure: str, value: int) -> None:
        tenant = Tenant(self._api, self._api, self._project(quota.namespace))
        tenant.set_quota(**{service: {figure: value}})

    def set_rules(self, group: Key, texts: Iterable[str]) -> None:
        api = self._tenant(group.namespace).api
        (found,) = api.get("network", f"/v2.0/security-groups?name={group.name}")["security_groups"]
        for rule in found["security_group_rules"]:
            api.must("DELETE", "network", f"/v2.0/security-group-rules/{rule['id']}")
        for text in texts:
            wanted = rules.fields(rules.parse(text), found["id"])
            api.must("POST", "network", "/v2.0/security-group-rules", {"security_group_rule": wanted})

    def take(self, leaf: str, service: str) -> tuple[str, ...]:
        tenant = self._tenant(leaf)
        asked = {
            "compute": lambda: tenant.boot("more"),
            "network": lambda: tenant.port(self._owned(leaf, "networks")[0]["id"]),
            "volume": lambda: tenant.volume("more"),
        }
        said = asked[service]()
        if said.status < 300:
            return ()
        of = {"compute": COMPUTE, "network": NETWORK, "volume": VOLUME}[service]
        return dialects.over_quota(Answer(of, said.status, "", said.body))

    def addresses(self, leaf: str) -> list[str]:
        return [subnet["cidr"] for subnet in self._owned(leaf, "subnets")]

    def withdraw(self, aggregate: str) -> None:
        listed = self._api.get("compute", "/os-aggregates")["aggregates"]
        assert aggregate not in [each["name"] for each in listed]

    def guest(self, leaf: str) -> Key:
        user = self._tenant(leaf).api.token["user"]
        return Key(self.endpoint, leaf, "User", f"{user['name']} ({user['id']})")

    def stranger(self, name: str, endpoint: str = "") -> None:
        tags = [f"{ENDPOINT}={endpoint}"] if endpoint else []
        wanted = {"name": name, "domain_id": self._domain(), "tags": tags}
        self._api.must("POST", "identity", "/projects", {"project": wanted})

    def remove(self, key: Key) -> None:
        assert key.kind == "Project"
        self._api.must("DELETE", "identity", f"/projects/{self._project(key.name)}")

    def consume(self, leaf: str, cores: int) -> None:
        assert self._tenant(leaf).booted("busy", cpus=cores)["status"] == "ACTIVE"

    def _open(self) -> Backend:
        return OpenStackBackend.connect(self.endpoint, self._cloud.clouds_yaml, self._cloud.name)

    def _domain(self) -> str:
        (found,) = self._api.get("identity", f"/domains?name={DOMAIN}")["domains"]
        return str(found["id"])

    def _project(self, leaf: str) -> str:
        path = f"/projects?domain_id={self._domain()}&name={quote(leaf)}"
        (found,) = self._api.get("identity", path)["projects"]
        return str(found["id"])

    def _tenant(self, leaf: str) -> Tenant:
        if leaf not in self._tenants:
            self._tenants[leaf] = Tenant.of(self._api, self._project(leaf), leaf)
        return self._tenants[leaf]

    def _owned(self, leaf: str, collection: str) -> list[dict[str, Any]]:
        path = f"/v2.0/{collection}?project_id={self._project(leaf)}"
        found: list[dict[str, Any]] = self._api.get("network", path)[collection]
        return found
