"""Amounts of capacity: integers in base units, human units only at the edges.

Used by every layer; calls nothing. Promises that an amount is never negative, never above `MOST`,
and that what a person reads parses back to the same integer.

Base units: cpu in millicores, memory and storage in MiB, everything else counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

CPU: Final = "cpu"
MEMORY: Final = "memory"
STORAGE: Final = "storage"
PODS: Final = "pods"
COUNTED: Final = (PODS, "load-balancers", "floating-ips", "volumes", "ports")
MOST: Final = 2**53 - 1  # the largest integer JSON readers in every language agree on

_CPU = re.compile(r"(\d+)(m?)")
_BYTES = re.compile(r"(\d+)(Mi|Gi|Ti)")
_COUNT = re.compile(r"\d+")
_MIB = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}
_NAMED = re.compile(r"(storage|gpu)/[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")

EXPECTED = {
    CPU: "4 or 500m",
    MEMORY: "8Gi, 512Mi or 1Ti",
    STORAGE: "100Gi, 512Mi or 2Ti",
}


def known(dimension: str) -> bool:
    """Whether a dimension may be declared: the named ones, `storage/CLASS` and `gpu/MODEL`."""
    return dimension in (CPU, MEMORY, STORAGE, *COUNTED) or _NAMED.fullmatch(dimension) is not None


def parse(dimension: str, written: str | int) -> int:
    """What a person wrote, in base units.

    Raises:
        ValueError: another unit, a sign, a fraction, or more than `MOST`.
    """
    text = str(written)
    if dimension == CPU and (match := _CPU.fullmatch(text)):
        value = int(match[1]) * (1 if match[2] else 1000)
    elif dimension in (MEMORY, STORAGE) or dimension.startswith("storage/"):
        bytes_match = _BYTES.fullmatch(text)
        if not bytes_match:
            raise ValueError(f"{text!r} is not an amount of {dimension}: expected {EXPECTED[MEMORY]}")
        value = int(bytes_match[1]) * _MIB[bytes_match[2]]
    elif dimension != CPU and _COUNT.fullmatch(text):
        value = int(text)
    else:
        raise ValueError(f"{text!r} is not an amount of {dimension}: expected {EXPECTED.get(dimension, 'a count')}")
    if value > MOST:
        raise ValueError(f"{text!r} of {dimension} is more than {MOST}")
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
        """From what a person wrote. Raises ValueError on an unknown dimension or a wrong amount."""
        unknown = [d for d in items if not known(d)]
        if unknown:
            raise ValueError(f"unknown dimension {unknown[0]!r}")
        return cls({d: parse(d, text) for d, text in items.items()})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Documents write amounts in human units; errors point at the dimension."""
        del source, handler

        def build(value: Any) -> Amounts:
            if isinstance(value, Amounts):
                return value
            if not isinstance(value, dict):
                raise ValueError("expected a mapping of dimension to amount")  # noqa: TRY004 (pydantic wants ValueError)
            return cls.parse(value)

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
