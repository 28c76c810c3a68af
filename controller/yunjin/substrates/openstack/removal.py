"""The removal of a project with everything in it. Keystone alone would leave its servers and volumes running.

Called by `apply`. Calls `client`, `networks`, `projects` and `remainder`. Promises that nothing of another
project is touched, whatever a service answers to a filter; that nothing is left without an owner; that the
project bears the mark of its removal before
anything in it goes; that a removal which was broken off is finished by the next; and that the project goes
last, empty.
"""

from __future__ import annotations

from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from yunjin.errors import Text
from yunjin.substrates import refusals
from yunjin.substrates.openstack import errors, names, networks, projects, quotas, remainder, security
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY, NETWORK, VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yunjin.model.resources import Key, Live
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory
    from yunjin.substrates.openstack.forms import Raw

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at what the services are still removing."""
_STAYING: Final = {
    "routers": Text("路由器", "routers"),
    "ports": Text("端口", "ports"),
    "networks": Text("网络", "networks"),
}
"""What stays while somebody uses it."""
_VOLUME_OWNER: Final = "os-vol-tenant-attr:tenant_id"


def remove(client: Client, directory: Directory, key: Key, live: Live) -> None:
    """Empty a project and remove it.

    Raises:
        RefusalError: it is protected, not one of the centre's, or holds what would outlive it; nothing is
            changed.
        ConflictError: the project of that id is another by now.
        TransientError: the services have not ended everything in it yet.
    """
    project = str(live.body["metadata"]["id"])
    raw = _own(client, directory, key, project)
    if raw is None:
        remove_rest(client, directory, key)
        return
    rest = remainder.find(client, project, key)
    if rest is not None:
        raise errors.outlived(client.endpoint, key, rest)
    _mark(client, key, raw)
    _empty(client, key, project)
    projects.bind(client, project, key, None)
    for service, path, _, _ in quotas.SERVICES:
        client.drop(service, path.format(project), about=key)
    _remove_groups(client, directory, key)
    client.drop(IDENTITY, f"/projects/{project}", about=key)
    directory.forget(key.name)


def remove_rest(client: Client, directory: Directory, key: Key) -> None:
    """What stays when somebody else has removed the project.

    Raises:
        ConflictError: there is a project of that name again.
    """
    directory.forget(key.name)
    if directory.known_domain() is None:
        return
    if directory.look_for_project(key.name) is not None:
        raise refusals.moved(client.endpoint, key)
    _remove_groups(client, directory, key)


def _remove_groups(client: Client, directory: Directory, key: Key) -> None:
    """A leaf's own groups do not go with its project."""
    for suffix in ("admin", "viewer"):
        group = projects.find_group(client, directory, f"{key.name}-{suffix}")
        if group is not None:
            client.drop(IDENTITY, f"/groups/{group['id']}", about=key)


def _own(client: Client, directory: Directory, key: Key, project: str) -> Raw | None:
    """The project as it is now; None where it is gone already."""
    answer = client.send(IDENTITY, "GET", f"/projects/{project}")
    if answer.code == HTTPStatus.NOT_FOUND:
        return None
    if not answer.ok:
        raise errors.refused(client.endpoint, key, answer)
    raw: Raw = answer.body["project"]
    if raw.get("domain_id") != directory.domain() or raw.get("is_domain"):
        raise errors.foreign(client.endpoint, key)
    if raw.get("name") != key.name:
        raise refusals.moved(client.endpoint, key)
    if names.marks(raw.get("tags") or ()).get(names.PROTECTED) == names.YES:
        raise refusals.guarded(client.endpoint, key)
    return raw


def _mark(client: Client, key: Key, raw: Raw) -> None:
    """Nobody works in it from now on, and whoever looks sees why."""
    path = f"/projects/{raw['id']}"
    if names.marks(raw.get("tags") or ()).get(names.ENDING) != names.YES:
        client.call(IDENTITY, "PUT", f"{path}/tags/{quote(f'{names.ENDING}={names.YES}')}", about=key)
    if raw.get("enabled", True):
        client.call(IDENTITY, "PATCH", path, {"project": {"enabled": False}}, about=key)


def _empty(client: Client, key: Key, project: str) -> None:
    deadline = monotonic() + client.timeout
    while left := _left(client, key, project):
        if monotonic() > deadline or client.wait(_LOOK_AGAIN):
            raise errors.unfinished(client.endpoint, key, left, _LOOK_AGAIN)


def _left(client: Client, key: Key, project: str) -> Text | None:
    """Ask the services to end what is there; what still is, None where the project is empty."""
    servers = _servers(client, key, project)
    if servers:
        return Text(f" {servers} 台云主机", f"{servers} servers")
    volumes = _volumes(client, key, project)
    if volumes:
        return Text(f" {volumes} 个云硬盘", f"{volumes} volumes")
    _remove_each(client, key, "floatingips", networks.owned(client, "floatingips", project, key))
    for router in networks.owned(client, "routers", project, key):
        for port in networks.interfaces(client, router["id"], key):
            networks.leave(client, router["id"], port, key)
        client.drop(NETWORK, f"/routers/{router['id']}", about=key)
    for name in ("ports", "subnets", "networks"):
        _remove_each(client, key, name, networks.owned(client, name, project, key))
    for name, words in _STAYING.items():
        count = len(list(networks.owned(client, name, project, key)))
        if count:
            return Text(f" {count} 个{words.zh}", f"{count} {words.en}")
    groups = list(networks.owned(client, "security-groups", project, key))
    _remove_each(client, key, "security-groups", sorted(groups, key=security.is_default))
    return None


def _servers(client: Client, key: Key, project: str) -> int:
    query = urlencode({"all_tenants": 1, "project_id": project})
    found = client.listed(COMPUTE, f"/servers/detail?{query}", "servers", about=key)
    own = [server for server in found if server.get("tenant_id") == project]
    for server in own:
        if server.get("OS-EXT-STS:task_state") != "deleting":
            client.drop(COMPUTE, f"/servers/{server['id']}", about=key)
    return len(own)


def _volumes(client: Client, key: Key, project: str) -> int:
    query = urlencode({"all_tenants": 1, "project_id": project})
    found = client.listed(VOLUME, f"/volumes/detail?{query}", "volumes", about=key)
    own = [volume for volume in found if volume.get(_VOLUME_OWNER) == project]
    for volume in own:
        if volume.get("status") != "deleting":
            client.drop(VOLUME, f"/volumes/{volume['id']}?cascade=true", about=key)
    return len(own)


def _remove_each(client: Client, key: Key, collection: str, found: Iterable[Raw]) -> None:
    for raw in found:
        client.drop(NETWORK, f"/{collection}/{raw['id']}", about=key)
