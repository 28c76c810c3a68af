"""Who there is: bureaus and areas, with names that change while ids do not.

Filled by `yunjin.estate` from bureaus.yaml and areas.yaml. Calls nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from yunjin.model.declared import Basis, DatedName, Declared, Id, Source, Validity, name_on

if TYPE_CHECKING:
    from datetime import date

    from yunjin.errors import Text

Names = Annotated[tuple[DatedName, ...], Field(min_length=1)]


class Bureau(Declared):
    """A department of the city.

    Attributes:
        origin: `seed` where the action plan names it, `proposed` where only we do, `decided` where a
            reorganisation founded it.
        parent: the bureau it belongs to.
        successor: who carries on after `valid.until`.
    """

    id: Id
    names: Names
    parent: Id | None = None
    origin: Literal["seed", "proposed", "decided"] = "seed"
    valid: Validity = Validity()
    successor: Id | None = None
    source: Source | None = None

    def name(self, day: date) -> Text:
        """The name on `day`."""
        return name_on(self.names, day)


class AreaCode(Validity):
    """A GB/T 2260 code and the days it is in force."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    verified: bool = False


class Area(Declared):
    """A district, county or economic zone, or a town or office of one. Its kind may change with its name.

    Attributes:
        parent: the area it belongs to, which shares out its own quota; None directly below the city.
        successor: who carries on after `valid.until`.
    """

    id: Id
    names: Names
    parent: Id | None = None
    codes: tuple[AreaCode, ...] = ()
    valid: Validity = Validity()
    successor: Id | None = None
    basis: Basis | None = None
    source: Source | None = None

    def name(self, day: date) -> Text:
        """The name on `day`."""
        return name_on(self.names, day)
