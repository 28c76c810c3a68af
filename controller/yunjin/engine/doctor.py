"""Whether the endpoints are fit for work: reachable, complete, on time, quick to forget a revoked credential.

Called by `yunjin doctor`. Calls the substrates through `HealthBackend` and `CredentialBackend`. Reads only,
but for a probe, which issues a credential that only looks, uses it and revokes it. Promises that a probe is
on record like any other credential, so that a killed one is cleared away like any other, and that it ends
within a minute.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from yunjin.engine.credentials import PROMPT, SHORTEST
from yunjin.engine.endpoints import live
from yunjin.errors import Text, UnreachableError, YunjinError
from yunjin.model.change import Severity
from yunjin.model.credential import Health
from yunjin.store import Credential
from yunjin.store.leases import Holder
from yunjin.substrates.contract import CredentialBackend, HealthBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yunjin.engine.credentials import Desk
    from yunjin.model.centre import Endpoint

_APART: Final = timedelta(seconds=2)
"""Clocks further apart than this are a danger to the leases that rely on them."""
_POST: Final = "yunjin doctor"
_EVERY: Final = 1.0
"""Seconds between two questions whether a token is still accepted."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is not as it should be, and what helps."""

    severity: Severity
    message: Text
    remedy: Text


@dataclass(frozen=True, slots=True)
class Examined:
    """One endpoint.

    Attributes:
        state: simulated, well, refused or unreachable.
        health: as it says itself; empty where it says nothing.
        lingering: seconds for which its services may remember a token; None where it gives none out.
        measured: by service, seconds after which it refused a revoked token, None where it did not within
            `PROMPT`; None where nothing was probed.
    """

    endpoint: Endpoint
    state: str
    health: Health = field(default_factory=Health)
    lingering: float | None = None
    measured: Mapping[str, float | None] | None = None
    complaints: tuple[Complaint, ...] = ()


def examine(desk: Desk, *, probe: bool) -> tuple[Examined, ...]:
    """Every live endpoint, all at the same time; in the order of their declaration."""
    endpoints = list(live(desk.estate))
    if not endpoints:
        return ()
    with ThreadPoolExecutor(len(endpoints), "yunjin-doctor") as pool:
        return tuple(pool.map(lambda each: _examined(desk, each, probe=probe), endpoints))


def _examined(desk: Desk, endpoint: Endpoint, *, probe: bool) -> Examined:
    backend = desk.endpoints.backend(endpoint.id)
    overdue = _overdue(desk, endpoint.id)
    if not isinstance(backend, HealthBackend):
        return Examined(endpoint, "simulated", complaints=overdue)
    try:
        health = backend.health()
    except YunjinError as error:
        state = "unreachable" if isinstance(error, UnreachableError) else "refused"
        return Examined(endpoint, state, complaints=(_failed(error), *overdue))
    complaints = [*_of_health(endpoint.id, health), *overdue]
    if not isinstance(backend, CredentialBackend):
        return Examined(endpoint, "well", health, complaints=tuple(complaints))
    lingering, measured = backend.lingering, None
    if probe:
        try:
            measured = _measured(desk, backend)
        except YunjinError as error:
            complaints.append(_failed(error))
    if measured is None:
        complaints += _of_memory(endpoint, lingering)
    else:
        complaints += _of_measure(endpoint, lingering, measured)
    return Examined(endpoint, "well", health, lingering, measured, tuple(complaints))


def holder_name(holder: str) -> str:
    """For people, as long as the lease was taken by a Yunjin."""
    try:
        return Holder.parse(holder).name
    except ValueError:
        return holder


def _measured(desk: Desk, backend: CredentialBackend) -> dict[str, float | None] | None:
    """How long each service goes on to accept a token it knows; None where there is no leaf to probe in.

    Raises:
        YunjinError: the probe could not be made, or not be taken back: then it stays on record.
    """
    rows = (row for row in desk.estate.leaf_rows if desk.estate.pools[row.pool].endpoint == backend.endpoint)
    row = min(rows, key=lambda each: each.node, default=None)
    if row is None or row.tenant is None:
        return None
    leaf, number, now = row.node.rpartition("/")[2], secrets.token_hex(5), desk.store.now()
    places = ((backend.endpoint, leaf),)
    desk.store.credentials.record(
        Credential(number, row.tenant, "viewer", _POST, places, now, now + SHORTEST)
    )
    try:
        issued = backend.issue(leaf, "viewer", number, int(SHORTEST.total_seconds()))
        accepted = backend.trial(issued)
        known = {service for service, yes in accepted().items() if yes}
    finally:
        desk.revoke(number)
    return _refusals(known, accepted)


