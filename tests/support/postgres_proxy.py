"""A connection to PostgreSQL that is cut in the middle of a commit. Used by the tests of writes in doubt."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Cut = Literal["before the server hears of it", "while the server commits", "before the client hears of it"]
_COMMIT = b"COMMIT\x00"


class CuttingProxy:
    """Passes everything on, but for the next `cuts` commits, which it cuts. Use it as a context manager.

    Attributes:
        done: how many commits were cut.
    """

    def __init__(self, port: int, cut: Cut, cuts: int = 1) -> None:
        self._target = ("127.0.0.1", port)
        self._cut = cut
        self._left = cuts
        self.done = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                cut = threading.Event()
                threading.Thread(target=self._requests, args=(client, server, cut), daemon=True).start()
                threading.Thread(target=self._answers, args=(client, server, cut), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while piece := client.recv(1 << 16):
                if _COMMIT in piece and self._left:
                    self._left -= 1
                    self.done += 1
                    cut.set()
                    if self._cut == "before the server hears of it":
                        break
                    server.sendall(piece)
                    if self._cut == "while the server commits":
                        client.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(piece)
            server.shutdown(socket.SHUT_RDWR)
            client.shutdown(socket.SHUT_RDWR)

    def _answers(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(1 << 16):
                if cut.is_set():  # the answer to the commit: nobody hears it
                    break
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)
