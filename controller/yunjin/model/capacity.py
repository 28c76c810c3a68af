"""What the hosts of a pool have, as their own scheduler counts it.

Told by substrates, compared by `yunjin.engine` with the supply that the ledger promises from. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunjin.model.amounts import Amounts


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of the hosts of one pool.

    Attributes:
        hosts: how many there are.
        total: what they have.
        reserved: what they keep for themselves.
        offered: what the scheduler gives away: (total - reserved) x allocation ratio, rounded down by host.
        taken: what is given away of it.
    """

    hosts: int
    total: Amounts
    reserved: Amounts
    offered: Amounts
    taken: Amounts
