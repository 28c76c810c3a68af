"""Projects, the rights on them and the hosts they are bound to: what Keystone and Nova keep of a leaf.

Called by `apply` and `removal`. Calls `client` and `directory`. Promises that tags and roles of others stay
as they are, and that of an aggregate's metadata only entries of the project in question are touched.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from yunjin.substrates import refusals
from yunjin.substrates.openstack import errors, forms, names
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yunjin.model.resources import Body, Key, Live
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory
    from yunjin.substrates.openstack.forms import Raw


def make_domain(client: Client, key: Key, spec: Body) -> None:
    """Make the domain of the centre."""
    client.call(IDENTITY, "POST", "/domains", {"domain": {"name": key.name, **spec}}, about=key)


def change_domain(client: Client, key: Key, spec: Body, now: Live) -> None:
    """Change the domain of the centre."""
    path = f"/domains/{now.body['metadata']['id']}"
    client.call(IDENTITY, "PATCH", path, {"domain": spec}, about=key)


def make_project(client: Client, directory: Directory, key: Key, spec: Body) -> None:
    """Make a leaf's project."""
    project = {
        "name": key.name,
        "domain_id": directory.domain(),
        "enabled": spec["enabled"],
        "tags": names.tags(spec["tags"]),
    }
    made = client.call(IDENTITY, "POST", "/projects", {"project": project}, about=key)
    directory.remember(made["project"])


def change_project(client: Client, key: Key, spec: Body, now: Live) -> None:
    """Change a leaf's project. Tags of others stay."""
    path = f"/projects/{now.body['metadata']['id']}"
    raw = client.call(IDENTITY, "GET", path, about=key)["project"]
    others = [tag for tag in raw.get("tags") or () if not tag.startswith(names.TAG_PREFIX)]
    project = {"enabled": spec["enabled"], "tags": [*others, *names.tags(spec["tags"])]}
    client.call(IDENTITY, "PATCH", path, {"project": project}, about=key)


def make_group(client: Client, directory: Directory, project: str, key: Key, spec: Body) -> None:
    """Make a group, or take the domain's of that name, and give it its roles on the project."""
    _grant(
        client, directory, f"/projects/{project}/groups/{_group(client, directory, key)}", key, spec["roles"]
    )


def change_group(client: Client, directory: Directory, project: str, key: Key, spec: Body, now: Live) -> None:
    """Give a group exactly the roles of `spec` on the project."""
    path = f"/projects/{project}/groups/{now.body['metadata']['id']}"
    held = set(now.body["spec"]["roles"])
    for role in sorted(held - set(spec["roles"])):
        client.drop(IDENTITY, f"{path}/roles/{directory.role(role)}", about=key)
    _grant(client, directory, path, key, set(spec["roles"]) - held)


def find_group(client: Client, directory: Directory, name: str) -> Raw | None:
    """A group of the centre's domain."""
    query = urlencode({"domain_id": directory.domain(), "name": name})
    return next(iter(client.listed(IDENTITY, f"/groups?{query}", "groups", about=name)), None)


def bind(client: Client, project: str, key: Key, spec: Body | None, *, new: bool = False) -> None:
    """Bind a project to the hosts of one pool, and to no others; without a spec to none.

    Args:
        client: of the cloud.
        project: its id.
        key: of the binding.
        spec: of the binding: name of the aggregate, and whether its hosts are domestic hardware.
        new: the project is bound to nothing yet.

    Raises:
        RefusalError: the cloud's operators have made no aggregate of that name.
        ConflictError: it is bound already.
    """
    aggregates = client.listed(COMPUTE, "/os-aggregates", "aggregates", about=key)
    bound = [each for each in aggregates if forms.binds(each, project)]
    if bound and new:
        raise refusals.moved(client.endpoint, key)
    wanted = [each for each in aggregates if spec and each.get("name") == spec["aggregate"]]
    if spec and not wanted:
        raise errors.no_aggregate(client.endpoint, spec["aggregate"])
    for aggregate in wanted:
        entries: dict[str, str | None] = {}
        if aggregate not in bound:
            entries[f"{names.BINDING_PREFIX}{project}"] = project
        if spec and forms.is_xc(aggregate) is not spec["xc"]:
            entries[names.XC] = names.YES if spec["xc"] else None
        if entries:
            _set_metadata(client, aggregate, entries, key)
    for aggregate in bound:
        if aggregate not in wanted:
            _set_metadata(client, aggregate, dict.fromkeys(forms.binding_names(aggregate, project)), key)


def _set_metadata(client: Client, aggregate: Raw, entries: Mapping[str, str | None], key: Key) -> None:
    path = f"/os-aggregates/{aggregate['id']}/action"
    client.call(COMPUTE, "POST", path, {"set_metadata": {"metadata": entries}}, about=key)


def _group(client: Client, directory: Directory, key: Key) -> str:
    """Make the group; its name is unique in the domain, so that the one that exists is it."""
    body = {"group": {"name": key.name, "domain_id": directory.domain()}}
    answer = client.send(IDENTITY, "POST", "/groups", body)
    if answer.ok:
        return str(answer.body["group"]["id"])
    found = find_group(client, directory, key.name) if answer.code == HTTPStatus.CONFLICT else None
    if found is None:
        raise errors.refused(client.endpoint, key, answer)
    return str(found["id"])


def _grant(client: Client, directory: Directory, path: str, key: Key, roles: Iterable[str]) -> None:
    for role in sorted(roles):
        client.call(IDENTITY, "PUT", f"{path}/roles/{directory.role(role)}", about=key)
