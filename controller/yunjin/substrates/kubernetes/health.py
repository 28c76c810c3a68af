"""What a cluster says of itself, for `yunjin doctor`.

Called by `backend`. Calls `client` and `lease`. Reads only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from yunjin.model.credential import Health
from yunjin.substrates.hints import ahead
from yunjin.substrates.kubernetes import errors, lease
from yunjin.substrates.kubernetes.kinds import NAMESPACE

if TYPE_CHECKING:
    from yunjin.substrates.kubernetes.client import Client


def health(client: Client) -> Health:
    """Its clock and its lease.

    Raises:
        UnreachableError: nobody answers.
        RefusalError: it does not accept this account, or lets it list nothing.
    """
    asked = datetime.now(UTC)
    answer = client.send("GET", f"{NAMESPACE.collection('')}?limit=1")
    answered = datetime.now(UTC)
    if not answer.ok:
        raise errors.refused(client.endpoint, "namespaces", answer)
    return Health(ahead=ahead(answer.date, asked, answered), holder=lease.holder(client))
