"""The `Backend` of a simulated endpoint, and what else happens on a cluster: people, controllers, load.

Used by `yunjin.engine` through the contract; by tests, demonstrations and benchmarks also for the rest. Calls
`server`, `faults` and `endpoint`. Promises the contract of `yunjin.substrates.contract` on one file an
endpoint, shared by any number of threads and processes. Importing it costs nothing but the standard library
and the model.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from yunjin.model.change import Action
from yunjin.model.resources import Key, ObjectClass
from yunjin.substrates.kubernetes import enforcement
from yunjin.substrates.kubernetes.names import ENDPOINT, FIELD_MANAGER, SHARED_KEYS
from yunjin.substrates.objects import NOTHING
from yunjin.substrates.simulated import database, seeding, writing
from yunjin.substrates.simulated.database import Database
from yunjin.substrates.simulated.endpoint import SimulatedEndpoint
from yunjin.substrates.simulated.faults import Faults, Operation
from yunjin.substrates.simulated.server import Server

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from yunjin.model.change import Change
    from yunjin.model.resources import Body, Holding, Live
    from yunjin.substrates.simulated.database import Row
    from yunjin.substrates.simulated.endpoint import Objects
    from yunjin.substrates.simulated.fieldsets import Path as FieldPath


class SimulatedBackend(SimulatedEndpoint):
    """One simulated endpoint. Use `open`."""

    def __init__(self, file: Database, server: Server, faults: Faults, watch_names: frozenset[str]) -> None:
        super().__init__(server.endpoint, file, faults, watch_names)
        self._server = server

    @classmethod
    def open(
        cls,
        endpoint: str,
        file: Path,
        faults: Faults | None = None,
        *,
        watch_names: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open the endpoint kept in `file`, made empty if need be.

        Args:
            endpoint: its id.
            file: where it is kept; its folder is made too.
            faults: what its clients shall suffer; nothing if not given.
            watch_names: namespaces to observe though they are not labelled as this endpoint's.
            clock: seconds since 1970.

        Raises:
            UsageError: the file is something else.
            PermanentError: the file cannot be made or used.
        """
        kept = Database(endpoint, file)
        return cls(kept, Server(endpoint, kept, clock), faults or Faults(), watch_names)

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change, given the object as it was just read."""
        lost = self._faults.meet(self.endpoint, Operation.WRITE, change.key)
        writing.write(self._server, change, live)
        if lost:
            raise lost

    def edit(self, key: Key, fields: Mapping[FieldPath, Any], manager: str = "kubectl-edit") -> None:
        """What a person with kubectl does: set fields, by path, or take them out (None)."""
        self._server.update(key, fields, manager)

    def remove(self, key: Key) -> None:
        """What a person with kubectl does: delete an object."""
        self._server.delete(key)

    def create_foreign(self, body: Body, manager: str = "kubectl-create") -> Key:
        """What a person with kubectl does: create an object of a managed kind."""
        return self._server.create(body, manager)

    def apply_foreign(self, body: Body, manager: str, *, force: bool = False) -> None:
        """What another tool does: server-side apply under its own name."""
        self._server.apply(body, manager, force=force)

    def consume(self, namespace: str, used: Mapping[str, str]) -> None:
        """Let what runs in a namespace use so much, by resource of its quotas, in Kubernetes' quantities."""
        self._server.consume(namespace, used)

    def freeze(self) -> None:
        """Stop the cluster's own controllers: no quota comes into force, no namespace ends."""
        self._set(frozen=1)

    def thaw(self) -> None:
        """Let them go on, and do at once what is due."""
        self._set(frozen=0)

    def delay(self, *, quota: float = 0, removal: float = 0) -> None:
        """Seconds that those controllers take from now on."""
        self._set(quota_delay=quota, removal_delay=removal)

    def seed(self, bodies: Iterable[Body], manager: str = FIELD_MANAGER) -> int:
        """Load many objects in one transaction, as if applied by `manager`, all quotas counted.

        Returns:
            How many.

        Raises:
            PermanentError: the server would not keep one of them; none is kept.
        """
        with self._server.writing() as connection:
            return seeding.load(connection, self.endpoint, bodies, manager, self._server.stamp)

    @property
    def _now(self) -> float:
        return self._server.now

    def _settle(self) -> None:
        self._server.settle()

    def _get(self, keys: Sequence[Key]) -> dict[Key, Live]:
        return self._server.get(keys)

    def _shared(self, connection: sqlite3.Connection) -> Objects:
        rows = database.of_leaf(connection, "")
        return self._objects(connection, "", (row for row in rows if (row.kind, row.name) in SHARED_KEYS))

    def _home(self, leaf: str) -> Key:
        return Key(self.endpoint, "", "Namespace", leaf)

    def _objects(self, connection: sqlite3.Connection, leaf: str, rows: Iterable[Row]) -> Objects:  # noqa: ARG002 (a row holds a whole object)
        return {(row.kind, row.name): self._server.live(row) for row in rows}

    def _endpoint_of(self, home: Live) -> str | None:
        endpoint: str | None = (home.body["metadata"].get("labels") or {}).get(ENDPOINT)
        return endpoint

    def _effect(self, change: Change, live: Live | None) -> Holding | None:
        if change.action is Action.DELETE:
            return NOTHING if live is None else None
        if live is None or not writing.stands(change, live):
            return None
        if change.object_class is not ObjectClass.QUOTA:
            return NOTHING
        return enforcement.holding(live.body) if enforcement.in_force(change, live.body) else None

    def _set(self, **figures: float) -> None:
        with self._server.writing() as connection:
            for name, value in figures.items():
                database.put_setting(connection, name, value)
