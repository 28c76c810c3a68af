"""The quota ledger as one object: what may be used by whom, and what is.

Made by `yunjin.engine` and the command line over the store's database. Calls the operations of this package.
Promises that every method which changes something is carried out whole or not at all, once for each `key`,
and is durable when it returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.ledger import causes, contributions, grants, moves, nodes, reservations, supply
from yunjin.ledger.cells import ALL
from yunjin.ledger.desk import Desk
from yunjin.ledger.records import asked_key, own_key
from yunjin.model.amounts import Amounts
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from yunjin.errors import YunjinError
    from yunjin.model.centre import Pool

Expiry = datetime | timedelta | None
"""When a reservation is given up unless it is committed, or how long after it is made."""
_PATH: Final = (
    "WITH RECURSIVE up (id, pool, parent, height) AS ("
    "SELECT id, pool, parent, 0 FROM quota_nodes WHERE id = ? "
    "UNION ALL SELECT n.id, n.pool, n.parent, up.height + 1 FROM quota_nodes n JOIN up ON n.id = up.parent) "
    "SELECT id, pool FROM up ORDER BY height"
)
_OVER: Final = (
    "SELECT number, id FROM grants WHERE superseded IS NULL AND state IN ('future', 'in_force') "
    "AND valid_to <= ? AND kind <> 'contribution' ORDER BY valid_to, id"
)
_GOING: Final = (
    "SELECT number, id FROM contributions WHERE superseded IS NULL AND state = 'recalled' "
    "AND effective <= ? ORDER BY effective, id"
)
_WAITING: Final = (
    "SELECT number, id FROM contributions WHERE superseded IS NULL AND state = 'waiting' ORDER BY id"
)
_BEGUN: Final = (
    "SELECT number, id FROM grants WHERE superseded IS NULL AND state = 'future' "
    "AND valid_from <= ? ORDER BY valid_from, id"
)


@dataclass(frozen=True, slots=True)
class Reserved:
    """What became of a reservation.

    Attributes:
        number: its id; None where nothing differed.
        target: what the leaf shall hold once all its open reservations are through.
        expires: when it is given up unless it is committed.
    """

    number: int | None
    target: Amounts
    expires: datetime | None = None

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Self:
        """From what the operation answered."""
        expires = result.get("expires")
        return cls(result["reservation"], Amounts(result["target"]), time(expires) if expires else None)


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a grant.

    Attributes:
        number: its number on paper.
        state: in_force, or future until its first day comes.
        reserved: what of it was allotted in the same transaction; None where nothing was asked for.
    """

    number: str
    state: str
    reserved: Reserved | None = None


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a grant says.

    Attributes:
        number: its number on paper, unique; "" for the next of the ledger's own, G-2026-0001.
        node: whose limit it raises.
        amount: the raise over all the pools it names together.
        pools: the raise in each pool it names; `amount` where less is not stated.
        guarantee: what of it is carved out, by pool.
        kind: grant, opening or contribution.
        grantor: the node by whose authority; it stands above `node`.
        basis: the decision it rests on.
        valid_from: first day; None for that of the approval.
        valid_to: day on which it no longer holds; None for no end.
    """

    number: str
    node: str
    amount: Amounts
    pools: Mapping[str, Amounts]
    valid_from: date | None
    valid_to: date | None = None
    guarantee: Mapping[str, Amounts] = field(default_factory=dict)
    kind: str = "grant"
    grantor: str = "city"
    basis: str = ""

    def request(self) -> dict[str, Any]:
        """As the operation takes it."""
        return {
            "number": self.number,
            "node": self.node,
            "limit": {**{pool: dict(by) for pool, by in self.pools.items()}, ALL: dict(self.amount)},
            "guarantee": {pool: dict(by) for pool, by in self.guarantee.items()},
            "kind": self.kind,
            "grantor": self.grantor,
            "basis": self.basis,
            "valid_from": _day(self.valid_from),
            "valid_to": _day(self.valid_to),
        }


@dataclass(frozen=True, slots=True)
class Advanced:
    """What a day brought.

    Attributes:
        done: numbers of grants and contributions that changed.
        refused: numbers of those that could not begin yet, and why.
    """

    done: tuple[str, ...]
    refused: tuple[tuple[str, YunjinError], ...]


class Ledger(Desk):
    """Nodes, allotments and grants."""

    def add_node(
        self, node: str, parent: str | None, today: date, *, pool: str | None = None, key: str = ""
    ) -> None:
        """A new node below `parent`; of a leaf, in `pool`. Raises ConflictError, UsageError."""
        self._write(nodes.add_node, key, node=node, parent=parent, pool=pool, today=today.isoformat())

    def end_node(self, node: str, today: date, *, key: str = "") -> None:
        """A node ends. Raises ConflictError while anything hangs on it."""
        self._write(nodes.end_node, key, node=node, today=today.isoformat())

    def set_supply(self, pool: Pool, cause: str, today: date | None = None, *, key: str = "") -> Amounts:
        """What a pool can carry from now on; the deficit that is open after it, by dimension."""
        result = self._write(
            supply.set_supply,
            key,
            pool=pool.id,
            supply=dict(pool.supply),
            reserve=dict(pool.reserve),
            percent=dict(pool.overcommit_percent),
            cause=cause,
            today=_day(today) or causes.day(text(self._now())),
        )
        return Amounts(result["deficits"])

    def reserve(
        self, leaf: str, delta: Mapping[str, int], *, key: str = "", expires: Expiry = None
    ) -> Reserved:
        """Change what a leaf is allotted by `delta`. Raises ShortageError, RefusalError, UsageError."""
        return self._reserved(key, leaf=leaf, delta=dict(delta), **_expiry(expires))

    def allot(self, leaf: str, target: Amounts, *, key: str = "", expires: Expiry = None) -> Reserved:
        """Change what a leaf is allotted to `target`. Raises as `reserve` does."""
        return self._reserved(key, leaf=leaf, target=dict(target), **_expiry(expires))

    def commit(self, leaf: str, target: Amounts) -> list[int]:
        """`target` is about to be written. Raises ConflictError where the ledger says otherwise by now."""
        request = {"leaf": leaf, "target": dict(target), **self._signed()}
        found: list[int] = self._database.write(reservations.commit, request)
        return found

    def confirm(self, leaf: str, enforced: Amounts, used: Amounts) -> list[int]:
        """A leaf was read back. Ids of the reservations that are through."""
        request = {"leaf": leaf, "enforced": dict(enforced), "used": dict(used), **self._signed()}
        found: list[int] = self._database.write(reservations.confirm, request)
        return found

    def release(self, number: int, enforced: Amounts | None = None, *, key: str = "") -> None:
        """Give a reservation up; see `reservations.release`."""
        seen = None if enforced is None else dict(enforced)
        self._write(reservations.release, key, reservation=number, enforced=seen)

    def move(
        self, source: str, target: str, amounts: Amounts, *, lasts: timedelta | None = None, key: str = ""
    ) -> int:
        """Move an allotment between leaves; the id of the shrink that goes first.

        Args:
            source: leaf it is taken from.
            target: leaf that gets it.
            amounts: what moves.
            lasts: how long it waits for `consent`; None where it needs none.
            key: what makes the request one.

        Raises:
            ShortageError, RefusalError, UsageError: see `moves.move`.
        """
        life = {} if lasts is None else {"lasts": lasts.total_seconds()}
        request = {"source": source, "target": target, "amounts": dict(amounts), **life}
        return int(self._write(moves.move, key, **request)["reservation"])

    def consent(self, number: int, *, key: str = "") -> None:
        """A move was agreed to. Raises ConflictError where its time was over."""
        self._write(moves.consent, key, reservation=number)

    def expire(self) -> int:
        """End every reservation whose time is over; how many."""
        now = text(self._now())
        sql = "SELECT id FROM reservations WHERE state = 'reserved' AND expires <= ? ORDER BY expires, id"
        due = self._database.rows(sql, now)
        futures = [
            self._database.submit(reservations.expire, {"reservation": number, **self._signed()})
            for (number,) in due
        ]
        return sum(bool(future.result()) for future in futures)

    def grant(
        self,
        terms: GrantTerms,
        today: date,
        *,
        to: str = "",
        expires: Expiry = None,
        key: str = "",
    ) -> Granted:
        """Approve a grant and, with it or not at all, allot it.

        Args:
            terms: what it says.
            today: the business date.
            to: a leaf below the node it is for, in a pool it names, that gets the amount at once.
            expires: when that reservation ends unless it is committed.
            key: what makes the request one, however often it is sent.

        Raises:
            ShortageError: a limit above is in the way.
            RefusalError: the pool is in deficit, or the grantor does not stand above the node.
            UsageError: figures, dates or a leaf that cannot be meant.
            ConflictError: the number is taken.
        """
        if to:
            self._require_below(to, terms)
        key = asked_key(key)
        # With the leaf: a key under which nothing was allotted is not one under which something is.
        grant = {"key": key, **self._signed(), **terms.request(), "today": today.isoformat(), "to": to}
        allot = {"key": f"{key}/allot", **self._signed(), "leaf": to, "delta": dict(terms.amount)}
        if not to:
            made = self._database.write(grants.add_grant, grant)
            return Granted(made["grant"], made["state"])
        made, reserved = self._database.write_all(
            [
                (grants.add_grant, (grant,)),
                (reservations.reserve, ({**allot, **_expiry(expires)},)),
            ]
        )
        return Granted(made["grant"], made["state"], Reserved.of(reserved))

    def renew(
        self,
        number: str,
        valid_to: date | None,
        basis: str,
        today: date,
        *,
        seen: int | None = None,
        key: str = "",
    ) -> None:
        """A grant runs until another day.

        Args:
            number: of the grant.
            valid_to: first day on which it no longer holds; None for no end.
            basis: the decision.
            today: the business date.
            seen: the version the decision was made on; None where it does not matter.
            key: what makes the request one.

        Raises:
            UsageError: no such grant, or an end that cannot be meant.
            RefusalError: it has ended, or stays as long as servers do.
            ConflictError: it is no longer the version that was seen.
        """
        self._write(
            grants.renew_grant,
            key,
            number=number,
            valid_to=_day(valid_to),
            basis=basis,
            today=today.isoformat(),
            version=seen,
        )

    def end(self, number: str, cause: str, today: date, *, key: str = "") -> None:
        """A grant ends today; nothing is taken away by it. Raises UsageError."""
        self._write(grants.end_grant, key, number=number, cause=cause, today=today.isoformat())

    def advance(self, today: date) -> Advanced:
        """What the day brings: grants end, recalled servers go, grants and promises begin.

        What cannot begin yet, because it does not fit or its pool is in deficit, is tried again each time.
        """
        day = today.isoformat()
        done: list[str] = []
        refused: list[tuple[str, YunjinError]] = []
        for operation, kind, question, values in (
            (grants.end_grant, "end", _OVER, (day,)),
            (contributions.end_contribution, "go", _GOING, (day,)),
            (contributions.promise_contribution, "promise", _WAITING, ()),
            (grants.start_grant, "start", _BEGUN, (day,)),
        ):
            for number, version in self._database.rows(question, *values):
                # By day: what was refused on one may fit on another.
                key = own_key(kind, version, day)
                request = {"number": number, "cause": causes.EXPIRED, "today": day}
                try:
                    self._database.write(operation, {**request, "key": key, **self._signed()})
                except ConflictError:  # another sweeps too, and has done it
                    continue
                except (RefusalError, UsageError) as error:
                    refused.append((number, error))
                else:
                    done.append(number)
        return Advanced(tuple(done), tuple(refused))

    def _require_below(self, leaf: str, terms: GrantTerms) -> None:
        path = self._database.rows(_PATH, leaf)
        if terms.node not in [node for node, _ in path] or path[0][1] not in terms.pools:
            raise UsageError(
                Text(
                    f"{leaf} 不在 {terms.node} 之下, 或不在核定的资源池中",
                    f"{leaf} is not below {terms.node}, or not in a pool of the grant",
                ),
                Text(
                    "用 yunjin ledger show 核对名称和资源池", "check name and pool with `yunjin ledger show`"
                ),
            )

    def _reserved(self, key: str, **request: Any) -> Reserved:
        result = self._write(reservations.reserve, key, **request)
        return Reserved.of(result)


def _expiry(expires: Expiry) -> dict[str, Any]:
    """A span counts from when it is recorded, so that the same request may be sent again."""
    if isinstance(expires, timedelta):
        return {"lasts": expires.total_seconds()}
    return {"expires": None if expires is None else text(expires)}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
