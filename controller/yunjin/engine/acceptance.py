"""What stands and is accepted as it is, by an import or an adoption.

Called by `drift` and by the command line after an import. Reads the objects and writes the journal, as if an
apply had left them so. Promises that from then on a change by somebody else is told from a change of what is
declared, though Yunjin never wrote the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.model.change import Action, Change, Outcome, Receipt
from yunjin.store import Holder

if TYPE_CHECKING:
    from collections.abc import Collection

    from yunjin.engine.spine import Spine
    from yunjin.model.resources import ObjectClass, Wanted
    from yunjin.model.tenancy import Leaf


def accept(spine: Spine, leaf: Leaf, classes: Collection[ObjectClass], actor: str, why: str) -> None:
    """Record how a leaf's standard objects of these classes stand. Raises as `Backend.read` does.

    Args:
        spine: with the leaf's endpoint connected.
        leaf: as it is declared now, with what was imported or adopted.
        classes: what was accepted.
        actor: who accepted it.
        why: takes the place of a plan's hash in the list of runs.
    """
    translator = spine.endpoints.translators[leaf.endpoint]
    wanted = [one for one in translator.wanted(leaf) if one.object_class in classes]
    live = spine.endpoints.backend(leaf.endpoint).read([one.key for one in wanted])
    run = spine.store.journal.begin(why, actor, Holder.mine().name, {})
    run.after(
        [
            Receipt(
                _none(one, leaf.tenant, translator.fingerprint(one, live[one.key])),
                Outcome.ALREADY,
            )
            for one in wanted
            if one.key in live
        ]
    )
    run.finish()


def _none(wanted: Wanted, tenant: str, stands: str) -> Change:
    """The change of an object into what it is."""
    return Change(
        Action.UPDATE,
        wanted.key,
        tenant,
        wanted.object_class,
        wanted.rank,
        before=stands,
        after=stands,
        differences=(),
        body=wanted.body,
        loose=wanted.loose,
    )
