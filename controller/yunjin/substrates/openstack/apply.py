"""One change of one object.

Called by `backend`. Calls `observe` (to look again), `translate` (to tell whether the object is still what
the plan compared) and the modules that know how each kind is written. Promises that a change is made to the
object that was read, or not at all, as far as the services can: Keystone and Nova compare nothing, so that
between the look and the write a moment remains; Neutron compares revisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.change import Action
from yunjin.substrates.openstack import (
    errors,
    names,
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
_UNIQUE: Final = frozenset({"Domain", "Project"})
"""Kinds whose names the services keep unique: nobody's is taken over by making one."""


def write(client: Client, directory: Directory, change: Change, live: Live | None) -> None:
    """Make the change; see the module for what is promised.

    Raises:
        ConflictError: the object is no longer what the change compared, or its project is gone.
        RefusalError, TransientError, UnreachableError, PermanentError.
    """
    if change.action is Action.DELETE:
        _remove(client, directory, change, live)
        return
    now = None
    if live is not None or change.key.kind not in _UNIQUE:
        now = observe.read_one(client, directory, change.key)
        if now is not None and _TRANSLATOR.fingerprint(change.wanted, now) == change.after:
            return  # an earlier sending of this very change, whose answer was lost
        if not _as_read(change, live, now):
            raise errors.moved(client.endpoint, change.key)
    _write(client, directory, change, now, new=live is None)


def _as_read(change: Change, live: Live | None, now: Live | None) -> bool:
    if live is None and now is not None:
        # Every project has these, as the services think fit, from the moment it is there.
        return change.key.kind in names.ARISING
    return _TRANSLATOR.fingerprint(change.wanted, live) == _TRANSLATOR.fingerprint(change.wanted, now)


def _write(client: Client, directory: Directory, change: Change, now: Live | None, *, new: bool) -> None:
    key, spec = change.key, (change.body or {})["spec"]
    match key.kind:
        case "Domain":
            projects.write_domain(client, key, spec, now)
            directory.look_for_domain()
        case "SubnetPool":
            networks.write_pool(client, key, spec, now)
        case "Project":
            projects.write_project(client, directory, key, spec, now)
        case _:
            _write_part(client, directory, change, now, new=new)


def _write_part(client: Client, directory: Directory, change: Change, now: Live | None, *, new: bool) -> None:
    """An object inside a leaf."""
    key, spec = change.key, (change.body or {})["spec"]
    project = str(now.body["metadata"]["project_id"]) if now else directory.project(key.namespace)
    match key.kind:
        case "Quota":
            if now is None:
                raise errors.gone(client.endpoint, key.namespace)
            quotas.write(client, project, change, now, new=new)
        case "PoolBinding":
            projects.bind(client, project, key, spec["aggregate"])
        case "Network":
            networks.write_network(client, project, key, spec, now)
        case "Subnet":
            networks.write_subnet(client, project, key, spec, now)
        case "Router":
            networks.write_router(client, project, key, spec, now)
        case "SecurityGroup":
            security.write(client, project, key, spec)
        case _:
            projects.write_group(client, directory, project, key, spec, now)


def _remove(client: Client, directory: Directory, change: Change, live: Live | None) -> None:
    key = change.key
    if live is None:
        if key.kind == "Project":
            removal.remove_groups(client, directory, key)
        return
    if key.kind == "Project":
        removal.remove(client, directory, key, live)
        return
    now = observe.read_one(client, directory, key)
    if now is None:
        return
    if now.body["metadata"]["id"] != live.body["metadata"]["id"]:
        raise errors.moved(client.endpoint, key)
    if not _dropped(client, key.kind, now):
        raise errors.unfinished(client.endpoint, key, str(now.body["metadata"]["id"]), 1)


def _dropped(client: Client, kind: str, now: Live) -> bool:
    """Remove a single object; False where it is in use."""
    key, own = now.key, now.body["metadata"]["id"]
    match kind:
        case "Quota":
            return all(
                client.drop(service, path.format(own), about=key) for service, path, _, _ in quotas.SERVICES
            )
        case "PoolBinding":
            projects.bind(client, own, key, "")
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
