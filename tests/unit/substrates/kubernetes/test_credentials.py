"""Kubeconfigs made of credentials, and that a token shows nowhere else."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest
import yaml

from yunjin.errors import UsageError
from yunjin.substrates.kubernetes import credentials
from yunjin.substrates.kubernetes.credentials import Credential

if TYPE_CHECKING:
    from yunjin.substrates.kubernetes.client import Client

ONE = Credential(
    "k8s-egov",
    "zfj-egov",
    "admin",
    "ci",
    "https://127.0.0.1:1",
    "PEM\n",
    datetime(2026, 11, 22, tzinfo=UTC),
    "s3cret",
)


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in f"{ONE!r} {ONE}"


def test_each_credential_is_a_context_and_each_cluster_stands_once() -> None:
    others = (replace(ONE, leaf="zfj-inet", token="other"), replace(ONE, endpoint="k8s-inet", authority=""))
    document = yaml.safe_load(credentials.kubeconfig([ONE, *others]))
    assert document["current-context"] == "zfj-egov@k8s-egov"
    assert [cluster["name"] for cluster in document["clusters"]] == ["k8s-egov", "k8s-inet"]
    first, second = (cluster["cluster"] for cluster in document["clusters"])
    assert b64decode(first["certificate-authority-data"]) == b"PEM\n"
    assert "certificate-authority-data" not in second
    contexts = {item["name"]: item["context"] for item in document["contexts"]}
    users = {item["name"]: item["user"]["token"] for item in document["users"]}
    assert contexts["zfj-inet@k8s-egov"] == {
        "cluster": "k8s-egov", "user": "zfj-inet@k8s-egov", "namespace": "zfj-inet",
    }  # fmt: skip
    assert users == {
        "zfj-egov@k8s-egov": "s3cret",
        "zfj-inet@k8s-egov": "other",
        "zfj-egov@k8s-inet": "s3cret",
    }


NOBODY = cast("Client", None)  # refused before anything is sent


@pytest.mark.parametrize("name", ["", "Ci", "a b", "-a", "a-", "a.b", "a/b", "名", "a" * 64, "a\n"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        credentials.issue(NOBODY, "zfj-egov", "admin", name, 3600)


def test_a_life_that_kubernetes_would_not_grant_is_refused() -> None:
    with pytest.raises(UsageError, match="600"):
        credentials.issue(NOBODY, "zfj-egov", "admin", "ci", 599)
