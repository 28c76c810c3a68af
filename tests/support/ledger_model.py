"""The quota ledger once more: what may be done, and what comes of it, on the figures of `ledger_figures`.

Used by the state machine that holds it against the real one. An operation is tried on a copy and stands if
it breaks no bound; its answer is "" or the code of the error that the real one must raise. A row that rises
stays within its limit; of the city, what is promised also within supply less reserve.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import TYPE_CHECKING

from ledger_figures import ALL, Figures, Grant, Reservation, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger_figures import Key
    from ledgers import Body, By, Tree


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """The code of the error that is due."""


class Model:
    """A ledger. Operations return "" or the code of an error, and then have changed nothing."""

    def __init__(self, tree: Tree) -> None:
        supply = {
            pool: {
                d: (amounts.get(d, 0), reserve.get(d, 0), percent.get(d, 100)) for d in {*amounts, *reserve}
            }
            for pool, (amounts, reserve, percent) in tree.supply.items()
        }
        self.now = Figures(tree.parents, {leaf: pool for leaf, _, pool in tree.leaves}, supply)
        for body in tree.bodies:
            assert self.grant(f"opening/{body.node}", body, starts=0, today=0) == ""

    # What people can do

    def reserve(self, leaf: str, delta: Mapping[str, int], expires: int | None = None) -> str:
        return self._try(lambda: self._reserve(leaf, delta, expires))

    def allot(self, leaf: str, target: Mapping[str, int]) -> str:
        held = self.now.target(leaf)
        if any(value < 0 for value in target.values()):
            return "usage"
        return self.reserve(leaf, {d: value - held.get(d, 0) for d, value in target.items()})

    def commit(self, leaf: str, target: Mapping[str, int]) -> tuple[str, list[int]]:
        held = self.now.target(leaf)
        if any(held.get(d, 0) != target.get(d, 0) for d in {*held, *target}):
            return "conflict", []
        numbers = [number for number, one in self._open(leaf) if one.state == "reserved"]
        for number in numbers:
            self.now.reservations[number].state = "committed"
        return "", numbers

    def confirm(self, leaf: str, enforced: Mapping[str, int], used: Mapping[str, int]) -> list[int]:
        written = self.now.written(leaf)
        through = [(number, one) for number, one in self._open(leaf) if one.state == "committed"]
        for _, one in through:
            for d, value in one.deltas.items():
                if enforced.get(d) != written.get(d, 0) or (value < 0 and used.get(d, 0) > enforced[d]):
                    return []
        for _, one in through:
            one.state = "confirmed"
        for number, _ in through:
            for follower in self._followers(number):
                waiting = self.now.reservations[follower]
                if self._try(lambda waiting=waiting: self._follow(waiting, leaf)):  # type: ignore[misc]
                    self.now.reservations[follower].state = "released"
        return [number for number, _ in through]

    def release(self, number: int, enforced: Mapping[str, int] | None) -> str:
        one = self.now.reservations[number]
        if one.state in ("released", "expired"):
            return ""
        if one.state == "waiting":
            one.state = "released"
            return ""
        if one.state == "confirmed":
            return "refused"
        if one.state == "committed":
            held = self.now.held(one.leaf)
            growth = {d: value for d, value in one.deltas.items() if value > 0}
            if enforced is None or any(enforced.get(d, 0) > held[d] - value for d, value in growth.items()):
                return "refused"
        self._give_up(number, "released")
        return ""

    def expire(self, number: int, now: int) -> bool:
        one = self.now.reservations[number]
        if one.state != "reserved" or one.expires is None or one.expires > now:
            return False
        self._give_up(number, "expired")
        return True

    def move(self, source: str, target: str, amounts: Mapping[str, int]) -> str:
        held = self.now.target(source)
        if source == target or not amounts or any(value <= 0 for value in amounts.values()):
            return "usage"

        def work() -> None:
            self._require_sound_pool(self.now.pools[target])
            if any(value > held.get(d, 0) for d, value in amounts.items()):
                raise Refused("usage")
            self._rehearse(source, target, amounts)
            shrink = self._add(source, "reserved", {d: -value for d, value in amounts.items()})
            self.now.reservations[self._add(target, "waiting", dict(amounts))].follows = shrink

        return self._try(work)

    def grant(self, number: str, body: Body, starts: int, today: int) -> str:
        new = Grant(body.node, {**body.limit, ALL: body.over_all}, body.guarantee, "future", starts)
        carved: dict[str, int] = defaultdict(int)
        for by in body.guarantee.values():
            for d, value in by.items():
                carved[d] += value
        if any(value > body.over_all.get(d, 0) for d, value in carved.items()):
            return "usage"

        def work() -> None:
            if starts <= today:
                self._enter(number, new)
            else:
                for pool in new.guarantee:
                    self._require_sound_pool(pool)
                before = self.now.rows()
                self.now.grants[number] = new
                self._require_bounds(before)

        return self._try(work)

    def start(self, number: str, today: int) -> str:
        found = self.now.grants[number]
        if found.state != "future" or found.starts > today:
            return ""
        return self._try(lambda: self._enter(number, self.now.grants.pop(number)))

    def end(self, number: str) -> str:
        self.now.grants[number].state = "ended"
        return ""

    def set_supply(self, pool: str, dimension: str, figures: tuple[int, int, int]) -> str:
        self.now.supply[pool][dimension] = figures
        return ""

    # How it is done

    def _try(self, work: Callable[[], None]) -> str:
        kept = copy.deepcopy(self.now)
        try:
            work()
        except Refused as refused:
            self.now = kept
            return str(refused)
        return ""

    def _require_bounds(self, before: Mapping[Key, Row]) -> None:
        for key, row in self.now.rows().items():
            old = before.get(key, Row())
            bound = row.limit if row.firm is None else min(row.limit, row.firm)
            if old.charge < row.charge > row.limit or old.promised < row.promised > bound:
                raise Refused("shortage")

    def _require_sound_pool(self, pool: str) -> None:
        for (node, where, _), row in self.now.rows().items():
            if node == "city" and where == pool and (row.deficit or row.broken_promise):
                raise Refused("refused")

    def _reserve(self, leaf: str, delta: Mapping[str, int], expires: int | None) -> None:
        delta = {d: value for d, value in delta.items() if value}
        if not delta:
            return
        held = self.now.target(leaf)
        if any(held.get(d, 0) + value < 0 for d, value in delta.items()):
            raise Refused("usage")
        if any(value > 0 for value in delta.values()):
            self._require_sound_pool(self.now.pools[leaf])
        before = self.now.rows()
        self._add(leaf, "reserved", dict(delta), expires)
        self._require_bounds(before)

    def _add(self, leaf: str, state: str, deltas: By, expires: int | None = None) -> int:
        number = len(self.now.reservations) + 1
        self.now.reservations[number] = Reservation(leaf, state, deltas, expires)
        return number

    def _open(self, leaf: str) -> list[tuple[int, Reservation]]:
        """Those under way, the committed ones first."""
        states = ("committed", "reserved")
        found = [
            (states.index(one.state), number, one)
            for number, one in self.now.reservations.items()
            if one.leaf == leaf and one.state in states
        ]
        return [(number, one) for _, number, one in sorted(found, key=lambda row: row[:2])]

    def _followers(self, number: int) -> list[int]:
        return [
            other
            for other, one in self.now.reservations.items()
            if one.follows == number and one.state == "waiting"
        ]

    def _follow(self, waiting: Reservation, source: str) -> None:
        if self.now.pools[waiting.leaf] != self.now.pools[source]:
            self._require_sound_pool(self.now.pools[waiting.leaf])
        before = self.now.rows()
        waiting.state = "reserved"
        self._require_bounds(before)

    def _rehearse(self, source: str, target: str, amounts: Mapping[str, int]) -> None:
        kept = copy.deepcopy(self.now)
        self._add(source, "confirmed", {d: -value for d, value in amounts.items()})
        before = self.now.rows()
        self._add(target, "reserved", dict(amounts))
        self._require_bounds(before)
        self.now = kept

    def _enter(self, number: str, new: Grant) -> None:
        raised = [*new.limit.items(), *new.guarantee.items()]
        for pool in {pool for pool, by in raised if any(by.values())} - {ALL}:
            self._require_sound_pool(pool)
        before = self.now.rows()
        self.now.grants[number] = Grant(new.node, new.limit, new.guarantee, "in_force", new.starts)
        self._require_bounds(before)
        rows, parent = self.now.rows(), self.now.parents[new.node]
        assert parent is not None
        for pool, by in new.limit.items():
            for d, value in by.items():
                above = rows.get((parent, pool, d), Row()).limit
                if value and rows[new.node, pool, d].limit > above:
                    raise Refused("shortage")

    def _give_up(self, number: int, state: str) -> None:
        leaf = self.now.reservations[number].leaf
        self.now.reservations[number].state = state
        for follower in self._followers(number):
            self.now.reservations[follower].state = "released"
        there: dict[str, int] = defaultdict(int)
        for one in self.now.reservations.values():
            if one.leaf == leaf and one.state == "confirmed":
                for d, value in one.deltas.items():
                    there[d] += value
        for other, one in self._open(leaf):
            for d, value in list(one.deltas.items()):
                left = max(value, -there[d])
                there[d] += left
                self._cut(other, d, value - left)
                for follower in self._followers(other):
                    self._cut(follower, d, left - value)

    def _cut(self, number: int, dimension: str, by: int) -> None:
        one = self.now.reservations[number]
        one.deltas[dimension] -= by
        if not one.deltas[dimension]:
            del one.deltas[dimension]
        if not one.deltas:
            one.state = "released"
