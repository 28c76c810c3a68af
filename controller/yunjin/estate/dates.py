"""Days in order: ranges that begin before they end, names that follow one another, lives within lives.

Called by `yunjin.estate.loader`; calls the model alone. A range includes its first day and excludes its last.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import DeclaredError, Text
from yunjin.estate.nodes import dotted
from yunjin.model.centre import Price
from yunjin.model.declared import Basis, Declared, Validity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from yunjin.estate.diagnostics import Diagnostics
    from yunjin.estate.documents import Draft, Item
    from yunjin.estate.fields import Fields
    from yunjin.estate.nodes import Step
    from yunjin.model.organisation import Area, Bureau

_UNDATED: Final = frozenset({"baseline"})  # many rows, no dates


def check_dates(draft: Draft, fields: Fields, diagnostics: Diagnostics) -> None:
    """Record ranges that end before they begin, names that overlap, bodies that outlive their parent."""
    for kind, items in draft.items.items():
        if kind in _UNDATED:
            continue
        for item in items.values():
            for steps, message, expected in _disorder(item.model, ()):
                diagnostics.add(_error(item, fields, steps, message, expected))
    for kind in ("bureau", "area"):
        for item in draft.items[kind].values():
            for steps, message, expected in _broken_lives(item, draft.items[kind]):
                diagnostics.add(_error(item, fields, steps, message, expected))


_Complaint = tuple[tuple["Step", ...], Text, Text]


def _disorder(part: Declared, steps: tuple[Step, ...]) -> Iterator[_Complaint]:
    """What is out of order in a part of an item and in all that it holds."""
    first, last, last_key = _range(part)
    if first is not None and last is not None and first >= last:
        yield (
            (*steps, last_key),
            Text(f"止于 {last}, 不晚于起始日 {first}", f"ends on {last}, not after it begins on {first}"),
            Text("晚于起始日的日期", "a day after the first one"),
        )
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        inner = (*steps, info.alias or name)
        if isinstance(value, Declared):
            yield from _disorder(value, inner)
        elif isinstance(value, tuple) and value and isinstance(value[0], Declared):
            for number, element in enumerate(value):
                yield from _disorder(element, (*inner, number))
            if isinstance(value[0], Validity):
                yield from _overlaps(value, inner)


def _range(part: Declared) -> tuple[date | None, date | None, str]:
    if isinstance(part, Validity):
        return part.start, part.end, "until"
    if isinstance(part, Basis | Price):
        return part.valid_from, part.valid_to, "valid_to"
    return None, None, ""


def _overlaps(parts: tuple[Any, ...], steps: tuple[Step, ...]) -> Iterator[_Complaint]:
    for number, (earlier, later) in enumerate(pairwise(parts), start=1):
        if earlier.end is None or later.start is None or later.start < earlier.end:
            yield (
                (*steps, number) if later.start is None else (*steps, number, "from"),
                Text(
                    "与前一项的有效期重叠, 或未按时间排列", "overlaps the one before, or stands out of order"
                ),
                Text("每项 from 不早于前一项 until", "each `from` on or after the `until` before it"),
            )


def _broken_lives(item: Item, bodies: Mapping[str, Item]) -> Iterator[_Complaint]:
    """A parent is there as long as the body below it; when that came under it, nothing says."""
    body: Any = item.model
    parent = _body(body.parent, bodies)
    if parent and not _outlives(parent.valid, body.valid):
        yield (
            ("parent",),
            Text(
                f"{parent.id} 撤销后, 本单位仍在其下",
                f"{parent.id}, the parent, ends before this body does, or begins after its end",
            ),
            Text("存续到本单位之后的上级", "a parent that exists as long as this body"),
        )
    if body.successor is None:
        return
    successor, end = _body(body.successor, bodies), body.valid.end
    if end is None:
        yield (
            ("successor",),
            Text("有承接部门, 但没有撤销日期", "a successor is named, but no day on which it takes over"),
            Text("valid.until", "valid.until"),
        )
    elif successor and not successor.valid.holds(end):
        yield (
            ("successor",),
            Text(
                f"承接部门 {successor.id} 在 {end} 不存在",
                f"the successor {successor.id} does not exist on {end}",
            ),
            Text("当日存在的部门", "a body that exists on that day"),
        )


def _body(name: str | None, bodies: Mapping[str, Item]) -> Bureau | Area | None:
    item = bodies.get(name) if name else None
    return item.model if item else None  # type: ignore[return-value]  # of these kinds both are


def _outlives(upper: Validity, lower: Validity) -> bool:
    ends = upper.end is None or (lower.end is not None and lower.end <= upper.end)
    return ends and not (upper.start is not None and lower.end is not None and lower.end <= upper.start)


def _error(
    item: Item, fields: Fields, steps: tuple[Step, ...], message: Text, expected: Text
) -> DeclaredError:
    return DeclaredError(
        fields.place(item, steps),
        message,
        field=dotted(steps),
        expected=expected,
        remedy=Text("改正日期或引用", "mend the date or the reference"),
    )
