"""Acting as somebody else on a substrate: another manager, the cluster's controllers, a second process.

Used by the contract suite. One driver an implementation, those of clouds in `cloud_drivers`; the suite knows
only `Driver`, and `ClusterDriver` where a law is a cluster's own. The simulated one uses the backend's own
doors for that, the real one goes to the API server by a client of our own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from devcluster import DevCluster
from devcluster.api import APPLY_PATCH, MERGE_PATCH
from leaves import LARGE, SMALL, TRANSLATOR, leaf
from waiting import wait_until
from yunjin.model.resources import Key
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.names import ENDPOINT
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from clusters import Cluster
    from yunjin.model.amounts import Amounts
    from yunjin.model.resources import Body
    from yunjin.model.tenancy import Leaf
    from yunjin.substrates.contract import Backend, Translator

Fields = dict[tuple[str, ...], Any]

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ROOTS = {
    "Namespace": ("/api/v1", "namespaces"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "LimitRange": ("/api/v1", "limitranges"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "RoleBinding": (_RBAC, "rolebindings"),
    "ClusterRole": (_RBAC, "clusterroles"),
}


class Driver(Protocol):
    """What the suite does behind a backend's back. Everything has happened when a call returns.

    Attributes:
        translator: of the endpoint's technology.
        small: what leaves hold here, four processors among it.
        large: twice as much.
        longest: characters that a leaf's name may have here.
    """

    endpoint: str
    translator: Translator
    small: Amounts
    large: Amounts
    longest: int

    @property
    def backend(self) -> Backend:
        """The one under test."""
        ...

    def second(self) -> Backend:
        """The same endpoint from another process."""
        ...

    def leaf(self, name: str, **more: Any) -> Leaf:
        """A leaf of this endpoint, small unless `more` says otherwise."""
        ...

    def set_cores(self, quota: Key, cores: int) -> None:
        """An administrator writes so many processors into a quota."""
        ...

    def guest(self, leaf: str) -> Key:
        """Somebody makes an object of a managed kind in a leaf."""
        ...

    def stranger(self, name: str, endpoint: str = "") -> None:
        """Somebody makes a namespace or project, marked as another endpoint's where one is named."""
        ...

    def remove(self, key: Key) -> None:
        """An administrator deletes an object."""
        ...

    def consume(self, leaf: str, cores: int) -> None:
        """Something in the leaf takes so many processors from now on."""
        ...

    def close(self) -> None:
        """End all connections."""
        ...


class ClusterDriver(Driver, Protocol):
    """What there is besides on a cluster: owners of fields, and controllers."""

    def edit(self, key: Key, fields: Fields, manager: str) -> None:
        """Set fields, by path; None takes one out. `manager` owns them from then on."""
        ...

    def create(self, body: Body, manager: str = "stranger") -> Key:
        """Make an object."""
        ...

    def apply(self, body: Body, manager: str) -> None:
        """Server-side apply under another name, without force."""
        ...

    def freeze(self) -> None:
        """The endpoint's own controllers stand still."""
        ...

    def thaw(self) -> None:
        """They go on."""
        ...


class _Cluster(ABC):
    """What both clusters have in common."""

    translator: Translator = TRANSLATOR
    small = SMALL
    large = LARGE
    longest = 63

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def leaf(self, name: str, **more: Any) -> Leaf:
        return leaf(name, self.endpoint, **more)

    def set_cores(self, quota: Key, cores: int) -> None:
        self.edit(quota, {("spec", "hard", "requests.cpu"): str(cores)}, "stranger")

    def guest(self, leaf: str) -> Key:
        return self.create(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "of-the-tenant", "namespace": leaf},
                "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
            }
        )

    def stranger(self, name: str, endpoint: str = "") -> None:
        labels = {ENDPOINT: endpoint} if endpoint else {}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    @abstractmethod
    def edit(self, key: Key, fields: Fields, manager: str) -> None: ...

    @abstractmethod
    def create(self, body: Body, manager: str = "stranger") -> Key: ...


