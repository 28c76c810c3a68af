"""Networks, subnets, routers and pools of addresses, as Neutron makes and changes them.

Called by `apply`, `removal` and `security`. Calls `client`. Promises that an object is changed as it was
read, or not at all (Neutron compares its revision), and that what Neutron cannot change once it exists is
refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from yunjin.errors import Text
from yunjin.substrates.openstack import errors, forms
from yunjin.substrates.openstack.answer import NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.model.resources import Body, Key, Live
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw


def write_network(client: Client, project: str, key: Key, spec: Body, now: Live | None) -> None:
    """Make or change a network."""
    if now is None:
        body = {"network": {"name": key.name, "project_id": project, **spec}}
        client.call(NETWORK, "POST", "/networks", body, about=key)
    else:
        update(client, key, "network", now, spec)


def write_subnet(client: Client, project: str, key: Key, spec: Body, now: Live | None) -> None:
    """Make a subnet, its addresses taken from its zone's pool, or change whether it hands them out."""
    if now is not None:
        fixed = [name for name in ("network", "pool", "ip_version") if spec[name] != now.body["spec"][name]]
        if fixed:
            raise errors.fixed(client.endpoint, key, fixed[0])
        update(client, key, "subnet", now, {"enable_dhcp": spec["enable_dhcp"]})
        return
    body = {
        "subnet": {
            "name": key.name,
            "project_id": project,
            "network_id": _named(client, "networks", project, spec["network"], key)["id"],
            "subnetpool_id": _pool(client, spec["pool"])["id"],
            "ip_version": spec["ip_version"],
            "enable_dhcp": spec["enable_dhcp"],
        }
    }
    client.call(NETWORK, "POST", "/subnets", body, about=key)


def write_router(client: Client, project: str, key: Key, spec: Body, now: Live | None) -> None:
    """Make or change a router, and put it into exactly the subnets it shall lie in."""
    state = {"admin_state_up": spec["admin_state_up"]}
    joined: set[str] = set()
    if now is None:
        body = {"router": {"name": key.name, "project_id": project, **state}}
        router = client.call(NETWORK, "POST", "/routers", body, about=key)["router"]["id"]
    else:
        router = now.body["metadata"]["id"]
        joined = set(now.body["spec"]["subnets"])
        if now.body["spec"]["admin_state_up"] != spec["admin_state_up"]:
            update(client, key, "router", now, state)
    wanted = set(spec["subnets"])
    if joined - wanted:
        own = _subnets(client, project)
        for port in interfaces(client, router, key):
            if all(own.get(subnet, subnet) not in wanted for subnet in forms.subnets_of(port)):
                leave(client, router, port, key)
    for name in sorted(wanted - joined):
        subnet = _named(client, "subnets", project, name, key)["id"]
        path = f"/routers/{router}/add_router_interface"
        client.call(NETWORK, "PUT", path, {"subnet_id": subnet}, about=key)


def write_pool(client: Client, key: Key, spec: Body, now: Live | None) -> None:
    """Make or change the addresses of a zone. Neutron adds to a pool and takes nothing out of one."""
    if now is None:
        client.call(NETWORK, "POST", "/subnetpools", {"subnetpool": {"name": key.name, **spec}}, about=key)
        return
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
    client.call(NETWORK, "PUT", path, {"port_id": port["id"]}, about=about)


def owned(client: Client, collection: str, project: str, about: object) -> Iterator[Raw]:
    """Objects of one project, whatever else a service that knows no filter may answer."""
    name = collection.replace("-", "_")
    query = urlencode({"project_id": project})
    for raw in client.listed(NETWORK, f"/{collection}?{query}", name, about=about):
        if raw.get("project_id", raw.get("tenant_id")) == project:
            yield raw


def _named(client: Client, collection: str, project: str, name: str, about: object) -> Raw:
    """The eldest of that name in the project, as `forms.named` has it."""
    found = [raw for raw in owned(client, collection, project, about) if raw.get("name") == name]
    if not found:
        raise errors.gone(client.endpoint, f"{about}: {name}")
    return min(found, key=lambda raw: (str(raw.get("created_at") or ""), raw["id"]))


def _subnets(client: Client, project: str) -> dict[str, Any]:
    return {raw["id"]: raw.get("name") for raw in owned(client, "subnets", project, "subnets")}


def _pool(client: Client, name: str) -> Raw:
    query = urlencode({"name": name, "project_id": client.operator.project})
    found = client.listed(NETWORK, f"/subnetpools?{query}", "subnetpools", about=name)
    if not found:
        remedy = Text("为该区域申报网段并下发执行", "declare the zone's networks and apply that")
        raise errors.absent(client.endpoint, f"subnet pool {name}", remedy)
    return min(found, key=lambda raw: (str(raw.get("created_at") or ""), raw["id"]))
