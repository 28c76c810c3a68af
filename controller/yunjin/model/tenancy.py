"""A leaf of the quota tree with everything a substrate needs to know of it, and what the ledger says of it.

Made by `Estate.leaves` and `yunjin.ledger`, read by translators and rules. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import Place
    from yunjin.model.centre import Flow


@dataclass(frozen=True, slots=True)
class Share:
    """What the ledger holds of one leaf.

    Attributes:
        target: what it shall hold once its own reservations are through.
        charged: what counts against the limits above it: in flight, the greater of old and new.
        coming: what it gets besides once a shrink elsewhere is confirmed.
    """

    target: Amounts
    charged: Amounts
    coming: Amounts

    @property
    def planned(self) -> Amounts:
        """What it shall hold in the end."""
        return self.target + self.coming if self.coming else self.target


@dataclass(frozen=True, slots=True)
class Leaf:
    """One namespace or project of one tenant in one pool.

    Attributes:
        allotted: what the backend shall enforce.
        charged: what the ledger charges for it, the greater of old and new while both are about.
        limit_percent: by dimension, `limits.*` as a percentage of `requests.*`.
        node_selector: labels of the pool's nodes.
        cidrs: of each zone, for the flows between them.
        flows: approved ways in and out of this leaf's zone, valid on the business date.
        renamed: role of an imported object (`quota`, ...) to the name it already has.
        without: roles of standard objects that this imported leaf goes without.
        frozen: in quarantine; counted, never changed.
        xc: its pool is of domestic hardware 信创.
    """

    name: str
    endpoint: str
    pool: str
    zone: str
    tenant: str
    bureau: str
    allotted: Amounts
    limit_percent: Mapping[str, int]
    node_selector: Mapping[str, str]
    cidrs: Mapping[str, tuple[str, ...]]
    flows: tuple[Flow, ...]
    place: Place
    protected: bool = False
    imported: bool = False
    frozen: bool = False
    charged: Amounts = field(default_factory=Amounts)
    renamed: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    xc: bool = False

    @property
    def node(self) -> str:
        """Its id in the quota tree."""
        return leaf_node(self.endpoint, self.name)


def leaf_node(endpoint: str, name: str) -> str:
    """Id in the quota tree of the namespace or project of that name on an endpoint."""
    return f"leaf/{endpoint}/{name}"
