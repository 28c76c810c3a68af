"""A leaf of the quota tree with everything a substrate needs to know of it.

Made by `Estate.leaves`, read by translators and rules. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import Place
    from yunjin.model.amounts import Amounts
    from yunjin.model.centre import Flow


@dataclass(frozen=True, slots=True)
class Leaf:
    """One namespace or project of one tenant in one pool.

    Attributes:
        allotted: what the backend shall enforce.
        limit_percent: by dimension, `limits.*` as a percentage of `requests.*`.
        node_selector: labels of the pool's nodes.
        cidrs: of each zone, for the flows between them.
        flows: approved ways in and out of this leaf's zone, valid on the business date.
        renamed: role of an imported object (`quota`, ...) to the name it already has.
        without: roles of standard objects that this imported leaf goes without.
        frozen: in quarantine; counted, never changed.
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
    renamed: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    @property
    def node(self) -> str:
        """Its id in the quota tree."""
        return f"leaf/{self.endpoint}/{self.name}"
