"""The one state database: journal, leases, plans, credentials, sightings.

Opened by the composition root (`yunjin_cli`, `yunjin.engine`), used by `yunjin.apply`. Calls `yunjin.model`
alone.
"""

from yunjin.store.credentials import Credential, Credentials
from yunjin.store.journal import Entry, Journal, Run, RunRecord
from yunjin.store.leases import Fence, HeldBy, Holder, Leases
from yunjin.store.plans import Plans, StoredPlan
from yunjin.store.sightings import Sighting, Sightings
from yunjin.store.store import Store

__all__ = [
    "Credential",
    "Credentials",
    "Entry",
    "Fence",
    "HeldBy",
    "Holder",
    "Journal",
    "Leases",
    "Plans",
    "Run",
    "RunRecord",
    "Sighting",
    "Sightings",
    "Store",
    "StoredPlan",
]
