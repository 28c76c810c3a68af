"""Ids behind names: what a connection has seen or made, so that nothing is asked for twice.

Called by `observe`, `apply` and what it calls. Calls `client`. Promises that what was forgotten is asked for
again; whoever is told by a service that an id leads nowhere, forgets it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from yunjin.substrates.openstack import errors, names
from yunjin.substrates.openstack.answer import IDENTITY, NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw


class Directory:
    """Of one cloud. Safe to use from several threads."""

    def __init__(self, client: Client, watch_names: frozenset[str] = frozenset()) -> None:
        """Of leaves named in `watch_names` the project may lie in another domain: it keeps that for ever."""
        self._client = client
        self._watch_names = watch_names
        self._lock = threading.Lock()
        self._roles: dict[str, str] = {}
        self._pools: dict[str, str] = {}
        self._domain: Raw | None = None
        self._projects: dict[str, Raw] = {}
        self._parts: dict[tuple[str, str, str], str] = {}

    def look_for_domain(self) -> Raw | None:
        """The domain of the centre as it is now; None where there is none yet."""
        query = urlencode({"name": names.DOMAIN})
        found = self._client.listed(IDENTITY, f"/domains?{query}", "domains", about=names.DOMAIN)
        self._domain = next(iter(found), None)
        return self._domain

    def known_domain(self) -> Raw | None:
        """The domain of the centre as it was last seen; None where there is none now."""
        with self._lock:  # asked once, whatever number of threads wants it
            return self._domain or self.look_for_domain()

    def domain(self) -> str:
        """Its id.

        Raises:
            ConflictError: there is none yet; it is one of the endpoint's own objects, written first.
        """
        known = self.known_domain()
        if known is None:
            raise errors.no_domain(self._client.endpoint, names.DOMAIN)
        return str(known["id"])

    def role(self, name: str) -> str:
        """A role's id. Raises RefusalError where the cloud has no role of that name."""
        with self._lock:
            if name not in self._roles:
                found = self._client.listed(IDENTITY, "/roles", "roles", about="roles")
                self._roles = {str(role["name"]): str(role["id"]) for role in found}
            if name in self._roles:
                return self._roles[name]
        raise errors.no_role(self._client.endpoint, name)

    def pool(self, name: str) -> str:
        """The id of a pool of addresses of the operator's. Raises RefusalError where there is none."""
        with self._lock:
            if name not in self._pools:
                query = urlencode({"name": name, "project_id": self._client.operator.project})
                found = self._client.listed(NETWORK, f"/subnetpools?{query}", "subnetpools", about=name)
                if not found:
                    raise errors.no_subnet_pool(self._client.endpoint, name)
                self._pools[name] = eldest(found)["id"]
            return self._pools[name]

    def project(self, leaf: str) -> Raw:
        """A leaf's project as it was last seen. Raises ConflictError where there is none."""
        known = self._projects.get(leaf) or self.look_for_project(leaf)
        if known is None:
            raise errors.gone(self._client.endpoint, leaf)
        return known

    def look_for_projects(self) -> list[Raw]:
        """Every project that a leaf can be, as it is now."""
        domain = self.known_domain()
        if domain is None and not self._watch_names:
            return []
        query = "" if self._watch_names or domain is None else f"?{urlencode({'domain_id': domain['id']})}"
        found = self._client.listed(IDENTITY, f"/projects{query}", "projects", about="projects")
        leaves = self._leaves(found, domain)
        for raw in leaves:
            self.remember(raw)
        return leaves

    def look_for_project(self, leaf: str) -> Raw | None:
        """A leaf's project as it is now; None where there is none."""
        domain = self.known_domain()
        query = {"name": leaf}
        if leaf not in self._watch_names:
            if domain is None:
                return None
            query["domain_id"] = str(domain["id"])
        found = self._client.listed(IDENTITY, f"/projects?{urlencode(query)}", "projects", about=leaf)
        raw = next(iter(self._leaves(found, domain)), None)
        if raw is None:
            self.forget(leaf)
        else:
            self.remember(raw)
        return raw

    def remember(self, project: Raw) -> None:
        """A project was just seen or made."""
        self._projects[str(project["name"])] = project

    def remember_part(self, project: str, collection: str, name: str, own: str) -> None:
        """A part of a project was just made, under that id."""
        self._parts[project, collection, name] = own

    def part(self, project: str, collection: str, name: str) -> str | None:
        """The id of a part of a project, if this connection has made it."""
        return self._parts.get((project, collection, name))

    def forget(self, leaf: str) -> None:
        """A project is not, or no longer, what it was seen as; nor are its parts or the pools."""
        known = self._projects.pop(leaf, None)
        if known is not None:
            for part in [part for part in self._parts if part[0] == known["id"]]:
                self._parts.pop(part, None)
        with self._lock:
            self._pools.clear()

    def _leaves(self, found: Iterable[Raw], domain: Raw | None) -> list[Raw]:
        """Of projects of any domain those that leaves can be: the centre's own, else the only one watched."""
        own: dict[str, Raw] = {}
        others: dict[str, list[Raw]] = {}
        for raw in found:
            name = str(raw.get("name") or "")
            if raw.get("is_domain") or raw.get("id") is None:
                continue
            if domain is not None and raw.get("domain_id") == domain["id"]:
                own[name] = raw
            elif name in self._watch_names:
                others.setdefault(name, []).append(raw)
        watched = (each[0] for name, each in others.items() if len(each) == 1 and name not in own)
        return [*own.values(), *watched]


def eldest(found: list[Raw]) -> Raw:
    """The one of several of a name that bears it bare; see `standard`."""
    return min(found, key=lambda raw: (str(raw.get("created_at") or ""), str(raw["id"])))
