"""Ids behind names that do not change while a connection lasts, and of projects as they were last seen.

Called by `observe`, `apply` and what it calls. Calls `client`. Promises that a name is asked for once; that
an id which the services no longer know is asked for again after `forget`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from yunjin.errors import Text
from yunjin.substrates.openstack import errors, names
from yunjin.substrates.openstack.answer import IDENTITY

if TYPE_CHECKING:
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw


class Directory:
    """Of one cloud. Safe to use from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._roles: dict[str, str] = {}
        self._domain: Raw | None = None
        self._projects: dict[str, str] = {}

    def look_for_domain(self) -> Raw | None:
        """The domain of the centre as it is now; None where there is none yet."""
        query = urlencode({"name": names.DOMAIN})
        found = self._client.listed(IDENTITY, f"/domains?{query}", "domains", about=names.DOMAIN)
        self._domain = next(iter(found), None)
        return self._domain

    def domain(self) -> str:
        """Its id.

        Raises:
            ConflictError: there is none yet; it is one of the endpoint's own objects, written first.
        """
        known = self._domain or self.look_for_domain()
        if known is None:
            raise errors.gone(self._client.endpoint, names.DOMAIN)
        return str(known["id"])

    def role(self, name: str) -> str:
        """A role's id. Raises RefusalError where the cloud has no role of that name."""
        with self._lock:
            if not self._roles:
                found = self._client.listed(IDENTITY, "/roles", "roles", about="roles")
                self._roles = {str(role["name"]): str(role["id"]) for role in found}
            if name in self._roles:
                return self._roles[name]
        remedy = Text(f"在 Keystone 建立角色 {name}", f"make the role {name} in Keystone")
        raise errors.absent(self._client.endpoint, f"role {name}", remedy)

    def remember(self, leaf: str, project: str) -> None:
        """A project was just seen under that id."""
        self._projects[leaf] = project

    def forget(self, leaf: str) -> None:
        """A project is not, or no longer, what it was seen as."""
        self._projects.pop(leaf, None)

    def project(self, leaf: str) -> str:
        """The id of a leaf's project. Raises ConflictError where there is none."""
        known = self._projects.get(leaf)
        if known is None:
            raw = self.look_for_project(leaf)
            if raw is None:
                raise errors.gone(self._client.endpoint, leaf)
            known = str(raw["id"])
        return known

    def look_for_project(self, leaf: str) -> Raw | None:
        """A leaf's project as it is now."""
        query = urlencode({"domain_id": self.domain(), "name": leaf})
        found = self._client.listed(IDENTITY, f"/projects?{query}", "projects", about=leaf)
        raw = next(iter(found), None)
        if raw is None:
            self.forget(leaf)
        else:
            self.remember(leaf, str(raw["id"]))
        return raw
