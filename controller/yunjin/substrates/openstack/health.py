"""What a cloud says of itself, for `yunjin doctor`.

Called by `backend`. Calls `client` and `lease`. Reads only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from yunjin.model.credential import Health
from yunjin.substrates.hints import ahead
from yunjin.substrates.openstack import errors, lease, names
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY, IMAGE, NETWORK, PLACEMENT, VOLUME

if TYPE_CHECKING:
    from yunjin.substrates.openstack.client import Client

_NEEDED: Final = (COMPUTE, NETWORK, VOLUME, IMAGE, PLACEMENT)
"""Beside Keystone."""


def health(client: Client) -> Health:
    """Its catalogue, its clock and its lease.

    Raises:
        UnreachableError: Keystone does not answer.
        RefusalError: it does not accept this account, or lets it list nothing.
    """
    missing = tuple(service.title for service in _NEEDED if not client.has(service))
    asked = datetime.now(UTC)
    answer = client.send(IDENTITY, "GET", f"/domains?{urlencode({'name': names.DOMAIN})}")
    answered = datetime.now(UTC)
    if not answer.ok:
        raise errors.refused(client.endpoint, names.DOMAIN, answer)
    return Health(
        missing=missing,
        ahead=ahead(answer.date, asked, answered),
        holder=lease.holder(client),
    )
