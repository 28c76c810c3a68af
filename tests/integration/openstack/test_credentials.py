"""Application credentials of tenants: given once, taken back whole, and nothing left of those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import faults
from cloud_proxies import says, says_after_effect
from faults import Fault, Rule
from leaves import read, removal, write
from yunjin.errors import ConflictError, RefusalError, UsageError, YunjinError

if TYPE_CHECKING:
    from cloud_proxies import CloudProxies
    from devcloud import DevCloud
    from leaves import Objects
    from yunjin.substrates.openstack.backend import OpenStackBackend

STEPS = {
    "user": ("POST", "/users$"),
    "role": ("PUT", "/roles/"),
    "login": ("POST", "/auth/tokens"),
    "application credential": ("POST", "/application_credentials$"),
    "password": ("PATCH", "/users/"),
}
FAULTS = {
    "failure": says(500),
    "failure after the effect": says_after_effect(500),
    "policy forbids": says(403, "Policy does not allow it"),
    "answer lost after the effect": faults.drop_after_effect(),
    "malformed JSON": faults.malformed(),
}


@pytest.fixture
def leaf(direct: OpenStackBackend, small: Objects) -> str:
    """A leaf that stands."""
    write(direct, small.namespace)
    return small.namespace.key.name


def _users(cloud: DevCloud, leaf: str) -> list[dict[str, Any]]:
    found = cloud.api().get("identity", "/users?name__startswith=yunjin-credential-")["users"]
    return [user for user in found if user["name"].endswith(f".{leaf}")]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_one_that_fails_half_way_leaves_nobody(
    backend: OpenStackBackend,
    proxies: CloudProxies,
    cloud: DevCloud,
    leaf: str,
    step: tuple[str, str],
    fault: Fault,
) -> None:
    proxies["identity"].inject(Rule(fault, *step, times=None))
    try:
        backend.issue(leaf, "viewer", "ab12", 3600)
    except YunjinError:
        assert _users(cloud, leaf) == []
    else:  # what was done all the same is whole, and ends when it is revoked
        assert len(_users(cloud, leaf)) == 1
        backend.revoke(leaf, "ab12")
        assert _users(cloud, leaf) == []
    assert any(seen.fault == fault for seen in proxies["identity"].seen)


def test_a_name_is_given_once_and_again_after_it_was_revoked(direct: OpenStackBackend, leaf: str) -> None:
    first = direct.issue(leaf, "viewer", "ab12", 3600)
    with pytest.raises(ConflictError, match="ab12"):
        direct.issue(leaf, "admin", "ab12", 3600)
    assert set(direct.trial(first)().values()) == {True}
    direct.revoke(leaf, "ab12")
    second = direct.issue(leaf, "viewer", "ab12", 3600)
    assert second.document != first.document
    direct.revoke(leaf, "ab12")


def test_one_that_was_revoked_lets_nobody_in(direct: OpenStackBackend, leaf: str) -> None:
    issued = direct.issue(leaf, "viewer", "ab12", 3600)
    direct.revoke(leaf, "ab12")
    direct.revoke(leaf, "ab12")
    with pytest.raises(RefusalError, match="does not let"):
        direct.trial(issued)


def test_a_leaf_without_a_project_gets_none(direct: OpenStackBackend, name: str) -> None:
    with pytest.raises(ConflictError, match=name):
        direct.issue(name, "viewer", "ab12", 3600)
    direct.revoke(name, "ab12")


@pytest.mark.parametrize(("leaf", "name", "seconds"), [("a b", "ok", 60), ("ok", "a.b", 60), ("ok", "ok", 0)])
def test_what_cannot_be_is_refused_before_anything_is_sent(
    backend: OpenStackBackend, proxies: CloudProxies, leaf: str, name: str, seconds: int
) -> None:
    proxies["identity"].forget()
    with pytest.raises(UsageError):
        backend.issue(leaf, "viewer", name, seconds)
    assert proxies["identity"].seen == ()


def test_a_removed_leaf_takes_its_credentials_along(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects, leaf: str
) -> None:
    """The user stays, without any right, until its credential is revoked."""
    issued = direct.issue(leaf, "admin", "ab12", 3600)
    accepted = direct.trial(issued)
    direct.write(removal(small.namespace), read(direct, small.namespace.key))
    assert not accepted()["Keystone"]
    with pytest.raises(RefusalError):
        direct.trial(issued)
    (user,) = _users(cloud, leaf)
    rights = cloud.api().get("identity", f"/role_assignments?user.id={user['id']}")["role_assignments"]
    assert rights == []
    direct.revoke(leaf, "ab12")
    assert _users(cloud, leaf) == []
