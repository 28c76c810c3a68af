"""Any sequence of reorganisations, quota moving in between, leaves the tree right and history as it was."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clocks import Clock
from ledgers import CLOUD, K8S, Body, Hand, Tree, plant
from yunjin.errors import RefusalError, UsageError
from yunjin.ledger import grants
from yunjin.ledger.checks import check
from yunjin.ledger.history import When, standing
from yunjin.ledger.reorganisations import Reorganisations
from yunjin.store import Store

FIRST = date(2026, 11, 23)
ABOVE = {"bureau/a": "city", "bureau/b": "city", "bureau/c": "city", "bureau/d": "bureau/c"}
TENANTS = {f"tenant/{body[-1]}{number}": body for body in ABOVE for number in (1, 2)}
LEAVES = {f"leaf/{pool}/{tenant[7:]}": (tenant, pool) for tenant in TENANTS for pool in (K8S, CLOUD)}


def tree() -> Tree:
    """Three bureaus and one below, two tenants each in two pools; limits are tight on every level."""
    bodies = [
        Body(node, parent, {K8S: {"cpu": 10}, CLOUD: {"cpu": 8}}, {"cpu": 16}, {K8S: {"cpu": 2 * position}})
        for position, (node, parent) in enumerate(ABOVE.items())
    ]
    for position, (node, parent) in enumerate(TENANTS.items()):
        firm = {K8S: {"cpu": 1}} if position % 2 else {}
        bodies.append(Body(node, parent, {K8S: {"cpu": 5}, CLOUD: {"cpu": 4}}, {"cpu": 8}, firm))
    leaves = tuple((leaf, tenant, pool) for leaf, (tenant, pool) in LEAVES.items())
    return Tree({K8S: ({"cpu": 30}, {}, {}), CLOUD: ({"cpu": 18}, {}, {"cpu": 150})}, tuple(bodies), leaves)


allotments = st.tuples(st.just("allot"), st.sampled_from(sorted(LEAVES)), st.integers(0, 6))
ends = st.tuples(st.just("end"), st.sampled_from([*ABOVE, *TENANTS]), st.none())
mergers = st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9))
new_ones = st.tuples(st.just("found"), st.integers(0, 9), st.integers(0, 9))
splits = st.tuples(st.just("split"), st.sampled_from(sorted(TENANTS)), st.integers(0, 12))
moves = st.tuples(st.just("transfer"), st.sampled_from(sorted(TENANTS)), st.integers(0, 9))
steps = st.lists(
    st.one_of(allotments, allotments, mergers, new_ones, splits, moves, ends), min_size=4, max_size=14
)


class City:
    """A ledger, and what the test knows of it."""

    def __init__(self, planted: Path, folder: Path) -> None:
        (folder / "state").mkdir(mode=0o700)
        shutil.copy2(planted, folder / "state" / "state.db")
        self.store = Store.open(folder / "state", now=Clock())
        self.hand = Hand(self.store.database)
        self.changes = Reorganisations(self.store.database, self.hand.clock, "tests")
        self.today = FIRST
        self.founded = 0

    def bodies(self) -> list[str]:
        sql = "SELECT id FROM quota_nodes WHERE id LIKE 'bureau/%' AND ended IS NULL ORDER BY id"
        return [node for (node,) in self.hand.rows(sql)]

    def pick(self, number: int) -> str:
        bodies = self.bodies()
        return bodies[number % len(bodies)]

    def new(self) -> str:
        self.founded += 1
        return f"bureau/new{self.founded}"

    def deficits(self) -> dict[tuple[str, str], int]:
        """By pool and dimension: one body's may go over to another, none may grow."""
        found: dict[tuple[str, str], int] = {}
        for _, pool, dimension, amount, _ in self.hand.deficits():
            found[(pool, dimension)] = found.get((pool, dimension), 0) + amount
        return found

    def holds(self) -> list[tuple[Any, ...]]:
        """What tenants and leaves have, wherever they hang."""
        sql = "SELECT * FROM quota_cells WHERE node LIKE 'tenant/%' OR node LIKE 'leaf/%' ORDER BY 1, 2, 3"
        return self.hand.rows(sql)

    def granted(self) -> dict[tuple[str, str], int]:
        """Limits of all bodies together."""
        sql = "SELECT pool, dimension, SUM(limit_) FROM quota_cells WHERE node LIKE 'bureau/%' GROUP BY 1, 2"
        return {(pool, dimension): int(value) for pool, dimension, value in self.hand.rows(sql)}

    def change(self, kind: str, **terms: Any) -> None:
        """Record a reorganisation and carry it out, or have it refused and cancelled, nothing changed."""
        bodies = [*terms["from"], terms["into"]]
        whole = {"parent": "city", "bodies": bodies, **terms}
        number = self.changes.record(kind, self.today, "document", whole, self.today)
        before = (self.hand.rows("SELECT * FROM quota_cells ORDER BY 1, 2, 3"), self.hand.deficits())
        try:
            expected = self.changes.rehearse(kind, self.today, "document", whole, number)
        except (RefusalError, UsageError):
            self.changes.cancel(number)
            after = (self.hand.rows("SELECT * FROM quota_cells ORDER BY 1, 2, 3"), self.hand.deficits())
            assert after == before
            return
        self.changes.carry_out(number, expected, [], self.today)
        self.changes.finish(number)

    def step(self, name: str, what: Any, much: Any) -> None:
        if name == "allot" and self.hand.allotted(what, what.split("/")[1]) != much:
            with suppress(RefusalError):
                self.hand.allot(what, cpu=much)
        elif name == "end":
            today = self.today.isoformat()
            self.hand(grants.end_grant, number=f"opening/{what}", cause="", today=today)
        elif name == "merge" and self.pick(what) != self.pick(much):
            self.change("merge", **{"from": [self.pick(what)]}, into=self.pick(much))
        elif name == "found":
            sources = sorted({self.pick(what), self.pick(much)})
            self.change("merge", **{"from": sources}, into=self.new())
        elif name in ("split", "transfer"):
            ((owner,),) = self.hand.rows("SELECT parent FROM quota_nodes WHERE id = ?", what)
            into = self.new() if name == "split" else self.pick(much)
            share = {K8S: {"cpu": much}} if name == "split" and much % 2 else None
            if into != owner:
                self.change(name, **{"from": [owner]}, into=into, tenants=[what], share=share)


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the ledger with which each sequence begins."""
    folder = tmp_path_factory.mktemp("tight")
    with Store.open(folder / "state") as store:
        plant(Hand(store.database), tree())
    return folder / "state" / "state.db"


@given(sequence=steps)
@settings(max_examples=40)
def test_reorganisations_keep_every_invariant(tight: Path, sequence: list[tuple[str, Any, Any]]) -> None:
    with TemporaryDirectory() as folder:
        city = City(tight, Path(folder))
        try:
            past: list[tuple[date, Any]] = []
            for name, what, much in sequence:
                deficits, holds, limits = city.deficits(), city.holds(), city.granted()
                city.step(name, what, much)
                assert check(city.store.database) == ()
                if name not in ("allot", "end"):
                    assert city.holds() == holds
                    assert all(city.deficits()[key] <= deficits.get(key, 0) for key in city.deficits())
                    assert all(value <= limits[key] for key, value in city.granted().items())
                past.append((city.today, _tree(city)))
                city.today += timedelta(days=1)
            for day, hanging in past:
                assert {
                    name: node.parent
                    for name, node in standing(city.store.database, When(day=day)).nodes.items()
                } == hanging
        finally:
            city.store.close()


def _tree(city: City) -> dict[str, str | None]:
    return dict(city.hand.rows("SELECT id, parent FROM quota_nodes WHERE ended IS NULL"))
