"""The apply of one approved plan.

Called by `yunjin.engine`. Calls the store, and the backends through `endpoint`. Promises a receipt for every
change, in the plan's order, and that a run killed at any point is finished by the next one, with this plan or
a newer.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from yunjin.apply import reasons
from yunjin.apply.account import Account
from yunjin.apply.doubt import left_behind, resolved
from yunjin.apply.endpoint import EndpointRun
from yunjin.apply.leases import LeaseHold
from yunjin.apply.site import Site
from yunjin.errors import RefusalError, Text, YunjinError
from yunjin.model.change import Outcome, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from yunjin.apply.approval import ApprovedPlan
    from yunjin.apply.settings import Settings
    from yunjin.model.change import Change, Plan
    from yunjin.model.resources import Key
    from yunjin.store import Run, Store
    from yunjin.substrates.contract import Backend, Translator

T = TypeVar("T")

log = logging.getLogger(__name__)


def _unwatched(receipt: Receipt) -> None:
    """Nobody looks on."""


def apply(
    approved: ApprovedPlan,
    backends: Mapping[str, Backend],
    translators: Mapping[str, Translator],
    store: Store,
    settings: Settings,
    progress: Callable[[Receipt], None] = _unwatched,
) -> tuple[Receipt, ...]:
    """Carry out a plan.

    Args:
        approved: what to do.
        backends: by endpoint; changes of an endpoint that is missing here fail, the others are done.
        translators: by endpoint.
        store: for the leases, the journal and the ledger.
        settings: how patient, how many at once, whether removals are allowed.
        progress: called with each receipt as it comes, by one thread at a time.

    Returns:
        One receipt a change, in the plan's order.

    Raises:
        RefusalError: it removes something and removals are not allowed; nothing was written.
        ConflictError: somebody else held an endpoint's lease for too long; nothing was written.
        YunjinError: the state database could not be used; nothing was written.
    """
    _refuse_removals(approved.plan, settings)
    changes = _by_endpoint(approved.plan.changes, attrgetter("key.endpoint"))
    behind = left_behind(store, backends.keys())
    doubtful = {endpoint for record, _ in behind for endpoint in record.fences}
    unsettled = _by_endpoint(approved.unsettled, attrgetter("endpoint"))
    if not changes and not doubtful and not unsettled:
        return ()
    receipts = _Receipts(progress)
    with LeaseHold(store.leases, settings) as hold:
        hold.take({*changes, *doubtful, *unsettled} & backends.keys(), backends)
        fences = {endpoint: held.fence.number for endpoint, held in hold.held.items()}
        run = store.journal.begin(approved.hash, approved.actor, hold.holder.name, fences)
        account = Account(store, run, approved, translators, settings)
        stop = settings.stop or threading.Event()
        parts = [
            EndpointRun(
                Site(backends[endpoint], translators[endpoint], held, run, account, settings, stop),
                changes.pop(endpoint, ()),
                unsettled.get(endpoint, ()),
                receipts.deliver,
            )
            for endpoint, held in hold.held.items()
            if endpoint in changes or endpoint in unsettled
        ]
        _fail(changes, hold.refused, account, run, receipts)
        try:
            _carry_out(parts, stop)
        finally:
            looked = {part.endpoint for part in parts if part.looked}
            _finish(run, resolved(behind, approved.plan, fences, looked))
    return receipts.of(approved.plan)


class _Receipts:
    """Receipts as they come in from several threads."""

    def __init__(self, progress: Callable[[Receipt], None]) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._found: dict[Key, Receipt] = {}

    def deliver(self, receipt: Receipt) -> None:
        """Keep it and tell whoever watches."""
        with self._lock:
            self._found[receipt.change.key] = receipt
            self._progress(receipt)

    def of(self, plan: Plan) -> tuple[Receipt, ...]:
        """All of them, in the plan's order."""
        return tuple(self._found[change.key] for change in plan.changes)


def _by_endpoint(things: Iterable[T], endpoint: Callable[[T], str]) -> dict[str, Sequence[T]]:
    found: dict[str, list[T]] = {}
    for thing in things:
        found.setdefault(endpoint(thing), []).append(thing)
    return dict(found)


def _refuse_removals(plan: Plan, settings: Settings) -> None:
    removals = [change for change in plan.changes if change.destructive]
    if removals and not settings.allow_destroy:
        raise RefusalError(
            Text(
                f"变更方案含 {len(removals)} 项删除, 首项为 {removals[0].key}",
                f"the plan removes {len(removals)} objects, the first is {removals[0].key}",
            ),
            Text(
                "确认无误后加 --allow-destroy 重新执行", "if that is meant, run it again with --allow-destroy"
            ),
        )


def _fail(
    changes: Mapping[str, Sequence[Change]],
    refused: Mapping[str, YunjinError],
    account: Account,
    run: Run,
    receipts: _Receipts,
) -> None:
    """Receipts for the endpoints on which nothing can be done."""
    for endpoint, lost in changes.items():
        reason = reasons.of(refused[endpoint]) if endpoint in refused else reasons.NOT_CONNECTED
        failed = [Receipt(change, Outcome.FAILED, reason) for change in lost]
        for receipt in failed:
            receipts.deliver(receipt)
        account.ended(lost)
        run.after(failed)


def _carry_out(parts: Sequence[EndpointRun], stop: threading.Event) -> None:
    """All endpoints at once. An interrupt lets the writes under way end, and no other begin."""
    if not parts:
        return
    with ThreadPoolExecutor(len(parts), "yunjin-apply") as pool:
        futures = [pool.submit(part.carry_out) for part in parts]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stop.set()
            raise


def _finish(run: Run, closes: Sequence[int]) -> None:
    """The changes are made: a journal that fails now costs no receipt, and the next run closes this."""
    try:
        run.finish(closes)
    except YunjinError as error:
        log.warning("journal of run %s refused: %s", run.id, error)
