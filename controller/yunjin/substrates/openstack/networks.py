"""Networks, subnets, routers and pools of addresses, as Neutron makes and changes them.

Called by `apply`, `removal` and `security`. Calls `client`. Promises that an object is changed as it was
read, or not at all (Neutron compares its revision), and that what Neutron cannot change once it exists is
refused by name.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from yunjin.substrates import refusals
from yunjin.substrates.openstack import errors, forms, standard
from yunjin.substrates.openstack.answer import NETWORK
from yunjin.substrates.openstack.directory import eldest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.model.resources import Body, Key, Live
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory
    from yunjin.substrates.openstack.forms import Raw


def make_network(client: Client, directory: Directory, project: str, key: Key, spec: Body) -> None:
    """Make a network."""
    _require_none(client, "networks", project, key)
    body = {"network": {"name": key.name, "project_id": project, **spec}}
    made = client.call(NETWORK, "POST", "/networks", body, about=key)["network"]
    directory.remember_part(project, "networks", key.name, made["id"])


def make_subnet(client: Client, directory: Directory, project: str, key: Key, spec: Body) -> None:
    """Make a subnet, its addresses taken from its zone's pool."""
    _require_none(client, "subnets", project, key)
    body = {
        "subnet": {
            "name": key.name,
            "project_id": project,
            "network_id": _part(client, directory, "networks", project, spec["network"]),
            "subnetpool_id": directory.pool(spec["pool"]),
            "ip_version": spec["ip_version"],
            "enable_dhcp": spec["enable_dhcp"],
        }
    }
    made = client.call(NETWORK, "POST", "/subnets", body, about=key)["subnet"]
    directory.remember_part(project, "subnets", key.name, made["id"])


def change_subnet(client: Client, key: Key, spec: Body, now: Live) -> None:
    """Change whether a subnet hands out addresses; Neutron changes nothing else of it."""
    for name in ("network", "pool", "ip_version"):
        if spec[name] != now.body["spec"][name]:
            raise errors.fixed(client.endpoint, key, name)
    update(client, key, "subnet", now, {"enable_dhcp": spec["enable_dhcp"]})


def make_router(client: Client, directory: Directory, project: str, key: Key, spec: Body) -> None:
    """Make a router and put it into its subnets."""
    _require_none(client, "routers", project, key)
    fields = {"name": key.name, "project_id": project, "admin_state_up": spec["admin_state_up"]}
    made = client.call(NETWORK, "POST", "/routers", {"router": fields}, about=key)["router"]
    for name in sorted(spec["subnets"]):
        _join(client, directory, project, key, made["id"], name)


def change_router(
    client: Client, directory: Directory, project: str, key: Key, spec: Body, now: Live
) -> None:
    """Change a router, and have it lie in exactly the subnets it shall lie in."""
    router, joined, wanted = (
        now.body["metadata"]["id"],
        set(now.body["spec"]["subnets"]),
        set(spec["subnets"]),
    )
    if now.body["spec"]["admin_state_up"] != spec["admin_state_up"]:
        update(client, key, "router", now, {"admin_state_up": spec["admin_state_up"]})
    if joined - wanted:
        own = {raw["id"]: raw.get("name") for raw in owned(client, "subnets", project, key)}
        for port in interfaces(client, router, key):
            if all(own.get(subnet, subnet) not in wanted for subnet in forms.subnets_of(port)):
                leave(client, router, port, key)
    for name in sorted(wanted - joined):
        _join(client, directory, project, key, router, name)


def make_pool(client: Client, key: Key, spec: Body) -> None:
    """Make the pool of a zone's addresses."""
    client.call(NETWORK, "POST", "/subnetpools", {"subnetpool": {"name": key.name, **spec}}, about=key)


def change_pool(client: Client, key: Key, spec: Body, now: Live) -> None:
    """Change the pool of a zone's addresses. Neutron takes no network out of one."""
    lost = standard.lost(now.body["spec"]["prefixes"], spec["prefixes"])
    if lost:
        raise errors.no_less(client.endpoint, key, lost)
    update(client, key, "subnetpool", now, spec)


def update(client: Client, key: Key, name: str, now: Live, fields: Body) -> None:
    """Set fields of an object, if it is still in the revision that was read."""
    path = f"/{name}s/{now.body['metadata']['id']}"
    client.call(NETWORK, "PUT", path, {name: fields}, about=key, revision=now.version)


def interfaces(client: Client, router: str, about: object) -> list[Raw]:
    """Ports with which a router lies in subnets."""
    query = urlencode({"device_id": router, "device_owner": forms.INTERFACES}, doseq=True)
    return client.listed(NETWORK, f"/ports?{query}", "ports", about=about)


def leave(client: Client, router: str, port: Raw, about: object) -> None:
    """Take a router out of the subnet that one of its ports lies in."""
    path = f"/routers/{router}/remove_router_interface"
    answer = client.send(NETWORK, "PUT", path, {"port_id": port["id"]})
    if not answer.ok and answer.code != HTTPStatus.NOT_FOUND:
        raise errors.refused(client.endpoint, about, answer)


def owned(client: Client, collection: str, project: str, about: object) -> Iterator[Raw]:
    """Objects of one project, whatever else a service that knows no filter may answer."""
    name = collection.replace("-", "_")
    query = urlencode({"project_id": project})
    for raw in client.listed(NETWORK, f"/{collection}?{query}", name, about=about):
        if raw.get("project_id", raw.get("tenant_id")) == project:
            yield raw


def _require_none(client: Client, collection: str, project: str, key: Key) -> None:
    """Neutron lets many bear one name, so whoever makes one looks first."""
    if any(raw.get("name") == key.name for raw in owned(client, collection, project, key)):
        raise refusals.moved(client.endpoint, key)


def _part(client: Client, directory: Directory, collection: str, project: str, name: str) -> str:
    """The id of a part of the leaf, by name."""
    known = directory.part(project, collection, name)
    if known is not None:
        return known
    found = [raw for raw in owned(client, collection, project, name) if raw.get("name") == name]
    if not found:
        raise refusals.moved(client.endpoint, f"{collection}/{name}")  # made in an earlier rank
    return str(eldest(found)["id"])


def _join(client: Client, directory: Directory, project: str, key: Key, router: str, name: str) -> None:
    """Put a router into a subnet; where it is already, as after an answer that was lost, Neutron says no."""
    subnet = _part(client, directory, "subnets", project, name)
    answer = client.send(NETWORK, "PUT", f"/routers/{router}/add_router_interface", {"subnet_id": subnet})
    if not answer.ok and not any(
        subnet in forms.subnets_of(port) for port in interfaces(client, router, key)
    ):
        raise errors.refused(client.endpoint, key, answer)
