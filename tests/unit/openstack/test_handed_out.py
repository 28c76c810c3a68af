"""What of the operator's own entry in clouds.yaml reaches a tenant's: the cloud, never the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from yunjin.errors import UsageError
from yunjin.substrates.openstack import credentials, names
from yunjin.substrates.openstack.access import Access
from yunjin.substrates.openstack.client import Client

if TYPE_CHECKING:
    from pathlib import Path

MADE = {"id": "app-id", "secret": "app-s3cret", "expires_at": "2026-12-22T01:00:00.000000"}


def _client(folder: Path, **more: Any) -> Client:
    auth = {
        "auth_url": "https://keystone.example/v3",
        "username": "operator",
        "password": "operator-s3cret",
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    file = folder / "clouds.yaml"
    entry = {"auth": auth, "region_name": "Panjin", "interface": "internal", **more}
    file.write_text(yaml.safe_dump({"clouds": {"os": entry}}), "utf-8")
    return Client("os-egov", Access.read("os-egov", file, "os", 1), 1)


def test_the_entry_names_the_cloud_and_holds_nothing_of_the_operator(tmp_path: Path) -> None:
    document = credentials._clouds_yaml(_client(tmp_path), "jtj-egov", MADE)
    assert document == {
        "clouds": {
            "jtj-egov@os-egov": {
                "auth_type": "v3applicationcredential",
                "auth": {
                    "auth_url": "https://keystone.example/v3",
                    "application_credential_id": "app-id",
                    "application_credential_secret": "app-s3cret",
                },
                "identity_api_version": "3",
                "region_name": "Panjin",
            }
        }
    }


def test_an_authority_of_the_clouds_own_comes_along(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM\n", "ascii")
    document = credentials._clouds_yaml(_client(tmp_path, cacert=str(authority)), "jtj-egov", MADE)
    assert document["clouds"]["jtj-egov@os-egov"]["cacert"] == "os-egov-ca.pem"
    assert document["authorities"] == {"os-egov-ca.pem": "PEM\n"}


def test_an_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    client = _client(tmp_path, cacert=str(tmp_path / "gone.pem"))
    with pytest.raises(UsageError, match=r"gone\.pem"):
        credentials._clouds_yaml(client, "jtj-egov", MADE)


def test_passwords_differ_and_satisfy_rules_of_every_kind() -> None:
    first, second = credentials._password(), credentials._password()
    assert first != second
    assert len(first.encode()) <= 72
    for sign in (str.isupper, str.islower, str.isdigit, lambda letter: not letter.isalnum()):
        assert any(map(sign, first))


@pytest.mark.parametrize(
    ("user", "is_one"),
    [
        (names.credential_user("jtj-egov", "ab12"), True),
        (names.credential_user("a-jtj-egov", "ab12"), False),
        (names.credential_user("jtj-egov-xc", "ab12"), False),
        ("jtj-egov", False),
        ("", False),
    ],
)
def test_a_user_serves_one_leaf(user: str, is_one: bool) -> None:  # noqa: FBT001 (pytest names it)
    assert names.is_credential_user(user, "jtj-egov") is is_one
