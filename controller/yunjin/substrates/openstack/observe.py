"""What a cloud holds of the managed kinds, leaf by leaf.

Called by `backend`, and by `apply` to look again. Calls `client` and brings the answers into one form by
`forms`. Reads only. Promises one list a collection and, where a service has only reads by project, one a
project and service, all at the same time and none twice; whole answers or an error, never a part that looks
like a whole. A project that is removed meanwhile is absent.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from yunjin.errors import ConflictError, TransientError, UnreachableError
from yunjin.model.resources import Key, LeafState, Live
from yunjin.substrates.openstack import forms, names, quotas
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY, NETWORK, Service
from yunjin.substrates.openstack.forms import Leaf, Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory

_FEW: Final = 8
"""So many leaves are read one by one; of more, everything is listed."""
_AT_ONCE: Final = 8
"""Requests that one service gets at a time."""


@dataclass(frozen=True, slots=True)
class _List:
    """A collection and the parameter that narrows it to projects; empty where there is none."""

    service: Service
    path: str
    name: str
    narrowed_by: str = ""


_GROUPS: Final = _List(IDENTITY, "/groups", "groups")
_USERS: Final = _List(IDENTITY, f"/users?{urlencode({'name__startswith': names.CREDENTIAL})}", "users")
_ROLES: Final = _List(IDENTITY, "/roles", "roles")
_ASSIGNMENTS: Final = _List(IDENTITY, "/role_assignments", "role_assignments")
_AGGREGATES: Final = _List(COMPUTE, "/os-aggregates", "aggregates")
_NETWORKS: Final = _List(NETWORK, "/networks", "networks", "project_id")
_SUBNETS: Final = _List(NETWORK, "/subnets", "subnets", "project_id")
_POOLS: Final = _List(NETWORK, "/subnetpools", "subnetpools")
_ROUTERS: Final = _List(NETWORK, "/routers", "routers", "project_id")
_PORTS: Final = _List(
    NETWORK, f"/ports?{urlencode({'device_owner': forms.INTERFACES}, doseq=True)}", "ports", "project_id"
)
_SECURITY: Final = _List(NETWORK, "/security-groups", "security_groups", "project_id")

_NEEDED: Final = {
    "Project": (),
    "Quota": (),
    "PoolBinding": (_AGGREGATES,),
    "Network": (_NETWORKS,),
    "Subnet": (_NETWORKS, _SUBNETS, _POOLS),
    "Router": (_SUBNETS, _ROUTERS, _PORTS),
    "SecurityGroup": (_SECURITY,),
    "Group": (_GROUPS, _ROLES, _ASSIGNMENTS),
    "User": (_GROUPS, _ROLES, _ASSIGNMENTS),
}
"""By kind of a leaf's objects, what they are made of."""


