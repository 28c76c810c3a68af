"""The endpoint's lease in the cluster itself: it keeps out whoever has another state database.

Called by `backend`. Calls `client`. Promises that of two who want the lease one gets it: every write carries
the version that was read. A lease is over when its holder's `renewTime` plus its duration lies in the past.
Both times are the cluster's, from the `Date` of its answers, so it does not matter whose machine's clock is
wrong; only where something in between takes that header out, this machine's clock counts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates import refusals
from yunjin.substrates.kubernetes import errors, names, shared
from yunjin.substrates.kubernetes.client import APPLY
from yunjin.substrates.kubernetes.kinds import LEASE, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.resources import Body
    from yunjin.substrates.kubernetes.answer import Answer
    from yunjin.substrates.kubernetes.client import Client

_ATTEMPTS: Final = 3


def acquire(client: Client, holder: str, seconds: float) -> str | None:
    """Take or renew the lease; None on success, else the name of who holds it."""
    for _ in range(_ATTEMPTS):
        lease, now = _read(client)
        if lease is None:
            answer = _create(client, _taken({}, holder, seconds, now))
        else:
            spec = lease.get("spec") or {}
            other = spec.get("holderIdentity") or ""
            if other not in ("", holder) and not _is_over(spec, now):
                return str(other)
            answer = _write(client, {**lease, "spec": _taken(spec, holder, seconds, now)})
        if answer.ok:
            return None
        if answer.code != HTTPStatus.CONFLICT:
            raise errors.refused(client.endpoint, _name(client), answer)
    raise refusals.contended(client.endpoint, _name(client))


def release(client: Client, holder: str) -> None:
    """Give the lease back if `holder` has it."""
    for _ in range(_ATTEMPTS):
        lease, _ = _read(client)
        if lease is None or (lease.get("spec") or {}).get("holderIdentity") != holder:
            return
        kept = {"leaseTransitions": lease["spec"].get("leaseTransitions") or 0}
        answer = _write(client, {**lease, "spec": kept})
        if answer.ok or answer.code == HTTPStatus.NOT_FOUND:
            return
        if answer.code != HTTPStatus.CONFLICT:
            raise errors.refused(client.endpoint, _name(client), answer)
    raise refusals.contended(client.endpoint, _name(client))


def holder(client: Client) -> str | None:
    """Who has the lease now; None where nobody does."""
    lease, now = _read(client)
    spec = (lease or {}).get("spec") or {}
    return None if _is_over(spec, now) else spec.get("holderIdentity") or None


def _name(client: Client) -> str:
    return f"yunjin-{client.endpoint}"


def _read(client: Client) -> tuple[Body | None, datetime]:
    """The lease, None where there is none yet, and what time it is."""
    answer = client.send("GET", LEASE.item(names.SYSTEM_NAMESPACE, _name(client)))
    now = answer.at or datetime.now(UTC)
    if answer.code == HTTPStatus.NOT_FOUND:
        return None, now
    if not answer.ok:
        raise errors.refused(client.endpoint, _name(client), answer)
    return answer.body, now


def _write(client: Client, lease: Body) -> Answer:
    return client.send("PUT", LEASE.item(names.SYSTEM_NAMESPACE, _name(client)), lease, decode=False)


def _create(client: Client, spec: Mapping[str, Any]) -> Answer:
    metadata = {"name": _name(client), "labels": {names.MANAGED_BY: names.FIELD_MANAGER}}
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": spec,
    }
    path = LEASE.collection(names.SYSTEM_NAMESPACE)
    answer = client.send("POST", path, lease, decode=False)
    if answer.code == HTTPStatus.NOT_FOUND:
        _create_namespace(client)
        answer = client.send("POST", path, lease, decode=False)
    return answer


def _create_namespace(client: Client) -> None:
    """The lease comes before the first plan is applied, so its namespace cannot wait for one."""
    body = shared.shared_namespace(names.SYSTEM_NAMESPACE)
    path = f"{NAMESPACE.item('', names.SYSTEM_NAMESPACE)}?fieldManager={names.FIELD_MANAGER}"
    answer = client.send("PATCH", path, body, APPLY, decode=False)
    if not answer.ok:
        raise errors.refused(client.endpoint, names.SYSTEM_NAMESPACE, answer)


def _taken(spec: Mapping[str, Any], holder: str, seconds: float, at: datetime) -> dict[str, Any]:
    now = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    renewed = spec.get("holderIdentity") == holder
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": max(1, ceil(seconds)),
        "acquireTime": spec.get("acquireTime") if renewed else now,
        "renewTime": now,
        "leaseTransitions": (spec.get("leaseTransitions") or 0) + (0 if renewed or not spec else 1),
    }


def _is_over(spec: Mapping[str, Any], now: datetime) -> bool:
    try:
        renewed = datetime.fromisoformat(spec.get("renewTime") or "")
    except ValueError:
        return True
    return now >= renewed + timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
