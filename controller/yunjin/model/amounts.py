"""Amounts of capacity: integers in base units, human units only at the edges.

Used by every layer; calls nothing. Promises that an amount is never negative, never above `MOST`,
and that what a person reads parses back to the same integer.

Base units: cpu in millicores, memory and storage in MiB, everything else counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

CPU: Final = "cpu"
MEMORY: Final = "memory"
STORAGE: Final = "storage"
PODS: Final = "pods"
COUNTED: Final = (PODS, "load-balancers", "floating-ips", "volumes", "ports")
MOST: Final = 2**53 - 1  # the largest integer JSON readers in every language agree on

_CPU = re.compile(r"([0-9]+)(m?)")
_BYTES = re.compile(r"([0-9]+)(Mi|Gi|Ti)")
_COUNT = re.compile(r"([0-9]+)()")
_MIB = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}
_LONGEST = 40  # characters that an amount may have and an error quotes
_NAMED = re.compile(r"(storage|gpu)/[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")

EXPECTED = {
    CPU: "4 or 500m",
    MEMORY: "8Gi, 512Mi or 1Ti",
    STORAGE: "100Gi, 512Mi or 2Ti",
}


def known(dimension: str) -> bool:
    """Whether a dimension may be declared: the named ones, `storage/CLASS` and `gpu/MODEL`."""
    return dimension in (CPU, MEMORY, STORAGE, *COUNTED) or _NAMED.fullmatch(dimension) is not None


def _counted(dimension: str) -> str:
    if not known(dimension):
        raise PydanticCustomError(
            "amount_dimension", "unknown dimension '{dimension}'", {"dimension": dimension}
        )
    return dimension


Dimension = Annotated[str, AfterValidator(_counted)]
"""As a key beside figures that are no amounts, such as percentages."""


def parse(dimension: str, written: str | int) -> int:
    """What a person wrote, in base units.

    Raises:
        PydanticCustomError: a ValueError of type `amount_dimension` (nothing of that name is counted),
            `amount_unit` (another unit or a fraction), `amount_negative` or `amount_overflow` (above `MOST`).
            Its context holds the dimension and, where that is known, written and expected.
    """
    text = str(written) if isinstance(written, str | int) else type(written).__name__
    expected = EXPECTED.get(dimension.partition("/")[0], "40")
    context = {"dimension": dimension, "written": text[:_LONGEST], "expected": expected}
    _counted(dimension)
    if text.startswith("-"):
        raise PydanticCustomError("amount_negative", "'{written}' of {dimension} is negative", context)
    in_bytes = dimension in (MEMORY, STORAGE) or dimension.startswith("storage/")
    match = (_CPU if dimension == CPU else _BYTES if in_bytes else _COUNT).fullmatch(text)
    if not match:
        raise PydanticCustomError(
            "amount_unit", "'{written}' is not an amount of {dimension}: expected {expected}", context
        )
    factor = _MIB[match[2]] if in_bytes else 1000 if dimension == CPU and not match[2] else 1
    if len(match[1]) > _LONGEST or (value := int(match[1]) * factor) > MOST:
        raise PydanticCustomError(
            "amount_overflow", "'{written}' of {dimension} is more than can be counted", context
        )
    return value


def written(dimension: str, value: int) -> str:
    """The shortest exact human form: `4`, `500m`, `8Gi`."""
    if dimension == CPU:
        return str(value // 1000) if value % 1000 == 0 else f"{value}m"
    if dimension == MEMORY or dimension.startswith(STORAGE):
        for unit in ("Ti", "Gi"):
            if value and value % _MIB[unit] == 0:
                return f"{value // _MIB[unit]}{unit}"
        return f"{value}Mi"
    return str(value)


class Amounts(Mapping[str, int]):
    """Amounts by dimension, immutable and hashable. A missing dimension is 0: no record means no quota."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, int] | None = None) -> None:
        self._items = dict(sorted((items or {}).items()))

    def __getitem__(self, dimension: str) -> int:
        """The amount in base units; KeyError where none is recorded."""
        return self._items[dimension]

    def __iter__(self) -> Iterator[str]:
        """Dimensions in alphabetical order."""
        return iter(self._items)

    def __len__(self) -> int:
        """How many dimensions are recorded."""
        return len(self._items)

    def __hash__(self) -> int:
        """By content."""
        return hash(tuple(self._items.items()))

    def __repr__(self) -> str:
        """As a person writes it."""
        return f"Amounts({self.written()})"

    def of(self, dimension: str) -> int:
        """The amount, 0 where none is recorded."""
        return self._items.get(dimension, 0)

    def __add__(self, other: Amounts) -> Amounts:
        """Sum by dimension."""
        return Amounts({d: self.of(d) + other.of(d) for d in {*self, *other}})

    def excess_over(self, bound: Amounts) -> dict[str, int]:
        """By how much each dimension exceeds `bound`; empty where all fits."""
        return {d: value - bound.of(d) for d, value in self._items.items() if value > bound.of(d)}

    def written(self) -> dict[str, str]:
        """Human units by dimension."""
        return {d: written(d, value) for d, value in self._items.items()}

    @classmethod
    def parse(cls, items: Mapping[str, str | int]) -> Amounts:
        """From what a person wrote. Raises ValueError as `parse` does, for the first wrong one."""
        return cls({d: parse(d, text) for d, text in items.items()})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Documents write amounts in human units; every wrong one is an error located at its dimension."""
        del source, handler

        def build(value: Any) -> Amounts:
            if isinstance(value, Amounts):
                return value
            if not isinstance(value, dict):
                raise PydanticCustomError("dict_type", "expected a mapping of dimension to amount")
            items: dict[str, int] = {}
            wrong: list[InitErrorDetails] = []
            for dimension, text in value.items():
                try:
                    items[dimension] = parse(dimension, text)
                except PydanticCustomError as error:
                    wrong.append(InitErrorDetails(type=error, loc=(dimension,), input=text))
            if wrong:
                raise ValidationError.from_exception_data("Amounts", wrong)
            return cls(items)

        return core_schema.no_info_plain_validator_function(
            build, serialization=core_schema.plain_serializer_function_ser_schema(lambda a: a.written())
        )


def total(parts: Iterator[Amounts]) -> Amounts:
    """Sum of many, by dimension."""
    sums: dict[str, int] = {}
    for part in parts:
        for dimension, value in part.items():
            sums[dimension] = sums.get(dimension, 0) + value
    return Amounts(sums)
