"""An HTTP server on loopback that answers from a script and remembers what it was asked.

Used by tests of clients, where a real server would not say such things. Standard library alone.
"""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devcluster.certificates import Certificate

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Scripted:
    """One answer.

    Attributes:
        length: what Content-Length claims; None tells the truth.
        endless: it comes in chunks, of which the last never comes: the connection ends.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    endless: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class ScriptedServer:
    """Gives its answers in order, the last one again and again. Use as a `with` block.

    Attributes:
        address: `http://127.0.0.1:PORT`, or https where it has a certificate.
        asked: every request so far.
    """

    def __init__(
        self,
        *answers: Scripted,
        watched: Scripted | None = None,
        certificate: Certificate | None = None,
        clients: Path | None = None,
    ) -> None:
        """Write the script.

        Args:
            answers: to every request, but for the next.
            watched: what every watch of Kubernetes gets, whatever else is asked meanwhile.
            certificate: what it shows.
            clients: the authority whose certificates it asks clients for.
        """
        self.asked: list[Asked] = []
        self._answers = list(answers)
        self._watched = watched
        self._lock = threading.Lock()
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                script._serve(self)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # the library's name for every method
                    return self._answer
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
                """Nobody reads it."""

        self._server = _Quiet((HOST, 0), Handler)
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate.certificate, certificate.key)
            if clients:
                tls.load_verify_locations(clients)
                tls.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"http{'s' if certificate else ''}://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(self, path: Path, **cluster: Any) -> Path:
        """A kubeconfig for it, with a token; `cluster` adds to what it says of the server."""
        named = {"cluster": {"server": self.address, **cluster}, "name": "scripted"}
        user = {"name": "user", "user": {"token": "very-secret-token"}}
        context = {"name": "scripted", "context": {"cluster": "scripted", "user": "user"}}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "scripted",
                    "clusters": [named],
                    "users": [user],
                    "contexts": [context],
                }
            ),
            "utf-8",
        )
        return path

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(size)) if size else None
        with self._lock:
            self.asked.append(Asked(handler.command, handler.path, dict(handler.headers.items()), body))
            if self._watched and "watch=1" in handler.path:
                answer = self._watched
            else:
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        handler.send_response_only(answer.status)
        for name, value in {"Date": handler.date_time_string(), **answer.headers}.items():
            handler.send_header(name, value)
        if answer.endless:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            length = len(answer.body) if answer.length is None else answer.length
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(
            b"%x\r\n%b\r\n" % (len(answer.body), answer.body) if answer.endless else answer.body
        )
        if answer.endless or answer.length is not None:
            handler.close_connection = True


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what these tests are about."""
