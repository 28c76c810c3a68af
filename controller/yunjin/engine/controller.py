"""The controller: the spine run again and again, so that what is declared stays true.

Run by `yunjin controller run`. Calls the spine, drift, the ledger's clocks, and the watches of the endpoints
that have one. A full sweep every so many seconds is the truth; a watch only shortens the wait. Promises that
it writes to an endpoint only under its lease and only what it has just read again, so that it never overlaps
with an apply or another controller; that only drift is put right here (what was declared anew waits for an
approved apply); that removals are never its doing, but for credentials whose time is over; and a clean stop:
writes under way end, no other begins, leases are given back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from time import monotonic, time
from traceback import format_exc
from typing import TYPE_CHECKING, Final

import structlog

from yunjin.engine.choices import SWEEP_INTERVAL, patience, sweep_interval
from yunjin.engine.clocks import advance, forget
from yunjin.engine.credentials import Desk, end_due
from yunjin.engine.drift import put_right, seen
from yunjin.engine.reorganisation import Reorganiser
from yunjin.engine.split import split
from yunjin.engine.watches import EVERYTHING, Watches
from yunjin.errors import DeclaredErrors, YunjinError
from yunjin.estate import load
from yunjin.model.change import Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime
    from pathlib import Path

    from yunjin.engine.clocks import Day
    from yunjin.engine.drift import Seen
    from yunjin.engine.metrics import Metrics
    from yunjin.engine.spine import Spine
    from yunjin.engine.split import Split
    from yunjin.model.change import Plan, Receipt
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Key

log = structlog.get_logger()

_LOOK_UP: Final = 0.2
"""Seconds between two looks at whether to stop."""
_MANY: Final = 20
"""Leaves named at once beyond which looking at everything is cheaper."""
_MOST_LINES: Final = 50
"""Lines of log about one sweep's new drift, and about its changes that did not end well."""
_ACTOR: Final = "controller"

_Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """How one look ended.

    Attributes:
        drifted: differences found.
        repaired: objects put right.
        unrepaired: objects that were to be put right and were not.
        waiting: declared changes that nobody has applied yet.
        unknown: endpoints that did not answer.
        failure: why nothing could be done, where that is so; in English, for the log.
    """

    drifted: int = 0
    repaired: int = 0
    unrepaired: int = 0
    waiting: int = 0
    unknown: tuple[str, ...] = ()
    failure: str = ""

    @property
    def outcome(self) -> str:
        """For the metric."""
        if self.failure:
            return "failed"
        return "partial" if self.unknown or self.unrepaired else "complete"


