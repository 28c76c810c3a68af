"""What the controller tells Prometheus.

Written by `yunjin.engine.controller`; calls prometheus_client. Promises one registry a controller, labels
with few values (never an object's name), that an endpoint which did not answer keeps the figures of its
last answer, and a server that stops when told.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from yunjin.errors import Text, UsageError, reason_of
from yunjin.model.policies import DRIFT_POLICIES
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from yunjin.engine.drift import Seen
    from yunjin.engine.split import Split


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
        self.leaves = Gauge(
            "yunjin_leaves", "Namespaces and projects looked at by the last sweep", registry=self.registry
        )
        self.drift = Gauge(
            "yunjin_drift",
            "Objects that differ from the registry",
            ["endpoint", "class", "policy"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "yunjin_changes_waiting",
            "Declared changes that wait for an approved apply",
            ["endpoint"],
            registry=self.registry,
        )
        self.changes = Counter(
            "yunjin_changes", "Changes by how they ended", ["outcome"], registry=self.registry
        )
        self.wakes = Counter("yunjin_wakes", "Looks at one leaf begun by a watch", registry=self.registry)
        self.declared_errors = Gauge(
            "yunjin_declared_errors", "Errors in the declared files; above 0 the last good ones are used",
            registry=self.registry,
        )  # fmt: skip

    def forget_endpoints(self) -> None:
        """Drop what is said of endpoints: others may be declared now."""
        for gauge in (self.up, self.drift, self.waiting):
            gauge.clear()

    def looked(self, parted: Split, found: Iterable[Seen]) -> None:
        """What a full look has shown."""
        unknown = parted.plan.unknown
        objects = {(each.item.key, each.item.object_class, each.policy) for each in found}
        drift = Tally((key.endpoint, object_class, policy) for key, object_class, policy in objects)
        waiting = Tally(change.key.endpoint for change in parted.waiting)
        self.leaves.set(parted.plan.leaves)
        for endpoint in parted.plan.bindings:
            self.up.labels(endpoint).set(endpoint not in unknown)
            if endpoint in unknown:
                continue
            self.waiting.labels(endpoint).set(waiting[endpoint])
            for object_class in ObjectClass:
                for policy in DRIFT_POLICIES:
                    count = drift[endpoint, object_class, policy]
                    self.drift.labels(endpoint, object_class.value, policy).set(count)

    def serve(self, address: str, port: int) -> tuple[int, Callable[[], None]]:
        """Serve `/metrics`.

        Args:
            address: to listen on.
            port: 0 asks for a free one.

        Returns:
            The port it listens on, and a function that stops it.

        Raises:
            UsageError: one cannot listen there.
        """
        try:
            server, thread = start_http_server(port, addr=address, registry=self.registry)
        except OSError as error:
            reason = reason_of(error)
            raise UsageError(
                Text(
                    f"无法在 {address}:{port} 提供指标: {reason.zh}",
                    f"cannot serve metrics on {address}:{port}: {reason.en}",
                ),
                Text(
                    "换一个 --metrics-port 或 --metrics-address",
                    "choose another --metrics-port or --metrics-address",
                ),
            ) from error

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop
