"""Whose an object of a cloud says it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from clouds import cloud_leaf
from yunjin.model.resources import Key, Live, ObjectClass
from yunjin.substrates.openstack import names, standard
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from yunjin.model.resources import Claim

OWNER = standard.owner(cloud_leaf())


def _claim(kind: str, name: str, owner: Any, *, leaf: str = "jtj-egov", **metadata: Any) -> Claim:
    namespace = "" if kind in ("Project", "Domain", "SubnetPool") else leaf
    body = {"kind": kind, "metadata": {"owner": owner, **metadata}, "spec": {}}
    return OpenStackTranslator().claim(Live(Key("os-egov", namespace, kind, name), body, "1"))


@pytest.mark.parametrize("entry", names.STANDARD, ids=lambda e: f"{e.kind}-{e.role}")
def test_a_standard_object_in_a_project_of_ours_is_ours(entry: Any) -> None:
    claim = _claim(entry.kind, entry.name.format(leaf="jtj-egov") or "jtj-egov", OWNER)
    assert (claim.owned, claim.object_class) == (True, entry.object_class)
    assert (claim.endpoint, claim.tenant, claim.manager) == ("os-egov", "jtj", "")
    assert not claim.protected
    assert not claim.ending


@pytest.mark.parametrize(
    ("kind", "name", "object_class"),
    [
        ("Network", "shadow", ObjectClass.NETWORK),
        ("Router", "out", ObjectClass.NETWORK),
        ("SecurityGroup", "open", ObjectClass.NETWORK),
        ("User", "somebody", ObjectClass.ROLES),
        ("Group", "friends", ObjectClass.ROLES),
        ("Trunk", "yunjin", ObjectClass.CLUSTER),
    ],
)
def test_what_a_tenant_makes_is_shown_as_other_peoples(
    kind: str, name: str, object_class: ObjectClass
) -> None:
    claim = _claim(kind, name, OWNER)
    assert (claim.owned, claim.object_class, claim.endpoint) == (False, object_class, "os-egov")


@pytest.mark.parametrize("kind", ["Project", "Quota", "Network"])
def test_nothing_is_ours_in_a_project_without_the_mark_of_an_endpoint(kind: str) -> None:
    for owner in ({}, None, "odd", {"yunjin:tenant": "jtj"}):
        claim = _claim(kind, "yunjin", owner)
        assert (claim.owned, claim.endpoint) == (False, "")


def test_marks_say_what_is_protected_and_what_is_ending() -> None:
    claim = _claim("Project", "jtj-egov", {**OWNER, "yunjin:protected": "true", "yunjin:ending": "true"})
    assert (claim.protected, claim.ending) == (True, True)
    claim = _claim("Project", "jtj-egov", {**OWNER, "yunjin:protected": "false", "yunjin:ending": ""})
    assert (claim.protected, claim.ending) == (False, False)


def test_the_time_is_what_the_service_tells() -> None:
    assert _claim("Network", "yunjin", OWNER).since is None
    claim = _claim("Network", "yunjin", OWNER, updated_at="2026-11-20T01:02:03Z")
    assert claim.since == datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)
