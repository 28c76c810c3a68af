"""One endpoint's changes in their order.

Called by `run`, in a thread an endpoint. Calls `writer` and `confirmation`. Promises that of each leaf no
rank begins before the one below has ended well, and no right is granted before the quota is in force; that a
leaf which waits or failed does not hold up the others; and that every change gets exactly one receipt,
whatever happens.
"""

from __future__ import annotations

import logging
import sys
from itertools import groupby
from traceback import format_exc
from typing import TYPE_CHECKING

from yunjin.apply import reasons
from yunjin.apply.confirmation import Confirmation
from yunjin.apply.writer import Writer
from yunjin.errors import YunjinError
from yunjin.model.change import ABSENT, Action, Change, Outcome, Receipt
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from yunjin.apply.site import Site
    from yunjin.errors import Text
    from yunjin.model.resources import Key

_LAST = sys.maxsize  # a rank before which every other may begin
_SHARED = ""  # stands for the objects that all leaves of an endpoint rely on

log = logging.getLogger(__name__)


class EndpointRun:
    """The part of an apply that concerns one endpoint.

    Attributes:
        endpoint: its id.
        looked: whether it could be read.
    """

    def __init__(
        self,
        site: Site,
        changes: Sequence[Change],
        unsettled: Collection[Key],
        deliver: Callable[[Receipt], None],
    ) -> None:
        self.endpoint = site.backend.endpoint
        self.looked = False
        self._site = site
        self._open: dict[Key, Change] = {change.key: change for change in changes}
        self._deliver = deliver
        self._ranks = _by_leaf(changes)
        self._confirmation = Confirmation(site)
        awaited = {change.awaits for change in changes if change.awaits is not None}
        self._awaited = [_awaited(key) for key in sorted(awaited.union(unsettled) - self._open.keys())]
        self._unsettled = frozenset(unsettled)

    def carry_out(self) -> None:
        """Do it all. Raises nothing that would cost a receipt."""
        try:
            with Writer(self._site) as writer:
                writer.look([*self._open.values(), *self._awaited])
                self.looked = writer.over is None
                if writer.over is not None:
                    self._fail(writer.over)
                else:
                    self._await(writer)
                while self._unfinished:
                    self._step(writer)
        except Exception as error:  # noqa: BLE001 (whatever it is, the receipts must survive)
            # A renderer of exceptions may print local variables; the plain traceback names places alone.
            log.error("apply failed on %s:\n%s", self.endpoint, format_exc())  # noqa: TRY400
            self._fail(reasons.of(error))

    @property
    def _unfinished(self) -> bool:
        waiting = self._confirmation
        return bool(self._ranks or (self._open and waiting.leaves) or self._unsettled & waiting.keys)

    def _await(self, writer: Writer) -> None:
        """Wait for what the plan leaves as it is and must be seen in force, by others or by the ledger."""
        standing = [writer.as_it_stands(change) for change in self._awaited]
        standing = [c for c in standing if c.action is not Action.DELETE or c.before == ABSENT]
        carried = frozenset(change.key for change in writer.admitted(standing))
        self._site.account.ended(change for change in self._awaited if change.key not in carried)
        self._unsettled &= carried
        for change in standing:
            self._confirmation.add(Receipt(change, Outcome.ALREADY))

    def _fail(self, reason: Text) -> None:
        """End all that is open."""
        self._ranks.clear()
        self._site.account.ended(self._awaited)
        self._end([Receipt(change, Outcome.FAILED, reason) for change in self._open.values()])

    def _step(self, writer: Writer) -> None:
        """Write the lowest rank that may begin; where none may, wait."""
        ready = self._ready()
        if ready:
            rank = min(changes[0].rank for changes in ready.values())
            leaves = [leaf for leaf, changes in ready.items() if changes[0].rank == rank]
            wave = [change for leaf in leaves for change in self._take(leaf)]
            for receipts in writer.settle(wave):
                self._receive(receipts)
        else:
            self._confirmation.pause()
        if self._confirmation.leaves:
            self._end(self._confirmation.look())

    def _ready(self) -> dict[str, list[Change]]:
        """By leaf, the changes of its lowest rank, where they may begin.

        Rights are granted only once all that their leaf waits for is in force. Quotas begin only once every
        lower rank is: what shrinks or goes frees what others get. One that gets what is taken elsewhere waits
        until that is so, on whichever endpoint.
        """
        waiting, lowest = self._confirmation.leaves, self._confirmation.lowest_rank
        return {
            leaf: ranks[-1]
            for leaf, ranks in self._ranks.items()
            if not (leaf in waiting and any(map(_grants, ranks[-1])))
            and not (ranks[-1][0].rank > lowest and any(change.confirm for change in ranks[-1]))
            and not self._site.account.waits(ranks[-1])
        }

    def _take(self, leaf: str) -> list[Change]:
        changes = self._ranks[leaf].pop()
        if not self._ranks[leaf]:
            del self._ranks[leaf]
        return changes

    def _receive(self, receipts: Iterable[Receipt]) -> None:
        ended = []
        for receipt in receipts:
            if receipt.settled and receipt.change.confirm:
                self._confirmation.add(receipt)
            else:
                ended.append(receipt)
        self._end(ended)

    def _end(self, receipts: Iterable[Receipt]) -> None:
        """Journal and hand on; what relied on a change that did not end well is skipped with it."""
        ended = list(receipts)
        for receipt in list(ended):
            if not receipt.settled:
                ended += self._skip(receipt)
        self._site.account.ended(receipt.change for receipt in ended)
        ended = [receipt for receipt in ended if self._open.pop(receipt.change.key, None)]
        if not ended:
            return
        for receipt in ended:
            self._deliver(receipt)
        try:
            self._site.run.after(ended)
        except YunjinError as error:
            log.warning("journal of run %s refused: %s", self._site.run.id, error)

    def _skip(self, failed: Receipt) -> list[Receipt]:
        leaf = failed.change.leaf
        # A shared object that stands in an older form still carries the leaves; an absent one cannot.
        stopped = list(self._ranks) if leaf == _SHARED and failed.change.before == ABSENT else [leaf]
        reason = reasons.relied_on(failed)
        return [
            Receipt(later, Outcome.SKIPPED, reason)
            for name in stopped
            for changes in reversed(self._ranks.pop(name, []))
            for later in changes
        ]


def _by_leaf(changes: Sequence[Change]) -> dict[str, list[list[Change]]]:
    """By leaf, its changes in groups of one rank, the lowest last, where it can be popped."""
    leaves: dict[str, list[Change]] = {}
    for change in changes:
        leaves.setdefault(change.leaf, []).append(change)
    return {
        leaf: [list(group) for _, group in groupby(sorted(found, key=_rank, reverse=True), key=_rank)]
        for leaf, found in leaves.items()
    }


def _grants(change: Change) -> bool:
    return change.object_class is ObjectClass.ROLES and change.action is not Action.DELETE


def _awaited(key: Key) -> Change:
    """What the plan leaves as it is, in the form in which the backend is asked whether it is in force."""
    if not key.namespace:
        return Change(Action.DELETE, key, "", ObjectClass.NAMESPACE, _LAST, ABSENT, ABSENT, (), None)
    return Change(Action.UPDATE, key, "", ObjectClass.QUOTA, _LAST, "", "", (), None)


def _rank(change: Change) -> int:
    return change.rank