class SimulatedDriver(_Cluster):
    """The embedded default."""

    def __init__(self, endpoint: str, file: Path) -> None:
        super().__init__(endpoint)
        self._file = file
        self.backend = SimulatedBackend.open(endpoint, file)
        self._opened: list[Backend] = [self.backend]

    def second(self) -> Backend:
        opened = SimulatedBackend.open(self.endpoint, self._file)
        self._opened.append(opened)
        return opened

    def edit(self, key: Key, fields: Fields, manager: str) -> None:
        self.backend.edit(key, fields, manager)

    def create(self, body: Body, manager: str = "stranger") -> Key:
        return self.backend.create_foreign(body, manager)

    def apply(self, body: Body, manager: str) -> None:
        self.backend.apply_foreign(body, manager)

    def remove(self, key: Key) -> None:
        self.backend.remove(key)

    def consume(self, leaf: str, cores: int) -> None:
        self.backend.consume(leaf, {"requests.cpu": str(cores)})

    def freeze(self) -> None:
        self.backend.freeze()

    def thaw(self) -> None:
        self.backend.thaw()

    def close(self) -> None:
        for backend in self._opened:
            backend.close()


class KubernetesDriver(_Cluster):
    """A real API server."""

    def __init__(self, endpoint: str, cluster: Cluster) -> None:
        super().__init__(endpoint)
        self._cluster = cluster
        self._api = cluster.api()
        self._opened: list[Backend] = []
        self.backend = self.second()

    def second(self) -> Backend:
        opened = KubernetesBackend.connect(self.endpoint, self._cluster.kubeconfig, self._cluster.context)
        self._opened.append(opened)
        return opened

    def edit(self, key: Key, fields: Fields, manager: str) -> None:
        patch: dict[str, Any] = {}
        for path, value in fields.items():
            inner = patch
            for step in path[:-1]:
                inner = inner.setdefault(step, {})
            inner[path[-1]] = value
        self._api.must(
            "PATCH", f"{_path(key)}?fieldManager={quote(manager)}", patch, content_type=MERGE_PATCH
        )

    def create(self, body: Body, manager: str = "stranger") -> Key:
        key = self._key(body)
        collection = _path(key).rpartition("/")[0]
        self._api.must("POST", f"{collection}?fieldManager={quote(manager)}", body)
        return key

    def apply(self, body: Body, manager: str) -> None:
        path = _path(self._key(body))
        self._api.must("PATCH", f"{path}?fieldManager={quote(manager)}", body, content_type=APPLY_PATCH)

    def remove(self, key: Key) -> None:
        self._api.must("DELETE", _path(key))
        wait_until(lambda: self._api.call("GET", _path(key)).status == 404)

    def consume(self, leaf: str, cores: int) -> None:
        path = f"/api/v1/namespaces/{leaf}"
        wait_until(lambda: self._api.call("GET", f"{path}/serviceaccounts/default").status == 200)
        self._api.must("POST", f"{path}/pods", _pod(cores))

    def freeze(self) -> None:
        self._own().freeze()

    def thaw(self) -> None:
        self._own().thaw()

    def close(self) -> None:
        for backend in self._opened:
            backend.close()

    def _own(self) -> DevCluster:
        assert isinstance(self._cluster, DevCluster), "only a server of the tests' own may be frozen"
        return self._cluster

    def _key(self, body: Mapping[str, Any]) -> Key:
        metadata = body["metadata"]
        return Key(self.endpoint, metadata.get("namespace", ""), body["kind"], metadata["name"])


def _pod(cores: int) -> Body:
    """A pod that Pod Security's strictest level admits. It runs nowhere, and counts."""
    amounts = {"cpu": str(cores), "memory": "1Mi"}
    return {
        "metadata": {"name": "busy"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "busy",
                    "image": "none",
                    "resources": {"requests": amounts, "limits": amounts},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


def _path(key: Key) -> str:
    root, plural = _ROOTS[key.kind]
    space = f"/namespaces/{key.namespace}" if key.namespace else ""
    return f"{root}{space}/{plural}/{quote(key.name, safe='')}"
