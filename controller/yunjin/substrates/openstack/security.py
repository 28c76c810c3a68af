"""Rules of a security group, made to be exactly those that are wanted.

Called by `apply`. Calls `client` and `rules`. Promises that what shall not pass is stopped before anything
new is let through: in between too little passes, never too much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.substrates.openstack import names, rules
from yunjin.substrates.openstack.answer import NETWORK
from yunjin.substrates.openstack.directory import eldest
from yunjin.substrates.openstack.networks import owned

if TYPE_CHECKING:
    from yunjin.model.resources import Body, Key
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw


def write(client: Client, project: str, key: Key, spec: Body) -> None:
    """Make a group's rules those of `spec`. The default group comes with the first question for it."""
    group = _group(client, project, key)
    held: dict[str, list[str]] = {}
    for raw in group.get("security_group_rules") or ():
        held.setdefault(str(rules.observed(raw, group["id"])), []).append(raw["id"])
    for text, found in held.items():
        if text not in spec["rules"]:
            for rule in found:
                client.drop(NETWORK, f"/security-group-rules/{rule}", about=key)
    missing = [rules.parse(text) for text in sorted(spec["rules"]) if text not in held]
    if missing:
        made = [{**rules.fields(rule, group["id"]), "project_id": project} for rule in missing]
        client.call(NETWORK, "POST", "/security-group-rules", {"security_group_rules": made}, about=key)


def _group(client: Client, project: str, key: Key) -> Raw:
    found = [raw for raw in owned(client, "security-groups", project, key) if raw.get("name") == key.name]
    if found:
        return eldest(found)
    body = {"security_group": {"name": key.name, "project_id": project}}
    made: Raw = client.call(NETWORK, "POST", "/security-groups", body, about=key)["security_group"]
    return made


def is_default(group: Raw) -> bool:
    """Whether it is the one that Neutron gives every project, and makes again when it is missing."""
    return group.get("name") == names.DEFAULT_GROUP
