"""What Nova lacks on loopback: conductor, scheduler and hypervisors, as threads beside its API.

Called by `serve` once Nova's API is loaded. Calls nova. Promises that every host of the layout stands in
Placement with its own size before the API answers; a server is a record and no machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import nova.virt.fake
import os_vif
from nova import context, service
from nova.compute import rpcapi
from nova.objects import host_mapping

from cloudbed.configuration import CONTROL_HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudbed.layout import Host


class PretendDriver(nova.virt.fake.FakeDriver):
    """Nova's own driver for tests, with a size for each host.

    Attributes:
        hosts: set by `begin`, before Nova makes the first driver.
    """

    hosts: ClassVar[Mapping[str, Host]] = {}

    def init_host(self, host: str) -> None:
        """Become that host."""
        self.vcpus, self.memory_mb, self.local_gb = self.hosts[host]
        self.resources = nova.virt.fake.Resources(*self.hosts[host])
        super().init_host(host)


def begin(hosts: Mapping[str, Host]) -> None:
    """Start everything; Keystone and Placement must answer by now."""
    PretendDriver.hosts = hosts
    nova.virt.fake.PretendDriver = PretendDriver  # Nova looks for drivers in its own package alone
    os_vif.initialize()
    for part in ("conductor", "scheduler"):
        service.Service.create(host=CONTROL_HOST, binary=f"nova-{part}", topic=part).start()
    for host in hosts:
        service.Service.create(
            host=host,
            binary="nova-compute",
            topic=rpcapi.RPC_TOPIC,
            topic_alt=rpcapi.RPC_TOPIC_ALT,
        ).start()
    host_mapping.discover_hosts(context.get_admin_context())
