"""The controller: the spine run again and again, so that what is declared stays true.

Run by `yunjin controller run`. Calls the spine, drift, and the watches of the endpoints that have one. A full sweep
every `interval` seconds is the truth; a watch only shortens the wait. Promises that a sweep and an apply never overlap
on an endpoint (both hold its lease), that only drift is put right here (what was declared anew waits for an approved
apply), that removals are never its doing, and a clean stop: the sweep under way ends, leases are given back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from time import monotonic, time
from typing import TYPE_CHECKING, Final

import structlog

from yunjin.engine.drift import put_right, seen, split
from yunjin.engine.watches import EVERYTHING, Watches
from yunjin.errors import DeclaredErrors, YunjinError
from yunjin.estate import load
from yunjin.model.change import Outcome
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from yunjin.apply import Settings
    from yunjin.engine.drift import Seen, Split
    from yunjin.engine.metrics import Metrics
    from yunjin.engine.spine import Spine
    from yunjin.model.estate import Estate

log = structlog.get_logger()

_LOOK_UP: Final = 0.2
"""Seconds between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """How one look at everything ended.

    Attributes:
        drifted: differences found.
        repaired: objects put right.
        waiting: declared changes that nobody has applied yet.
        unknown: endpoints that did not answer.
        failure: why nothing could be done, where that is so.
    """

    drifted: int = 0
    repaired: int = 0
    waiting: int = 0
    unknown: tuple[str, ...] = ()
    failure: YunjinError | None = None

    @property
    def outcome(self) -> str:
        """For the metric."""
        if self.failure is not None:
            return "failed"
        return "partial" if self.unknown else "complete"


class Controller:
    """One controller of one declared folder."""

    def __init__(
        self,
        folder: Path,
        open_spine: Callable[[Estate, date], AbstractContextManager[Spine]],
        today: Callable[[], date],
        metrics: Metrics,
        interval: float,
        settings: Settings,
    ) -> None:
        self._folder = folder
        self._open = open_spine
        self._today = today
        self._metrics = metrics
        self._interval = interval
        self._settings = settings
        self._estate: Estate | None = None
        self._signature: tuple[tuple[str, int, int], ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Sweep until told to stop. Errors end a sweep, never the controller."""
        while not stop.is_set():
            day = self._today()
            try:
                with (
                    self._open(self._declared(), day) as spine,
                    Watches(spine.endpoints.backends) as watches,
                ):
                    self._attend(spine, watches, stop)
            except YunjinError as error:
                self._conclude(Sweep(failure=error), monotonic())
                stop.wait(self._interval)

    def _attend(self, spine: Spine, watches: Watches, stop: threading.Event) -> None:
        """Sweep after sweep, as long as files and date are those the spine was opened with."""
        while (
            not stop.is_set() and spine.as_of == self._today() and _signature(self._folder) == self._signature
        ):
            began = monotonic()
            try:
                sweep = self.sweep(spine)
            except YunjinError as error:
                sweep = Sweep(failure=error)
            self._conclude(sweep, began)
            self._wait(spine, watches, stop)

    def _conclude(self, sweep: Sweep, began: float) -> None:
        self._metrics.sweeps.labels(sweep.outcome).inc()
        self._metrics.sweep_seconds.observe(monotonic() - began)
        if sweep.failure is None:
            self._metrics.swept.set(time())
        log.info(
            "sweep",
            outcome=sweep.outcome,
            drifted=sweep.drifted,
            repaired=sweep.repaired,
            waiting=sweep.waiting,
            unknown=sweep.unknown,
            error=sweep.failure.message.en if sweep.failure else None,
        )

    def sweep(self, spine: Spine) -> Sweep:
        """Look at everything, put right what the policies say, count the rest."""
        parted = split(spine, spine.observed_plan())
        found = seen(spine, parted)
        self._show(spine, found)
        repaired = self._put_right(spine, parted)
        unknown = parted.plan.unknown
        for endpoint in parted.plan.bindings:
            self._metrics.up.labels(endpoint).set(endpoint not in unknown)
        self._metrics.leaves.set(parted.plan.leaves)
        self._metrics.waiting.set(len(parted.waiting))
        return Sweep(len(found), repaired, len(parted.waiting), unknown)

    def reconcile(self, spine: Spine, endpoint: str, name: str) -> Sweep:
        """Look at one leaf, after a watch named it; what no leaf is declared for waits for the sweep."""
        leaf = next(
            (l for l in spine.estate.leaves(spine.as_of) if (l.endpoint, l.name) == (endpoint, name)), None
        )
        if leaf is None:
            return Sweep()
        parted = split(spine, spine.leaf_plan(leaf))
        return Sweep(drifted=len(parted.drifted), repaired=self._put_right(spine, parted))

    def _put_right(self, spine: Spine, parted: Split) -> int:
        """How many objects were put right, of the classes whose policy is to repair."""
        judged = put_right(spine, parted, spine.repaired)
        if not judged.plan.changes:
            return 0
        receipts = spine.apply(judged, self._settings, "controller", lambda _: None)
        for receipt in receipts:
            self._metrics.changes.labels(receipt.outcome.value).inc()
        return sum(receipt.outcome is Outcome.DONE for receipt in receipts)

    def _show(self, spine: Spine, found: Sequence[Seen]) -> None:
        counts = Counter((each.item.object_class, each.item.key) for each in found)
        objects = Counter(object_class for object_class, _ in counts)
        for object_class in ObjectClass:
            labels = (object_class.value, spine.drift_policy(object_class))
            self._metrics.drift.labels(*labels).set(objects[object_class])

    def _declared(self) -> Estate:
        """The declared files, read again where one of them changed; the last good ones where they do not load.

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
            if self._estate is None:
                raise
            log.error("declared files do not load", errors=[str(error) for error in errors.errors[:20]])  # noqa: TRY400 (the places say more than a trace)
        else:
            self._metrics.declared_errors.set(0)
        self._signature = signature
        return self._estate

    def _wait(self, spine: Spine, watches: Watches, stop: threading.Event) -> None:
        """Until the next sweep, reconciling what the watches name."""
        deadline = monotonic() + self._interval
        while not stop.is_set() and (left := deadline - monotonic()) > 0:
            named = watches.named(min(left, _LOOK_UP))
            if any(name == EVERYTHING for _, name in named):
                return
            for endpoint, name in sorted(named):
                self._metrics.wakes.inc()
                try:
                    self.reconcile(spine, endpoint, name)
                except YunjinError as error:
                    log.warning("reconcile failed", endpoint=endpoint, leaf=name, error=error.message.en)


def _signature(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever a declared file does."""
    states = ((path, path.stat()) for path in sorted(folder.rglob("*.yaml")))
    return tuple((str(path), state.st_mtime_ns, state.st_size) for path, state in states)
