"""What the pools carry, as one object: supply, and servers that bodies hand over.

Made by `yunjin.engine` and the command line over the store's database. Calls the operations of `supply` and
`contributions`. Promises what `Ledger` does: carried out whole or not at all, once for each `key`, durable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from yunjin.ledger import contributions, supply
from yunjin.ledger.desk import Desk
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.store.database import Database

_CONTRIBUTIONS: Final = (
    "SELECT c.number, c.node, c.pool, c.factor, c.servers, c.basis, c.valid_from, c.effective, c.state, "
    "a.dimension, a.amount FROM contributions c JOIN contribution_amounts a ON a.contribution = c.id "
    "WHERE c.superseded IS NULL ORDER BY c.valid_from, c.number, a.dimension"
)


@dataclass(frozen=True, slots=True)
class Change:
    """How a pool's supply changes; what is not named stays.

    Attributes:
        cause: why, as people will read it beside a deficit.
        delta: by how much supply rises or falls.
        supply: what stands there from now on.
        reserve: what of it is kept back.
        percent: how much of the rest may be promised.
    """

    pool: str
    cause: str
    delta: Mapping[str, int] = field(default_factory=dict)
    supply: Mapping[str, int] = field(default_factory=dict)
    reserve: Mapping[str, int] = field(default_factory=dict)
    percent: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Short:
    """What no longer fits in a pool, by dimension: charges above the limit, guarantees above what stands."""

    deficits: Amounts
    promises: Amounts


@dataclass(frozen=True, slots=True)
class Handover:
    """Servers that a body hands over.

    Attributes:
        node: the body.
        amounts: what they carry.
        factor: in percent, what of it the body is promised.
        servers: which they are, in a line.
        number: on paper; "" for the next of the ledger's own, C-2026-0001.
    """

    node: str
    pool: str
    amounts: Amounts
    factor: int
    servers: str
    basis: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Contribution:
    """A handover on record.

    Attributes:
        effective: day on which the servers go, where that is settled.
        state: waiting (for its pool's deficit to close), staying, recalled or gone.
    """

    number: str
    node: str
    pool: str
    factor: int
    servers: str
    basis: str
    valid_from: date
    effective: date | None
    state: str
    amounts: Amounts

    @property
    def promised(self) -> Amounts:
        """Floor of what they carry x factor / 100."""
        return Amounts(contributions.promised(dict(self.amounts), self.factor))


class Capacity(Desk):
    """Supply and contributions."""

    def change_supply(self, change: Change, today: date, *, key: str = "") -> Short:
        """A pool can carry more or less from now on. Raises UsageError."""
        result = self._write(
            supply.change_supply,
            key,
            pool=change.pool,
            delta=dict(change.delta),
            supply=dict(change.supply),
            reserve=dict(change.reserve),
            percent=dict(change.percent),
            cause=change.cause,
            today=today.isoformat(),
        )
        return Short(Amounts(result["deficits"]), Amounts(result["promises"]))

    def contribute(self, handover: Handover, today: date, *, key: str = "") -> str:
        """A body hands servers over; the number. Raises as `contributions.add_contribution` does."""
        result = self._write(
            contributions.add_contribution,
            key,
            number=handover.number,
            node=handover.node,
            pool=handover.pool,
            amounts=dict(handover.amounts),
            factor=handover.factor,
            servers=handover.servers,
            basis=handover.basis,
            today=today.isoformat(),
        )
        return str(result["contribution"])

    def recall(self, number: str, effective: date | None, basis: str, today: date, *, key: str = "") -> str:
        """Servers shall go home on a day, or stay after all; the state. Raises UsageError, RefusalError."""
        result = self._write(
            contributions.recall_contribution,
            key,
            number=number,
            effective=effective.isoformat() if effective else None,
            basis=basis,
            today=today.isoformat(),
        )
        return str(result["state"])


def contributions_of(database: Database, day: date | None = None) -> tuple[Contribution, ...]:
    """What was handed over: all on record, or what stands on a business day."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for row in database.rows(_CONTRIBUTIONS):
        found.setdefault(row[0], []).append(row)
    every = tuple(_contribution(rows) for rows in found.values())
    if day is None:
        return every
    return tuple(
        each for each in every if each.valid_from <= day and (each.effective is None or day < each.effective)
    )


def _contribution(rows: list[tuple[object, ...]]) -> Contribution:
    number, node, pool, factor, servers, basis, begun, effective, state, _, _ = rows[0]
    return Contribution(
        str(number),
        str(node),
        str(pool),
        int(str(factor)),
        str(servers),
        str(basis),
        date.fromisoformat(str(begun)),
        date.fromisoformat(str(effective)) if effective else None,
        str(state),
        Amounts({str(row[9]): int(str(row[10])) for row in rows}),
    )
