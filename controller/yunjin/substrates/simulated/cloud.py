"""The `Backend` of a simulated cloud, and what else happens on one: people, load.

Used by `yunjin.engine` through the contract; by tests, demonstrations and benchmarks also for the rest. Calls
`services`, `faults`, `endpoint` and the saga of the real backend. Promises the contract of
`yunjin.substrates.contract` on one file an endpoint, shared by any number of threads and processes. Importing
it costs nothing but the standard library and the model.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from yunjin.model.change import Action
from yunjin.model.resources import Key, ObjectClass
from yunjin.substrates import refusals
from yunjin.substrates.objects import NOTHING
from yunjin.substrates.openstack import names, saga
from yunjin.substrates.openstack.answer import IDENTITY
from yunjin.substrates.openstack.translate import OpenStackTranslator
from yunjin.substrates.simulated import database, ownership
from yunjin.substrates.simulated.database import Database
from yunjin.substrates.simulated.endpoint import SimulatedEndpoint
from yunjin.substrates.simulated.faults import Faults, Operation
from yunjin.substrates.simulated.place import CLOUD
from yunjin.substrates.simulated.requirements import MISSING
from yunjin.substrates.simulated.sending import send
from yunjin.substrates.simulated.services import FILE, Services
from yunjin.substrates.simulated.versions import NONE, StaleError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from yunjin.model.change import Change
    from yunjin.model.resources import Body, Holding, Live
    from yunjin.substrates.simulated.database import Row
    from yunjin.substrates.simulated.endpoint import Objects
    from yunjin.substrates.simulated.fieldsets import Path as FieldPath

_TRANSLATOR: Final = OpenStackTranslator()


class SimulatedCloud(SimulatedEndpoint):
    """One simulated cloud. Use `open`."""

    def __init__(
        self, file: Database, services: Services, faults: Faults, watch_names: frozenset[str]
    ) -> None:
        super().__init__(services.endpoint, file, faults, watch_names)
        self._services = services

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
        """Open the cloud kept in `file`, made empty if need be.

        Args:
            endpoint: its id.
            file: where it is kept; its folder is made too.
            faults: what its clients shall suffer; nothing if not given.
            watch_names: projects to observe though they are not tagged as this endpoint's.
            clock: seconds since 1970.

        Raises:
            UsageError: the file is something else.
            PermanentError: the file cannot be made or used.
        """
        kept = Database(endpoint, file, FILE)
        return cls(kept, Services(endpoint, kept, clock), faults or Faults(), watch_names)

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change, given the object as it was just read. A quota is written service by service."""
        lost = self._faults.meet(self.endpoint, Operation.WRITE, change.key)
        if change.action is Action.DELETE:
            self._remove(change, live)
        else:
            write = self._write_quota if change.key.kind == "Quota" else self._write
            send(change, live, _TRANSLATOR, partial(write, change), partial(self._look, change.key))
        if lost:
            raise lost

    def edit(self, key: Key, fields: Mapping[FieldPath, Any]) -> None:
        """What an administrator of the cloud does: set fields, by path, or take them out (None).

        Raises:
            ConflictError: there is no such object, or a quota would fall below what is used.
        """
        live = self._look(key)
        if live is None:
            raise refusals.moved(self.endpoint, key)
        spec = ownership.edited(live.body, fields)["spec"]
        if key.kind != "Quota":
            self._services.put(key, spec)
            return
        for service, figures in spec.items():
            if figures != live.body["spec"][service]:
                self._services.put_figures(key, service, figures)

    def remove(self, key: Key) -> None:
        """What an administrator of the cloud does: delete an object, a project with all that it holds."""
        self._services.delete(key)

    def create_foreign(self, body: Body) -> Key:
        """What somebody else does: make an object of a managed kind. Returns its key.

        Raises:
            ConflictError: it exists.
        """
        metadata = body["metadata"]
        key = Key(self.endpoint, metadata.get("namespace", ""), body["kind"], metadata["name"])
        try:
            self._services.put(key, body["spec"], NONE)
        except StaleError:
            raise refusals.moved(self.endpoint, key) from None
        return key

    def consume(self, leaf: str, used: Mapping[str, Mapping[str, int]]) -> None:
        """Let servers, volumes and the like of a project use so much, by service and figure.

        Raises:
            RefusalError: beyond its quota, in the service's own dialect; nothing has changed.
        """
        self._services.consume(leaf, used)

    def provide(self, aggregate: str, *, there: bool) -> None:
        """Make or remove a host aggregate; every one is there until told otherwise."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO setting VALUES (?, ?)", (MISSING + aggregate, float(not there))
            )

    def seed(self, bodies: Iterable[Body]) -> int:
        """Load many objects in one transaction, in the order of writing.

        Returns:
            How many.

        Raises:
            YunjinError: the services would not keep one of them; none is kept.
        """
        return self._services.load(bodies)

    def _look(self, key: Key) -> Live | None:
        return self._services.get([key]).get(key)

    @property
    def _now(self) -> float:
        return self._services.now

    def _settle(self) -> None:
        """Services do at once what they answer."""

    def _get(self, keys: Sequence[Key]) -> dict[Key, Live]:
        return self._services.get(keys)

    def _shared(self, connection: sqlite3.Connection) -> Objects:
        return self._objects(connection, "", database.of_leaf(connection, ""))

    def _home(self, leaf: str) -> Key:
        return names.home(self.endpoint, leaf)

    def _objects(self, connection: sqlite3.Connection, leaf: str, rows: Iterable[Row]) -> Objects:
        found = self._services.lives(connection, leaf, rows)
        return {(key.kind, key.name): live for key, live in found.items()}

    def _endpoint_of(self, home: Live) -> str | None:
        return _TRANSLATOR.claim(home).endpoint

    def _effect(self, change: Change, live: Live | None) -> Holding | None:
        if change.action is Action.DELETE:
            return NOTHING if live is None else None
        if live is None or _TRANSLATOR.fingerprint(change.wanted, live) != change.after:
            return None
        return _TRANSLATOR.holding(live) if change.object_class is ObjectClass.QUOTA else NOTHING

    def _write(self, change: Change, live: Live | None) -> None:
        self._services.put(change.key, (change.body or {})["spec"], live.version if live else NONE)

    def _write_quota(self, change: Change, live: Live | None) -> None:
        key, wanted = change.key, (change.body or {})["spec"]
        written = self._services.require(key, live.version if live else NONE)
        saga.run(
            key,
            [
                saga.Step(service, old, wanted[service], partial(self._set_figures, key, service))
                for service, old in written.items()
            ],
        )

    def _set_figures(self, key: Key, service: str, figures: Mapping[str, int] | None) -> None:
        lost = self._faults.meet(self.endpoint, Operation.SERVICE, key, service)
        self._services.put_figures(key, service, figures)
        if lost:
            raise lost

    def _remove(self, change: Change, live: Live | None) -> None:
        if live is None:
            return
        key, uid = change.key, live.body["metadata"]["id"]
        if _TRANSLATOR.claim(live).protected:
            raise refusals.guarded(self.endpoint, key)
        try:
            if key.kind == CLOUD.home:
                self._services.begin_removal(key, uid)
                lost = self._faults.meet(self.endpoint, Operation.SERVICE, key, IDENTITY.name)
                self._services.delete(key, uid)
                if lost:
                    raise lost
            else:
                self._services.delete(key, uid)
        except StaleError:
            raise refusals.moved(self.endpoint, key) from None
