"""What Neutron lacks on loopback: an agent that plugs ports in.

Loaded by Neutron under the name `cloudbed`, which the seed's folder `plugin` announces. Calls neutron_lib.
Promises that a port which is bound to a host is ACTIVE at once; no packet goes through it.
"""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class Binder(api.MechanismDriver):
    """Answers for the agents of every host."""

    def initialize(self) -> None:
        """There is nothing to begin."""

    def bind_port(self, context: Any) -> None:
        """Take the first segment that is offered."""
        segment = context.segments_to_bind[0][api.ID]
        context.set_binding(segment, "ovs", {}, status=constants.PORT_STATUS_ACTIVE)
