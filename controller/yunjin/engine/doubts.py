"""What became of the writes that a killed apply left in doubt.

Called by `spine`, with a plan made from what stands now. Reads and writes the journal alone. Promises that
an object which a killed apply did write is known as its doing from then on, so that it is drift when
somebody takes it away later, and that of everything else nothing is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.apply.doubt import left_behind
from yunjin.model.change import ABSENT, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.engine.spine import Spine
    from yunjin.model.change import Plan
    from yunjin.model.resources import Key
    from yunjin.store import Entry


def settle(spine: Spine, plan: Plan) -> None:
    """Close the entries in doubt of runs that write no more, as far as their endpoints answered."""
    journal = spine.store.journal
    behind = [entry for _, entries in left_behind(spine.store, plan.bindings) for entry in entries]
    entries = [entry for entry in (*behind, *journal.interrupted()) if _seen_since(plan, entry)]
    if entries:
        stands = {
            **_as_wanted(spine, plan, entries),
            **{change.key: change.before for change in plan.changes},
        }
        journal.resolve({entry: _outcome(entry, stands) for entry in entries})


def _outcome(entry: Entry, stands: Mapping[Key, str]) -> Outcome:
    """Whether it stands as the change would have left it; what is neither wanted nor there is gone."""
    return Outcome.ALREADY if stands.get(entry.key, ABSENT) == entry.after else Outcome.FAILED


def _as_wanted(spine: Spine, plan: Plan, entries: list[Entry]) -> dict[Key, str]:
    """How the objects of these entries stand where the plan has nothing to change about them."""
    found: dict[Key, str] = {}
    for endpoint in {entry.key.endpoint for entry in entries} & spine.endpoints.translators.keys():
        translator = spine.endpoints.translators[endpoint]
        names = {entry.key.namespace or entry.key.name for entry in entries}
        names -= {held.leaf for held in plan.held if held.endpoint == endpoint}
        leaves = [leaf for leaf in spine.leaves() if leaf.endpoint == endpoint and not leaf.frozen]
        wanted = [
            *translator.shared(spine.estate.endpoints[endpoint], spine.estate.cidrs(endpoint)),
            *(one for leaf in leaves if leaf.name in names for one in translator.wanted(leaf)),
        ]
        found.update((one.key, translator.target(one)) for one in wanted)
    return found


def _seen_since(plan: Plan, entry: Entry) -> bool:
    binding = plan.bindings.get(entry.key.endpoint)
    return binding is not None and binding.observed_at is not None and binding.observed_at > entry.at
