"""A controller of a small city: swept by hand, or run in a thread of its own.

Used by tests of `yunjin.engine.controller`. Calls the controller as the command line does.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from spines import DAY, City
from yunjin.engine.controller import Controller, Sweep
from yunjin.engine.metrics import Metrics
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from yunjin.engine.spine import Spine
    from yunjin.model.estate import Estate
    from yunjin.substrates.simulated.faults import Faults

FOREVER = 3600.0


class Station:
    """One controller of a city, with its metrics, and a thread to run it in."""

    def __init__(
        self,
        city: City,
        interval: float | None = FOREVER,
        *,
        today: Callable[[], date] = lambda: DAY,
        faults: Faults | None = None,
    ) -> None:
        self.city = city
        self.metrics = Metrics()
        self.days: list[date] = []
        self._faults = faults
        self._stop = threading.Event()
        self.controller = Controller(city.tenants, self.opened, today, self.metrics, interval)
        self.thread = threading.Thread(target=self.controller.run, args=(self._stop,))

    @contextmanager
    def opened(self, estate: Estate, day: date) -> Iterator[Spine]:
        self.days.append(day)
        with self.city.spine(estate, day) as spine:
            if self._faults is None:
                yield spine
                return
            file = self.city.state / "simulated" / "k8s.db"
            backend = SimulatedBackend.open("k8s", file, self._faults)
            spine.endpoints = replace(spine.endpoints, backends={"k8s": backend})
            yield spine
            backend.close()

    def sweep(self) -> Sweep:
        with self.opened(self.city.estate(), DAY) as spine:
            return self.controller.sweep(spine)

    def reconcile(self, leaf: str) -> Sweep:
        with self.opened(self.city.estate(), DAY) as spine:
            return self.controller.reconcile(spine, "k8s", leaf)

    def figure(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    def sweeps(self, outcome: str) -> float:
        return self.figure("yunjin_sweeps_total", outcome=outcome) or 0

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()
