"""What the watches of all endpoints name, gathered in one place.

Used by `yunjin.engine.controller`. Calls the watch of each endpoint that has one, in a thread of its own.
Promises nothing but a sooner look: a watch that fails is begun again, the sweep finds what it missed, and
what waits to be looked at is kept once, however often it changes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

import structlog

from yunjin.errors import YunjinError
from yunjin.substrates.contract import ClusterBackend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from yunjin.substrates.contract import Backend

log = structlog.get_logger()

EVERYTHING: Final = ""
_GATHER: Final = 0.3
"""Seconds that names are gathered after the first: changes come in groups, and one look serves them all."""
_AGAIN: Final = 2.0
"""Seconds before a watch that ended is begun again."""


class Watches:
    """Watches of all endpoints. Use as a context: leaving it ends them."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._stop = threading.Event()
        self._named: set[tuple[str, str]] = set()
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(
                target=self._watch, args=(endpoint, backend), name=f"yunjin-watch-{endpoint}", daemon=True
            )
            for endpoint, backend in backends.items()
            if isinstance(backend, ClusterBackend)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def named(self, seconds: float) -> frozenset[tuple[str, str]]:
        """Endpoint and leaf of what changed; empty where nothing did within `seconds`."""
        with self._news:
            if not self._named and not self._news.wait(seconds):
                return frozenset()
        self._stop.wait(_GATHER)
        with self._news:
            found = frozenset(self._named)
            self._named.clear()
        return found

    def _watch(self, endpoint: str, backend: ClusterBackend) -> None:
        while not self._stop.is_set():
            try:
                for name in backend.watch(self._stop):
                    self._tell(endpoint, name)
            except YunjinError as error:
                log.warning("watch ended", endpoint=endpoint, error=error.message.en)
            self._stop.wait(_AGAIN)

    def _tell(self, endpoint: str, name: str) -> None:
        with self._news:
            self._named.add((endpoint, name))
            self._news.notify()
