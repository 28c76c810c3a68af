"""What Cinder lacks on loopback: a scheduler and a store of volumes, as threads beside its API.

Called by `serve` once Cinder's API is loaded. Calls cinder.service. Promises that both answer for
themselves; a volume is a record and no bytes.
"""

from __future__ import annotations

import threading

from cinder import service

from cloudbed.configuration import CONTROL_HOST

_ONE_AT_A_TIME = threading.Lock()


class Beating(service.Service):
    """Cinder keeps the id of the process's one service on the class; here two share the process."""

    def report_state(self) -> None:
        """Say that this one lives, and not the one that began last."""
        with _ONE_AT_A_TIME:
            service.Service.service_id = self.origin_service_id
            super().report_state()


def begin() -> None:
    """Start both."""
    Beating.create(binary="cinder-scheduler", host=CONTROL_HOST).start()
    Beating.create(
        binary="cinder-volume",
        host=f"{CONTROL_HOST}@records",
        service_name="records",
        coordination=True,
    ).start()
