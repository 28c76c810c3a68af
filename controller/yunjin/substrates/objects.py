"""What objects of every technology have in common: the row of a table of standard ones, and holding nothing.

Used by each substrate and by the import of what stood before. Calls the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.model.amounts import Amounts
from yunjin.model.resources import Holding

if TYPE_CHECKING:
    from yunjin.model.resources import ObjectClass


NOTHING: Final = Holding(Amounts(), Amounts(), Amounts())
"""What anything but a quota holds."""


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
