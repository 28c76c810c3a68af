"""Since when each difference between registry and backend has been seen.

Written by `yunjin drift` and the controller's sweep. Calls `database`. Promises that a difference which
stays keeps its first time, one whose observed value changes starts anew, and one that is gone is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.model.resources import Key
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_FORGET = "DELETE FROM sightings WHERE endpoint = ? AND namespace = ? AND kind = ? AND name = ? AND path = ?"
_NOTE = """
    INSERT INTO sightings (endpoint, namespace, kind, name, path, observed, since)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (endpoint, namespace, kind, name, path) DO UPDATE
    SET observed = excluded.observed, since = excluded.since
"""
_Row = tuple[str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One difference as it is seen now.

    Attributes:
        path: the field that differs.
        observed: hash of the value it holds.
    """

    key: Key
    path: str
    observed: str


class Sightings:
    """Differences that are open."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def update(self, endpoint: str, seen: Iterable[Sighting]) -> Mapping[tuple[Key, str], datetime]:
        """Record all that one endpoint shows now; what is not among them is forgotten.

        Returns:
            By key and path, when each was first seen.
        """
        rows = [(*_columns(sighting.key), sighting.path, sighting.observed) for sighting in seen]
        found = self._database.write(_update, endpoint, rows, text(self._now()))
        return {(Key(*row[:4]), row[4]): time(row[5]) for row in found}


def _columns(key: Key) -> tuple[str, str, str, str]:
    return key.endpoint, key.namespace, key.kind, key.name


@operation
def _update(connection: Connection, endpoint: str, rows: list[_Row], at: str) -> list[_Row]:
    """The places seen, each with when it was first: another sweep may forget them the moment this ends."""
    sql = "SELECT endpoint, namespace, kind, name, path, observed, since FROM sightings WHERE endpoint = ?"
    known = {tuple(row[:5]): row[5:] for row in connection.execute(sql, (endpoint,)).fetchall()}
    seen = {tuple(row[:5]): row[5] for row in rows}
    new = {place: observed for place, observed in seen.items() if known.get(place, ("",))[0] != observed}
    connection.executemany(_FORGET, [place for place in known if place not in seen])
    connection.executemany(_NOTE, [(*place, observed, at) for place, observed in new.items()])
    return [(*place, at if place in new else known[place][1]) for place in seen]  # type: ignore[misc]  # five columns and one
