"""What an operator brings into a cloud before anybody works in it: images, flavors, pools of hosts.

Called by tests and by `devcloud.cloud`. Calls the cloud as its administrator. Everything is found again by
its name, so that tests may ask for the same thing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from devcluster.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devcloud.api import CloudApi


def image(api: CloudApi, name: str = "empty") -> str:
    """Id of an image that everybody may boot: one kibibyte of nothing."""
    found = api.get("image", f"/v2/images?name={quote(name)}")["images"]
    if found:
        return str(found[0]["id"])
    wanted = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    made = str(api.must("POST", "image", "/v2/images", wanted)["id"])
    api.must("PUT", "image", f"/v2/images/{made}/file", bytes(1024))
    return made


def flavor(api: CloudApi, cpus: int, memory_mib: int, disk_gib: int = 1) -> str:
    """Id of a flavor of that size."""
    number = f"c{cpus}-m{memory_mib}-d{disk_gib}"
    wanted = {"id": number, "name": number, "vcpus": cpus, "ram": memory_mib, "disk": disk_gib}
    answer = api.call("POST", "compute", "/flavors", {"flavor": wanted})
    if answer.status not in (200, 409):  # 409: somebody else had the same wish
        raise ApiError("POST compute /flavors", answer)
    return number


def aggregate(api: CloudApi, name: str, hosts: Iterable[str] = ()) -> int:
    """Id of the aggregate of that name; the hosts are in it, those that were before stay."""
    found = _aggregate(api, name)
    if not found:
        found = api.must("POST", "compute", "/os-aggregates", {"aggregate": {"name": name}})["aggregate"]
    for host in sorted(set(hosts) - set(found.get("hosts") or ())):
        _act(api, found["id"], "add_host", {"host": host})
    return int(found["id"])


def bind(api: CloudApi, name: str, project: str) -> None:
    """From now on servers of the project land on hosts of that aggregate alone, and no unbound one does."""
    metadata = {f"filter_tenant_id_{project}": project}
    _act(api, aggregate(api, name), "set_metadata", {"metadata": metadata})


def _aggregate(api: CloudApi, name: str) -> dict[str, Any]:
    listed = api.get("compute", "/os-aggregates")["aggregates"]
    return next((each for each in listed if each["name"] == name), {})


def _act(api: CloudApi, number: int, action: str, body: Any) -> None:
    api.must("POST", "compute", f"/os-aggregates/{number}/action", {action: body})
