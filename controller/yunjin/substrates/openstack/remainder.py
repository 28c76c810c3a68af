"""What lies in a project and would outlive it, since its removal takes none of that along.

Called by `backend` and `removal`. Calls `client`. Reads only. Images may be what others' servers were made
from, backups are kept against just such a removal, and a load balancer's network goes with the project: who
removes it decides about these first. Services that the cloud does not have are not asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.substrates.openstack.answer import IMAGE, LOAD_BALANCER, VOLUME

if TYPE_CHECKING:
    from yunjin.substrates.openstack.client import Client

_IMAGES: Final = Text("镜像", "images")
_KINDS: Final = (
    (IMAGE, "/images?visibility=all&owner={}", "images", "owner", _IMAGES),
    (IMAGE, "/images?visibility=all&os_hidden=true&owner={}", "images", "owner", _IMAGES),
    (
        VOLUME,
        "/backups/detail?all_tenants=1&project_id={}",
        "backups",
        "os-backup-project-attr:project_id",
        Text("云硬盘备份", "volume backups"),
    ),
    (
        LOAD_BALANCER,
        "/lbaas/loadbalancers?project_id={}",
        "loadbalancers",
        "project_id",
        Text("负载均衡", "load balancers"),
    ),
)
"""A service, path of a collection, its name, the field that names the project, and what people call it."""


def find(client: Client, project: str, about: object) -> Text | None:
    """How many there are of each; None where nothing would be left behind."""
    found: dict[Text, int] = {}
    for service, path, name, owner, words in _KINDS:
        if client.has(service):
            listed = client.listed(service, path.format(project), name, about=about)
            found[words] = found.get(words, 0) + sum(raw.get(owner) == project for raw in listed)
    left = [(count, words) for words, count in found.items() if count]
    if not left:
        return None
    return Text(
        "、".join(f" {count} 个{words.zh}" for count, words in left),
        ", ".join(f"{count} {words.en}" for count, words in left),
    )
