"""What the controller tells Prometheus.

Written by `yunjin.engine.controller`; calls prometheus_client. Promises one registry a controller, labels with few
values (never an object's name), and a server that stops when told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

if TYPE_CHECKING:
    from collections.abc import Callable


class Metrics:
    """Figures of one controller."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sweeps = Counter(
            "yunjin_sweeps", "Full sweeps by how they ended", ["outcome"], registry=self.registry
        )
        self.sweep_seconds = Histogram(
            "yunjin_sweep_seconds",
            "Seconds of a full sweep",
            buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300),
            registry=self.registry,
        )
        self.swept = Gauge(
            "yunjin_last_sweep_timestamp_seconds", "End of the last complete sweep", registry=self.registry
        )
        self.up = Gauge(
            "yunjin_endpoint_up", "1 where the endpoint answered", ["endpoint"], registry=self.registry
        )
        self.leaves = Gauge("yunjin_leaves", "Namespaces and projects looked at", registry=self.registry)
        self.drift = Gauge(
            "yunjin_drift",
            "Objects that differ from the registry",
            ["class", "policy"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "yunjin_changes_waiting",
            "Declared changes that wait for an approved apply",
            registry=self.registry,
        )
        self.changes = Counter(
            "yunjin_changes", "Changes by how they ended", ["outcome"], registry=self.registry
        )
        self.wakes = Counter("yunjin_wakes", "Reconciles begun by a watch", registry=self.registry)
        self.declared_errors = Gauge(
            "yunjin_declared_errors", "Errors in the declared files; above 0 the last good ones are used",
            registry=self.registry,
        )  # fmt: skip

    def serve(self, address: str, port: int) -> tuple[int, Callable[[], None]]:
        """Serve `/metrics`; the port it listens on (0 asks for a free one) and a function that stops it."""
        server, thread = start_http_server(port, addr=address, registry=self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop
