"""The API server's part: objects by key, server-side apply, plain updates, deletion, each in one transaction.

Called by `backend` and `writing`. Calls `database`, `ownership`, `admission` and `controllers`. Promises the
answers of a real API server where a `Backend` can see them: versions rise only when something changes, a
namespace takes its contents with it, and nothing is created in one that is missing or going.
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from yunjin.model.resources import Key, Live
from yunjin.substrates import refusals
from yunjin.substrates.kubernetes.names import PROTECTED
from yunjin.substrates.simulated import admission, controllers, database, errors, ownership
from yunjin.substrates.simulated.database import Row
from yunjin.substrates.simulated.ownership import APPLY, UPDATE, Author
from yunjin.substrates.simulated.place import CLUSTER
from yunjin.substrates.simulated.versions import ANY, NONE, StaleError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from yunjin.model.resources import Body
    from yunjin.substrates.simulated.database import Database
    from yunjin.substrates.simulated.fieldsets import Path

_COUNTED_GENERATION: Final = frozenset(
    {"NetworkPolicy", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}
)
_SERVER_METADATA: Final = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation", "managedFields"}
)


class Server:
    """One endpoint's objects.

    Args:
        endpoint: its id.
        file: where they are kept.
        clock: seconds since 1970.
    """

    def __init__(self, endpoint: str, file: Database, clock: Callable[[], float]) -> None:
        self.endpoint = endpoint
        self._file = file
        self._clock = clock

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    @property
    def stamp(self) -> str:
        """The present time as objects carry it."""
        return datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def settle(self) -> None:
        """Let the controllers catch up."""
        with self._file.reading() as connection:
            if not controllers.due(connection, self.now):
                return
        with self.writing():
            pass

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which the controllers act before and after the caller."""
        with self._file.writing() as connection:
            controllers.settle(connection, self.now, self.stamp)
            yield connection
            controllers.settle(connection, self.now, self.stamp)

    def get(self, keys: Sequence[Key]) -> dict[Key, Live]:
        """Those of the named objects that exist, as of one moment."""
        self.settle()
        with self._file.reading() as connection:
            rows = [self._row(connection, key) for key in keys]
        return {live.key: live for live in map(self.live, filter(None, rows))}

    def live(self, row: Row) -> Live:
        """A stored object as clients see it."""
        return Live(
            CLUSTER.key_of(self.endpoint, row.leaf, row.kind, row.name),
            json.loads(row.body),
            str(row.version),
        )

    def apply(self, config: Body, manager: str, *, version: str = ANY, force: bool = False) -> None:
        """Server-side apply.

        Args:
            config: what the manager wants of the object, and owns from then on.
            manager: its name.
            version: which the object must have; `NONE`: it must not exist, `ANY`: no matter.
            force: take over fields that others own.

        Raises:
            StaleError: another version.
            ConflictError: somebody else owns a field, or the namespace is gone.
            TransientError: the namespace is going.
            PermanentError: the server would not keep the result.
        """
        key = self.key(config)
        config = {**config, "metadata": _own_metadata(config["metadata"])}
        with self.writing() as connection:
            row = self._row(connection, key)
            if version not in (ANY, str(row.version) if row else NONE):
                raise StaleError
            before: Body | None = json.loads(row.body) if row else None
            author = Author(manager, APPLY)
            try:
                result = ownership.apply(
                    before or self._blank(connection, key), config, author, self.stamp, force=force
                )
            except ownership.FieldConflictError as error:
                raise errors.owned(key, error.owners) from error
            self._keep(connection, key, before, result)

    def update(self, key: Key, fields: Mapping[Path, Any], manager: str) -> None:
        """Set fields as `kubectl edit` does; None takes one out.

        Raises:
            ConflictError: there is no such object.
            PermanentError: the server would not keep the result.
        """
        with self.writing() as connection:
            row = self._row(connection, key)
            if row is None:
                raise refusals.moved(key.endpoint, key)
            live: Body = json.loads(row.body)
            result = self._admitted(key, ownership.edited(live, fields), live)
            self._keep(
                connection, key, live, ownership.update(live, result, Author(manager, UPDATE), self.stamp)
            )

    def create(self, body: Body, manager: str) -> Key:
        """Make an object as `kubectl create` does. Returns its key.

        Raises:
            ConflictError: it exists, or its namespace does not.
            TransientError: its namespace is going.
            PermanentError: the server would not keep it.
        """
        key = self.key(body)
        with self.writing() as connection:
            if self._row(connection, key):
                raise refusals.moved(key.endpoint, key)
            metadata = {**_own_metadata(body["metadata"]), **self._blank(connection, key)["metadata"]}
            result = self._admitted(key, {**body, "metadata": metadata}, None)
            author = Author(manager, UPDATE)
            self._keep(connection, key, None, ownership.update({}, result, author, self.stamp))
        return key

    def delete(self, key: Key, *, uid: str = ANY, guarded: bool = False) -> None:
        """Remove an object; a namespace with all that it holds. What is not there is removed already.

        Args:
            key: which.
            uid: which object of that name; `ANY` for whatever is there.
            guarded: leave it where its labels protect it.

        Raises:
            StaleError: another object of that name.
            RefusalError: it is protected.
        """
        with self.writing() as connection:
            row = self._row(connection, key)
            if row is None:
                return
            body: Body = json.loads(row.body)
            metadata = body["metadata"]
            if uid not in (ANY, metadata["uid"]):
                raise StaleError
            if guarded and (metadata.get("labels") or {}).get(PROTECTED) == "true":
                raise refusals.guarded(key.endpoint, key)
            if key.kind != "Namespace":
                database.drop(connection, row)
            elif "deletionTimestamp" not in metadata:
                metadata["deletionTimestamp"] = self.stamp
                database.put(connection, row, {**body, "status": {"phase": "Terminating"}})
                controllers.expect(connection, row, self.now)

    def consume(self, namespace: str, used: Mapping[str, str]) -> None:
        """Let the pods of a namespace use so much; its quotas are counted again after the usual delay."""
        with self.writing() as connection:
            connection.execute("DELETE FROM used WHERE leaf = ?", (namespace,))
            amounts = [(namespace, resource, admission.canonical(text)) for resource, text in used.items()]
            connection.executemany("INSERT INTO used VALUES (?, ?, ?)", amounts)
            for row in database.of_leaf(connection, namespace):
                if row.kind == "ResourceQuota":
                    controllers.expect(connection, row, self.now)

    def key(self, body: Body) -> Key:
        """The key that an object names itself."""
        metadata = body["metadata"]
        return Key(self.endpoint, metadata.get("namespace", ""), body["kind"], metadata["name"])

    def _row(self, connection: sqlite3.Connection, key: Key) -> Row | None:
        return database.row(connection, CLUSTER.leaf_of(key), key.kind, key.name)

    def _blank(self, connection: sqlite3.Connection, key: Key) -> Body:
        """What a new object starts from, in a namespace that takes it."""
        metadata: Body = {"name": key.name, "uid": str(uuid.uuid4()), "creationTimestamp": self.stamp}
        if key.kind not in CLUSTER.outside:
            home = self._row(connection, Key(self.endpoint, "", "Namespace", key.namespace))
            if home is None:
                raise errors.homeless(key)
            if "deletionTimestamp" in json.loads(home.body)["metadata"]:
                raise errors.ending(key)
            metadata["namespace"] = key.namespace
        return {"metadata": metadata}

    def _admitted(self, key: Key, body: Body, live: Body | None) -> Body:
        try:
            return admission.admit(body, live)
        except admission.InvalidObjectError as error:
            raise errors.invalid(key, str(error)) from error

    def _keep(self, connection: sqlite3.Connection, key: Key, before: Body | None, result: Body) -> None:
        result = self._admitted(key, result, before)
        if before is not None and ownership.alike(before, result):
            return
        spec = result.get("spec") or {}
        if key.kind in _COUNTED_GENERATION and spec != (before or {}).get("spec"):
            result["metadata"]["generation"] = result["metadata"].get("generation", 0) + 1
        row = database.put(connection, Row(CLUSTER.leaf_of(key), key.kind, key.name, 0, ""), result)
        if len(row.body) > admission.MOST_BYTES:
            raise errors.invalid(key, f"more than {admission.MOST_BYTES} bytes")
        if key.kind == "ResourceQuota" and spec.get("hard") != (result.get("status") or {}).get("hard"):
            controllers.expect(connection, row, self.now)


def _own_metadata(metadata: Mapping[str, Any]) -> Body:
    """What a client may say of an object's metadata."""
    return {name: value for name, value in metadata.items() if name not in _SERVER_METADATA}
