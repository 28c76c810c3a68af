"""The ledger's side of one apply.

Made by `run`; asked by `endpoint`, `writer` and `confirmation`, in several threads. Calls `yunjin.ledger` in
transactions of the run, so under its leases. Promises that no quota is written but one the ledger wants and
charges already, with the journal's record in the same transaction, and that what a write frees is free only
once it was seen in force.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from yunjin.apply import reasons
from yunjin.errors import ConflictError
from yunjin.ledger import charging
from yunjin.ledger.shares import shares_of, sources
from yunjin.model.amounts import Amounts
from yunjin.model.change import Action, Hold, Outcome, Receipt
from yunjin.model.resources import Live, ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yunjin.apply.approval import ApprovedPlan
    from yunjin.apply.settings import Settings
    from yunjin.model.change import Change
    from yunjin.model.resources import Holding, Key
    from yunjin.model.tenancy import Share
    from yunjin.store import Run, Store
    from yunjin.store.operations import Call
    from yunjin.substrates.contract import Translator

_AT_ONCE: Final = 256
"""Leaves that one call to the ledger is about: others wait for as long as it takes."""


class Account:
    """What the ledger is told of one apply, and what it says to it."""

    def __init__(
        self,
        store: Store,
        run: Run,
        approved: ApprovedPlan,
        translators: Mapping[str, Translator],
        settings: Settings,
    ) -> None:
        plan = approved.plan
        self._database, self._now = store.database, store.now
        self._run = run
        self._actor = approved.actor
        self._translators = translators
        self._due = (plan.as_of + timedelta(settings.reclaim_days)).isoformat()
        self._in_use = {leaf_node(h.endpoint, h.leaf) for h in plan.held if h.hold is Hold.IN_USE}
        self._lock = threading.Lock()
        self._open = {_node(change) for change in plan.changes if _bounds(change)}
        self._open |= {leaf_node(key.endpoint, key.namespace) for key in approved.unsettled}
        self._waiting = self._open & sources(self._database).keys()

    def admit(self, changes: Sequence[Change], *, journal: bool) -> list[Receipt]:
        """Let the ledger commit what these changes put into force.

        Args:
            changes: of one endpoint.
            journal: they are about to be written, and are recorded so; otherwise they stand already.

        Returns:
            Receipts of those that the ledger does not carry; they must not be written.

        Raises:
            ConflictError: the endpoint's lease is no longer this run's.
        """
        return [
            receipt
            for start in range(0, len(changes), _AT_ONCE)
            for receipt in self._admit(changes[start : start + _AT_ONCE], journal=journal)
        ]

    def _admit(self, changes: Sequence[Change], *, journal: bool) -> list[Receipt]:
        refused: dict[Key, Receipt] = {}
        while True:
            shares = shares_of(self._database, [_node(c) for c in changes if _bounds(c) or _vacates(c)])
            for change in changes:
                receipt = self._refused(change, shares)
                if receipt is not None:
                    refused[change.key] = receipt
            going = [change for change in changes if change.key not in refused]
            calls = self._calls(going, shares)
            try:
                if journal and going:
                    self._run.before(going, calls)
                elif calls:
                    self._run.fenced({going[0].key.endpoint}, calls)
            except ConflictError as error:
                if "leaves" not in error.facts:
                    raise
            else:
                return list(refused.values())

    def confirm(self, found: Iterable[tuple[Change, Holding]]) -> None:
        """Tell what was seen in force, of one endpoint. Raises as `admit` does."""
        seen = {_node(c): (c, h) for c, h in found if (_bounds(c) or _vacates(c)) and h.used is not None}
        for start in range(0, len(seen), _AT_ONCE):
            nodes = list(seen)[start : start + _AT_ONCE]
            shares = shares_of(self._database, nodes)
            leaves = {node: self._seen(*seen[node], share) for node, share in shares.items()}
            if leaves:
                endpoint = seen[nodes[0]][0].key.endpoint
                self._run.fenced({endpoint}, [(charging.confirm_leaves, (self._signed(leaves=leaves),))])

    def waits(self, changes: Sequence[Change]) -> bool:
        """Whether what one of these writes is still to be freed by another change of this run."""
        if not self._waiting:
            return False
        with self._lock:
            nodes = {_node(change) for change in changes if _bounds(change)} & self._waiting
            if not nodes:
                return False
            now = sources(self._database)
            self._waiting &= now.keys()
            return any(now.get(node, frozenset()) & self._open for node in nodes)

    def ended(self, changes: Iterable[Change]) -> None:
        """These are through, well or not."""
        with self._lock:
            self._open -= {_node(change) for change in changes if _bounds(change)}

    def _refused(self, change: Change, shares: Mapping[str, Share]) -> Receipt | None:
        if not _bounds(change):
            return None
        node = _node(change)
        share = shares.get(node)
        if share is None:
            return Receipt(change, Outcome.FAILED, reasons.NOT_IN_LEDGER)
        counted = self._translators[change.key.endpoint].counted
        written, target = self._written(change), counted(share.target)
        if written == target:
            return None
        if node in self._in_use and _covers(written, target) and _covers(counted(share.charged), written):
            return None
        if share.coming and written == counted(share.planned):
            return Receipt(change, Outcome.SKIPPED, reasons.NOT_FREED)
        return Receipt(change, Outcome.MOVED, reasons.LEDGER_MOVED)

    def _calls(self, changes: Sequence[Change], shares: Mapping[str, Share]) -> list[Call]:
        leaves = {
            _node(change): self._commitment(change, shares[_node(change)])
            for change in changes
            if _bounds(change)
        }
        gone = [_node(change) for change in changes if _vacates(change) and _node(change) in shares]
        calls: list[Call] = []
        if leaves:
            calls.append((charging.commit_leaves, (self._signed(leaves=leaves, due=self._due),)))
        if gone:
            calls.append((charging.vacate, (self._signed(leaves=gone, run=self._run.id),)))
        return calls

    def _commitment(self, change: Change, share: Share) -> dict[str, Any]:
        above: dict[str, int] = {}
        if _node(change) in self._in_use:
            target = self._translators[change.key.endpoint].counted(share.target)
            above = {d: value for d, value in self._written(change).items() if value > target.of(d)}
        return {"target": dict(share.target), "written": above}

    def _seen(self, change: Change, holding: Holding, share: Share) -> dict[str, Any]:
        """What is in force, under the names by which the ledger counts it."""
        if _vacates(change):
            return {"enforced": dict.fromkeys(share.target, 0), "used": {}}
        as_wanted = self._translators[change.key.endpoint].counted(share.target) == _some(holding.enforced)
        enforced = share.target if as_wanted else holding.enforced
        return {"enforced": dict(enforced), "used": dict(holding.used or {})}

    def _written(self, change: Change) -> Amounts:
        live = Live(change.key, change.body or {}, "")
        return _some(self._translators[change.key.endpoint].holding(live).granted)

    def _signed(self, **request: Any) -> dict[str, Any]:
        return {**request, "actor": self._actor, "at": text(self._now())}


def _bounds(change: Change) -> bool:
    """Whether it says how much a leaf may use."""
    return change.object_class is ObjectClass.QUOTA and change.action is not Action.DELETE


def _vacates(change: Change) -> bool:
    """Whether it ends a leaf."""
    return change.object_class is ObjectClass.NAMESPACE and change.action is Action.DELETE


def _node(change: Change) -> str:
    return leaf_node(change.key.endpoint, change.leaf)


def _some(amounts: Amounts) -> Amounts:
    return Amounts({dimension: value for dimension, value in amounts.items() if value})


def _covers(more: Amounts, less: Amounts) -> bool:
    return not less.excess_over(more)
