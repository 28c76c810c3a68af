"""What the policies that the machinery reads may say.

Used by `yunjin.estate`, which loads nothing else, and by `yunjin.engine.choices`, which reads them. Calls the
model alone. A policy that is not named here, such as the bands of use, is free to say what it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, get_args

from yunjin.errors import Text
from yunjin.model.resources import ObjectClass
from yunjin.model.tenants import Importance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.centre import PolicyValue

REPORT: Final = "report"
REPAIR: Final = "repair"
ADOPT: Final = "adopt"
DRIFT_POLICIES: Final = (REPORT, REPAIR, ADOPT)
RELIEF_ORDER: Final = ("reserve", "trials", "borrowed", "guarantees")
"""Who can give when a pool is short."""
IMPORTANCES: Final[tuple[str, ...]] = get_args(Importance)
"""Of systems, from those that give first."""
LONGEST: Final = 86_400
"""Seconds: a day."""
_MOST_DAYS: Final = 3_660
_LONGEST_WARNING: Final = 365


class Kind(Protocol):
    """What some policies may say."""

    @property
    def expected(self) -> Text:
        """It, for people."""

    def read(self, policy: PolicyValue) -> Any:
        """The value as the machinery takes it; None where it cannot be meant."""


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> Text:
        """The words."""
        choices = ", ".join(self.words)
        return Text(choices, choices)

    def read(self, policy: PolicyValue) -> str | None:
        """The word."""
        return next((word for word in self.words if word == policy.value), None)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number of a unit."""

    least: int
    most: int
    unit: str

    @property
    def expected(self) -> Text:
        """The range."""
        return Text(
            f'{self.least} 到 {self.most} 的整数, unit: "{self.unit}"',
            f'a whole number from {self.least} to {self.most}, `unit: "{self.unit}"`',
        )

    def read(self, policy: PolicyValue) -> int | None:
        """The number."""
        number, fits = policy.value, policy.unit == self.unit
        return number if fits and isinstance(number, int) and self.least <= number <= self.most else None


@dataclass(frozen=True, slots=True)
class Order:
    """Words one after the other, each once; all of them where none may be left out."""

    words: tuple[str, ...]
    whole: bool = False

    @property
    def expected(self) -> Text:
        """The words."""
        names = ", ".join(self.words)
        return Text(f"由 {names} 排成的次序", f"an order of {names}")

    def read(self, policy: PolicyValue) -> tuple[str, ...] | None:
        """The words in the order that was written."""
        named = tuple(part.strip() for part in str(policy.value).split(","))
        short = self.whole and set(named) != set(self.words)
        wrong = short or not set(named) <= set(self.words) or len(set(named)) != len(named)
        return None if wrong else named


@dataclass(frozen=True, slots=True)
class Days:
    """Numbers of days, each once."""

    @property
    def expected(self) -> Text:
        """The range and an example."""
        return Text(
            f"不重复的天数, 1 到 {_LONGEST_WARNING}, 如 30, 7, 1; unit: d",
            f"days from 1 to {_LONGEST_WARNING}, each once, such as 30, 7, 1; `unit: d`",
        )

    def read(self, policy: PolicyValue) -> tuple[int, ...] | None:
        """The days, the most first."""
        parts = [part.strip() for part in str(policy.value).split(",")]
        days = {int(part) for part in parts if _is_day(part)}
        return tuple(sorted(days, reverse=True)) if policy.unit == "d" and len(days) == len(parts) else None


def _is_day(text: str) -> bool:
    return (
        text.isascii() and text.isdecimal() and len(text) <= len("365") and 1 <= int(text) <= _LONGEST_WARNING
    )


POLICIES: Final[Mapping[str, Kind]] = {
    **{f"drift.{each.value}": Word(DRIFT_POLICIES) for each in ObjectClass},
    "sweep-interval": Number(1, LONGEST, "s"),
    "wait-quota": Number(1, LONGEST, "s"),
    "lock-timeout": Number(1, LONGEST, "s"),
    "reclaim-days": Number(0, _MOST_DAYS, "d"),
    "reservation-days": Number(0, _MOST_DAYS, "d"),
    "audit-retention-days": Number(0, _MOST_DAYS, "d"),
    "log.retention": Number(1, _MOST_DAYS, "d"),
    "contribution-factor": Number(1, 100, "%"),
    "grant.warnings": Days(),
    "relief.order": Order(RELIEF_ORDER),
    "relief.importance": Order(IMPORTANCES, whole=True),
}
"""By id."""


def relatives(policy: str) -> tuple[str, ...]:
    """Policies that share what stands before the dot: where there are some, no other is read under it."""
    family = policy.rpartition(".")[0]
    return tuple(known for known in POLICIES if known.rpartition(".")[0] == family)
