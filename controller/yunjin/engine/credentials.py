"""Credentials of a tenant over all its namespaces: issued together, revoked together.

Called by `yunjin tenant credential`. Calls the Kubernetes substrate and records in the store who got what,
never the secret. Promises that a credential is on record before the first token exists, so that a killed
run leaves nothing that cannot be revoked, that a failure in the middle takes back what was issued, and that
revoking goes as far as it can: a cluster that does not answer keeps no other from refusing the credential.
"""

from __future__ import annotations

import logging
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
SHORTEST: Final = timedelta(seconds=credentials.SHORTEST)
_POST: Final = 80
"""Characters of a post."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential. The kubeconfig is shown once and kept nowhere.

    Attributes:
        expires: the earliest moment at which one of its tokens ends.
    """

    id: str
    expires: datetime
    kubeconfig: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Handed:
    """How a credential is handed out.

    Attributes:
        role: what it may do.
        post: the post 岗位 or vendor it is handed to.
        life: how long it holds, from `SHORTEST` to `LONGEST`.
    """

    role: Role
    post: str
    life: timedelta

    def require_possible(self) -> None:
        """Raises UsageError where it cannot be handed out so."""
        if not SHORTEST <= self.life <= LONGEST:
            raise UsageError(
                Text(
                    f"凭据有效期应在 {SHORTEST.seconds // 60} 分钟到 {LONGEST.days} 天之间",
                    f"a credential lasts {SHORTEST.seconds // 60} minutes to {LONGEST.days} days",
                ),
                Text("改正 --expires", "put --expires right"),
            )
        if not self.post.strip() or len(self.post) > _POST or not self.post.isprintable():
            raise UsageError(
                Text("领用岗位无法识别", "that is no post"),
                Text(
                    f"--to 写岗位或厂商名称, 不超过 {_POST} 字",
                    f"name a post or vendor, {_POST} characters at most",
                ),
            )


def issue(estate: Estate, endpoints: Endpoints, store: Store, tenant: str, handed: Handed) -> Issued:
    """A kubeconfig with one context a namespace of the tenant.

    Raises:
        UsageError: the tenant has no namespace on a real cluster, or it cannot be handed out so.
        YunjinError: a cluster refused or did not answer; what was issued before is taken back.
    """
    handed.require_possible()
    leaves = tuple(_leaves(estate, endpoints, tenant))
    if not leaves:
        raise UsageError(
            Text(
                f"用云单位 {tenant} 在真实集群上没有命名空间", f"{tenant} has no namespace on a real cluster"
            ),
            Text(
                "先下发执行, 并用 --kubeconfig 指明集群; 模拟底座没有凭据",
                "apply first and name the cluster with --kubeconfig; simulated ones have no credentials",
            ),
        )
    number, now = secrets.token_hex(5), store.now()
    places = tuple((backend.endpoint, leaf) for backend, leaf in leaves)
    store.credentials.record(
        Credential(number, tenant, handed.role, handed.post, places, now, now + handed.life)
    )
    seconds = int(handed.life.total_seconds())
    made: list[credentials.Credential] = []
    try:
        made.extend(
            credentials.issue(backend.client, leaf, handed.role, number, seconds) for backend, leaf in leaves
        )
    except BaseException:
        _take_back(endpoints, store, number)
        raise
    return Issued(number, min(each.expires for each in made), credentials.kubeconfig(made))


def revoke(endpoints: Endpoints, store: Store, number: str) -> Credential:
    """End a credential on every cluster. It stays on record as holding until all of them have ended it.

    Raises:
        UsageError: no such credential, or a cluster of it is not connected.
        YunjinError: a cluster refused or did not answer; all others have ended it.
    """
    record = store.credentials.get(number)
    if record is None:
        raise UsageError(
            Text(f"没有编号为 {number} 的凭据", f"there is no credential {number}"),
            Text("用 yunjin tenant credential list 查看", "see yunjin tenant credential list"),
        )
    errors = [
        error
        for endpoint, leaf in record.leaves
        if (error := _ended(endpoints, endpoint, leaf, number)) is not None
    ]
    if errors:
        raise errors[0]
    store.credentials.revoke(number)
    return record


def _ended(endpoints: Endpoints, endpoint: str, leaf: str, number: str) -> YunjinError | None:
    """End it in one namespace; why it could not be."""
    backend = endpoints.backends.get(endpoint)
    if not isinstance(backend, KubernetesBackend):
        return UsageError(
            Text(
                f"接入点 {endpoint} 未连接, 凭据 {number} 未能收回",
                f"{endpoint} is not connected; {number} still holds",
            ),
            Text("用 --kubeconfig 指明集群后重试", "name the cluster with --kubeconfig and try again"),
        )
    try:
        credentials.revoke(backend.client, leaf, number)
    except YunjinError as error:
        return error
    return None


def _take_back(endpoints: Endpoints, store: Store, number: str) -> None:
    """After a failure, of which the caller hears. What cannot be ended stays on record as holding."""
    try:
        revoke(endpoints, store, number)
    except YunjinError as error:
        log.warning("credential %s not taken back: %s", number, error)


def _leaves(estate: Estate, endpoints: Endpoints, tenant: str) -> Iterator[tuple[KubernetesBackend, str]]:
    for row in estate.leaf_rows:
        backend = endpoints.backends.get(estate.pools[row.pool].endpoint)
        if row.tenant == tenant and isinstance(backend, KubernetesBackend):
            yield backend, row.node.rpartition("/")[2]
