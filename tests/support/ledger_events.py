"""What can happen to the small tree, for tests that want a ledger with a past.

Used by tests/unit/ledger. A `History` of steps is drawn by hypothesis and done in order; a step that the
ledger refuses changes nothing and is part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ledgers import DAY, K8S, Hand, small_tree
from yunjin.errors import YunjinError
from yunjin.ledger import grants, moves, reservations, supply
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable

_TREE: Final = small_tree()
LEAVES: Final = tuple(leaf for leaf, _, _ in _TREE.leaves)
BODIES: Final = tuple(body.node for body in _TREE.bodies)
_TODAY: Final = date.fromisoformat(DAY)

Step = tuple[str, tuple[Any, ...]]

_amounts = st.dictionaries(st.sampled_from(("cpu", "memory")), st.integers(0, 30), min_size=1)
_leaves = st.sampled_from(LEAVES)
_bodies = st.sampled_from(BODIES)
_which = st.integers(0, 50)
STEPS: Final[st.SearchStrategy[Step]] = st.one_of(
    st.tuples(st.just("reserve"), st.tuples(_leaves, _amounts, st.booleans())),
    st.tuples(st.just("commit"), st.tuples(_leaves)),
    st.tuples(st.just("confirm"), st.tuples(_leaves, st.booleans())),
    st.tuples(st.just("release"), st.tuples(_which)),
    st.tuples(st.just("expire"), st.tuples(_which)),
    st.tuples(st.just("move"), st.tuples(_leaves, _leaves, _which)),
    st.tuples(st.just("grant"), st.tuples(_bodies, _amounts, st.integers(0, 3), st.integers(0, 40))),
    st.tuples(st.just("start"), st.tuples(_which)),
    st.tuples(st.just("end"), st.tuples(_which, st.integers(0, 5))),
    st.tuples(st.just("renew"), st.tuples(_which, st.integers(1, 90))),
    st.tuples(st.just("supply"), st.tuples(st.integers(40, 400), st.integers(100, 200))),
)


@dataclass
class Events:
    """Does steps to a ledger."""

    hand: Hand

    def do(self, step: Step) -> bool:
        """Do one; whether the ledger took it."""
        name, values = step
        doing: Callable[..., None] = getattr(self, f"_{name}")
        try:
            doing(*values)
        except YunjinError:
            return False
        return True

    def target(self, leaf: str) -> dict[str, int]:
        """What a leaf shall hold once all that is under way is through."""
        reserved = self.hand(reservations.reserve, leaf=leaf, delta={})
        return dict(reserved["target"])

    def _reserve(self, leaf: str, amounts: dict[str, int], expires: bool) -> None:  # noqa: FBT001 (drawn)
        end = text(self.hand.clock() + timedelta(seconds=30)) if expires else None
        self.hand(reservations.reserve, leaf=leaf, target=amounts, expires=end)

    def _commit(self, leaf: str) -> None:
        self.hand(reservations.commit, leaf=leaf, target=self.target(leaf))

    def _confirm(self, leaf: str, in_use: bool) -> None:  # noqa: FBT001 (drawn)
        enforced = self.target(leaf)
        used = {d: value + 1 for d, value in enforced.items()} if in_use else {}
        self.hand(reservations.confirm, leaf=leaf, enforced=enforced, used=used)

    def _release(self, which: int) -> None:
        self.hand(reservations.release, reservation=self._reservation(which), enforced={})

    def _expire(self, which: int) -> None:
        self.hand(reservations.expire, reservation=self._reservation(which))

    def _move(self, source: str, target: str, part: int) -> None:
        amounts = {d: 1 + part % value for d, value in self.target(source).items() if value}
        self.hand(moves.move, source=source, target=target, amounts=amounts)

    def _grant(self, node: str, amounts: dict[str, int], share: int, days: int) -> None:
        begin = _TODAY + timedelta(days=days if days % 2 else 0)
        self.hand(
            grants.add_grant,
            number="",
            node=node,
            limit={K8S: amounts, "*": amounts},
            guarantee={K8S: {d: value * share // 3 for d, value in amounts.items()}},
            kind="grant",
            grantor="city",
            basis="",
            valid_from=begin.isoformat(),
            valid_to=(begin + timedelta(days=60)).isoformat(),
            today=DAY,
        )

    def _start(self, which: int) -> None:
        self.hand(grants.start_grant, number=self._number(which), today=DAY)

    def _end(self, which: int, days: int) -> None:
        today = (_TODAY + timedelta(days=days)).isoformat()
        self.hand(grants.end_grant, number=self._number(which), cause="期满", today=today)

    def _renew(self, which: int, days: int) -> None:
        until = (_TODAY + timedelta(days=days)).isoformat()
        self.hand(grants.renew_grant, number=self._number(which), valid_to=until, basis="续期", today=DAY)

    def _reservation(self, which: int) -> int:
        open_ones = "SELECT id FROM reservations WHERE state IN ('reserved', 'committed', 'waiting')"
        found = self.hand.rows(open_ones)
        return int(found[which % len(found)][0]) if found else 0

    def _number(self, which: int) -> str:
        found = self.hand.rows("SELECT number FROM grants WHERE superseded IS NULL ORDER BY id DESC")
        return str(found[which % len(found)][0])

    def _supply(self, cpu: int, percent: int) -> None:
        amounts = {"cpu": cpu, "memory": 1000}
        self.hand(
            supply.set_supply,
            pool=K8S,
            supply=amounts,
            reserve={"cpu": 10},
            percent={"cpu": percent},
            cause="主机故障",
            today=DAY,
        )
