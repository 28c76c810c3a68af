"""A real cluster as a `Backend`: the one door through which the spine speaks to Kubernetes.

Made by `yunjin.engine`, used by `yunjin.observe` and `yunjin.apply`. Calls `observe`, `apply`, `lease`,
`watch`, `credentials` and `health` with one client. Safe to use from several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from yunjin.model.change import Action
from yunjin.substrates.kubernetes import (
    apply,
    credentials,
    enforcement,
    health,
    lease,
    names,
    observe,
    watch,
)
from yunjin.substrates.kubernetes.client import Client
from yunjin.substrates.kubernetes.kinds import NAMESPACE, POD, QUOTA
from yunjin.substrates.objects import NOTHING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from yunjin.model.change import Change
    from yunjin.model.credential import Credential, Health, Role
    from yunjin.model.resources import Body, Holding, Key, LeafState, Live

_CONNECTIONS: Final = 32
"""Kept open at most: the threads of an apply and those of a sweep."""


class KubernetesBackend:
    """See `yunjin.substrates.contract.Backend`.

    Attributes:
        endpoint: id of the endpoint.
        watch_names: namespaces to report although their labels do not give them to this endpoint: those of
            leaves that are declared or imported.
        client: of the cluster.
        lingering: see `yunjin.substrates.contract.CredentialBackend`.
    """

    lingering: Final = credentials.LINGERING

    def __init__(self, client: Client, watch_names: frozenset[str] = frozenset()) -> None:
        self.endpoint = client.endpoint
        self.client = client
        self.watch_names = watch_names

    @classmethod
    def connect(
        cls,
        endpoint: str,
        kubeconfig: Path,
        context: str | None,
        *,
        timeout: float = 30,
        watch_names: frozenset[str] = frozenset(),
    ) -> Self:
        """A backend for the cluster of a kubeconfig's context (None: its current one). Sends nothing yet.

        Args:
            endpoint: id of the endpoint.
            kubeconfig: its path.
            context: name of the context.
            timeout: seconds one request may take.
            watch_names: as the attribute.

        Raises:
            UsageError: the kubeconfig cannot be used.
        """
        client = Client.connect(endpoint, kubeconfig, context, timeout=timeout, connections=_CONNECTIONS)
        return cls(client, watch_names)

    def observe(self) -> Iterator[LeafState]:
        """The endpoint's own objects, then its leaves in ascending order. See `observe.observe`."""
        return observe.observe(self.client, self.watch_names)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
        """The named objects as they are now; absent ones are missing."""
        return observe.read(self.client, keys)

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change. See `apply.write`."""
        apply.write(self.client, change, live)

    def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
        """Changes the cluster enforces: quotas it has adopted, removals it has finished.

        Everything else takes effect with its writing.
        """
        asked = tuple(changes)
        found = self.read([c.key for c in asked if c.action is Action.DELETE or c.key.kind == QUOTA.name])
        effects = {change.key: _effect(change, found.get(change.key)) for change in asked}
        return {key: holding for key, holding in effects.items() if holding is not None}

    def acquire(self, holder: str, seconds: float) -> str | None:
        """Take or renew the cluster's lease for `seconds`; None on success, else the holder's name."""
        return lease.acquire(self.client, holder, seconds)

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        lease.release(self.client, holder)

    def watch(self, stop: threading.Event) -> Iterator[str]:
        """Names of namespaces that changed; the empty name means everything. See `watch.watch`."""
        return watch.watch(self.client, stop)

    def pool_binding_active(self, namespace: str) -> bool | None:
        """Whether the cluster binds the namespace's pods to the nodes its annotation names.

        Asks for a pod without making it. None where that cannot be told: the namespace names no nodes, or the
        pod is refused (a full quota, an account that is not there yet).
        """
        answer = self.client.send("GET", NAMESPACE.item("", namespace))
        annotations = (answer.body.get("metadata") or {}).get("annotations") or {} if answer.ok else {}
        wanted = dict(
            pair.partition("=")[::2] for pair in annotations.get(names.NODE_SELECTOR, "").split(",") if pair
        )
        if not wanted:
            return None
        answer = self.client.send("POST", f"{POD.collection(namespace)}?dryRun=All", _probe())
        if not answer.ok:
            return None
        selector = (answer.body.get("spec") or {}).get("nodeSelector") or {}
        return all(selector.get(key) == value for key, value in wanted.items())

    def issue(self, leaf: str, role: Role, name: str, seconds: int) -> Credential:
        """A new credential of a namespace. See `credentials.issue`."""
        return credentials.issue(self.client, leaf, role, name, seconds)

    def revoke(self, leaf: str, name: str) -> None:
        """End a credential; nothing happens where there is none of that name."""
        credentials.revoke(self.client, leaf, name)

    def trial(self, credential: Credential) -> Callable[[], Mapping[str, bool]]:
        """Asks whether the cluster still accepts the credential's token."""
        return credentials.trial(self.client, credential)

    def health(self) -> Health:
        """What the cluster says of itself. See `health.health`."""
        return health.health(self.client)

    def close(self) -> None:
        """End connections."""
        self.client.close()


def _effect(change: Change, live: Live | None) -> Holding | None:
    """None before it has taken effect."""
    if change.action is Action.DELETE:
        return NOTHING if live is None else None
    if change.key.kind != QUOTA.name:
        return NOTHING
    in_force = live is not None and enforcement.in_force(change, live.body)
    return enforcement.holding(live.body) if live and in_force else None


def _probe() -> Body:
    """The least pod that Pod Security's strictest level admits."""
    amounts = {"cpu": "1m", "memory": "1Mi"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "yunjin-probe-"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": "probe",
                    "resources": {"requests": amounts, "limits": amounts},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
