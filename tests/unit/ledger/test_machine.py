"""The ledger against a model of it: after every step both have the same figures, and every bound holds."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clocks import Clock
from ledger_figures import Row
from ledger_model import Model
from ledgers import CLOUD, DAY, K8S, Body, Hand, grant, plant, small_tree
from yunjin.errors import YunjinError
from yunjin.ledger import grants, moves, reservations, supply
from yunjin.store import Store
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = small_tree()
LEAVES: Final = [leaf for leaf, _, _ in TREE.leaves]
BODIES: Final = [body.node for body in TREE.bodies]
HOUR: Final = 3600

leaves = st.sampled_from(LEAVES)
dimensions = st.sampled_from(["cpu", "cpu", "memory"])
near = st.sampled_from([0, 1, 2, 3, 5, 8, 10, 20, 40])
deltas = st.dictionaries(dimensions, st.sampled_from([-20, -10, -5, -2, -1, 1, 2, 5, 10, 20, 40]), max_size=2)
targets = st.dictionaries(dimensions, near, max_size=2)
which = st.integers(0, 60)


@pytest.fixture(scope="module", autouse=True)
def planted() -> Iterator[None]:
    """The small tree, written once; every run begins with a copy."""
    Machine.template = Path(tempfile.mkdtemp(prefix="yunjin-machine-"))
    with Store.open(Machine.template / "state") as store:
        plant(Hand(store.database), TREE)
    yield
    shutil.rmtree(Machine.template)


class Machine(RuleBasedStateMachine):
    """Every operation of the ledger, in any order."""

    template: Path
    seen: ClassVar[Counter[str]] = Counter()  # operations and how they ended, of all runs

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.began = self.clock()
        self.model = Model(TREE)
        self.day = 0
        self.falls = False
        self.folder = Path(tempfile.mkdtemp(prefix="yunjin-machine-"))
        (self.folder / "state").mkdir(mode=0o700)
        shutil.copy(self.template / "state" / "state.db", self.folder / "state" / "state.db")
        self.store = Store.open(self.folder / "state", now=self.clock)
        self.hand = Hand(self.store.database, self.clock)
        self.deficits = self._deficits()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def do(self, expected: str, operation: Any, **content: Any) -> Any:
        """Do it for real, and see that it ends as the model says."""
        result, code = None, ""
        try:
            result = self.hand(operation, **content)
        except YunjinError as error:
            code = error.code
        assert code == expected
        self.seen[f"{operation.__name__} {code or 'done'}"] += 1
        return result

    @initialize(figures=st.lists(st.sampled_from([0, 0, 5, 12, 20, 30]), min_size=6, max_size=6))
    def somebody_holds_something(self, figures: list[int]) -> None:
        for leaf, cpu in zip(LEAVES, figures, strict=True):
            self.allot(leaf, {"cpu": cpu, "memory": 4 * cpu})
            self.write_and_read_back(leaf)

    @rule(leaf=leaves, delta=deltas, hours=st.none() | st.integers(0, 3))
    def reserve(self, leaf: str, delta: dict[str, int], hours: int | None) -> None:
        until = None if hours is None else self._hours() + hours
        before = len(self.model.now.reservations)
        expected = self.model.reserve(leaf, delta, until)
        expires = None if until is None else text(self.began).replace("01:00", f"{1 + until:02}:00")
        made = self.do(expected, reservations.reserve, leaf=leaf, delta=delta, expires=expires)
        if made and len(self.model.now.reservations) > before:
            assert made["reservation"] == before + 1

    @rule(leaf=leaves, figures=targets)
    def allot(self, leaf: str, figures: dict[str, int]) -> None:
        self.do(self.model.allot(leaf, figures), reservations.reserve, leaf=leaf, target=figures)

    @rule(leaf=leaves, cpu=st.sampled_from([1, 3, 7]), kept=st.booleans(), moved=st.none() | leaves)
    def lean(self, leaf: str, cpu: int, kept: bool, moved: str | None) -> None:  # noqa: FBT001 (drawn)
        """What is taken away leans on what was only just added, and that is given up."""
        self.reserve(leaf, {"cpu": cpu}, 1)
        growth = len(self.model.now.reservations)
        all_of_it = self.model.now.target(leaf).get("cpu", 0)
        if moved:
            self.move(LEAVES.index(leaf), moved, "cpu", all_of_it)
        else:
            self.reserve(leaf, {"cpu": -all_of_it}, None)
        if not kept and growth:
            self.give_up(growth, None)

    @rule(leaf=leaves, off=st.sampled_from([0, 0, 0, 1]))
    def commit(self, leaf: str, off: int) -> None:
        target = self.model.now.target(leaf)
        target["cpu"] = target.get("cpu", 0) + off
        expected, numbers = self.model.commit(leaf, target)
        assert (self.do(expected, reservations.commit, leaf=leaf, target=target) or []) == numbers

    @rule(leaf=leaves, off=st.sampled_from([0, 0, 0, 0, 1, -1]), over=st.sampled_from([0, 0, 1]))
    def confirm(self, leaf: str, off: int, over: int) -> None:
        """Also read back as something else, or while as much runs as was to be left, or more."""
        enforced = self.model.now.written(leaf)
        enforced["cpu"] = enforced.get("cpu", 0) + off
        content = {"enforced": enforced, "used": {"cpu": enforced["cpu"] + over}}
        waiting = self.waiting()
        numbers = self.model.confirm(leaf, **content)
        assert self.do("", reservations.confirm, leaf=leaf, **content) == numbers
        self.seen["confirmed"] += len(numbers)
        for follower in waiting - self.waiting():
            self.seen[f"follower {self.model.now.reservations[follower].state}"] += 1

    @rule(leaf=leaves)
    def write_and_read_back(self, leaf: str) -> None:
        self.commit(leaf, 0)
        self.confirm(leaf, 0, 0)

    @precondition(lambda self: self.model.now.reservations)
    @rule(n=which, seen=st.none() | st.sampled_from([-1, 0, 0, 1]))
    def release(self, n: int, seen: int | None) -> None:
        number = self.one(n, "waiting", "reserved", "committed")
        one = self.model.now.reservations[number]
        enforced = None
        if seen is not None:
            held = self.model.now.held(one.leaf)
            enforced = {d: held.get(d, 0) - max(0, value) + seen for d, value in one.deltas.items()}
        self.give_up(number, enforced)

    def give_up(self, number: int, enforced: dict[str, int] | None) -> None:
        expected = self.model.release(number, enforced)
        made = self.do(expected, reservations.release, reservation=number, enforced=enforced)
        self.seen["trimmed"] += bool(made and made.get("trimmed"))

    @precondition(lambda self: self.model.now.reservations)
    @rule(n=which)
    def expire(self, n: int) -> None:
        number = self.one(n, "reserved")
        ended = self.model.expire(number, self._hours())
        assert self.do("", reservations.expire, reservation=number) is ended

    @rule(hours=st.sampled_from([1, 2, -1]))
    def time_passes(self, hours: int) -> None:
        """Clocks are also set back."""
        if 0 <= self._hours() + hours < 20:
            self.clock.advance(hours * HOUR)

    @rule(n=which, to=leaves, d=dimensions, part=which)
    def move(self, n: int, to: str, d: str, part: int) -> None:
        """Of a leaf that holds something; now and then more than that, or nothing."""
        source = self.holder(n, d)
        amounts = {d: part % (self.model.now.target(source).get(d, 0) + 2)}
        expected = self.model.move(source, to, amounts)
        self.do(expected, moves.move, source=source, target=to, amounts=amounts)

    @rule(n=which, to=leaves, part=which, crowded=st.booleans())
    def move_through(self, n: int, to: str, part: int, crowded: bool) -> None:  # noqa: FBT001 (drawn)
        """To its end, where somebody may have taken the room meanwhile."""
        source = self.holder(n, "cpu")
        self.move(n, to, "cpu", part)
        if crowded:
            for amount in (20, 5, 2, 1):
                self.reserve(to, {"cpu": amount}, None)
        self.write_and_read_back(source)

    def holder(self, n: int, d: str) -> str:
        """A leaf that holds something, where there is one."""
        holding = [leaf for leaf in LEAVES if self.model.now.target(leaf).get(d, 0)] or LEAVES
        return holding[n % len(holding)]

    def waiting(self) -> set[int]:
        """Followers that may still come."""
        return {n for n, one in self.model.now.reservations.items() if one.state == "waiting"}

    def one(self, n: int, *states: str) -> int:
        """A reservation, mostly in one of these states."""
        found = self.model.now.reservations
        fitting = [number for number, one in found.items() if one.state in states]
        return fitting[n // 4 % len(fitting)] if fitting and n % 4 else n % len(found) + 1

    @rule(
        node=st.sampled_from(BODIES),
        cloud=st.booleans(),
        amount=near,
        firm=st.sampled_from([0, 0, 1, 5, 10, 20]),
        starts=st.integers(0, 2),
    )
    def grant(self, node: str, cloud: bool, amount: int, firm: int, starts: int) -> None:  # noqa: FBT001 (drawn)
        pools = [K8S, CLOUD] if cloud else [K8S]
        firm = min(firm, amount)
        body = Body(
            node,
            "",
            {pool: {"cpu": amount} for pool in pools},
            {"cpu": amount},
            {pool: {"cpu": firm} for pool in pools if firm},
        )
        number = f"G{len(self.model.now.grants)}-{self._hours()}"
        if number in self.model.now.grants:
            return
        expected = self.model.grant(number, body, self.day + starts, self.day)
        terms = {**grant(body, number), "valid_from": _date(self.day + starts), "today": _date(self.day)}
        self.do(expected, grants.add_grant, **terms)

    @rule()
    def next_day(self) -> None:
        self.day = min(self.day + 1, 7)

    @rule(n=which)
    def start(self, n: int) -> None:
        """On its day, or before it."""
        future = [number for number, one in self.model.now.grants.items() if one.state == "future"]
        number = (future or sorted(self.model.now.grants))[n % len(future or self.model.now.grants)]
        expected = self.model.start(number, self.day)
        self.do(expected, grants.start_grant, number=number, today=_date(self.day))

    @rule(n=which)
    def end(self, n: int) -> None:
        number = sorted(self.model.now.grants)[n % len(self.model.now.grants)]
        self.falls = True
        expected = self.model.end(number)
        self.do(expected, grants.end_grant, number=number, cause="ended", today=_date(self.day))

    @rule(
        pool=st.sampled_from([K8S, CLOUD]),
        amount=st.sampled_from([0, 20, 35, 40, 50, 80, 100, 120]),
        reserve=st.sampled_from([0, 0, 10]),
        percent=st.sampled_from([50, 100, 100, 200]),
    )
    def supply_changes(self, pool: str, amount: int, reserve: int, percent: int) -> None:
        self.falls = True
        self.model.set_supply(pool, "cpu", (amount, reserve, percent))
        figures = self.model.now.supply[pool]
        self.do(
            "",
            supply.set_supply,
            pool=pool,
            supply={d: one[0] for d, one in figures.items()},
            reserve={d: one[1] for d, one in figures.items()},
            percent={d: one[2] for d, one in figures.items()},
            cause="a host died",
            today=_date(self.day),
        )

    @rule(pool=st.sampled_from([K8S, CLOUD]), by=st.sampled_from([1, 4, 10]))
    def hosts_in_use_die(self, pool: str, by: int) -> None:
        charge = self.model.now.rows()["city", pool, "cpu"].charge
        self.supply_changes(pool, max(0, charge - by), 0, 100)

    @invariant()
    def figures_agree(self) -> None:
        rows = self.model.now.rows()
        wanted = {key: row[:4] for key, row in rows.items() if row[:4] != Row()[:4]}
        for leaf, pool in self.model.now.pools.items():
            wanted |= {
                (leaf, pool, d): (0, 0, 0, value) for d, value in self.model.now.held(leaf).items() if value
            }
        found = {
            (node, pool, d): figures
            for node, pool, d, *rest in self.hand.rows("SELECT * FROM quota_cells")
            if (figures := tuple(rest)) != (0, 0, 0, 0)
        }
        assert found == wanted

    @invariant()
    def no_deficit_grows_but_by_a_fall(self) -> None:
        rows = self.model.now.rows()
        wanted = {(*key, 0): row.deficit for key, row in rows.items() if row.deficit}
        wanted |= {(*key, 1): row.broken_promise for key, row in rows.items() if row.broken_promise}
        found = self._deficits()
        assert found == wanted
        if not self.falls:
            assert all(amount <= self.deficits.get(key, 0) for key, amount in found.items())
        self.deficits, self.falls = found, False

    @invariant()
    def reservations_agree(self) -> None:
        found: dict[int, tuple[str, str, dict[str, int]]] = {}
        for number, leaf, state, d, value in self.hand.rows(
            "SELECT r.id, r.leaf, r.state, a.dimension, a.delta FROM reservations r "
            "LEFT JOIN reservation_amounts a ON a.reservation = r.id"
        ):
            found.setdefault(number, (leaf, state, {}))
            if d is not None:
                found[number][2][d] = value
        ours = self.model.now.reservations
        assert found == {number: (one.leaf, one.state, one.deltas) for number, one in ours.items()}

    @invariant()
    def what_the_audit_counted_is_what_the_leaves_hold(self) -> None:
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for (result,) in self.hand.rows("SELECT result FROM audit"):
            for leaf, _, by in json.loads(result)["counted"]:
                for d, value in by.items():
                    sums[leaf, d] += value
        held = {
            (leaf, d): value for leaf in LEAVES for d, value in self.model.now.held(leaf).items() if value
        }
        assert {key: value for key, value in sums.items() if value} == held

    def _hours(self) -> int:
        return round((self.clock() - self.began).total_seconds()) // HOUR

    def _deficits(self) -> dict[tuple[str, str, str, int], int]:
        sql = "SELECT node, pool, dimension, promise, amount FROM quota_deficits WHERE closed IS NULL"
        return {(node, pool, d, promise): amount for node, pool, d, promise, amount in self.hand.rows(sql)}


def _date(day: int) -> str:
    return f"{DAY[:-2]}{int(DAY[-2:]) + day:02}"


def run(examples: int, steps: int, *, derandomize: bool = False) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_ledger_does_what_the_model_says() -> None:
    run(examples=40, steps=40, derandomize=True)
    assert_all_was_tried(Machine.seen)


@pytest.mark.prove
@pytest.mark.timeout(0)
def test_the_ledger_does_what_the_model_says_at_length() -> None:
    run(examples=3000, steps=80)


def assert_all_was_tried(seen: Counter[str]) -> None:
    """A machine that hardly ever moves anything says nothing about moves."""
    for outcome in (
        "reserve done",
        "reserve shortage",
        "reserve refused",
        "commit done",
        "confirm done",
        "confirmed",
        "release done",
        "release refused",
        "trimmed",
        "expire done",
        "move done",
        "move shortage",
        "move usage",
        "follower reserved",
        "follower released",
        "add_grant done",
        "add_grant shortage",
        "start_grant done",
        "end_grant done",
        "set_supply done",
    ):
        assert seen[outcome] > 0, outcome