class Sweep:
    """One look at a cloud: every collection is asked for once, as soon as somebody needs it."""

    def __init__(self, client: Client, domain: str, projects: Collection[str] | None) -> None:
        self._client = client
        self._domain = domain
        self._projects = projects
        self._lists: dict[_List, Future[list[Raw]]] = {}
        self._by_project: dict[_List, dict[str, list[Raw]]] = {}
        self._names: dict[_List, dict[str, str]] = {}
        self._strangers: dict[str, Future[str]] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    def begin(self, kinds: Iterable[str]) -> None:
        """Ask for everything that objects of these kinds are made of."""
        for kind in kinds:
            for each in _NEEDED[kind]:
                self._asked(each)

    def all(self, each: _List) -> list[Raw]:
        """A whole collection."""
        return self._asked(each).result()

    def of(self, each: _List, project: str) -> list[Raw]:
        """Those of a collection that belong to a project."""
        known = self._by_project.get(each)
        if known is None:
            known = {}
            for raw in self.all(each):
                known.setdefault(_scope(raw) if each is _ASSIGNMENTS else _project_of(raw), []).append(raw)
            self._by_project[each] = known
        return known.get(project, [])

    def names(self, each: _List) -> dict[str, str]:
        """Id to name, of a whole collection."""
        if each not in self._names:
            self._names[each] = {raw["id"]: str(raw.get("name") or "") for raw in self.all(each)}
        return self._names[each]

    def strangers(self, assignments: Iterable[Raw], known: Collection[str]) -> dict[str, str]:
        """Id to name, of the users and groups in assignments that are not known; each is asked for once."""
        found: dict[str, Future[str]] = {}
        for row in assignments:
            for kind in ("user", "group"):
                holder = str((row.get(kind) or {}).get("id") or "")
                if holder and holder not in known:
                    if holder not in self._strangers:
                        self._strangers[holder] = self._submit(IDENTITY, self._name, kind, holder)
                    found[holder] = self._strangers[holder]
        return {holder: name.result() for holder, name in found.items()}

    def quota(self, leaf: Leaf) -> dict[str, Future[dict[str, Any]]]:
        """What three services say of a project's quota, by service."""
        return {
            service.name: self._submit(
                service, quotas.answer, self._client, service, leaf.id, f"{leaf.name} quota"
            )
            for service, _, _, _ in quotas.SERVICES
        }

    def _asked(self, each: _List) -> Future[list[Raw]]:
        if each not in self._lists:
            self._lists[each] = self._submit(each.service, self._list, each)
        return self._lists[each]

    def _list(self, each: _List) -> list[Raw]:
        query: list[tuple[str, str]] = []
        if each in (_GROUPS, _USERS):
            if not self._domain:
                return []
            query.append(("domain_id", self._domain))
        if self._projects is not None and each.narrowed_by:
            query += [(each.narrowed_by, project) for project in sorted(self._projects)]
        if self._projects is not None and each is _ASSIGNMENTS and len(self._projects) == 1:
            query.append(("scope.project.id", next(iter(self._projects))))
        mark = "&" if "?" in each.path else "?"
        path = f"{each.path}{mark}{urlencode(query)}" if query else each.path
        found = self._client.listed(each.service, path, each.name, about=each.name)
        return [raw for raw in found if each is _ASSIGNMENTS or raw.get("id") is not None]

    def _name(self, kind: str, holder: str) -> str:
        """Of a user or a group; empty where a directory behind Keystone does not tell: its id is enough."""
        try:
            answer = self._client.send(IDENTITY, "GET", f"/{kind}s/{holder}")
        except (TransientError, UnreachableError):
            return ""
        return str((answer.body.get(kind) or {}).get("name") or "") if answer.ok else ""

    def _submit(self, service: Service, act: Callable[..., Any], *arguments: Any) -> Future[Any]:
        pool = self._pools.get(service.name)
        if pool is None:
            name = f"yunjin-{service.name}-{self._client.endpoint}"
            pool = self._pools[service.name] = ThreadPoolExecutor(_AT_ONCE, name)
        return pool.submit(act, *arguments)


def observe(client: Client, directory: Directory, watch_names: frozenset[str]) -> Iterator[LeafState]:
    """The endpoint's own objects first (name empty), then each leaf in ascending order of name."""
    domain = directory.look_for_domain()
    with Sweep(client, str(domain["id"]) if domain else "", None) as sweep:
        sweep.begin(_NEEDED if domain else ())
        leaves = [
            leaf
            for leaf in _leaves(client, directory)
            if leaf.owner.get(names.ENDPOINT) == client.endpoint or leaf.name in watch_names
        ]
        quotas = {leaf.name: sweep.quota(leaf) for leaf in leaves}
        yield LeafState("", shared(client, sweep, domain))
        for leaf in leaves:
            found = _whole(sweep, leaf, quotas.pop(leaf.name))
            if found is not None:
                yield LeafState(leaf.name, {(live.key.kind, live.key.name): live for live in found})


def read(client: Client, directory: Directory, keys: Sequence[Key]) -> Mapping[Key, Live]:
    """The named objects as they are now; absent ones are missing."""
    wanted = set(keys)
    if not wanted:
        return {}
    domain = directory.known_domain()
    own = {key for key in wanted if not key.namespace and key.kind != "Project"}
    asked = {key.namespace or key.name for key in wanted - own}
    leaves = _leaves_named(client, directory, asked)
    narrow = {leaf.id for leaf in leaves} if len(leaves) <= _FEW else None
    found: dict[Key, Live] = {}
    with Sweep(client, str(domain["id"]) if domain else "", narrow) as sweep:
        kinds = {key.kind for key in wanted - own}
        sweep.begin(kinds if leaves else ())
        by_leaf = {leaf.name: {key.kind for key in wanted if key.namespace == leaf.name} for leaf in leaves}
        quotas = {leaf.name: sweep.quota(leaf) for leaf in leaves if "Quota" in by_leaf[leaf.name]}
        if own:
            found.update((live.key, live) for live in shared(client, sweep, domain).values())
        for leaf in leaves:
            for live in _parts(sweep, leaf, by_leaf[leaf.name], quotas.get(leaf.name)) or ():
                found[live.key] = live
    return {key: live for key, live in found.items() if key in wanted}


