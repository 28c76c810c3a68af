"""What would outlive a project keeps it, and is named before anything is touched."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from cloud_proxies import says
from faults import Rule
from leaves import read, removal, write
from yunjin.engine.departures import held_back
from yunjin.errors import RefusalError
from yunjin.model.change import Binding, Hold, Plan

if TYPE_CHECKING:
    from cloud_proxies import CloudProxies
    from devcloud import CloudApi, DevCloud
    from leaves import Objects
    from yunjin.substrates.openstack.backend import OpenStackBackend


def _image(api: CloudApi, owner: str, visibility: str, *, hidden: bool = False) -> str:
    wanted = {
        "name": f"{visibility}-of-{owner}",
        "disk_format": "raw",
        "container_format": "bare",
        "visibility": visibility,
        "owner": owner,
        "os_hidden": hidden,
    }
    return str(api.must("POST", "image", "/v2/images", wanted)["id"])


def test_a_project_that_owns_images_is_held_until_they_are_gone(
    direct: OpenStackBackend, cloud: DevCloud, name: str, small: Objects
) -> None:
    write(direct, *small.all)
    api, live = cloud.api(), read(direct, small.namespace.key)
    assert live is not None
    ended, backends = removal(small.namespace), {direct.endpoint: direct}
    bindings = {direct.endpoint: Binding("openstack", "file:", None)}
    plan = Plan(date(2026, 11, 22), "estate", (ended,), bindings)
    assert held_back(plan, backends) == plan
    project = live.body["metadata"]["id"]
    images = [_image(api, project, "private"), _image(api, project, "community")]
    images.append(_image(api, project, "shared", hidden=True))
    _image(api, api.project, "private")

    kept = held_back(plan, backends)
    (held,) = kept.held
    assert (kept.changes, held.leaf, held.hold) == ((), name, Hold.REMAINS)
    assert "还有 3 个镜像" in held.reason.zh
    with pytest.raises(RefusalError, match="3 images"):
        direct.write(ended, live)
    assert read(direct, small.namespace.key) == live

    for image in images:
        api.must("DELETE", "image", f"/v2/images/{image}")
    assert held_back(plan, backends) == plan
    direct.write(ended, live)
    assert read(direct, small.namespace.key) is None


def test_a_project_of_which_that_cannot_be_told_is_held(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, small: Objects
) -> None:
    write(direct, small.namespace)
    bindings = {direct.endpoint: Binding("openstack", "file:", None)}
    plan = Plan(date(2026, 11, 22), "estate", (removal(small.namespace),), bindings)
    proxies["volume"].inject(Rule(says(500), "GET", "/backups/"))
    (held,) = held_back(plan, {direct.endpoint: backend}).held
    assert "未能查明" in held.reason.zh
