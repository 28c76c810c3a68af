"""What the services of a simulated cloud keep and answer: objects by key, each call one transaction.

Called by `cloud`. Calls `database`, `requirements`, `quotas` and `addresses`. Promises the answers of
Keystone, Nova, Neutron and Cinder where a `Backend` can see them, in the form that
`yunjin.substrates.openstack.standard` describes: a project comes with a quota, and its first network with a
security group, that nobody asked for; and it takes its contents with it.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from yunjin.model.resources import Key, Live
from yunjin.substrates.openstack import errors, names
from yunjin.substrates.openstack.quantities import SERVICES
from yunjin.substrates.openstack.rules import ANY as EVERYBODY
from yunjin.substrates.openstack.rules import OWN_GROUP, Rule
from yunjin.substrates.simulated import addresses, database, quotas, requirements
from yunjin.substrates.simulated.database import Row
from yunjin.substrates.simulated.place import CLOUD
from yunjin.substrates.simulated.versions import ANY, NONE, StaleError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from yunjin.model.resources import Body
    from yunjin.substrates.simulated.database import Database

_BY_NAME: Final = (
    "CREATE INDEX IF NOT EXISTS object_by_name ON object (kind, name);"  # names of groups are unique
)
FILE: Final = database.Application(0x596A5332, addresses.SCHEMA + _BY_NAME)  # "YjS2"

_QUOTA: Final = "yunjin"
_COUNTED: Final = frozenset({"Network", "Router", "SecurityGroup", "Subnet"})
_DATED: Final = _COUNTED | {"SubnetPool"}
"""Neutron alone says when an object was last written."""

# What Neutron writes into the `default` group of every project: everything out, only its own members in.
_FIRST_RULES: Final = {
    str(Rule(direction, ethertype, EVERYBODY, None, None, remote)): True
    for direction, remote in (("egress", EVERYBODY), ("ingress", OWN_GROUP))
    for ethertype in ("IPv4", "IPv6")
}
_FIRST: Final[Mapping[str, Body]] = {"Quota": {}, "SecurityGroup": {"rules": _FIRST_RULES}}
# Nova and Cinder have a quota for whatever project there is; Neutron makes the group for its first network.
_ARISING: Final = {CLOUD.home: ("Quota", _QUOTA), "Network": ("SecurityGroup", names.DEFAULT_GROUP)}


class Services:
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

    def get(self, keys: Sequence[Key]) -> dict[Key, Live]:
        """Those of the named objects that exist, as of one moment."""
        found: dict[Key, Live] = {}
        with self._file.reading() as connection:
            for leaf in dict.fromkeys(map(CLOUD.leaf_of, keys)):
                found.update(self.lives(connection, leaf, database.of_leaf(connection, leaf)))
        return {key: found[key] for key in keys if key in found}

    def lives(self, connection: sqlite3.Connection, leaf: str, rows: Iterable[Row]) -> dict[Key, Live]:
        """The objects of one leaf as clients see them, by key."""
        stored = [(row, json.loads(row.body)) for row in rows]
        project = next((body for row, body in stored if row.kind == CLOUD.home), None)
        marks: Body = {"owner": {}}
        if project is not None:
            tags = project["spec"]["tags"]
            marks = {"project_id": project["metadata"]["id"], "owner": names.marks(names.tags(tags))}
        found = {}
        for row, body in stored:
            shown = {**body, "metadata": {**body["metadata"], **marks}}
            if row.kind == "Quota":
                shown["spec"] = quotas.limits(body["spec"])
                shown["status"] = quotas.used(connection, leaf, _specs(stored))
            key = CLOUD.key_of(self.endpoint, row.leaf, row.kind, row.name)
            found[key] = Live(key, shown, str(row.version))
        return found

    def put(self, key: Key, spec: Body, version: str = ANY) -> None:
        """Make an object of this spec, or bring one to it; of a quota see `put_figures`.

        Args:
            key: of the object.
            spec: whole.
            version: which the object must have; `NONE`: it must not exist, `ANY`: no matter.

        Raises:
            StaleError: another version.
            ConflictError: its project, or what it refers to, is not there; the name is taken.
            RefusalError: beyond the quota of the project; the operators provide no such aggregate.
            PermanentError: no service would take it.
        """
        with self._file.writing() as connection:
            row = self._row(connection, key)
            _require(row, version)
            self.keep(connection, key, row, spec)

    def keep(self, connection: sqlite3.Connection, key: Key, row: Row | None, spec: Body) -> None:
        """The same within a transaction, given what is there."""
        before: Body | None = json.loads(row.body) if row else None
        if before is not None and before["spec"] == spec:
            return
        requirements.check(connection, key, spec, before["spec"] if before else None)
        use = self._used(connection, key.namespace) if key.kind in _COUNTED else {}
        body = self._stored(connection, key, spec, before)
        _keep(connection, Row(CLOUD.leaf_of(key), key.kind, key.name, 0, ""), body)
        if use:
            limits = quotas.limits(self._figures(connection, key.namespace))
            quotas.admit(key, limits, use, self._used(connection, key.namespace))
        if key.kind in _ARISING:
            self._arise(connection, Key(self.endpoint, key.namespace or key.name, *_ARISING[key.kind]))

    def require(self, key: Key, version: str) -> dict[str, dict[str, int] | None]:
        """What was written of a quota, by service: None where its defaults hold.

        Raises:
            StaleError: it has another version, or is there (`NONE`).
            ConflictError: there is no such project.
        """
        with self._file.reading() as connection:
            row = self._row(connection, key)
            if row is None:
                raise errors.gone(self.endpoint, key.namespace)
            _require(row, version)
            written = json.loads(row.body)["spec"]
            return {service: written.get(service) for service in SERVICES}

    def put_figures(self, key: Key, service: str, figures: Mapping[str, int] | None) -> None:
        """Let one of the three quota services hold these figures; None: its defaults.

        Raises:
            ConflictError: more is used, or there is no such project.
            PermanentError: no figures of this service.
        """
        with self._file.writing() as connection:
            row = self._row(connection, key)
            if row is None:
                raise errors.gone(self.endpoint, key.namespace)
            if figures is not None:
                quotas.check(key, service, figures, self._used(connection, key.namespace)[service])
            body: Body = json.loads(row.body)
            rest = {name: value for name, value in body["spec"].items() if name != service}
            spec = rest if figures is None else {**rest, service: dict(figures)}
            if spec != body["spec"]:
                _keep(connection, row, {**body, "spec": spec})

    def begin_removal(self, key: Key, uid: str) -> None:
        """Close a project and mark it as one that is being removed.

        Raises:
            StaleError: another project of that name.
        """
        with self._file.writing() as connection:
            row = self._row(connection, key)
            if row is None:
                return
            body: Body = json.loads(row.body)
            if body["metadata"]["id"] != uid:
                raise StaleError
            tags = {**body["spec"]["tags"], names.ENDING: names.YES}
            _keep(connection, row, {**body, "spec": {"enabled": False, "tags": tags}})

    def delete(self, key: Key, uid: str = ANY) -> None:
        """Take an object away with what hangs on it; what arises by itself is as at first again.

        Args:
            key: of the object. What is not there is removed already.
            uid: which object of that name; `ANY` for whatever is there.

        Raises:
            StaleError: another object of that name.
        """
        with self._file.writing() as connection:
            row = self._row(connection, key)
            if row is None:
                return
            body: Body = json.loads(row.body)
            if uid not in (ANY, body["metadata"]["id"]):
                raise StaleError
            if key.kind in names.ARISING and names.is_standard(key):
                _keep(connection, row, {**body, "spec": _FIRST[key.kind]})
            elif key.kind == CLOUD.home:
                addresses.free(connection, key.name)
                connection.execute("DELETE FROM object WHERE leaf = ?", (key.name,))
                connection.execute("DELETE FROM used WHERE leaf = ?", (key.name,))
            else:
                self._drop(connection, row)

    def consume(self, leaf: str, use: Mapping[str, Mapping[str, int]]) -> None:
        """Let servers, volumes and the like of a project use so much from now on, by service and figure.

        Raises:
            ConflictError: there is no such project.
            RefusalError: beyond its quota; nothing has changed.
        """
        key = Key(self.endpoint, leaf, "Quota", _QUOTA)
        with self._file.writing() as connection:
            if self._row(connection, key) is None:
                raise errors.gone(self.endpoint, leaf)
            before = self._used(connection, leaf)
            quotas.consume(connection, leaf, use)
            limits = quotas.limits(self._figures(connection, leaf))
            quotas.admit(key, limits, before, self._used(connection, leaf))

    def load(self, bodies: Iterable[Body]) -> int:
        """Many objects in one transaction, in the order of writing. Returns how many."""
        count = 0
        with self._file.writing() as connection:
            for body in bodies:
                metadata = body["metadata"]
                key = Key(self.endpoint, metadata.get("namespace", ""), body["kind"], metadata["name"])
                row = self._row(connection, key)
                if key.kind == "Quota" and row is not None:
                    _keep(connection, row, {**json.loads(row.body), "spec": body["spec"]})
                else:
                    self.keep(connection, key, row, body["spec"])
                count += 1
        return count

    def _arise(self, connection: sqlite3.Connection, key: Key) -> None:
        """Make what a service gives a project by itself, unless it is there; no quota is asked."""
        if self._row(connection, key) is None:
            first = self._stored(connection, key, _FIRST[key.kind], None)
            _keep(connection, Row(key.namespace, key.kind, key.name, 0, ""), first)

    def _row(self, connection: sqlite3.Connection, key: Key) -> Row | None:
        return database.row(connection, CLOUD.leaf_of(key), key.kind, key.name)

    def _figures(self, connection: sqlite3.Connection, leaf: str) -> Body:
        row = database.row(connection, leaf, "Quota", _QUOTA)
        return dict(json.loads(row.body)["spec"]) if row else {}

    def _used(self, connection: sqlite3.Connection, leaf: str) -> dict[str, dict[str, int]]:
        stored = [(row, json.loads(row.body)) for row in database.of_leaf(connection, leaf)]
        return quotas.used(connection, leaf, _specs(stored))

    def _stored(self, connection: sqlite3.Connection, key: Key, spec: Body, before: Body | None) -> Body:
        metadata: Body = dict(before["metadata"]) if before else {"name": key.name, "id": uuid.uuid4().hex}
        if key.namespace:
            metadata["namespace"] = key.namespace
        if key.kind in _DATED:
            metadata["updated_at"] = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if key.kind == "Subnet" and before is None and spec["pool"]:
            metadata["cidr"] = requirements.network(connection, key, spec["pool"])
        return {"kind": key.kind, "metadata": metadata, "spec": spec}

    def _drop(self, connection: sqlite3.Connection, row: Row) -> None:
        """A network takes its subnets along, a subnet its interface of a router."""
        database.drop(connection, row)
        if row.kind == "Subnet":
            addresses.free(connection, row.leaf, row.name)
        for other in database.of_leaf(connection, row.leaf):
            body: Body = json.loads(other.body)
            if row.kind == "Network" and other.kind == "Subnet" and body["spec"]["network"] == row.name:
                self._drop(connection, other)
            elif row.kind == "Subnet" and other.kind == "Router" and row.name in body["spec"]["subnets"]:
                left = {name: True for name in body["spec"]["subnets"] if name != row.name}
                _keep(connection, other, {**body, "spec": {**body["spec"], "subnets": left}})


def _keep(connection: sqlite3.Connection, place: Row, body: Body) -> None:
    database.put(connection, place, body, told=False)  # no service's answer bears a version for all kinds


def _require(row: Row | None, version: str) -> None:
    if version not in (ANY, str(row.version) if row else NONE):
        raise StaleError


def _specs(stored: Iterable[tuple[Row, Body]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return ((row.kind, body["spec"]) for row, body in stored)
