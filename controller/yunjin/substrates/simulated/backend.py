"""The `Backend` of a simulated endpoint, and what else happens on a cluster: people, controllers, load.

Used by `yunjin.engine` through the contract; by tests, demonstrations and benchmarks also for the rest. Calls
`server` and `faults`. Promises the contract of `yunjin.substrates.contract` on one file an endpoint, shared
by any number of threads and processes. Importing it costs nothing but the standard library and the model.
"""

from __future__ import annotations

import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

from yunjin.model.change import Action
from yunjin.model.resources import Key, LeafState, ObjectClass
from yunjin.substrates.kubernetes import enforcement
from yunjin.substrates.kubernetes.names import ENDPOINT, FIELD_MANAGER, SHARED_KEYS
from yunjin.substrates.simulated import database, leases, seeding, writing
from yunjin.substrates.simulated.database import Database
from yunjin.substrates.simulated.faults import Faults, Operation
from yunjin.substrates.simulated.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from yunjin.model.change import Change
    from yunjin.model.resources import Body, Holding, Live
    from yunjin.substrates.simulated.database import Row
    from yunjin.substrates.simulated.fieldsets import Path as FieldPath


class SimulatedBackend:
    """One simulated endpoint. Use `open`."""

    def __init__(self, file: Database, server: Server, faults: Faults, watch_names: frozenset[str]) -> None:
        self.endpoint = server.endpoint
        self._file = file
        self._faults = faults
        self._server = server
        self._watch_names = watch_names

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

    def observe(self) -> Iterator[LeafState]:
        """Everything, leaf by leaf in ascending order of name, as of one moment; decoded leaf by leaf.

        Raises:
            YunjinError: only by order of `faults`, or where the file cannot be used.
        """
        lost = self._faults.meet(self.endpoint, Operation.OBSERVE)
        self._server.settle()
        if lost:
            raise lost
        with self._file.reading() as connection:
            shared = database.of_leaf(connection, "")
            yield LeafState("", self._objects(row for row in shared if (row.kind, row.name) in SHARED_KEYS))
            for leaf, rows in groupby(database.rows_of_leaves(connection), key=attrgetter("leaf")):
                lost = self._faults.meet(
                    self.endpoint, Operation.STREAM, Key(self.endpoint, "", "Namespace", leaf)
                )
                if lost:
                    raise lost
                objects = self._objects(rows)
                if self._shown(leaf, objects.get(("Namespace", leaf))):
                    yield LeafState(leaf, objects)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
        """The named objects as they are now; absent ones are missing."""
        lost = self._faults.meet(self.endpoint, Operation.READ)
        found = self._server.get(keys)
        if lost:
            raise lost
        return found

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change, given the object as it was just read."""
        lost = self._faults.meet(self.endpoint, Operation.WRITE, change.key)
        writing.write(self._server, change, live)
        if lost:
            raise lost

    def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
        """The changes in force: quotas counted, removed objects gone, anything else there."""
        lost = self._faults.meet(self.endpoint, Operation.EFFECTIVE)
        wanted = list(changes)
        found = self._server.get([change.key for change in wanted])
        if lost:
            raise lost
        effects = {change.key: _effect(change, found.get(change.key)) for change in wanted}
        return {key: holding for key, holding in effects.items() if holding is not None}

    def acquire(self, holder: str, seconds: float) -> str | None:
        """Take or renew the lease for `seconds`; None on success, else the holder's name."""
        lost = self._faults.meet(self.endpoint, Operation.ACQUIRE)
        other = leases.acquire(self._file, holder, self._server.now, seconds)
        if lost:
            raise lost
        return other

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        lost = self._faults.meet(self.endpoint, Operation.RELEASE)
        leases.release(self._file, holder)
        if lost:
            raise lost

    def close(self) -> None:
        """Close the file."""
        self._file.close()

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

    def _objects(self, rows: Iterable[Row]) -> dict[tuple[str, str], Live]:
        return {(row.kind, row.name): self._server.live(row) for row in rows}

    def _shown(self, leaf: str, namespace: Live | None) -> bool:
        """Several endpoints may share a cluster: a namespace is shown by its label, or where it was named."""
        if namespace is None:
            return False
        labels = namespace.body["metadata"].get("labels") or {}
        return leaf in self._watch_names or labels.get(ENDPOINT) == self.endpoint

    def _set(self, **figures: float) -> None:
        with self._server.writing() as connection:
            for name, value in figures.items():
                database.put_setting(connection, name, value)


def _effect(change: Change, live: Live | None) -> Holding | None:
    """None before it has taken effect."""
    if change.action is Action.DELETE:
        return enforcement.NOTHING if live is None else None
    if live is None or not writing.stands(change, live):
        return None
    if change.object_class is not ObjectClass.QUOTA:
        return enforcement.NOTHING
    return enforcement.holding(live.body) if enforcement.in_force(change, live.body) else None