def _refusals(known: set[str], accepted: Callable[[], Mapping[str, bool]]) -> dict[str, float | None]:
    began = monotonic()
    left, found = set(known), dict[str, float | None]()
    while left and monotonic() - began < PROMPT.total_seconds():
        answers = accepted()
        passed = round(monotonic() - began, 1)
        found.update({service: passed for service in left if not answers[service]})
        left -= found.keys()
        sleep(_EVERY if left else 0)
    return {service: found.get(service) for service in sorted(known)}


def _failed(error: YunjinError) -> Complaint:
    again = Text("消除原因后重试", "mend that and try again")
    return Complaint(Severity.ERROR, error.message, error.remedy or again)


def _of_health(endpoint: str, health: Health) -> list[Complaint]:
    complaints = [
        Complaint(
            Severity.ERROR,
            Text(
                f"接入点 {endpoint} 的服务目录中没有 {service}",
                f"the catalogue of {endpoint} has no {service}",
            ),
            Text(f"在 Keystone 登记 {service} 的端点", f"register the endpoint of {service} in Keystone"),
        )
        for service in health.missing
    ]
    if health.ahead is not None and abs(health.ahead) > _APART:
        seconds = abs(health.ahead).total_seconds()
        fast = health.ahead > timedelta()
        complaints.append(
            Complaint(
                Severity.WARNING,
                Text(
                    f"接入点 {endpoint} 的时钟比本机{'快' if fast else '慢'}至少 {seconds:.0f} 秒, "
                    "租约和有效期以时钟为准",
                    f"the clock of {endpoint} is at least {seconds:.0f} s {'ahead of' if fast else 'behind'} "
                    "ours; leases and life times rely on clocks",
                ),
                Text("两边都与时间服务器同步", "let both follow a time server"),
            )
        )
    return complaints


def _of_memory(endpoint: Endpoint, lingering: float) -> list[Complaint]:
    """What is declared or must be assumed."""
    if lingering <= PROMPT.total_seconds():
        return []
    assumed = endpoint.token_cache_seconds is None
    return [
        Complaint(
            Severity.WARNING,
            Text(
                f"接入点 {endpoint.id} 的服务最长 {lingering:.0f} 秒后才拒绝已收回的凭据"
                f"{'(默认值)' if assumed else ''}",
                f"services of {endpoint.id} may accept a revoked credential for {lingering:.0f} s"
                f"{' (their default)' if assumed else ''}",
            ),
            _SHORTER,
        )
    ]


def _of_measure(
    endpoint: Endpoint, lingering: float, measured: Mapping[str, float | None]
) -> list[Complaint]:
    slow = [service for service, seconds in measured.items() if seconds is None]
    if slow:
        named = ", ".join(slow)
        return [
            Complaint(
                Severity.ERROR,
                Text(
                    f"接入点 {endpoint.id}: 凭据收回 1 分钟后 {named} 仍接受其令牌",
                    f"{endpoint.id}: a minute after a credential was revoked {named} still accepts its token",
                ),
                _SHORTER,
            )
        ]
    longest = max((seconds for seconds in measured.values() if seconds is not None), default=0.0)
    if longest > lingering + _EVERY:
        return [
            Complaint(
                Severity.WARNING,
                Text(
                    f"接入点 {endpoint.id} 申报 {lingering:.0f} 秒, 实测 {longest:.0f} 秒才拒绝已收回的凭据",
                    f"{endpoint.id} is declared to refuse a revoked credential after {lingering:.0f} s; it "
                    f"took {longest:.0f} s",
                ),
                Text(
                    "改正 endpoints.yaml 的 token_cache_seconds",
                    "put token_cache_seconds in endpoints.yaml right",
                ),
            )
        ]
    return []


def _overdue(desk: Desk, endpoint: str) -> tuple[Complaint, ...]:
    over = [
        each.id for each in desk.store.credentials.due() if endpoint in {place for place, _ in each.leaves}
    ]
    if not over:
        return ()
    return (
        Complaint(
            Severity.WARNING,
            Text(
                f"接入点 {endpoint} 有 {len(over)} 个已到期的凭据未清理: {', '.join(over[:5])}",
                f"{endpoint} has {len(over)} credentials whose time is over: {', '.join(over[:5])}",
            ),
            Text(
                "运行 yunjin tenant credential revoke --ended, 或启动控制器",
                "run yunjin tenant credential revoke --ended, or the controller",
            ),
        ),
    )


_SHORTER: Final = Text(
    "将各服务的 token_cache_time 设为 60 以内, 并在 endpoints.yaml 申报 token_cache_seconds",
    "set token_cache_time below [keystone_authtoken] of every service to 60 or less, and declare "
    "token_cache_seconds in endpoints.yaml",
)
