"""The writer's socket: takes jobs of other processes and sends back how they ended.

Run by `local` in the process that holds the writer's lock. Calls `gate`, `wire` and the operations. Promises
that only processes of the same user are heard, that requests are queued in the order they came, and that a
client which does not read its answers keeps nobody else waiting.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections import deque
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.store import gate
from yunjin.store.jobs import Job
from yunjin.store.operations import named
from yunjin.store.wire import Frames, Garbled, frame, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

_PIECE: Final = 1 << 18
_MOST_OWED: Final = 64 << 20
"""Bytes of requests one client may have unanswered; it is read again once they are fewer."""
_BREATH: Final = 0.01
_FLUSH_SECONDS: Final = 5.0
"""How long the end waits for clients to take their last answers; who did not, asks the next writer."""


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.frames = Frames()
        self.greeted = False
        self.owed = 0
        self.sending = threading.Lock()
        self.unsent: deque[bytes] = deque()


class Service:
    """The socket and its thread."""

    def __init__(self, folder: Path, greeting: list[Any], put: Callable[[Job], object]) -> None:
        self._greeting = greeting
        self._put = put
        self._clients: set[_Client] = set()
        self._stopping = False
        self._quiet = threading.Event()  # set once nothing is read any more
        self._flush_until = 0.0
        self._listener = gate.listen(folder)
        self._wake, self._woken = socket.socketpair()
        for end in (self._listener, self._wake, self._woken):
            end.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        gate.not_across_forks(self)
        self._thread = threading.Thread(target=self._run, name="yunjin-store-service", daemon=True)
        self._thread.start()

    def stop_reading(self) -> None:
        """Hear nothing more. Everything heard is with the writer when this returns."""
        self._stopping = True
        self._nudge()
        self._quiet.wait()

    def close(self) -> None:
        """Send the answers that are left, then end all connections."""
        self._flush_until = monotonic() + _FLUSH_SECONDS
        self._nudge()
        self._thread.join()

    def drop(self) -> None:
        """In a forked child: the parent serves."""
        for end in (self._listener, self._wake, self._woken, *(c.connection for c in self._clients)):
            end.close()

    def _nudge(self) -> None:
        with suppress(BlockingIOError):
            self._wake.send(b"!")

    def _run(self) -> None:
        while not self._flushed():
            for key, _ in self._selector.select(0.1 if self._flush_until else None):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    with suppress(BlockingIOError):
                        self._woken.recv(_PIECE)
                else:
                    self._serve(key.data)
            for client in list(self._clients):
                self._watch(client)
            if self._stopping:
                self._quiet.set()
        for client in list(self._clients):
            self._end(client)
        for end in (self._listener, self._wake, self._woken, self._selector):
            end.close()

    def _flushed(self) -> bool:
        if not self._flush_until:
            return False
        return monotonic() > self._flush_until or not any(client.unsent for client in self._clients)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            sleep(_BREATH)  # it has gone again, or this process may open no more files
            return
        connection.settimeout(0)
        self._clients.add(_Client(connection))

    def _watch(self, client: _Client) -> None:
        """Listen for what may happen next with a client."""
        events = selectors.EVENT_WRITE if client.unsent else 0
        if not self._stopping and client.owed < _MOST_OWED:
            events |= selectors.EVENT_READ
        known = self._selector.get_map().get(client.connection)
        if known is None and events:
            self._selector.register(client.connection, events, client)
        elif known is not None and not events:
            self._selector.unregister(client.connection)
        elif known is not None and known.events != events:
            self._selector.modify(client.connection, events, client)

    def _serve(self, client: _Client) -> None:
        self._send(client)
        if self._stopping or client.owed >= _MOST_OWED:
            return
        try:
            piece = client.connection.recv(_PIECE)
            for message, length in client.frames.feed(piece):
                self._hear(client, message, length)
            if not piece:
                self._end(client)
        except BlockingIOError:
            return
        except (OSError, Garbled, KeyError, TypeError, ValueError):
            self._end(client)

    def _hear(self, client: _Client, message: dict[str, Any], length: int) -> None:
        if not client.greeted:
            self._greet(client, message)
            return
        number = str(message["id"])
        try:
            calls = [(named(str(name)), list(arguments)) for name, arguments in message["calls"]]
        except Exception as error:  # noqa: BLE001 (a module that cannot be imported is that client's matter)
            self._answer(client, _failure(number, error))
            return
        job = Job(calls, many=bool(message["many"]), id=number, again=bool(message["again"]))
        with client.sending:
            client.owed += length

        def ended(future: Future[Any]) -> None:
            with client.sending:
                client.owed -= length
            self._answer(client, _told(number, future))

        job.future.add_done_callback(ended)
        self._put(job)

    def _greet(self, client: _Client, message: dict[str, Any]) -> None:
        pid, user = os.getpid(), os.geteuid()
        refusal: ConflictError | None = None
        if gate.peer(client.connection)[1] != user:
            refusal = ConflictError(
                Text(
                    f"状态库正由其他用户的进程写入(pid {pid})",
                    f"another user's process writes the state database (pid {pid})",
                ),
                Text("请以同一用户运行", "run as the same user"),
            )
        elif message.get("hello") != self._greeting:
            refusal = ConflictError(
                Text(
                    f"状态库正由另一版本的云锦写入(pid {pid})",
                    f"a Yunjin of another version writes the state database (pid {pid})",
                ),
                Text("请先结束该进程", "end that process first"),
            )
        client.greeted = refusal is None
        self._answer(client, frame({"refused": written(refusal)} if refusal else {"welcome": pid}))

    def _answer(self, client: _Client, answer: bytes) -> None:
        """Send at once what the client takes at once; the thread sends the rest."""
        with client.sending:
            client.unsent.append(answer)
        self._send(client)
        if client.unsent or client.owed >= _MOST_OWED // 2:
            self._nudge()

    def _send(self, client: _Client) -> None:
        with client.sending, suppress(OSError):  # who does not listen any more asks again elsewhere
            while client.unsent:
                sent = client.connection.send(client.unsent[0])
                if sent == len(client.unsent[0]):
                    client.unsent.popleft()
                else:
                    client.unsent[0] = client.unsent[0][sent:]

    def _end(self, client: _Client) -> None:
        self._clients.discard(client)
        with suppress(KeyError, ValueError):
            self._selector.unregister(client.connection)
        client.connection.close()


def _told(number: str, future: Future[Any]) -> bytes:
    error = future.exception()
    return _failure(number, error) if error else frame({"id": number, "result": future.result()})


def _failure(number: str, error: BaseException) -> bytes:
    try:
        return frame({"id": number, "error": written(error)})
    except (TypeError, UsageError) as unsaid:  # facts that JSON cannot say
        return frame({"id": number, "error": written(unsaid)})
