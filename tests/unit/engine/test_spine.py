"""What a plan takes from others, what it leaves alone, and that rights wait for a quota in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from estates import city
from spines import ADMIN, CPU, DENY, LEAF, QUICK, QUOTA, City, home, key, policies
from yunjin.errors import DeclaredErrors, RefusalError, UnreachableError
from yunjin.model.change import Outcome, Severity
from yunjin.model.resources import ObjectClass
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.engine.spine import Judged
    from yunjin.model.change import Receipt


def _plan(of: City) -> Judged:
    with of.spine() as spine:
        return spine.plan()


def _kinds(receipts: tuple[Receipt, ...], leaf: str = LEAF) -> dict[str, Outcome]:
    return {f"{r.change.key.kind}/{r.change.key.name}": r.outcome for r in receipts if r.change.leaf == leaf}


def test_a_reported_class_is_left_as_others_made_it(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    judged = _plan(town)
    assert (judged.plan.changes, judged.left) == ((), 1)
    town.apply()
    assert town.cpu() == "6"


def test_a_repaired_class_is_taken_back(tmp_path: Path) -> None:
    town = City(tmp_path, policies=policies(quota="repair"))
    town.apply()
    town.people.edit(QUOTA, {CPU: "6"})
    judged = _plan(town)
    assert [(change.key, change.force) for change in judged.plan.changes] == [(QUOTA, True)]
    assert judged.left == 0
    assert [receipt.outcome for receipt in town.apply()] == [Outcome.DONE]
    assert town.cpu() == "4"
    town.close()


def test_what_is_missing_is_planned_whatever_its_policy(town: City) -> None:
    """It takes nothing from anybody."""
    town.people.remove(QUOTA)
    judged = _plan(town)
    assert ([change.key for change in judged.plan.changes], judged.left) == ([QUOTA], 0)


def test_what_was_put_back_by_hand_follows_a_new_declaration(town: City) -> None:
    """Its fields belong to somebody else now, but it stands as it was left."""
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.edit(QUOTA, {CPU: "4"})
    town.allot(cpu=3)
    assert [receipt.outcome for receipt in town.apply()] == [Outcome.DONE]
    assert town.cpu() == "3"
    assert _plan(town).plan.changes == ()


def test_rights_that_are_missing_come_back_under_a_quota_left_as_it_stands(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.remove(ADMIN)
    assert _kinds(town.apply()) == {"RoleBinding/yunjin-admin": Outcome.DONE}
    assert town.cpu() == "6"


def test_a_quota_that_is_not_in_force_keeps_rights_back_at_every_apply(declared: City) -> None:
    declared.people.freeze()
    first = _kinds(declared.apply())
    assert first["ResourceQuota/yunjin"] is Outcome.PENDING
    assert first["RoleBinding/yunjin-admin"] is Outcome.SKIPPED

    assert _kinds(declared.apply()) == {
        "RoleBinding/yunjin-admin": Outcome.SKIPPED,
        "RoleBinding/yunjin-viewer": Outcome.SKIPPED,
    }
    assert declared.standing(ADMIN) is None

    declared.people.thaw()
    assert set(_kinds(declared.apply()).values()) == {Outcome.DONE}
    assert declared.standing(ADMIN) is not None
    assert declared.apply() == ()


def test_a_plan_with_an_error_in_its_verdict_is_refused(declared: City) -> None:
    declared.declare(cpu=9)
    with declared.spine() as spine:
        judged = spine.plan()
        assert judged.verdict.of(Severity.ERROR)
        with pytest.raises(RefusalError):
            spine.apply(judged, QUICK, "cloud-ops", lambda _: None)
    assert declared.cpu() is None


def test_once_the_ledger_is_open_the_baseline_stops_nothing_and_changes_nothing(town: City) -> None:
    town.declare(cpu=9)
    judged = _plan(town)
    assert judged.plan.changes == ()
    assert judged.verdict.approved
    assert "Q09" in [finding.rule for finding in judged.verdict.of(Severity.WARNING)]


def test_a_removal_must_be_allowed(town: City) -> None:
    kept = [row for row in city()["baseline"] if row["node"] not in ("tenant/jtj", "leaf/k8s/jtj-egov")]
    town.write(baseline=kept)
    with pytest.raises(RefusalError, match="still holds grants"):
        town.apply()
    town.end_grants("tenant/jtj")
    with pytest.raises(RefusalError, match="removes 3 objects"):
        town.apply()
    town.apply(replace(QUICK, allow_destroy=True, wait_quota=5))
    assert town.standing(home()) is None
    assert not any(town.share().charged.values())


def test_one_leaf_is_planned_from_what_stands_now(town: City) -> None:
    town.people.remove(DENY)
    town.people.remove(key("NetworkPolicy", "yunjin-deny", "fgw-egov"))
    with town.spine() as spine:
        leaf = next(leaf for leaf in spine.estate.leaves(spine.as_of) if leaf.name == LEAF)
        plan = spine.leaf_plan(leaf)
    assert [change.key for change in plan.changes] == [DENY]
    assert plan.leaves == 1


def test_an_endpoint_that_does_not_answer_is_unknown_and_not_planned(town: City) -> None:
    town.people.remove(DENY)
    silent = Faults((Rule(operation=Operation.OBSERVE, effect=Effect.UNREACHABLE),))
    backend = SimulatedBackend.open("k8s", town.state / "simulated" / "k8s.db", silent)
    with town.spine() as spine:
        spine.endpoints = replace(spine.endpoints, backends={"k8s": backend})
        judged = spine.plan()
    backend.close()
    assert judged.plan.unknown == ("k8s",)
    assert judged.plan.changes == ()
    failure = judged.plan.bindings["k8s"].failure
    assert failure is not None
    assert failure.code == UnreachableError.code


def test_a_policy_about_drift_that_there_is_not_is_an_error_at_its_place(declared: City) -> None:
    declared.write(policies=policies(quota="repiar"))
    with pytest.raises(DeclaredErrors) as caught, declared.spine():
        pass
    (error,) = caught.value.errors
    assert error.place.path.name == "policies.yaml"
    assert error.place.line > 1
    assert "repair" in str(error.expected)


def test_classes_without_a_policy_are_reported(tmp_path: Path) -> None:
    town = City(tmp_path)
    with town.spine() as spine:
        assert set(spine.drift_policies) == set(ObjectClass)
        assert set(spine.drift_policies.values()) == {"report"}
        assert spine.repaired == frozenset()
    town.close()


def test_a_judged_plan_is_told_in_both_languages(town: City) -> None:
    value = _plan(town).value()
    assert set(value) == {"hash", "plan", "findings"}
    assert all(set(finding["message"]) == {"zh", "en"} for finding in value["findings"])
