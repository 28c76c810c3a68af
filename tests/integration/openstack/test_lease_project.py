"""The lease as the cloud holds it, and who is let in at all."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

import faults
from faults import Rule
from yunjin.errors import RefusalError, TransientError, UnreachableError
from yunjin.substrates.openstack.backend import OpenStackBackend

if TYPE_CHECKING:
    from pathlib import Path

    from cloud_proxies import CloudProxies
    from devcloud import CloudApi, DevCloud


def _lease(api: CloudApi, endpoint: str) -> list[dict[str, Any]]:
    path = f"/projects?domain_id=default&name=yunjin-lease-{endpoint}"
    found: list[dict[str, Any]] = api.get("identity", path)["projects"]
    return found


def test_the_lease_is_a_disabled_project_outside_the_centres_domain(
    direct: OpenStackBackend, cloud: DevCloud, endpoint: str
) -> None:
    assert direct.acquire("one", 60) is None
    (project,) = _lease(cloud.api(), endpoint)
    assert project["enabled"] is False
    assert json.loads(project["description"])["holder"] == "one"
    direct.release("one")
    assert _lease(cloud.api(), endpoint) == []


def test_a_renewal_keeps_the_project_and_one_that_comes_too_late_makes_another(
    direct: OpenStackBackend, cloud: DevCloud, endpoint: str
) -> None:
    assert direct.acquire("one", 60) is None
    (first,) = _lease(cloud.api(), endpoint)
    assert direct.acquire("one", 0.1) is None
    (second,) = _lease(cloud.api(), endpoint)
    assert second["id"] == first["id"]
    time.sleep(0.2)  # beyond its end
    assert direct.acquire("one", 60) is None
    (third,) = _lease(cloud.api(), endpoint)
    assert third["id"] != first["id"]
    direct.release("one")


def test_a_renewal_whose_answer_is_lost_is_no_success(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies
) -> None:
    assert backend.acquire("one", 60) is None
    proxies["identity"].inject(Rule(faults.drop_after_effect(), "PATCH", "/projects/"))
    with pytest.raises(TransientError):
        backend.acquire("one", 60)
    assert direct.acquire("two", 60) == "one"
    direct.release("one")


def test_a_lease_whose_making_lost_its_answer_is_the_makers(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies
) -> None:
    proxies["identity"].inject(Rule(faults.drop_after_effect(), "POST", "/projects"))
    with pytest.raises(TransientError):
        backend.acquire("one", 60)
    assert direct.acquire("two", 60) == "one"
    assert backend.acquire("one", 60) is None
    direct.release("one")


def test_a_project_that_merely_bears_the_name_is_left_alone(
    direct: OpenStackBackend, cloud: DevCloud, endpoint: str
) -> None:
    wanted = {"name": f"yunjin-lease-{endpoint}", "domain_id": "default", "description": "of somebody"}
    made = cloud.api().must("POST", "identity", "/projects", {"project": wanted})["project"]
    with pytest.raises(RefusalError):
        direct.acquire("one", 60)
    with pytest.raises(RefusalError):
        direct.release("one")
    assert _lease(cloud.api(), endpoint)[0]["id"] == made["id"]


def test_a_wrong_password_is_a_refusal_that_names_the_file(
    cloud: DevCloud, endpoint: str, tmp_path: Path
) -> None:
    clouds = json.loads(cloud.clouds_yaml.read_text("utf-8"))
    clouds["clouds"][cloud.name]["auth"]["password"] = "not-the-password"
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps(clouds), "utf-8")
    backend = OpenStackBackend.connect(endpoint, file, cloud.name)
    with pytest.raises(RefusalError) as raised:
        list(backend.observe())
    assert raised.value.remedy is not None
    assert "clouds.yaml" in raised.value.remedy.zh
    assert "not-the-password" not in f"{raised.value.message}{raised.value.remedy}"
    backend.close()


def test_a_keystone_that_does_not_answer_is_unreachable(
    cloud: DevCloud, endpoint: str, proxies: CloudProxies
) -> None:
    backend = OpenStackBackend.connect(endpoint, proxies.clouds_yaml, proxies.name)
    proxies["identity"].die()
    with pytest.raises(UnreachableError, match="Keystone"):
        list(backend.observe())
    backend.close()
