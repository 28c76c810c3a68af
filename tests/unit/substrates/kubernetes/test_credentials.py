"""Kubeconfigs for credentials, and what cannot be issued."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, cast

import pytest

from devcluster.certificates import Authority
from scripted_server import Scripted, ScriptedServer
from yunjin.errors import UsageError
from yunjin.substrates.kubernetes import credentials
from yunjin.substrates.kubernetes.client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


GRANTED = (
    Scripted(),
    Scripted(201, b'{"metadata": {"name": "zfj-egov.ci", "uid": "1"}}'),
    Scripted(201, b'{"status": {"token": "s3cret", "expirationTimestamp": "2026-12-01T00:00:00Z"}}'),
)
"""What a cluster answers to account, secret and token."""


def _issued(kubeconfig: Path) -> Mapping[str, Any]:
    client = Client.connect("k8s-egov", kubeconfig, None, timeout=10, connections=1)
    issued = credentials.issue(client, "zfj-egov", "admin", "ci", 3600)
    client.close()
    return issued.document


def test_a_kubeconfig_has_one_context_and_knows_the_server_as_the_issuer_does(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    serving = authority.server("serving", ["DNS:api.egov"])
    with ScriptedServer(*GRANTED, certificate=serving) as server:
        known_by = {"certificate-authority": str(authority.certificate), "tls-server-name": "api.egov"}
        document = _issued(server.kubeconfig(tmp_path / "kubeconfig", **known_by))
    (cluster,) = document["clusters"]
    assert cluster["name"] == "k8s-egov"
    assert cluster["cluster"]["server"] == server.address
    assert cluster["cluster"]["tls-server-name"] == "api.egov"
    vouching = b64decode(cluster["cluster"]["certificate-authority-data"])
    assert vouching == authority.certificate.read_bytes()
    assert document["contexts"] == [
        {
            "name": "zfj-egov@k8s-egov",
            "context": {"cluster": "k8s-egov", "user": "zfj-egov@k8s-egov", "namespace": "zfj-egov"},
        }
    ]
    assert document["users"] == [{"name": "zfj-egov@k8s-egov", "user": {"token": "s3cret"}}]
    assert document["current-context"] == "zfj-egov@k8s-egov"


def test_the_machines_own_authorities_need_no_mention(tmp_path: Path) -> None:
    with ScriptedServer(*GRANTED) as server:
        document = _issued(server.kubeconfig(tmp_path / "kubeconfig"))
    assert document["clusters"] == [{"name": "k8s-egov", "cluster": {"server": server.address}}]


NOBODY = cast("Client", None)  # refused before anything is sent


@pytest.mark.parametrize("name", ["", "Ci", "a b", "-a", "a-", "a.b", "a/b", "名", "a" * 64, "a\n"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        credentials.issue(NOBODY, "zfj-egov", "admin", name, 3600)


def test_a_life_that_kubernetes_would_not_grant_is_refused() -> None:
    with pytest.raises(UsageError, match="600"):
        credentials.issue(NOBODY, "zfj-egov", "admin", "ci", 599)
