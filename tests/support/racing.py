"""Pods that race for the last cores of a namespace, and a sampler that watches what quotas let in.

Used by tests/e2e, with `cloud_racing` where servers race too. Calls API servers by clients of our own.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from yunjin.substrates.kubernetes.quantities import value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from devcluster import Api

_RACERS = 2
"""Threads that make pods in one namespace."""
_MOST_HELD = 8
_BREATH = 0.03
"""Seconds between two turns of one racer, unless told otherwise: the servers also have to be looked at."""


class Bound(Protocol):
    """What one backend lets a tenant use."""

    def line(self) -> AbstractContextManager[Any]:
        """A way to ask, for one thread."""
        ...

    def lets_in(self, line: Any) -> int:
        """Millicores that may be used there by what the backend enforces, or are used, whichever is more."""
        ...


class Line:
    """A connection that is kept, for one thread: most of a request's cost is to connect."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._connection = api.connection(timeout=60)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer."""
        headers = self._api.headers | {"Accept": "application/json", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        self._connection.request(method, self._api.prefix + path, sent, headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        """End it."""
        self._connection.close()


class Quota:
    """One namespace's quota on one server."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    @property
    def path(self) -> str:
        """Of the object."""
        return f"/api/v1/namespaces/{self.namespace}/resourcequotas/yunjin"

    def line(self) -> AbstractContextManager[Line]:
        """A connection of its own."""
        return closing(Line(self.api))

    def lets_in(self, line: Line) -> int:
        """By the status of the object, which holds both at one moment."""
        status = line.call("GET", self.path)[1].get("status", {})
        figures = (status.get(part, {}).get("requests.cpu", "0") for part in ("hard", "used"))
        return max(int(value(str(figure)) * 1000) for figure in figures)


class Worker:
    """Threads that work until the block ends. What one of them raises is raised at its end."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def begin(self, work: Callable[..., None], bounds: Sequence[Bound], *arguments: Any) -> None:
        """One more thread, which calls `work` again and again, with a line to each of these backends."""

        def run() -> None:
            try:
                with ExitStack() as stack:
                    lines = [stack.enter_context(bound.line()) for bound in bounds]
                    while not self.stop.is_set():
                        work(*lines, *arguments)
            except BaseException as error:  # noqa: BLE001 (raised again where the block ends)
                self.failures.append(error)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()
        if self.failures and error is None:
            raise self.failures[0]


class Race:
    """Pods of one core each in one namespace: made until the quota says no, and given up in turns.

    Attributes:
        admitted: how many were let in.
        refused: how often the quota said no.
    """

    def __init__(self, quota: Quota, worker: Worker, breath: float = _BREATH) -> None:
        self.admitted = self.refused = 0
        self._breath = breath
        self._quota = quota
        self._stop = worker.stop
        for seed in range(_RACERS):
            worker.begin(self._turn, [quota], random.Random(seed), [])

    def _turn(self, line: Line, chance: random.Random, mine: list[str]) -> None:
        self._stop.wait(self._breath)
        pods = f"/api/v1/namespaces/{self._quota.namespace}/pods"
        if len(mine) < _MOST_HELD and chance.random() < 0.7:
            status, answer = line.call("POST", pods, pod(1))
            if status == 201:
                self.admitted += 1
                mine.append(answer["metadata"]["name"])
                return
            assert status in (403, 409), answer  # 409: two at once counted on the same quota
            self.refused += 1
        for name in mine[: chance.randint(1, _MOST_HELD)]:
            line.call("DELETE", f"{pods}/{name}?gracePeriodSeconds=0")
            mine.remove(name)


@dataclass
class Sampler:
    """Looks at two quotas again and again, the first before and after the second.

    A reading counts only where both looks at the first say the same: what moved between them was seen twice
    or not at all.

    Attributes:
        most: that both together may let in, in millicores.
        seen: pairs of readings that counted.
        dropped: readings that did not.
    """

    first: Bound
    second: Bound
    most: int
    seen: list[tuple[int, int]] = field(default_factory=list)
    dropped: int = 0

    def look(self, first: Any, second: Any) -> None:
        """One reading, by a line to the backend of each."""
        before, other, after = (
            self.first.lets_in(first),
            self.second.lets_in(second),
            self.first.lets_in(first),
        )
        if before == after:
            self.seen.append((before, other))
        else:
            self.dropped += 1

    @property
    def violations(self) -> list[tuple[int, int]]:
        """Readings above what both may let in."""
        return [pair for pair in self.seen if sum(pair) > self.most]


def pod(cores: int) -> dict[str, Any]:
    """A pod of so many cores, which the rules of a tenant's namespace let in."""
    amounts = {"cpu": str(cores), "memory": "1Mi"}
    return {
        "metadata": {"generateName": "racer-"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "racer",
                    "image": "none",
                    "resources": {"requests": amounts, "limits": amounts},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
