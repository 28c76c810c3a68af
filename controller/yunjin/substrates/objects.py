"""The row of a technology's table of standard objects.

Used by `names` of each substrate and by the import of what stood before. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunjin.model.resources import ObjectClass


@dataclass(frozen=True, slots=True)
class Standard:
    """One of the objects of a leaf.

    Attributes:
        role: what it is for, as imported leaves name it.
        name: usual name; empty for the namespace or project itself, which bears the leaf's.
        rank: order of writing.
    """

    role: str
    kind: str
    name: str
    object_class: ObjectClass
    rank: int
