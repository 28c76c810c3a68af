"""Proxies in front of real servers that inject faults by rules and remember every request.

Used by tests of bad input, of kills, and of how much was written. `FaultProxy` stands before an API server,
which it calls as the user of a kubeconfig, whoever the client says it is; `PlainProxy` before any server on
loopback. Both promise that a request which no rule hits is answered as the real server answers it, streams
of watches included, and that `stop` ends every connection.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import ports
from devcluster import Api, Login
from devcluster.certificates import Authority, Certificate
from faults import Fault, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HOST = "127.0.0.1"
LOOPBACK = (f"IP:{HOST}", "DNS:localhost")
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "authorization", "keep-alive"})
_BROKEN = (OSError, ValueError, http.client.HTTPException)
_NO_FAULT = Fault()


@dataclass(frozen=True)
class Seen:
    """One request as it came, and what was done to it (`Fault()` where nothing was)."""

    method: str
    path: str
    fault: Fault


def _good(authority: Authority) -> Certificate:
    return authority.server("proxy", LOOPBACK)


class _Proxy(ABC):
    """Stands on a port of loopback from `start` to `stop`. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turning = threading.Lock()
        self._rules: list[Rule] = []
        self._counts: list[int] = []
        self._seen: list[Seen] = []
        self._open: set[socket.socket] = set()
        self._alive = True
        self._ended = threading.Event()
        self._server = self._listen(0)

    @abstractmethod
    def _dial(self) -> http.client.HTTPConnection:
        """A new connection to the real server, not opened yet."""

    @property
    def _prefix(self) -> str:
        """What the real server's paths begin with."""
        return ""

    @property
    def _headers(self) -> Mapping[str, str]:
        """What every request to the real server bears."""
        return {}

    def _accepted(self, request: socket.socket) -> socket.socket:
        """The connection of a client, as it is spoken on."""
        return request

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it stands on, dead or alive."""
        return int(self._server.server_address[1])

    @property
    def seen(self) -> tuple[Seen, ...]:
        """Every request since `start` or `forget`, in the order of arrival."""
        with self._lock:
            return tuple(self._seen)

    @property
    def writes(self) -> tuple[Seen, ...]:
        """Those of them that would change something."""
        return tuple(seen for seen in self.seen if seen.method in WRITES)

    def inject(self, *rules: Rule) -> None:
        """Add rules. Where several hit a request, the earliest one counts."""
        with self._lock:
            self._rules += rules
            self._counts += [0] * len(rules)

    def forget(self) -> None:
        """No rules and no memory of requests, as at the start."""
        with self._lock:
            self._rules, self._counts, self._seen = [], [], []

    def die(self) -> None:
        """Stop listening and cut every connection. The port is kept, lest somebody else comes there."""
        with self._turning:
            self._go()

    def revive(self) -> None:
        """Listen again on the same port, after `die`; rules and memory stay.

        Whoever is cut off by a death learns of it before the port is free, so this waits for its end.
        """
        with self._turning:
            self._alive = True
            self._server = self._listen(self.port)
            self._kept.close()

    def stop(self) -> None:
        """End for good; requests that hang are let go."""
        self._ended.set()
        with self._turning:
            self._go()
            self._kept.close()

    def _go(self) -> None:
        with self._lock:
            if not self._alive:
                return
            self._alive = False
            cut = list(self._open)
        for connection in cut:
            _cut(connection)
        self._server.shutdown()
        self._server.server_close()
        self._kept = ports.keep(self.port)

    def _listen(self, port: int) -> _Server:
        server = _Server((HOST, port), _Handler)
        server.proxy = self
        threading.Thread(target=server.serve_forever, args=(0.02,), name="fault-proxy", daemon=True).start()
        return server

    def _judge(self, method: str, path: str) -> Fault:
        """Count the request against every rule; the fault that befalls it.

        Raises:
            ConnectionAbortedError: it came when the server was dead already.
        """
        chosen = None
        with self._lock:
            if not self._alive:
                raise ConnectionAbortedError
            for index, rule in enumerate(self._rules):
                if rule.matches(method, path):
                    self._counts[index] += 1
                    if chosen is None and rule.hits(self._counts[index]):
                        chosen = rule.fault
            fault = chosen or _NO_FAULT
            self._seen.append(Seen(method, path, fault))
        return fault


class PlainProxy(_Proxy):
    """In front of a server that speaks HTTP on loopback."""

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        super().__init__()

    def _dial(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self._upstream_port, timeout=300)


class FaultProxy(_Proxy):
    """In front of an API server.

    Attributes:
        kubeconfig: of a client that comes through the proxy.
        login: the same as a value.
    """

    def __init__(self, upstream: Api, folder: Path, serving: Callable[[Authority], Certificate]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder / "pki", "proxy-ca")
        certificate = serving(authority)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._upstream = upstream
        super().__init__()
        self.login = Login(
            f"https://{HOST}:{self.port}", authority.certificate, token="taken-off-by-the-proxy"
        )
        self.kubeconfig = self.login.write(folder / "proxy.kubeconfig")

    @classmethod
    def start(
        cls,
        upstream: Path,
        folder: Path,
        *,
        context: str | None = None,
        serving: Callable[[Authority], Certificate] = _good,
    ) -> Self:
        """A proxy in front of the server of a kubeconfig.

        Args:
            upstream: the kubeconfig; the proxy acts as its user.
            folder: keys and the kubeconfig of the proxy.
            context: of `upstream`.
            serving: makes the certificate it shows, an expired one for instance.
        """
        return cls(Api.from_kubeconfig(upstream, context), folder, serving)

    def _dial(self) -> http.client.HTTPConnection:
        return self._upstream.connection(timeout=300)

    @property
    def _prefix(self) -> str:
        return self._upstream.prefix

    @property
    def _headers(self) -> Mapping[str, str]:
        return self._upstream.headers

    def _accepted(self, request: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(request, server_side=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    proxy: _Proxy

    def server_close(self) -> None:
        """Stop listening. Whoever waits to be accepted is hung up on, not reset.

        Python's TLS client leaks a socket that is reset between its connection and its handshake.
        """
        with suppress(OSError):
            self.socket.settimeout(0)
            while True:
                self.socket.accept()[0].close()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate, or has gone, is what tests are about."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and one to the real server behind it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    _upstream: http.client.HTTPConnection | None = None
    _plug: socket.socket | None = None

    def setup(self) -> None:
        self.proxy = self.server.proxy
        self.request = self.proxy._accepted(self.request)
        self._track(self.request)
        super().setup()

    def finish(self) -> None:
        with suppress(*_BROKEN):
            super().finish()
        self._untrack(self.request)
        self._leave_upstream()

    def handle(self) -> None:
        try:
            super().handle()
        except _BROKEN:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """The proxy remembers requests itself."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (the base class looks for these)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy._judge(self.command, self.path)
        answer = self._forward(body) if fault.forward else None
        if fault.wait:
            self.proxy._ended.wait(fault.wait)
        if fault.silent:
            if answer:
                answer.read()
            self._hang_up(fault)
        elif fault.reply:
            if answer:
                answer.read()
            self._send(fault.reply.status, dict(fault.reply.headers), fault.reply.body)
        elif answer and (fault.share < 1 or _measured(answer)):
            whole = answer.read()
            self._send(answer.status, _passed(answer), whole, whole[: int(len(whole) * fault.share)])
        elif answer:
            self._stream(answer)

    def _forward(self, body: bytes) -> http.client.HTTPResponse:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        if self._upstream is None or self._upstream.sock is None:
            self._leave_upstream()
            self._upstream = self.proxy._dial()
            self._upstream.connect()
            self._plug = self._upstream.sock
            self._track(self._plug)
        path = self.proxy._prefix + self.path
        self._upstream.request(self.command, path, body or None, headers | dict(self.proxy._headers))
        return self._upstream.getresponse()

    def _send(self, status: int, headers: dict[str, str], body: bytes, sent: bytes | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if sent is None else sent)
        if sent is not None and len(sent) < len(body):
            self.close_connection = True

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status)
        for name, value in _passed(answer).items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := answer.read1(65536):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self, fault: Fault) -> None:
        self.close_connection = True
        if fault.reset:
            # Closed with nothing allowed to linger, a socket sends a reset.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault.fatal:
            self.proxy.die()

    def _leave_upstream(self) -> None:
        if self._upstream is not None and self._plug is not None:
            self._untrack(self._plug)
            self._upstream.close()

    def _track(self, connection: socket.socket) -> None:
        """Have it cut at death; whoever was still shaking hands then is cut here."""
        with self.proxy._lock:
            self.proxy._open.add(connection)
            alive = self.proxy._alive
        if not alive:
            _cut(connection)

    def _untrack(self, connection: socket.socket) -> None:
        with self.proxy._lock:
            self.proxy._open.discard(connection)
        connection.close()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not the TLS socket's own method, which would pull the TLS state from under its reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _measured(answer: http.client.HTTPResponse) -> bool:
    """Whether its length is known; what has no content is not streamed."""
    return answer.status == HTTPStatus.NO_CONTENT or answer.getheader("Content-Length") is not None


def _passed(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
