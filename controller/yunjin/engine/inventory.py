"""The supply that the ledger promises from, beside what the pools' hosts really have.

Called by `yunjin supply compare`. Asks the backends that can tell; changes nothing. Storage is left out:
volumes lie elsewhere than on the disks of the hosts that a scheduler knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.model.amounts import CPU, MEMORY
from yunjin.substrates.contract import CapacityBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.engine.endpoints import Endpoints
    from yunjin.model.estate import Estate

_COMPARED: Final = (CPU, MEMORY)


@dataclass(frozen=True, slots=True)
class Compared:
    """One dimension of one pool, in base units.

    Attributes:
        hosts: how many stand in the pool.
        supply: what the ledger says they have.
        seen: what they have, less what they keep for themselves.
    """

    pool: str
    hosts: int
    dimension: str
    supply: int
    seen: int

    @property
    def lacking(self) -> int:
        """What is promised from and is not there."""
        return max(0, self.supply - self.seen)


def compare(
    estate: Estate, endpoints: Endpoints, supply: Mapping[tuple[str, str], int]
) -> tuple[Compared, ...]:
    """Every pool whose endpoint can tell, in the order of their ids.

    Args:
        estate: which pools there are.
        endpoints: connected.
        supply: of the ledger, by pool and dimension.

    Raises:
        UnreachableError, TransientError, RefusalError: of an endpoint.
    """
    found: list[Compared] = []
    for endpoint, backend in endpoints.backends.items():
        if not isinstance(backend, CapacityBackend):
            continue
        capacities = backend.capacity()
        for pool in (each.id for each in estate.pools.values() if each.endpoint == endpoint):
            capacity = capacities.get(pool)
            for dimension in _COMPARED:
                seen = capacity.total.of(dimension) - capacity.reserved.of(dimension) if capacity else 0
                hosts = capacity.hosts if capacity else 0
                found.append(Compared(pool, hosts, dimension, supply.get((pool, dimension), 0), seen))
    return tuple(sorted(found, key=lambda each: (each.pool, each.dimension)))
