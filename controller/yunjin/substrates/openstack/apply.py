"""One change of one object.

Called by `backend`. Calls `observe` (to look again), `translate` (to tell whether the object is still what
the plan compared) and the modules that know how each kind is written. Promises that a change is made to the
object that was read, or not at all, as far as the services can: Keystone and Nova compare nothing, so that
between the look and the write a moment remains; Neutron compares revisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, Text
from yunjin.model.change import Action
from yunjin.substrates import refusals
from yunjin.substrates.openstack import (
    errors,
    networks,
    observe,
    projects,
    quotas,
    removal,
    security,
)
from yunjin.substrates.openstack.answer import IDENTITY, NETWORK
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from yunjin.model.change import Change
    from yunjin.model.resources import Live
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory

_TRANSLATOR: Final = OpenStackTranslator()


def write(client: Client, directory: Directory, change: Change, live: Live | None) -> None:
    """Make the change; see the module for what is promised.

    Raises:
        ConflictError: the object is no longer what the change compared, or its project is gone.
        RefusalError, TransientError, UnreachableError, PermanentError.
    """
    try:
        if change.action is Action.DELETE:
            _remove(client, directory, change, live)
        elif live is None:
            _make_once(client, directory, change)
        else:
            _change(client, directory, change, live)
    except ConflictError:
        directory.forget(change.leaf)  # whoever looks again, shall look at what is there
        raise


def _make_once(client: Client, directory: Directory, change: Change) -> None:
    """What was absent, unless an earlier sending of this very change, whose answer was lost, has made it."""
    try:
        _make(client, directory, change)
    except ConflictError:
        directory.forget(change.leaf)
        now = observe.read(client, directory, [change.key]).get(change.key)
        if now is None or _TRANSLATOR.fingerprint(change.wanted, now) != change.after:
            raise


def _make(client: Client, directory: Directory, change: Change) -> None:
    """What was absent. Where a service lets several bear a name, its writer looks first.

    A new project has a quota and a security group of the services' making: these are changed, unread.
    """
    key, spec = change.key, (change.body or {})["spec"]
    match key.kind:
        case "Domain":
            projects.make_domain(client, key, spec)
            return
        case "SubnetPool":
            if observe.read_one(client, directory, key) is not None:
                raise refusals.moved(client.endpoint, key)
            networks.make_pool(client, key, spec)
            return
        case "Project":
            projects.make_project(client, directory, key, spec)
            return
    project = str(directory.project(key.namespace)["id"])
    match key.kind:
        case "Quota":
            quotas.write(client, project, change, None)
        case "PoolBinding":
            projects.bind(client, project, key, spec, new=True)
        case "Network":
            networks.make_network(client, directory, project, key, spec)
        case "Subnet":
            networks.make_subnet(client, directory, project, key, spec)
        case "Router":
            networks.make_router(client, directory, project, key, spec)
        case "SecurityGroup":
            security.write(client, project, key, spec)
        case _:
            projects.make_group(client, directory, project, key, spec)


def _change(client: Client, directory: Directory, change: Change, live: Live) -> None:
    key, spec = change.key, (change.body or {})["spec"]
    now = observe.read_one(client, directory, key)
    stands = _TRANSLATOR.fingerprint(change.wanted, now)
    if stands == change.after:
        return  # an earlier sending of this very change, whose answer was lost
    if now is None or stands != _TRANSLATOR.fingerprint(change.wanted, live):
        raise refusals.moved(client.endpoint, key)
    project = str(now.body["metadata"].get("project_id") or "")
    match key.kind:
        case "Domain":
            projects.change_domain(client, key, spec, now)
        case "SubnetPool":
            networks.change_pool(client, key, spec, now)
        case "Project":
            projects.change_project(client, key, spec, now)
        case "Quota":
            quotas.write(client, project, change, now)
        case "PoolBinding":
            projects.bind(client, project, key, spec)
        case "Network":
            networks.update(client, key, "network", now, spec)
        case "Subnet":
            networks.change_subnet(client, key, spec, now)
        case "Router":
            networks.change_router(client, directory, project, key, spec, now)
        case "SecurityGroup":
            security.write(client, project, key, spec)
        case _:
            projects.change_group(client, directory, project, key, spec, now)


def _remove(client: Client, directory: Directory, change: Change, live: Live | None) -> None:
    key = change.key
    if live is None:
        if key.kind == "Project":
            removal.remove_rest(client, directory, key)
        return
    if key.kind == "Project":
        removal.remove(client, directory, key, live)
        return
    now = observe.read_one(client, directory, key)
    if now is None:
        return
    if now.body["metadata"]["id"] != live.body["metadata"]["id"]:
        raise refusals.moved(client.endpoint, key)
    if not _dropped(client, key.kind, now):
        raise errors.unfinished(client.endpoint, key, Text("使用者", "it is in use"), 1)


def _dropped(client: Client, kind: str, now: Live) -> bool:
    """Remove a single object; False where it is in use."""
    key, own = now.key, now.body["metadata"]["id"]
    match kind:
        case "Quota":
            return all(
                client.drop(service, path.format(own), about=key) for service, path, _, _ in quotas.SERVICES
            )
        case "PoolBinding":
            projects.bind(client, own, key, None)
            return True
        case "Router":
            for port in networks.interfaces(client, own, key):
                networks.leave(client, own, port, key)
            return client.drop(NETWORK, f"/routers/{own}", about=key)
        case "Network" | "Subnet" | "SubnetPool":
            return client.drop(NETWORK, f"/{kind.lower()}s/{own}", about=key)
        case "SecurityGroup":
            return client.drop(NETWORK, f"/security-groups/{own}", about=key)
        case "Group":
            return client.drop(IDENTITY, f"/groups/{own}", about=key)
        case _:
            raise errors.foreign(client.endpoint, key)
