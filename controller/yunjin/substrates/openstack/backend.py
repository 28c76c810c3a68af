"""A real cloud as a `Backend`: the one door through which the spine speaks to OpenStack.

Made by `yunjin.engine`, used by `yunjin.observe` and `yunjin.apply`. Calls `observe`, `apply`, `quotas`,
`lease`, `usage`, `remainder`, `credentials` and `health` with one client. Safe to use from several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from yunjin.model.change import Action
from yunjin.substrates.objects import NOTHING
from yunjin.substrates.openstack import (
    apply,
    credentials,
    errors,
    health,
    lease,
    observe,
    quantities,
    quotas,
    remainder,
    usage,
)
from yunjin.substrates.openstack.client import Client
from yunjin.substrates.openstack.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from yunjin.errors import Text
    from yunjin.model.capacity import Capacity
    from yunjin.model.change import Change
    from yunjin.model.credential import Credential, Health, Role
    from yunjin.model.resources import Holding, Key, LeafState, Live
    from yunjin.substrates.openstack.usage import Consumption

_CONNECTIONS: Final = 8
"""Kept open at most, to each service."""


class OpenStackBackend:
    """See `yunjin.substrates.contract.Backend`.

    Attributes:
        endpoint: id of the endpoint.
        watch_names: projects to report although their tags do not give them to this endpoint: those of leaves
            that are declared or imported.
        client: the one of all calls.
        lingering: see `yunjin.substrates.contract.CredentialBackend`.
    """

    def __init__(
        self,
        client: Client,
        watch_names: frozenset[str] = frozenset(),
        lingering: float = credentials.LINGERING,
    ) -> None:
        self.endpoint = client.endpoint
        self.client = client
        self.watch_names = watch_names
        self.lingering = lingering
        self._directory = Directory(client, watch_names)

    @classmethod
    def connect(
        cls,
        endpoint: str,
        clouds_yaml: Path,
        cloud: str | None,
        *,
        timeout: float = 30,
        watch_names: frozenset[str] = frozenset(),
        lingering: float | None = None,
    ) -> Self:
        """A backend for one cloud of a clouds.yaml (None: its only one). Sends nothing yet.

        Args:
            endpoint: id of the endpoint.
            clouds_yaml: path of the file.
            cloud: name of the cloud in it.
            timeout: seconds one answer may take.
            watch_names: as the attribute.
            lingering: as the attribute; None where nobody said.

        Raises:
            UsageError: the file cannot be used.
        """
        client = Client.connect(endpoint, clouds_yaml, cloud, timeout=timeout, connections=_CONNECTIONS)
        return cls(client, watch_names, credentials.LINGERING if lingering is None else lingering)

    def observe(self) -> Iterator[LeafState]:
        """The endpoint's own objects, then its leaves in ascending order. See `observe.observe`."""
        return observe.observe(self.client, self._directory, self.watch_names)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
        """The named objects as they are now; absent ones are missing."""
        return observe.read(self.client, self._directory, keys)

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change. See `apply.write`."""
        apply.write(self.client, self._directory, change, live)

    def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
        """Changes the cloud enforces: quotas that all three services hold, removals that have ended.

        Everything else takes effect with its writing.
        """
        asked = tuple(changes)
        found = self.read([c.key for c in asked if c.action is Action.DELETE or c.key.kind == "Quota"])
        effects = {change.key: _effect(change, found.get(change.key)) for change in asked}
        return {key: holding for key, holding in effects.items() if holding is not None}

    def capacity(self) -> Mapping[str, Capacity]:
        """What the hosts of each pool have and offer. See `usage.capacity`."""
        return usage.capacity(self.client)

    def consumption(self, leaf: str, since: datetime, until: datetime) -> Consumption:
        """What a leaf's servers used between two moments. See `usage.consumption`.

        Raises:
            ConflictError: there is no such project.
        """
        project = self._directory.look_for_project(leaf)
        if project is None:
            raise errors.gone(self.endpoint, leaf)
        return usage.consumption(self.client, str(project["id"]), since, until)

    def remainder(self, leaf: str) -> Text | None:
        """What would outlive a leaf's project. See `remainder.find`."""
        project = self._directory.look_for_project(leaf)
        return None if project is None else remainder.find(self.client, str(project["id"]), leaf)

    def acquire(self, holder: str, seconds: float) -> str | None:
        """Take or renew the cloud's lease for `seconds`; None on success, else the holder's name."""
        return lease.acquire(self.client, holder, seconds)

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        lease.release(self.client, holder)

    def issue(self, leaf: str, role: Role, name: str, seconds: int) -> Credential:
        """A new credential of a project. See `credentials.issue`."""
        return credentials.issue(self.client, self._directory, leaf, role, name, seconds)

    def revoke(self, leaf: str, name: str) -> None:
        """End a credential; nothing happens where there is none of that name."""
        credentials.revoke(self.client, self._directory, leaf, name)

    def trial(self, credential: Credential) -> Callable[[], Mapping[str, bool]]:
        """Asks every service whether it still accepts one token of the credential."""
        return credentials.trial(self.client, credential)

    def health(self) -> Health:
        """What the cloud says of itself. See `health.health`."""
        return health.health(self.client)

    def close(self) -> None:
        """End connections."""
        self.client.close()


def _effect(change: Change, live: Live | None) -> Holding | None:
    """None before it has taken effect."""
    if change.action is Action.DELETE:
        return NOTHING if live is None else None
    if change.key.kind != "Quota":
        return NOTHING
    return quantities.holding(live.body) if live and quotas.in_force(change, live) else None
