"""An apply that is killed, at any step whatever, is finished by the next one.

A process applies a plan that holds every kind of change, and is killed with SIGKILL at one of its steps. Then
the apply is run again, with the same plan and with a new one. The endpoint must hold what an apply without
interruption leaves, a plan made afterwards must be empty, nothing may be left in doubt, and the ledger must
charge exactly what the endpoint enforces.
"""

from __future__ import annotations

import itertools
import shutil
import signal
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from killing import Steps, fork
from two_tenants import SETTINGS, TwoTenants
from yunjin.ledger.shares import under_way
from yunjin.model.change import Action
from yunjin.model.resources import ObjectClass
from yunjin.store import Store
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from devcluster import DevCluster
    from two_tenants import Objects
    from yunjin.apply import Settings
    from yunjin.model.change import Plan

KILLED = -signal.SIGKILL
NAME = "simulated"
SHARES = 4
"""Parts of the work, so that a test that hangs is known early."""


@dataclass(frozen=True)
class Trial:
    """A city with a state folder, ready to be applied to."""

    city: TwoTenants
    state: Path

    def prepare(self) -> None:
        """Bring the city into its first state."""
        with Store.open(self.state) as store:
            self.city.prepare(store)

    def plan(self) -> Plan:
        """What is to be done now."""
        with closing(self.city.connect()) as backend, Store.open(self.state) as store:
            return self.city.plan(backend, store)

    def objects(self) -> Objects:
        """What stands now."""
        with closing(self.city.connect()) as backend:
            return self.city.objects(backend)

    def apply(self, plan: Plan, fatal: str | int = "", settings: Settings = SETTINGS) -> list[str]:
        """Apply a plan, to the end or to the fatal step; the steps it took."""
        steps = Steps(plan.changes, fatal)
        with closing(self.city.connect()) as backend, Store.open(self.state) as store:
            receipts = self.city.carry_out(plan, steps.backend(backend), steps.store(store), settings)
        assert [(receipt.change.key, receipt.reason) for receipt in receipts if not receipt.settled] == []
        return steps.reached

    def kill(self, plan: Plan, step: str | int, settings: Settings = SETTINGS) -> int:
        """Apply a plan in another process, which dies at a step; how it ended."""
        return fork(partial(self.apply, plan, step, settings))


@dataclass(frozen=True)
class Undisturbed:
    """A run without interruption: the plan, the steps it took, and what stood before and after."""

    plan: Plan
    steps: list[str]
    before: Objects
    after: Objects

    @classmethod
    def run(cls, trial: Trial) -> Undisturbed:
        plan, before = trial.plan(), trial.objects()
        steps = trial.apply(plan)
        return cls(plan, steps, before, trial.objects())


def check_dead(trial: Trial, undisturbed: Undisturbed, step: str) -> None:
    """At the moment of death, whatever is not as it was before is in the journal."""
    standing, before = trial.objects(), undisturbed.before
    touched = {thing for thing in before.keys() | standing.keys() if before.get(thing) != standing.get(thing)}
    with Store.open(trial.state) as store:
        (_, *runs) = reversed(store.journal.runs())  # the first is that of the preparation
        entries = [entry for run in runs for entry in store.journal.entries(run.id)]
    journalled = {trial.city.thing(entry.key) for entry in entries}
    emptied = {leaf for leaf, kind, _ in journalled if kind == "Namespace"} - {
        leaf for leaf, _, _ in standing
    }
    assert {thing for thing in touched if thing[0] not in emptied} <= journalled, step


def check_finished(trial: Trial, expected: Objects, step: str) -> None:
    """Nothing tells that anything was ever interrupted, but the journal."""
    assert trial.objects() == expected, step
    assert trial.plan().changes == (), step
    with Store.open(trial.state) as store, closing(trial.city.connect()) as backend:
        charged = trial.city.charged(store)
        assert {leaf: amounts for leaf, amounts in charged.items() if amounts} == trial.city.enforced(
            backend
        ), step
        assert under_way(store.database) == frozenset(), step
        assert store.journal.unfinished() == (), step
        assert all(fence.holder.dead for fence in store.leases.held()), step


# ---- simulated: every step


def simulated(folder: Path) -> Trial:
    endpoint, file = f"{NAME}-k8s", folder / "k8s.db"
    city = TwoTenants(folder / "declared", NAME, lambda: SimulatedBackend.open(endpoint, file))
    return Trial(city, folder / "state")


