"""Which leaves changed, as the cluster tells it: wakes the controller between two sweeps.

Called by `backend`. Calls `client` from one thread a kind. Promises no completeness, which is the sweep's: a
name says *look at this leaf*, the empty name *look at everything*, because events may have been lost. What
tenants do with their quotas wakes nobody.
"""

from __future__ import annotations

import json
import queue
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from yunjin.errors import ConflictError, YunjinError
from yunjin.substrates import refusals
from yunjin.substrates.fields import mapping
from yunjin.substrates.kubernetes import errors
from yunjin.substrates.kubernetes.kinds import LEAF_KINDS, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.substrates.kubernetes.client import Client, Stream
    from yunjin.substrates.kubernetes.kinds import Kind

EVERYTHING: Final = ""

_WINDOW: Final = 300
"""Seconds after which the server ends a watch of its own accord."""
_GRACE: Final = 30
_BACK_OFF: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
_LOOK_UP: Final = 0.2
"""Seconds between two looks at whether to stop."""
_PATIENCE: Final = 2
"""Seconds that ended watches may take to notice; one that is just connecting is left to itself."""
_PASSING: Final = {"metadata": {"resourceVersion", "managedFields"}, "status": {"used"}}
_WAITING: Final = 10_000
"""Names that may wait to be taken; beyond that, everything is to be looked at."""


def watch(client: Client, stop: threading.Event) -> Iterator[str]:
    """Names of namespaces in which a managed kind changed, until `stop` is set."""
    names: queue.Queue[str] = queue.Queue(_WAITING)
    watchers = [_Watcher(client, kind, names, stop) for kind in LEAF_KINDS]
    for watcher in watchers:
        watcher.thread.start()
    try:
        while not stop.is_set():
            try:
                yield names.get(timeout=_LOOK_UP)
            except queue.Empty:
                continue
    finally:
        for watcher in watchers:
            watcher.end()
        patience = monotonic() + _PATIENCE
        for watcher in watchers:
            watcher.thread.join(max(0, patience - monotonic()))


class _Watcher:
    """One kind's watch, begun again whenever it ends."""

    def __init__(self, client: Client, kind: Kind, names: queue.Queue[str], stop: threading.Event) -> None:
        self.thread = threading.Thread(target=self._run, name=f"yunjin-watch-{kind.plural}", daemon=True)
        self._client = client
        self._kind = kind
        self._names = names
        self._stop = stop
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._version = ""
        self._failures = 0  # since it was last heard from
        self._shapes: dict[tuple[str, str], int] = {}

    def end(self) -> None:
        """Tell it to stop, even while it waits for the next event."""
        with self._lock:
            self._ended.set()
            if self._stream is not None:
                self._stream.end()

    def _run(self) -> None:
        while not self._over():
            try:
                if not self._version:
                    self._version = self._begin()
                self._follow()
                self._failures = 0
                self._ended.wait(_BACK_OFF[0])  # lest one that is ended at once is begun without a pause
            except YunjinError as error:
                if isinstance(error, ConflictError):
                    self._version = ""  # too old to go on from
                # Else the next watch goes on where this one broke off.
                self._ended.wait(_BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)])
                self._failures += 1

    def _begin(self) -> str:
        """The version from which on events count. What happened before it is not known here."""
        answer = self._client.send("GET", f"{self._kind.collection()}?limit=1")
        if not answer.ok:
            raise errors.refused(self._client.endpoint, self._kind.plural, answer)
        version = mapping(answer.body.get("metadata")).get("resourceVersion")
        if not version:
            raise errors.not_an_api(self._client.endpoint, self._client.address)
        self._tell(EVERYTHING)
        return str(version)

    def _follow(self) -> None:
        query = {
            "watch": 1,
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": _WINDOW,
        }
        stream = self._client.lines(f"{self._kind.collection()}?{urlencode(query)}", _WINDOW + _GRACE)
        with self._lock:
            self._stream = stream
            if self._ended.is_set():
                stream.end()
        try:
            for event in stream.events():
                if event.get("type") == "ERROR":
                    raise refusals.moved(self._client.endpoint, self._kind.plural)
                self._see(event)
        finally:
            with self._lock:
                self._stream = None

    def _see(self, event: dict[str, Any]) -> None:
        found = mapping(event.get("object"))
        metadata = mapping(found.get("metadata"))
        self._version = str(metadata.get("resourceVersion") or self._version)
        self._failures = 0
        if event.get("type") != "BOOKMARK" and self._differs(found, gone=event.get("type") == "DELETED"):
            name = metadata.get("name") if self._kind is NAMESPACE else metadata.get("namespace")
            if name:
                self._tell(str(name))

    def _differs(self, found: Mapping[str, Any], *, gone: bool) -> bool:
        """Whether it is new, gone, or of another shape than when it was last told of."""
        metadata = mapping(found.get("metadata"))
        place = (str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        before = self._shapes.pop(place, None)
        if gone:
            return True
        self._shapes[place] = _shape(found)
        return self._shapes[place] != before

    def _tell(self, name: str) -> None:
        try:
            self._names.put_nowait(name)
        except queue.Full:
            # Nobody takes names: replace the oldest by "everything", which covers both.
            try:
                self._names.get_nowait()
                self._names.put_nowait(EVERYTHING)
            except (queue.Empty, queue.Full):
                return

    def _over(self) -> bool:
        return self._ended.is_set() or self._stop.is_set()


def _shape(found: Mapping[str, Any]) -> int:
    """Of all but how much of a quota is used, which changes with every pod that comes or goes."""
    kept = {
        part: {name: value for name, value in mapping(found.get(part)).items() if name not in passing}
        for part, passing in _PASSING.items()
    }
    return hash(json.dumps({**found, **kept}, sort_keys=True))
