"""A small client of the Kubernetes API, independent of the one under test.

Used by the test bed for its own readiness, by test drivers that act as somebody else, and by tests as a
second witness. Speaks JSON over one TLS connection a call, so it is safe to use from any thread and keeps
no state.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ApiError(Exception):
    """An answer of 400 or more, where a good one was needed."""

    def __init__(self, call: str, answer: Answer) -> None:
        super().__init__(f"{call}: {answer.status} {answer.body}")
        self.answer = answer


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is decoded JSON, or text where it was none."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Api:
    """One server as one user.

    Attributes:
        host, port, prefix: where it is; `prefix` precedes every path.
        headers: what every request carries, a token for instance.
    """

    def __init__(self, server: str, tls: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> None:
        address = urlsplit(server)
        self.host = address.hostname or ""
        self.port = address.port or 443
        self.prefix = address.path.rstrip("/")
        self._tls = tls
        self.headers = dict(headers or {})

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str | None = None) -> Self:
        """Read a kubeconfig with certificates or a token in it, as files or as data.

        Raises:
            ValueError: it gets its credentials in another way.
        """
        import yaml

        config = yaml.safe_load(path.read_text("utf-8"))
        named = {
            kind: {item["name"]: item for item in config[kind]} for kind in ("contexts", "clusters", "users")
        }
        chosen = named["contexts"][context or config["current-context"]]["context"]
        cluster = named["clusters"][chosen["cluster"]]["cluster"]
        user = named["users"][chosen["user"]].get("user") or {}
        tls = ssl.create_default_context(
            cafile=_resolved(path, cluster.get("certificate-authority")),
            cadata=base64.b64decode(cluster.get("certificate-authority-data", "")).decode() or None,
        )
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        headers = {}
        if "client-certificate" in user:
            tls.load_cert_chain(
                str(_resolved(path, user["client-certificate"])), _resolved(path, user["client-key"])
            )
        elif "client-certificate-data" in user:
            _load_chain(tls, user["client-certificate-data"], user["client-key-data"])
        elif token := user.get("token"):
            headers["Authorization"] = f"Bearer {token}"
        else:
            raise ValueError(
                f"{path}: the tests need a client certificate or a token in the kubeconfig itself"
            )
        return cls(cluster["server"], tls, headers)

    def connection(self, timeout: float) -> http.client.HTTPSConnection:
        """A connection of one's own; requests on it need `headers`, and paths begin with `prefix`."""
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self._tls)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        timeout: float = 60,
    ) -> Answer:
        """One request. `path` may carry a query. Any status comes back; OSError where nobody answers."""
        connection = self.connection(timeout)
        headers = self.headers | {"Accept": "application/json", "Connection": "close"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        try:
            connection.request(method, self.prefix + path, data, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        return Answer(response.status, _decoded(text), dict(response.getheaders()))

    def get(self, path: str) -> Any:
        """The body of a good answer. Raises ApiError on any other."""
        return self.must("GET", path)

    def must(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> Any:
        """As `call`, but only a good answer will do. Raises ApiError on any other."""
        answer = self.call(method, path, body, content_type=content_type)
        if answer.status >= 400:
            raise ApiError(f"{method} {path}", answer)
        return answer.body


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _resolved(kubeconfig: Path, name: str | None) -> Path | None:
    """Paths in a kubeconfig count from its own folder."""
    return kubeconfig.parent / name if name else None


def _load_chain(tls: ssl.SSLContext, certificate: str, key: str) -> None:
    """The standard library takes a chain from a file only; this one lives as long as the call."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(certificate) + b"\n" + base64.b64decode(key))
        file.flush()
        tls.load_cert_chain(file.name)
