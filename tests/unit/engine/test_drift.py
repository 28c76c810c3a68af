"""Drift: how old it is, what becomes of it, and how a figure becomes the declared one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from spines import ADMIN, CPU, DENY, LEAF, QUICK, QUOTA, City, under_way
from yunjin.engine import drift
from yunjin.errors import ShortageError, UnreachableError, UsageError
from yunjin.model.amounts import Amounts
from yunjin.model.change import Outcome
from yunjin.model.resources import ObjectClass
from yunjin.plan import DriftKind
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from clocks import Clock
    from yunjin.engine.drift import Seen

FOREIGN = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "allow-all", "namespace": LEAF},
    "spec": {"podSelector": {}},
}


def _seen(city: City) -> tuple[Seen, ...]:
    with city.spine() as spine:
        return drift.seen(spine, spine.split())


def _ages(city: City) -> dict[str, datetime]:
    return {each.item.key.name: each.first_seen for each in _seen(city)}


def test_a_difference_keeps_the_time_it_was_first_seen(town: City, clock: Clock) -> None:
    town.people.remove(DENY)
    first = clock()
    assert _ages(town) == {"yunjin-deny": first}
    clock.advance(60)
    town.people.remove(ADMIN)
    assert _ages(town) == {"yunjin-deny": first, "yunjin-admin": clock()}


def test_another_value_starts_anew_and_what_is_gone_is_forgotten(town: City, clock: Clock) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    _seen(town)
    clock.advance(60)
    town.people.edit(QUOTA, {CPU: "7"})
    assert _ages(town) == {"yunjin": clock()}
    town.people.edit(QUOTA, {CPU: "4"})
    assert _ages(town) == {}
    clock.advance(60)
    town.people.edit(QUOTA, {CPU: "7"})
    assert _ages(town) == {"yunjin": clock()}


def test_an_endpoint_that_does_not_answer_keeps_its_ages(town: City, clock: Clock) -> None:
    town.people.remove(DENY)
    first = clock()
    _seen(town)
    clock.advance(60)
    with town.spine() as spine:
        parted = spine.split()
        unknown = {name: replace(binding, observed_at=None) for name, binding in parted.plan.bindings.items()}
        blind = replace(parted, plan=replace(parted.plan, bindings=unknown, changes=()), drifted=())
        assert drift.seen(spine, blind) == ()
    assert _ages(town) == {"yunjin-deny": first}


def test_who_and_since_when_come_from_the_object_where_it_says_so(town: City, clock: Clock) -> None:
    town.people.edit(QUOTA, {CPU: "6"}, "kubectl-patch")
    clock.advance(10**9)
    (each,) = _seen(town)
    assert (each.item.kind, each.item.path) == (DriftKind.CHANGED, "spec.hard.requests.cpu")
    assert (each.item.wanted, each.item.observed, each.item.manager) == ("4", "6", "kubectl-patch")
    assert each.item.since is not None
    assert each.since == each.item.since < each.first_seen


def test_other_peoples_objects_are_reported_whatever_the_policy(town: City) -> None:
    town.people.create_foreign(FOREIGN)
    town.people.remove(DENY)
    assert {each.item.key.name: each.policy for each in _seen(town)} == {
        "allow-all": "report",
        "yunjin-deny": "repair",
    }
    with town.spine() as spine:
        judged = drift.put_right(spine, spine.split(), frozenset(ObjectClass))
    assert [change.key for change in judged.plan.changes] == [DENY]


def test_only_the_classes_asked_for_are_put_right(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.remove(DENY)
    with town.spine() as spine:
        judged = drift.put_right(spine, spine.split(), {ObjectClass.QUOTA})
        receipts = spine.apply(judged, QUICK, "cloud-ops", lambda _: None)
    assert [(r.change.key, r.change.force, r.outcome) for r in receipts] == [(QUOTA, True, Outcome.DONE)]
    assert (town.cpu(), town.standing(DENY)) == ("4", None)


def test_what_waits_is_not_put_right(town: City) -> None:
    town.allot("fgw-egov", cpu=3)
    town.people.remove(DENY)
    with town.spine() as spine:
        judged = drift.put_right(spine, spine.split(), frozenset(ObjectClass))
    assert [change.key for change in judged.plan.changes] == [DENY]


def _adopt(city: City, leaf: str = LEAF) -> drift.Adoption:
    with city.spine() as spine:
        adoption = drift.adopt(spine, leaf)
        drift.save(spine, adoption, "cloud-ops")
    return adoption


def test_adopting_lets_the_ledger_hold_the_figures_that_stand(town: City) -> None:
    baseline = (town.tenants / "baseline.yaml").read_bytes()
    town.people.edit(QUOTA, {CPU: "6"})
    adoption = _adopt(town)
    before = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "100Gi", "pods": 40})
    assert adoption.leaf.allotted == before
    assert town.share().target == Amounts({**before, "cpu": 6000})
    assert _seen(town) == ()
    assert (town.tenants / "baseline.yaml").read_bytes() == baseline
    town.apply()
    assert under_way(town) == frozenset()


def test_nothing_is_entered_before_somebody_agrees(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    with town.spine() as spine:
        drift.adopt(spine, LEAF)
    assert town.share().target.of("cpu") == 4000


def test_a_lower_figure_is_adopted_and_frees_the_rest(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "3"})
    _adopt(town)
    assert (town.share().target.of("cpu"), town.share().charged.of("cpu")) == (3000, 4000)
    town.apply()
    assert town.share().charged.of("cpu") == 3000


@pytest.mark.parametrize("settled", [True, False])
def test_an_adopted_quota_follows_a_new_declaration(town: City, *, settled: bool) -> None:
    """Whether or not what the adoption left to do (the limits' ratio) was applied before."""
    town.people.edit(QUOTA, {CPU: "6"})
    _adopt(town)
    if settled:
        town.apply()
    town.allot(cpu=5)
    assert _seen(town) == ()
    town.apply()
    assert town.cpu() == "5"
    town.people.edit(QUOTA, {CPU: "7"})
    assert [each.item.path for each in _seen(town)] == ["spec.hard.requests.cpu"]
    town.apply()
    assert town.cpu() == "7"


def test_an_adopted_quota_that_is_edited_again_is_drift_again(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    _adopt(town)
    town.people.edit(QUOTA, {CPU: "7"})
    assert "spec.hard.requests.cpu" in [each.item.path for each in _seen(town)]
    town.apply()
    assert town.cpu() == "7"


def test_figures_that_do_not_fit_are_refused_naming_whose_limit_it_is(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "9"})
    with pytest.raises(ShortageError, match="limit") as caught:
        _adopt(town)
    assert caught.value.facts["node"] == "tenant/jtj"
    assert town.share().target.of("cpu") == 4000


def test_a_leaf_is_also_found_by_the_name_that_drift_lists(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    assert _adopt(town, f"k8s/{LEAF}").observed.of("cpu") == 6000


@pytest.mark.parametrize(
    ("leaf", "said"),
    [("nowhere", "no namespace"), ("k8s/nowhere", "no namespace"), ("fgw-egov", "does not differ")],
)
def test_there_must_be_something_to_adopt(town: City, leaf: str, said: str) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    with pytest.raises(UsageError, match=said):
        _adopt(town, leaf)


def test_a_waiting_declaration_is_nothing_to_adopt(town: City) -> None:
    town.allot(cpu=3)
    with pytest.raises(UsageError, match="does not differ"):
        _adopt(town)


def test_a_missing_quota_cannot_be_adopted(town: City) -> None:
    town.people.remove(QUOTA)
    with pytest.raises(UsageError, match="no quota") as caught:
        _adopt(town)
    assert "repair" in str(caught.value.remedy)


def test_an_endpoint_that_does_not_answer_is_said_so(town: City) -> None:
    silent = Faults((Rule(operation=Operation.READ, effect=Effect.UNREACHABLE),))
    backend = SimulatedBackend.open("k8s", town.state / "simulated" / "k8s.db", silent)
    with town.spine() as spine:
        spine.endpoints = replace(spine.endpoints, backends={"k8s": backend})
        with pytest.raises(UnreachableError):
            drift.adopt(spine, LEAF)
    backend.close()


def test_extra_dimensions_that_were_zero_stay_undeclared(town: City) -> None:
    """A quota forbids what nobody declared by zeros; these are no figures of the tenant."""
    town.people.edit(QUOTA, {CPU: "6", ("spec", "hard", "requests.nvidia.com/gpu"): "1"})
    with pytest.raises(ShortageError, match="limit"):
        _adopt(town)
    town.people.edit(QUOTA, {("spec", "hard", "requests.nvidia.com/gpu"): "0"})
    assert set(_adopt(town).observed) == {"cpu", "memory", "storage", "pods"}
