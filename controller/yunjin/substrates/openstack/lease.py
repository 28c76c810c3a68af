"""The endpoint's lease in the cloud itself: it keeps out whoever has another state database.

Called by `backend`. Calls `client`. The lease is a disabled project of the operator's own domain. Names are
unique there, so that of two who make it one gets it; and it is only ever removed by its id, so that nobody
removes a lease made after the one he saw.

It is over when its end lies in the past by this machine's clock, and for others a while later: within that
time its holder may still be renewing it. So the clocks of machines with state databases of their own must
agree better than that. A holder whose own time is over takes the lease anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from yunjin.substrates import refusals
from yunjin.substrates.openstack import errors, names
from yunjin.substrates.openstack.answer import IDENTITY

if TYPE_CHECKING:
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw

_ATTEMPTS: Final = 4
_GRACE: Final = timedelta(seconds=2)
"""How long after its end nobody else takes a lease."""


@dataclass(frozen=True, slots=True)
class _Lease:
    """As the project's description tells."""

    id: str
    holder: str
    until: datetime


def acquire(client: Client, holder: str, seconds: float) -> str | None:
    """Take or renew the lease; None on success, else the name of who holds it.

    Raises:
        TransientError: others take and leave it too fast.
        RefusalError: the project of that name is no lease.
    """
    for _ in range(_ATTEMPTS):
        asked = datetime.now(UTC)  # before the question: what is found is at least as young
        lease = _find(client)
        if lease is None:
            if _make(client, holder, seconds):
                return None
        elif lease.holder != holder:
            if asked < lease.until + _GRACE:
                return lease.holder
            _drop(client, lease)
        elif asked >= lease.until or not _renew(client, lease, seconds):
            _drop(client, lease)
        else:
            return None
    raise refusals.contended(client.endpoint, _name(client))


def release(client: Client, holder: str) -> None:
    """Give the lease back if `holder` has it."""
    lease = _find(client)
    if lease is not None and lease.holder == holder:
        _drop(client, lease)


def holder(client: Client) -> str | None:
    """Who has the lease now; None where nobody does."""
    lease = _find(client)
    return lease.holder if lease is not None and datetime.now(UTC) < lease.until else None


def _name(client: Client) -> str:
    return f"{names.LEASE}-{client.endpoint}"


def _find(client: Client) -> _Lease | None:
    query = urlencode({"domain_id": client.operator.domain, "name": _name(client)})
    found = client.listed(IDENTITY, f"/projects?{query}", "projects", about=_name(client))
    return _parsed(client, found[0]) if found else None


def _parsed(client: Client, raw: Raw) -> _Lease:
    try:
        told = json.loads(raw.get("description") or "")
        lease = _Lease(str(raw["id"]), str(told["holder"]), datetime.fromisoformat(told["until"]))
    except (ValueError, TypeError, KeyError) as error:
        raise errors.foreign(client.endpoint, _name(client)) from error
    if raw.get("enabled", True) or lease.until.tzinfo is None:
        raise errors.foreign(client.endpoint, _name(client))
    return lease


def _make(client: Client, holder: str, seconds: float) -> bool:
    """Whether this call made the lease; somebody else may have been first."""
    project = {
        "name": _name(client),
        "domain_id": client.operator.domain,
        "enabled": False,
        "description": _told(holder, seconds),
    }
    answer = client.send(IDENTITY, "POST", "/projects", {"project": project})
    if not answer.ok and answer.code != HTTPStatus.CONFLICT:
        raise errors.refused(client.endpoint, _name(client), answer)
    return answer.ok


def _renew(client: Client, lease: _Lease, seconds: float) -> bool:
    """Whether the lease was renewed before anybody else could think of removing it."""
    told = {"project": {"description": _told(lease.holder, seconds)}}
    answer = client.send(IDENTITY, "PATCH", f"/projects/{lease.id}", told)
    if not answer.ok and answer.code != HTTPStatus.NOT_FOUND:
        raise errors.refused(client.endpoint, _name(client), answer)
    return answer.ok and datetime.now(UTC) < lease.until + _GRACE


def _drop(client: Client, lease: _Lease) -> None:
    client.drop(IDENTITY, f"/projects/{lease.id}", about=_name(client))


def _told(holder: str, seconds: float) -> str:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return json.dumps({"holder": holder, "until": until.isoformat()})
