"""What stands and is accepted as it is, by an import or an adoption.

Called by `drift` and by the command line after an import. Reads the objects and writes the journal, as if
an apply had found them already as wanted. Promises that from then on a change by somebody else is told from
a change of what is declared, though Yunjin never wrote the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.model.change import Action, Change, Outcome, Receipt
from yunjin.store import Holder

if TYPE_CHECKING:
    from yunjin.engine.spine import Spine
    from yunjin.model.resources import Wanted
    from yunjin.model.tenancy import Leaf


def accept(spine: Spine, leaf: Leaf, actor: str, why: str) -> int:
    """Record those standard objects of a leaf that stand as declared. Raises as `Backend.read` does.

    Args:
        spine: with the leaf's endpoint connected.
        leaf: as it is declared now, with what was imported or adopted.
        actor: who accepted it.
        why: takes the place of a plan's hash in the list of runs.

    Returns:
        How many objects.
    """
    translator = spine.endpoints.translators[leaf.endpoint]
    wanted = [] if leaf.frozen else translator.wanted(leaf)
    live = spine.endpoints.backend(leaf.endpoint).read([one.key for one in wanted])
    standing = [one for one in wanted if one.key in live and translator.matches(one, live[one.key])]
    run = spine.store.journal.begin(why, actor, Holder.mine().name, {})
    run.after([Receipt(_none(one, leaf.tenant, translator.target(one)), Outcome.ALREADY) for one in standing])
    run.finish()
    return len(standing)


def _none(wanted: Wanted, tenant: str, stands: str) -> Change:
    """The change that a leaf which stands as declared needs."""
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
