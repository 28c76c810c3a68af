"""Ports of loopback that are kept for a server which is not there yet, or not any more.

Used by the servers of the tests that are told their port before they open it, or come back on it after a
death. Without this somebody else is given the port in between, be it as the near end of a connection.
"""

from __future__ import annotations

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def keep(port: int = 0) -> socket.socket:
    """A socket that keeps this port, or any free one, until it is closed. Who connects is refused.

    A server that sets SO_REUSEADDR listens there all the same: etcd, the API server, PostgreSQL and those of
    Python do. Nobody else is given the port.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind((LOOPBACK, port))
    return kept


def number(kept: socket.socket) -> int:
    """Of the port that it keeps."""
    return int(kept.getsockname()[1])
