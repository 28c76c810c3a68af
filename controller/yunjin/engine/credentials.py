"""Credentials of a tenant over all its namespaces and projects: issued together, revoked together.

Called by `yunjin tenant credential` and, for those whose time is over, by the controller. Calls the
substrates through `CredentialBackend` and records in the store who got what, never the secret. Promises that
a credential is on record before the first token exists, so that a killed run leaves nothing that cannot be
revoked; that a failure in the middle, that of handing it over included, takes back what was issued; and that
revoking goes as far as it can: an endpoint that does not answer keeps no other from refusing the credential.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

import yaml

from yunjin.errors import Text, UnreachableError, UsageError, YunjinError
from yunjin.model.credential import merged
from yunjin.store import Credential
from yunjin.substrates.contract import CredentialBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from yunjin.engine.endpoints import Endpoints
    from yunjin.model import credential
    from yunjin.model.credential import Role
    from yunjin.model.estate import Estate
    from yunjin.store import Store

    Deliver = Callable[[Mapping[str, str]], None]
    """Hands the files over, by technology; called once, and kept by nobody else."""

LONGEST: Final = timedelta(days=365)
SHORTEST: Final = timedelta(minutes=10)
"""What Kubernetes grants at least."""
PROMPT: Final = timedelta(minutes=1)
"""Within which a revoked credential should be refused everywhere."""
_POST: Final = 80
"""Characters of a post."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential, handed over already.

    Attributes:
        expires: the earliest moment at which a part of it ends.
    """

    id: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """A credential that has ended.

    Attributes:
        accepted_until: by endpoint, until when some service there may still accept a token of it.
    """

    record: Credential
    accepted_until: Mapping[str, datetime]

    @property
    def slow(self) -> tuple[str, ...]:
        """Endpoints that may take longer than `PROMPT`."""
        at = self.record.revoked
        return tuple(place for place, until in self.accepted_until.items() if at and until - at > PROMPT)


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

    @classmethod
    def again(cls, record: Credential) -> Handed:
        """As an earlier one was."""
        role: Role = "admin" if record.role == "admin" else "viewer"
        return cls(role, record.post, record.expires - record.issued)

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


@dataclass(frozen=True, slots=True)
class Desk:
    """Where credentials are issued: what is declared, what is connected, what is on record."""

    estate: Estate
    endpoints: Endpoints
    store: Store

    def record(self, number: str) -> Credential:
        """What is on record. Raises UsageError where nothing is."""
        record = self.store.credentials.get(number)
        if record is None:
            raise UsageError(
                Text(f"没有编号为 {number} 的凭据", f"there is no credential {number}"),
                Text("用 yunjin tenant credential list 查看", "see yunjin tenant credential list"),
            )
        return record

    def technologies(self, tenant: str) -> tuple[str, ...]:
        """For each of these the tenant gets a file.

        Raises:
            UsageError: the tenant has no namespace or project on a real endpoint.
        """
        return tuple(sorted({self._technology(backend.endpoint) for backend, _ in self._leaves(tenant)}))

    def issue(self, tenant: str, handed: Handed, deliver: Deliver) -> Issued:
        """A new credential, in one file a technology with one entry a leaf.

        Raises:
            UsageError: as `technologies`, or it cannot be handed out so.
            YunjinError: an endpoint refused or did not answer; what was issued before is taken back.
        """
        handed.require_possible()
        leaves = self._leaves(tenant)
        number, now = secrets.token_hex(5), self.store.now()
        places = tuple((backend.endpoint, leaf) for backend, leaf in leaves)
        self.store.credentials.record(
            Credential(number, tenant, handed.role, handed.post, places, now, now + handed.life)
        )
        seconds = int(handed.life.total_seconds())
        try:
            made = [backend.issue(leaf, handed.role, number, seconds) for backend, leaf in leaves]
            deliver(self._files(made))
        except BaseException:
            self._take_back(number)
            raise
        return Issued(number, min(each.expires for each in made))

    def renew(self, number: str, deliver: Deliver) -> Issued:
        """Another credential as the old one was, which holds on: see `retire`.

        Raises:
            UsageError: there is no such credential or it was revoked; else as `issue`.
            YunjinError: as `issue`.
        """
        record = self.record(number)
        if record.revoked is not None:
            raise UsageError(
                Text(f"凭据 {number} 已收回", f"credential {number} was revoked"),
                Text("用 yunjin tenant credential issue 重新签发", "issue another one"),
            )
        return self.issue(record.tenant, Handed.again(record), deliver)

    def retire(self, number: str, overlap: timedelta) -> Revoked | None:
        """End a credential at once, as `revoke`; or let it end after `overlap` (None), by `end_due`."""
        if not overlap:
            return self.revoke(number)
        self.store.credentials.shorten(number, self.store.now() + overlap)
        return None

    def revoke(self, number: str, silent: dict[str, UnreachableError] | None = None) -> Revoked:
        """End a credential everywhere. It stays on record as holding until all endpoints have ended it.

        Args:
            number: of the credential.
            silent: endpoints that did not answer before, which are not asked; who does not answer joins them.

        Raises:
            UsageError: no such credential, or an endpoint of it is not connected.
            YunjinError: an endpoint refused or did not answer; all others have ended it.
        """
        record = self.record(number)
        lingering: dict[str, float] = {}
        errors: list[YunjinError] = []
        before = dict(silent or {})
        for endpoint, leaf in record.leaves:
            if endpoint in before:
                errors.append(before[endpoint])
                continue
            try:
                lingering[endpoint] = self._end(endpoint, leaf, number)
            except YunjinError as error:
                errors.append(error)
                if silent is not None and isinstance(error, UnreachableError):
                    silent[endpoint] = error
        if errors:
            raise errors[0]
        self.store.credentials.revoke(number)
        ended = self.record(number)
        at = ended.revoked or self.store.now()
        return Revoked(ended, {place: at + timedelta(seconds=most) for place, most in lingering.items()})

    def _end(self, endpoint: str, leaf: str, number: str) -> float:
        """End it in one leaf; for how many seconds it may still be accepted."""
        backend = self.endpoints.backends.get(endpoint)
        if not isinstance(backend, CredentialBackend):
            raise UsageError(
                Text(
                    f"接入点 {endpoint} 未连接, 凭据 {number} 未能收回",
                    f"{endpoint} is not connected; {number} still holds",
                ),
                Text(
                    "用 --kubeconfig 或 --os-cloud 指明后重试",
                    "name it with --kubeconfig or --os-cloud and try again",
                ),
            )
        backend.revoke(leaf, number)
        return backend.lingering

    def _take_back(self, number: str) -> None:
        """After a failure, of which the caller hears. What cannot be ended stays on record as holding."""
        try:
            self.revoke(number)
        except YunjinError as error:
            log.warning("credential %s not taken back: %s", number, error)

    def _leaves(self, tenant: str) -> Sequence[tuple[CredentialBackend, str]]:
        found: list[tuple[CredentialBackend, str]] = []
        without: dict[str, None] = {}
        for row in self.estate.leaf_rows:
            if row.tenant != tenant:
                continue
            endpoint = self.estate.pools[row.pool].endpoint
            backend = self.endpoints.backends.get(endpoint)
            if isinstance(backend, CredentialBackend):
                found.append((backend, row.node.rpartition("/")[2]))
            else:
                without[endpoint] = None
        if not found:
            raise _nowhere(tenant, tuple(without))
        return found

    def _files(self, made: Sequence[credential.Credential]) -> dict[str, str]:
        """By technology."""
        ordered = sorted(made, key=lambda each: self._technology(each.endpoint))
        return {
            technology: yaml.safe_dump(merged(list(same)), sort_keys=False, allow_unicode=True)
            for technology, same in groupby(ordered, key=lambda each: self._technology(each.endpoint))
        }

    def _technology(self, endpoint: str) -> str:
        return self.estate.endpoints[endpoint].technology


def _nowhere(tenant: str, endpoints: Sequence[str]) -> UsageError:
    """There is no door to which a credential could be made."""
    if not endpoints:
        return UsageError(
            Text(f"用云单位 {tenant} 没有命名空间或项目", f"{tenant} has no namespace or project"),
            Text("先在 baseline.yaml 中登记并下发执行", "declare one in baseline.yaml and apply that first"),
        )
    names = Text("、".join(endpoints), ", ".join(endpoints))
    return UsageError(
        Text(
            f"用云单位 {tenant} 所在的接入点 {names.zh} 是模拟底座, 不能签发凭据",
            f"the endpoints of {tenant} are simulated and let nobody in: {names.en}",
        ),
        Text(
            "用 --kubeconfig 或 --os-cloud 连接真实的集群或云平台, 在其上下发执行后再签发",
            "connect a real cluster or cloud with --kubeconfig or --os-cloud, apply there, then issue",
        ),
    )


def end_due(desk: Desk) -> tuple[tuple[Credential, YunjinError | None], ...]:
    """Clear away every credential whose time is over; with each, why it could not be."""
    ended: list[tuple[Credential, YunjinError | None]] = []
    silent: dict[str, UnreachableError] = {}  # to wait for it with each credential would hold up the sweep
    for record in desk.store.credentials.due():
        try:
            desk.revoke(record.id, silent)
        except YunjinError as error:
            ended.append((record, error))
        else:
            ended.append((record, None))
    return tuple(ended)
