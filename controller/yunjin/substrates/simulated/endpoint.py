"""What every simulated endpoint promises, whichever technology it pretends to be.

The base of `backend.SimulatedBackend` and `cloud.SimulatedCloud`. Calls `faults`, `leases` and the file. An
order of `faults` is met at the beginning of a call; one that loses the answer is raised after the work is
done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from yunjin.model.resources import LeafState
from yunjin.substrates.simulated import database, leases
from yunjin.substrates.simulated.faults import Operation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yunjin.model.change import Change
    from yunjin.model.resources import Holding, Key, Live
    from yunjin.substrates.simulated.database import Database, Row
    from yunjin.substrates.simulated.faults import Faults

    Objects = dict[tuple[str, str], Live]


class SimulatedEndpoint(ABC):
    """One endpoint kept in one file."""

    def __init__(self, endpoint: str, file: Database, faults: Faults, watch_names: frozenset[str]) -> None:
        self.endpoint = endpoint
        self._file = file
        self._faults = faults
        self._watch_names = watch_names

    def observe(self) -> Iterator[LeafState]:
        """Everything, leaf by leaf in ascending order of name, as of one moment; decoded leaf by leaf.

        Raises:
            YunjinError: only by order of `faults`, or where the file cannot be used.
        """
        lost = self._faults.meet(self.endpoint, Operation.OBSERVE)
        self._settle()
        if lost:
            raise lost
        with self._file.reading() as connection:
            yield LeafState("", self._shared(connection))
            for leaf, rows in groupby(database.rows_of_leaves(connection), key=attrgetter("leaf")):
                key = self._home(leaf)
                lost = self._faults.meet(self.endpoint, Operation.STREAM, key)
                if lost:
                    raise lost
                objects = self._objects(connection, leaf, rows)
                home = objects.get((key.kind, key.name))
                # Several endpoints may share a cluster or cloud: a leaf is shown by its mark, or where named.
                if home and (leaf in self._watch_names or self._endpoint_of(home) == self.endpoint):
                    yield LeafState(leaf, objects)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
        """The named objects as they are now; absent ones are missing."""
        lost = self._faults.meet(self.endpoint, Operation.READ)
        found = self._get(keys)
        if lost:
            raise lost
        return found

    def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
        """The changes in force: quotas that are enforced, removed objects gone, anything else there."""
        lost = self._faults.meet(self.endpoint, Operation.EFFECTIVE)
        wanted = list(changes)
        found = self._get([change.key for change in wanted])
        if lost:
            raise lost
        effects = {change.key: self._effect(change, found.get(change.key)) for change in wanted}
        return {key: holding for key, holding in effects.items() if holding is not None}

    def acquire(self, holder: str, seconds: float) -> str | None:
        """Take or renew the lease for `seconds`; None on success, else the holder's name."""
        lost = self._faults.meet(self.endpoint, Operation.ACQUIRE)
        other = leases.acquire(self._file, holder, self._now, seconds)
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

    @property
    @abstractmethod
    def _now(self) -> float:
        """Seconds since 1970."""

    @abstractmethod
    def _settle(self) -> None:
        """Do what is due by now, of whatever goes on by itself."""

    @abstractmethod
    def _get(self, keys: Sequence[Key]) -> dict[Key, Live]:
        """Those of the named objects that exist, as of one moment."""

    @abstractmethod
    def _shared(self, connection: sqlite3.Connection) -> Objects:
        """The endpoint's own objects."""

    @abstractmethod
    def _home(self, leaf: str) -> Key:
        """Of the namespace or project that is the leaf itself."""

    @abstractmethod
    def _objects(self, connection: sqlite3.Connection, leaf: str, rows: Iterable[Row]) -> Objects:
        """All that a leaf holds."""

    @abstractmethod
    def _endpoint_of(self, home: Live) -> str | None:
        """The endpoint that a leaf says it belongs to."""

    @abstractmethod
    def _effect(self, change: Change, live: Live | None) -> Holding | None:
        """What a change brings into force; None before it has."""
