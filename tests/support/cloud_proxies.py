"""Proxies in front of the services of a cloud, one each, and a clouds.yaml that leads through them.

Used by tests of faults and of how much is asked. Calls `fault_proxy`. What the services say to each other
does not pass here: only what the client under test says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from fault_proxy import HOST, PlainProxy
from faults import Fault, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from devcloud import DevCloud
    from fault_proxy import Seen

# By what this project calls a service: the program behind it, and what clouds.yaml calls it.
_SERVICES = {
    "identity": ("keystone", "identity"),
    "compute": ("nova", "compute"),
    "network": ("neutron", "network"),
    "volume": ("cinder", "block_storage"),
    "placement": ("placement", "placement"),
}


class CloudProxies:
    """One proxy a service; see `fault_proxy.PlainProxy`.

    Attributes:
        clouds_yaml: of an administrator who comes through the proxies.
        name: of the cloud in it.
    """

    name = "proxied"

    def __init__(self, cloud: DevCloud, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._proxies: dict[str, PlainProxy] = {}
        entry: dict[str, Any] = {"region_name": cloud.region, "interface": "public"}
        for service, (program, prefix) in _SERVICES.items():
            address = urlsplit(cloud.url(program))
            assert address.port is not None
            self._proxies[service] = PlainProxy(address.port)
            url = f"http://{HOST}:{self._proxies[service].port}{address.path}"
            entry[f"{prefix}_endpoint_override"] = url
        entry["auth"] = {
            "auth_url": entry["identity_endpoint_override"],
            "username": cloud.admin.user,
            "password": cloud.admin.password,
            "project_name": cloud.admin.project["name"],
            "user_domain_id": cloud.admin.domain,
            "project_domain_id": cloud.admin.project["domain"]["id"],
        }
        self.clouds_yaml = folder / "clouds.yaml"
        self.clouds_yaml.write_text(json.dumps({"clouds": {self.name: entry}}), "utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies.values():
            proxy.stop()

    def __getitem__(self, service: str) -> PlainProxy:
        return self._proxies[service]

    @property
    def seen(self) -> tuple[tuple[str, Seen], ...]:
        """Every request to any service, with the service; in order within one."""
        return tuple((service, seen) for service, proxy in self._proxies.items() for seen in proxy.seen)

    @property
    def writes(self) -> tuple[tuple[str, Seen], ...]:
        """Those of them that would change something; tokens are not counted."""
        return tuple(
            (service, seen)
            for service, proxy in self._proxies.items()
            for seen in proxy.writes
            if "/auth/tokens" not in seen.path
        )

    def forget(self) -> None:
        """No rules and no memory of requests, as at the start."""
        for proxy in self._proxies.values():
            proxy.forget()


def says(status: int, message: str = "refused by the test", *, retry_after: int | None = None) -> Fault:
    """A refusal in the form most services have; the service never sees the request."""
    return Fault(forward=False, reply=_reply(status, message, retry_after))


def says_after_effect(status: int) -> Fault:
    """The request is carried out, and the client is told that it failed."""
    return Fault(reply=_reply(status, "refused by the test after the effect", None))


def _reply(status: int, message: str, retry_after: int | None) -> Reply:
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = {"error": {"code": status, "message": message, "title": "Refused"}}
    return Reply(status, json.dumps(body).encode(), headers)
