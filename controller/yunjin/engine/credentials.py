"""Credentials of a tenant over all its namespaces: issued together, revoked together.

Called by `yunjin tenant credential`. Calls the Kubernetes substrate and records in the store who got what, never the
secret. Promises that a credential is on record before the first token exists, so that a killed run leaves nothing
that cannot be revoked, and that a failure in the middle takes back what was issued.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError, YunjinError
from yunjin.store import Credential
from yunjin.substrates.kubernetes import credentials
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from yunjin.engine.endpoints import Endpoints
    from yunjin.model.estate import Estate
    from yunjin.store import Store
    from yunjin.substrates.kubernetes.credentials import Role

LONGEST: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential. The kubeconfig is shown once and kept nowhere.

    Attributes:
        expires: the earliest moment at which one of its tokens ends.
    """

    id: str
    expires: datetime
    kubeconfig: str = field(repr=False)


def issue(
    estate: Estate, endpoints: Endpoints, store: Store, tenant: str, role: Role, post: str, life: timedelta
) -> Issued:
    """A kubeconfig with one context a namespace of the tenant.

    Args:
        post: the post 岗位 or vendor it is handed to.
        life: how long it holds, at most `LONGEST`.

    Raises:
        UsageError: the tenant has no namespace on a real cluster, or the life is too long.
    """
    if life > LONGEST:
        raise UsageError(
            Text(f"凭据有效期不得超过 {LONGEST.days} 天", f"a credential lasts at most {LONGEST.days} days"),
            Text("缩短 --expires", "shorten --expires"),
        )
    leaves = tuple(_clusters(estate, endpoints, tenant))
    if not leaves:
        raise UsageError(
            Text(f"用云单位 {tenant} 在真实集群上没有命名空间", f"{tenant} has no namespace on a real cluster"),
            Text("先下发执行, 并用 --kubeconfig 指明集群; 模拟底座没有凭据",
                 "apply first and name the cluster with --kubeconfig; the simulated substrate has no credentials"),
        )  # fmt: skip
    number, now = secrets.token_hex(5), store.now()
    places = tuple((backend.endpoint, leaf) for backend, leaf in leaves)
    store.credentials.record(Credential(number, tenant, role, post, places, now, now + life))
    made: list[credentials.Credential] = []
    try:
        made.extend(
            credentials.issue(backend.client, leaf, role, number, int(life.total_seconds()))
            for backend, leaf in leaves
        )
    except YunjinError:
        revoke(estate, endpoints, store, number)
        raise
    return Issued(number, min(each.expires for each in made), credentials.kubeconfig(made))


def revoke(estate: Estate, endpoints: Endpoints, store: Store, number: str) -> Credential:
    """End a credential on every cluster. It stays on record as holding until all of them have ended it.

    Raises:
        UsageError: no such credential, or a cluster of it is not connected.
    """
    record = store.credentials.get(number)
    if record is None:
        raise UsageError(
            Text(f"没有编号为 {number} 的凭据", f"there is no credential {number}"),
            Text("用 yunjin tenant credential list 查看", "see yunjin tenant credential list"),
        )
    connected = {backend.endpoint: backend for backend, _ in _clusters(estate, endpoints, record.tenant)}
    for endpoint, leaf in record.leaves:
        if endpoint not in connected:
            raise UsageError(
                Text(
                    f"接入点 {endpoint} 未连接, 凭据 {number} 未能收回",
                    f"{endpoint} is not connected; {number} still holds",
                ),
                Text("用 --kubeconfig 指明集群后重试", "name the cluster with --kubeconfig and try again"),
            )
        credentials.revoke(connected[endpoint].client, leaf, number)
    store.credentials.revoke(number)
    return record


def _clusters(estate: Estate, endpoints: Endpoints, tenant: str) -> Iterator[tuple[KubernetesBackend, str]]:
    for row in estate.leaf_rows:
        backend = endpoints.backends.get(estate.pools[row.pool].endpoint)
        if row.tenant == tenant and isinstance(backend, KubernetesBackend):
            yield backend, row.node.rpartition("/")[2]