class Controller:
    """One controller of one declared folder."""

    def __init__(
        self,
        folder: Path,
        open_spine: Callable[[Estate, date], AbstractContextManager[Spine]],
        today: Callable[[], date],
        metrics: Metrics,
        interval: float | None = None,
    ) -> None:
        """Prepare; `run` begins.

        Args:
            folder: of the declared files; read again when one of them has changed.
            open_spine: everything one spine needs, with its store and connections open.
            today: the business date.
            metrics: told of every sweep.
            interval: seconds between two full sweeps; None takes the city's policy.
        """
        self._folder = folder
        self._open = open_spine
        self._today = today
        self._metrics = metrics
        self._interval = interval
        self._estate: Estate | None = None
        self._signature: _Signature = ()
        self._told: frozenset[tuple[Key, str, datetime]] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self._unended: frozenset[str] = frozenset()
        self._unknown: Mapping[str, str] = {}
        self._forgotten: date | None = None

    def run(self, stop: threading.Event) -> None:
        """Sweep until told to stop. Errors end a sweep, never the controller."""
        while not stop.is_set():
            began = monotonic()
            try:
                with (
                    self._open(self._declared(), self._today()) as spine,
                    Watches(spine.endpoints.backends) as watches,
                ):
                    self._metrics.forget_endpoints()
                    self._attend(spine, watches, stop)
            except Exception as error:  # noqa: BLE001 (whatever it is, the next sweep is tried)
                self._conclude(Sweep(failure=_failure(error)), began)
                stop.wait(self._pause())

    def _attend(self, spine: Spine, watches: Watches, stop: threading.Event) -> None:
        """Sweep after sweep, as long as files and date are those the spine was opened with."""
        while (
            not stop.is_set() and spine.as_of == self._today() and self._signature == _signature(self._folder)
        ):
            began = monotonic()
            try:
                sweep = self.sweep(spine, stop)
            except Exception as error:  # noqa: BLE001 (whatever it is, the next sweep is tried)
                if stop.is_set():
                    return
                sweep = Sweep(failure=_failure(error))
            self._conclude(sweep, began)
            self._wait(spine, watches, stop)

    def sweep(self, spine: Spine, stop: threading.Event | None = None) -> Sweep:
        """Do what the day brings, look at everything, put right what the policies say, count the rest.

        Raises:
            RefusalError: the rules find an error in what is declared, so that nothing may be written.
            ConflictError: somebody else holds an endpoint's lease.
        """
        self._tell_of(advance(spine.store, spine.estate, spine.as_of, _ACTOR))
        self._tell_of(Reorganiser(self._folder, spine.store, spine.rules, _ACTOR).carry_out_due(spine.as_of))
        self._clear_away(Desk(spine.estate, spine.endpoints, spine.store))
        parted = spine.split()
        self._tell_unknown(parted.plan)
        found = seen(spine, parted)
        self._metrics.looked(parted, found)
        self._tell(found)
        ended = self._put_right(spine, parted, stop)
        spine.settle(parted.plan, patience(spine.estate, wait_quota=0, stop=stop), _ACTOR)
        if self._forgotten != spine.as_of:
            forget(spine.store, spine.estate)
            self._forgotten = spine.as_of
        return replace(ended, drifted=len(found), waiting=len(parted.waiting), unknown=parted.plan.unknown)

    def reconcile(self, spine: Spine, endpoint: str, name: str, stop: threading.Event | None = None) -> Sweep:
        """Look at one leaf, after a watch named it; what no leaf is declared for waits for the sweep.

        Raises:
            YunjinError: as `sweep` and `Backend.read` do.
        """
        leaf = next(
            (each for each in spine.leaves() if (each.endpoint, each.name) == (endpoint, name)),
            None,
        )
        if leaf is None:
            return Sweep()
        parted = split(spine.leaf_plan(leaf), spine.store.journal)
        return replace(self._put_right(spine, parted, stop), drifted=len(parted.drifted))

    def _clear_away(self, desk: Desk) -> None:
        """End the credentials whose time is over; of those that cannot be ended the log tells once."""
        cleared = end_due(desk)
        done = [record.id for record, error in cleared if error is None]
        if done:
            log.info("credentials ended", ids=done[:_MOST_LINES], count=len(done))
        left = {record.id: error for record, error in cleared if error is not None}
        for number in sorted(left.keys() - self._unended):
            log.warning("credential holds on", id=number, reason=left[number].message.en)
        self._unended = frozenset(left)

    def _put_right(self, spine: Spine, parted: Split, stop: threading.Event | None) -> Sweep:
        """Put right the drift of the classes whose policy is to repair."""
        if not any(change.object_class in spine.repaired for change in parted.drifted):
            return Sweep()
        judged = put_right(spine, parted, spine.repaired)
        receipts = spine.apply(judged, patience(spine.estate, stop=stop), _ACTOR, lambda _: None)
        for receipt in receipts:
            self._metrics.changes.labels(receipt.outcome.value).inc()
        unsettled = [receipt for receipt in receipts if not receipt.settled]
        _complain(unsettled)
        repaired = sum(receipt.outcome is Outcome.DONE for receipt in receipts)
        return Sweep(repaired=repaired, unrepaired=len(unsettled))

    def _tell_unknown(self, plan: Plan) -> None:
        """Log why an endpoint is unknown, where that is news."""
        reasons = {
            endpoint: failure.message.en
            for endpoint in plan.unknown
            if (failure := plan.bindings[endpoint].failure)
        }
        for endpoint, reason in reasons.items():
            if self._unknown.get(endpoint) != reason:
                log.warning("endpoint unknown", endpoint=endpoint, reason=reason)
        self._unknown = reasons

    def _tell(self, found: Sequence[Seen]) -> None:
        """Log what was not there at the last sweep."""
        before, self._told = (
            self._told,
            frozenset((each.item.key, each.item.path, each.first_seen) for each in found),
        )
        fresh = [each for each in found if (each.item.key, each.item.path, each.first_seen) not in before]
        for each in fresh[:_MOST_LINES]:
            item = each.item
            log.warning(
                "drift", object=str(item.key), tenant=item.tenant, kind=item.kind.value, field=item.path,
                manager=item.manager, policy=each.policy,
            )  # fmt: skip
        if len(fresh) > _MOST_LINES:
            log.warning("more drift", count=len(fresh) - _MOST_LINES)

    def _tell_of(self, day: Day) -> None:
        """Log what the ledger's clocks did, and what cannot begin yet where that is news."""
        if day.changed or day.expired:
            log.info("clocks", changed=day.changed[:_MOST_LINES], expired=day.expired)
        for number, error in day.refused[:_MOST_LINES]:
            if number not in self._refused:
                log.warning("cannot begin yet", number=number, reason=error.message.en)
        self._refused = (self._refused - {*day.changed}) | {number for number, _ in day.refused}
        for ending in day.warnings[:_MOST_LINES]:
            log.warning(
                "grant ends soon", number=ending.number, node=ending.node, ends=ending.valid_to.isoformat(),
                days=ending.left,
            )  # fmt: skip

    def _conclude(self, sweep: Sweep, began: float) -> None:
        self._metrics.sweeps.labels(sweep.outcome).inc()
        self._metrics.sweep_seconds.observe(monotonic() - began)
        if sweep.outcome == "complete":
            self._metrics.swept.set(time())
        log.log(
            logging.ERROR if sweep.failure else logging.INFO,
            "sweep", outcome=sweep.outcome, drifted=sweep.drifted, repaired=sweep.repaired,
            unrepaired=sweep.unrepaired, waiting=sweep.waiting, unknown=sweep.unknown,
            error=sweep.failure or None,
        )  # fmt: skip

    def _declared(self) -> Estate:
        """The declared files, read again where one has changed; the last good ones where they do not load.

        Raises:
            DeclaredErrors: they have never loaded.
        """
        signature = _signature(self._folder)
        if self._estate is not None and signature == self._signature:
            return self._estate
        try:
            self._estate = load(self._folder)
        except DeclaredErrors as errors:
            self._metrics.declared_errors.set(len(errors.errors))
            log.error("declared files do not load", errors=[str(error) for error in errors.errors[:20]])  # noqa: TRY400 (the places say more than a trace)
            if self._estate is None:
                raise
        else:
            self._metrics.declared_errors.set(0)
        self._signature = signature
        return self._estate

    def _pause(self) -> float:
        """Seconds between two full sweeps."""
        if self._interval is not None:
            return self._interval
        return SWEEP_INTERVAL if self._estate is None else sweep_interval(self._estate)

    def _wait(self, spine: Spine, watches: Watches, stop: threading.Event) -> None:
        """Until the next sweep, looking at the leaves that the watches name."""
        deadline = monotonic() + self._pause()
        while not stop.is_set() and (left := deadline - monotonic()) > 0:
            named = watches.named(min(left, _LOOK_UP))
            if len(named) > _MANY or any(name == EVERYTHING for _, name in named):
                return
            for endpoint, name in sorted(named):
                self._wake(spine, endpoint, name, stop)

    def _wake(self, spine: Spine, endpoint: str, name: str, stop: threading.Event) -> None:
        self._metrics.wakes.inc()
        try:
            ended = self.reconcile(spine, endpoint, name, stop)
        except Exception as error:  # noqa: BLE001 (whatever it is, the sweep looks again)
            log.warning("look failed", endpoint=endpoint, leaf=name, error=_failure(error))
            return
        if ended.drifted:
            log.info(
                "look", endpoint=endpoint, leaf=name, drifted=ended.drifted, repaired=ended.repaired,
                unrepaired=ended.unrepaired,
            )  # fmt: skip


def _signature(folder: Path) -> _Signature:
    """Changes whenever a declared file does."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            state = path.stat()
        except OSError:  # gone meanwhile, or a link to nothing: the loader says what is wrong with it
            found.append((str(path), 0, 0))
        else:
            found.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(found)


def _failure(error: Exception) -> str:
    """What the log says of an error; of one that is no error of Yunjin's, also where it arose."""
    if isinstance(error, YunjinError):
        return error.message.en
    # A renderer of exceptions may print local variables; the plain traceback names places alone.
    log.error("internal error", traceback=format_exc())
    return f"internal error {type(error).__name__}"


def _complain(unsettled: Sequence[Receipt]) -> None:
    for receipt in unsettled[:_MOST_LINES]:
        log.warning(
            "not repaired",
            object=str(receipt.change.key),
            outcome=receipt.outcome.value,
            reason=receipt.reason.en if receipt.reason else None,
        )
