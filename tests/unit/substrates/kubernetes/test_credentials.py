"""Kubeconfigs for credentials, and what cannot be issued."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, cast

import pytest

from yunjin.errors import UsageError
from yunjin.substrates.kubernetes import credentials

if TYPE_CHECKING:
    from yunjin.substrates.kubernetes.client import Client


def test_a_kubeconfig_has_one_context_and_vouches_for_the_server() -> None:
    document = credentials.kubeconfig("k8s-egov", "zfj-egov", ("https://127.0.0.1:1", "PEM\n"), "s3cret")
    (cluster,) = document["clusters"]
    assert cluster["name"] == "k8s-egov"
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    assert b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM\n"
    assert document["contexts"] == [
        {
            "name": "zfj-egov@k8s-egov",
            "context": {"cluster": "k8s-egov", "user": "zfj-egov@k8s-egov", "namespace": "zfj-egov"},
        }
    ]
    assert document["users"] == [{"name": "zfj-egov@k8s-egov", "user": {"token": "s3cret"}}]
    assert document["current-context"] == "zfj-egov@k8s-egov"


def test_the_machines_own_authorities_need_no_mention() -> None:
    document = credentials.kubeconfig("k8s", "zfj-egov", ("https://127.0.0.1:1", ""), "s3cret")
    assert document["clusters"] == [{"name": "k8s", "cluster": {"server": "https://127.0.0.1:1"}}]


NOBODY = cast("Client", None)  # refused before anything is sent


@pytest.mark.parametrize("name", ["", "Ci", "a b", "-a", "a-", "a.b", "a/b", "名", "a" * 64, "a\n"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        credentials.issue(NOBODY, "zfj-egov", "admin", name, 3600)


def test_a_life_that_kubernetes_would_not_grant_is_refused() -> None:
    with pytest.raises(UsageError, match="600"):
        credentials.issue(NOBODY, "zfj-egov", "admin", "ci", 599)