def read_one(client: Client, directory: Directory, key: Key) -> Live | None:
    """One object as it is now, its project as it was last seen; None where there is none."""
    if not key.namespace:
        return read(client, directory, [key]).get(key)
    leaf = Leaf(client.endpoint, directory.project(key.namespace))
    with Sweep(client, directory.domain(), {leaf.id}) as sweep:
        sweep.begin((key.kind,))
        quota = sweep.quota(leaf) if key.kind == "Quota" else None
        found = _parts(sweep, leaf, (key.kind,), quota) or ()
        return next((live for live in found if live.key == key), None)


def shared(client: Client, sweep: Sweep, domain: Raw | None) -> dict[tuple[str, str], Live]:
    """The endpoint's own objects: the domain, and the pools of the operator's own project.

    A pool of that name in another project is somebody else's: names are not unique in Neutron.
    """
    found = [forms.domain(client.endpoint, domain)] if domain else []
    operator = client.operator
    found += [
        forms.subnet_pool(client.endpoint, raw)
        for raw in sorted(sweep.all(_POOLS), key=lambda raw: str(raw.get("created_at") or ""))
        if _project_of(raw) == operator.project and str(raw.get("name")).startswith(names.subnet_pool(""))
    ]
    return {(live.key.kind, live.key.name): live for live in reversed(found)}


def _leaves(client: Client, directory: Directory) -> list[Leaf]:
    """Every project that a leaf can be, in ascending order of name."""
    leaves = [Leaf(client.endpoint, raw) for raw in directory.look_for_projects()]
    return sorted(leaves, key=lambda leaf: leaf.name)


def _leaves_named(client: Client, directory: Directory, asked: Collection[str]) -> list[Leaf]:
    if len(asked) > _FEW:
        found = [leaf for leaf in _leaves(client, directory) if leaf.name in asked]
    else:
        raws = [directory.look_for_project(name) for name in sorted(asked)]
        found = [Leaf(client.endpoint, raw) for raw in raws if raw is not None]
    for name in set(asked) - {leaf.name for leaf in found}:
        directory.forget(name)
    return found


def _whole(sweep: Sweep, leaf: Leaf, quota: Mapping[str, Future[dict[str, Any]]]) -> list[Live] | None:
    return _parts(sweep, leaf, _NEEDED.keys(), quota)


def _parts(
    sweep: Sweep,
    leaf: Leaf,
    kinds: Collection[str],
    quota: Mapping[str, Future[dict[str, Any]]] | None,
) -> list[Live] | None:
    """The objects of some kinds in a leaf; None where its project was removed meanwhile."""
    found = [leaf.project()]
    if quota is not None:
        try:
            found.append(forms.quota(leaf, {name: answer.result() for name, answer in quota.items()}))
        except ConflictError:  # a service says that there is no such project
            return None
    if "PoolBinding" in kinds and (bound := forms.binding(leaf, sweep.all(_AGGREGATES))):
        found.append(bound)
    if "Network" in kinds:
        found += forms.networks(leaf, sweep.of(_NETWORKS, leaf.id))
    if "Subnet" in kinds:
        own = {raw["id"]: name for name, raw in forms.named(leaf, "Network", sweep.of(_NETWORKS, leaf.id))}
        found += forms.subnets(leaf, sweep.of(_SUBNETS, leaf.id), own, sweep.names(_POOLS))
    if "Router" in kinds:
        own = {raw["id"]: name for name, raw in forms.named(leaf, "Subnet", sweep.of(_SUBNETS, leaf.id))}
        found += forms.routers(leaf, sweep.of(_ROUTERS, leaf.id), sweep.of(_PORTS, leaf.id), own)
    if "SecurityGroup" in kinds:
        found += forms.security_groups(leaf, sweep.of(_SECURITY, leaf.id))
    if "Group" in kinds or "User" in kinds:
        mine = sweep.of(_ASSIGNMENTS, leaf.id)
        users = sweep.names(_USERS) if any("user" in row for row in mine) else {}
        known = {**users, **sweep.names(_GROUPS)}
        found += forms.rights(leaf, known, sweep.strangers(mine, known), mine, sweep.names(_ROLES))
    return found


def _project_of(raw: Raw) -> str:
    return str(raw.get("project_id") or raw.get("tenant_id") or "")


def _scope(row: Raw) -> str:
    """The project that an assignment is for; empty where it is for another thing."""
    scope = row.get("scope") or {}
    return "" if "OS-INHERIT:inherited_to" in scope else str((scope.get("project") or {}).get("id") or "")
