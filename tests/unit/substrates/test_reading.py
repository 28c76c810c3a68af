"""An answer that comes drop by drop is not waited for, whichever technology's client asks for it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import UnreachableError
from yunjin.substrates.kubernetes.client import Client as KubernetesClient
from yunjin.substrates.openstack.answer import IDENTITY
from yunjin.substrates.openstack.client import Client as OpenStackClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMES = {"issued_at": "2026-11-22T00:00:00.000000Z", "expires_at": "2999-01-01T00:00:00.000000Z"}
DOMAIN = {"id": "default", "name": "Default"}
TOKEN = {
    "methods": ["password"],
    "user": {"id": "u", "name": "yunjin", "domain": DOMAIN},
    "project": {"id": "p", "name": "admin", "domain": DOMAIN},
    "catalog": [],
    **TIMES,
}
DROPS = b'{"kind": "Thing"}'
PAUSE, PATIENCE = 0.2, 1.0
"""No drop is late; all of them together take three times as long as an answer may."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # to be waited for

    def __init__(self) -> None:
        self.heard_out = 0
        super().__init__(("127.0.0.1", 0), _Dripping)


class _Dripping(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.path.endswith("/auth/tokens")
        body = json.dumps({"token": TOKEN}).encode() if token else DROPS
        self.send_response_only(201)
        self.send_header("X-Subject-Token", "t")
        self.send_header("Connection", "close")  # a client that hears all of it must not keep the server
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # the client has gone, as it should
            for each in [body] if token else [bytes([drop]) for drop in body]:
                self.wfile.write(each)
                time.sleep(0 if token else PAUSE)
            self.server.heard_out += not token

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Nobody reads it."""


@contextmanager
def _unheard() -> Iterator[str]:
    """Address of a server that nobody hears out."""
    with _Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
    assert server.heard_out == 0


def test_of_a_cluster(tmp_path: Path) -> None:
    with _unheard() as address:
        _ask_cluster(address, tmp_path)


def _ask_cluster(address: str, tmp_path: Path) -> None:
    content = {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": address}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(content), "utf-8")
    client = KubernetesClient.connect(
        "k8s-egov", tmp_path / "kubeconfig", None, timeout=PATIENCE, connections=1
    )
    with pytest.raises(UnreachableError, match="no answer in time"):
        client.send("POST", "/api/v1/things", {})
    client.close()


def test_of_a_cloud(tmp_path: Path) -> None:
    with _unheard() as address:
        _ask_cloud(address, tmp_path)


def _ask_cloud(address: str, tmp_path: Path) -> None:
    auth = {
        "auth_url": f"{address}/v3",
        "username": "yunjin",
        "password": "x",
        "user_domain_id": "default",
        "project_id": "p",
    }
    entry = {"auth_type": "v3password", "auth": auth, "identity_endpoint_override": auth["auth_url"]}
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"os": entry}}), "utf-8")
    client = OpenStackClient.connect(
        "os-egov", tmp_path / "clouds.yaml", "os", timeout=PATIENCE, connections=1
    )
    with pytest.raises(UnreachableError):
        client.send(IDENTITY, "POST", "/things", {})
    client.close()
