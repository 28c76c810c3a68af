"""Earlier runs that never finished, and what this run knows of the writes they left in doubt.

Used by `run`. Calls the journal and the leases. Promises that a run is called over only when its process can
write no more, and that its doubt is called resolved only when each object in doubt was read after its entry
was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from yunjin.model.change import Plan
    from yunjin.store import Entry, RunRecord, Store

Unfinished = tuple["RunRecord", "tuple[Entry, ...]"]


def left_behind(store: Store, connected: Collection[str]) -> tuple[Unfinished, ...]:
    """Unfinished runs none of whose leases is in force any longer, each with its entries in doubt.

    Only those whose endpoints are all connected: of the others nothing can be found out.
    """
    in_force = {(fence.endpoint, fence.number) for fence in store.leases.held() if not fence.holder.dead}
    return tuple(
        (record, entries)
        for record, entries in store.journal.unfinished()
        if record.fences.keys() <= set(connected) and not in_force & record.fences.items()
    )


def resolved(
    runs: Collection[Unfinished], plan: Plan, held: Collection[str], looked: Collection[str]
) -> list[int]:
    """Ids of those runs about which nothing is in doubt any longer.

    Args:
        runs: as `left_behind` gave them.
        plan: what this run applies.
        held: endpoints whose lease this run has, so that nobody else can be writing there.
        looked: endpoints on which this run has read again what `plan` compares.
    """
    reread = {change.key for change in plan.changes if change.key.endpoint in looked}
    return [
        record.id
        for record, entries in runs
        if record.fences.keys() <= set(held)
        and all(entry.key in reread or _observed_since(plan, entry) for entry in entries)
    ]


def _observed_since(plan: Plan, entry: Entry) -> bool:
    binding = plan.bindings.get(entry.key.endpoint)
    return binding is not None and binding.observed_at is not None and binding.observed_at > entry.at