def copied(folder: Path, target: Path) -> Trial:
    # A writer that was killed leaves its socket, and a socket cannot be copied.
    return simulated(Path(shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.sock"))))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first state of the city."""
    folder = tmp_path_factory.mktemp("prepared")
    simulated(folder).prepare()
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed.run(copied(prepared, tmp_path_factory.mktemp("undisturbed") / "trial"))


def test_the_plan_holds_every_kind_of_change(undisturbed: Undisturbed) -> None:
    changes = undisturbed.plan.changes
    new = [change for change in changes if change.leaf == f"{NAME}-first-inet"]
    deleted = {(change.leaf, change.key.kind) for change in changes if change.action is Action.DELETE}

    assert [change.action for change in new] == [Action.CREATE] * 8
    assert {c.object_class for c in changes if c.action is Action.UPDATE} == set(ObjectClass)
    assert (f"{NAME}-first-egov", "NetworkPolicy") in deleted
    assert (f"{NAME}-second-egov", "Namespace") in deleted
    assert any(c.action is Action.CREATE and c.object_class is ObjectClass.CLUSTER for c in changes)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_any_step_and_run_again(
    share: int, prepared: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for number, step in enumerate(undisturbed.steps[share::SHARES]):
        folder = tmp_path / f"{number}-same-plan"
        trial = copied(prepared, folder)
        assert trial.kill(undisturbed.plan, step) == KILLED, step
        check_dead(copied(folder, tmp_path / f"{number}-dead"), undisturbed, step)
        again = copied(folder, tmp_path / f"{number}-new-plan")

        trial.apply(undisturbed.plan)
        check_finished(trial, undisturbed.after, step)
        again.apply(again.plan())
        check_finished(again, undisturbed.after, step)


@pytest.mark.timeout(600)
def test_killed_while_many_writes_are_under_way(
    prepared: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    many = replace(SETTINGS, workers=8, chunk=64)
    steps = [step for step in undisturbed.steps if "backend.write" in step]
    for number, step in enumerate(steps[::4]):
        trial = copied(prepared, tmp_path / str(number))
        assert trial.kill(undisturbed.plan, step, many) == KILLED, step

        trial.apply(trial.plan(), settings=many)
        check_finished(trial, undisturbed.after, step)


@pytest.mark.timeout(600)
def test_killed_again_and_again(prepared: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    trial = copied(prepared, tmp_path / "trial")
    for step in undisturbed.steps[::9]:
        trial.kill(undisturbed.plan, step)

    trial.apply(undisturbed.plan)
    check_finished(trial, undisturbed.after, "the last")


# ---- the real server


@pytest.fixture
def on_server(owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path) -> Callable[[], Trial]:
    """Makes cities on the real server, each with names of its own."""
    numbers = itertools.count()

    def make() -> Trial:
        name, folder = unique("kill"), tmp_path / f"city-{next(numbers)}"
        endpoint = f"{name}-k8s"
        city = TwoTenants(
            folder / "declared",
            name,
            lambda: KubernetesBackend.connect(endpoint, owned_cluster.kubeconfig, None),
        )
        trial = Trial(city, folder / "state")
        trial.prepare()
        return trial

    return make


def kill_on_server(make: Callable[[], Trial], spread: int, first: int = 1) -> None:
    """Every `spread`-th step from the `first` on: killed, and run again.

    The second run has in turn the same plan and a new one. Steps go by their position: how often one must ask
    until a quota counts is the server's business.
    """
    undisturbed = Undisturbed.run(make())
    for number in itertools.count():
        position = first + number * spread
        trial = make()
        plan = trial.plan()
        ended = trial.kill(plan, position)
        if ended == 0:  # it had fewer steps
            break
        assert ended == KILLED, position

        trial.apply(trial.plan() if number % 2 else plan)
        check_finished(trial, undisturbed.after, str(position))
    assert position > 3 * len(undisturbed.plan.changes), "a change has at least three steps"


@pytest.mark.timeout(600)
def test_killed_on_the_real_server_and_run_again(on_server: Callable[[], Trial]) -> None:
    kill_on_server(on_server, spread=17)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_step_on_the_real_server(share: int, on_server: Callable[[], Trial]) -> None:
    kill_on_server(on_server, spread=SHARES, first=1 + share)
