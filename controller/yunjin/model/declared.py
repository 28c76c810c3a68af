"""What all declared documents share: strictness, identifiers, dated names, sources.

Every class of `tenants/` derives from `Declared`; `yunjin.estate` fills them. Calls nothing.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from yunjin.errors import Text

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$")]
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value if _ISO.fullmatch(value) else "")
    except ValueError:  # of a text pydantic itself would take seconds since 1970 for a day
        raise PydanticCustomError("date_parsing", "expected a date as YYYY-MM-DD") from None


Day = Annotated[date, BeforeValidator(_iso)]
Remark = Annotated[str, StringConstraints(pattern=r"^[^\n]*$", max_length=400, strip_whitespace=True)]
"""One line of text, or nothing."""
Line = Annotated[Remark, Field(min_length=1)]


class Declared(BaseModel):
    """A document or a part of one: unknown fields are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Source(Declared):
    """Where in a document a statement stands: document id, section, numbered item of it."""

    doc: Line
    section: Line
    item: Remark = ""


class Basis(Declared):
    """What a figure or a rule rests on. Without a document it is 本市自定.

    Attributes:
        verified: whether somebody has read the clause; until then the text says so.
    """

    doc: Remark = ""
    clause: Remark = ""
    verified: bool = False
    valid_from: Day | None = None
    valid_to: Day | None = None

    def holds(self, day: date) -> bool:
        """Whether it is in force on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class Validity(Declared):
    """From a day on (inclusive) until a day (exclusive); an open end is None."""

    start: Day | None = Field(default=None, alias="from")
    end: Day | None = Field(default=None, alias="until")

    def holds(self, day: date) -> bool:
        """Whether `day` lies within."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


class Named(Declared):
    """A name in both languages."""

    zh: Line
    en: Line

    @property
    def text(self) -> Text:
        """The name as a sentence part."""
        return Text(self.zh, self.en)


class DatedName(Named, Validity):
    """A name with the days it is borne.

    Attributes:
        kind: of an area, what it is while it bears the name.
        verified: whether the renaming was read in its document.
    """

    kind: Remark = ""
    basis: Basis | None = None
    verified: bool = True


def name_on(names: tuple[DatedName, ...], day: date) -> Text:
    """The name borne on `day`; before the first one the first, after the last one the last."""
    for name in names:
        if name.holds(day):
            return name.text
    past = [name for name in names if name.end is not None and name.end <= day]
    return (past[-1] if past else names[0]).text
