"""Who owns which field after which write. The expected entries were recorded from Kubernetes 1.37."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yunjin.substrates.simulated.ownership import (
    APPLY,
    STATUS,
    UPDATE,
    Author,
    FieldConflictError,
    apply,
    edited,
    update,
)

if TYPE_CHECKING:
    from yunjin.model.resources import Body

OURS = Author("yunjin", APPLY)
EDIT = Author("kubectl-edit", UPDATE)
CREATE = Author("kubectl-create", UPDATE)
COUNT = Author("kube-controller-manager", UPDATE, STATUS)
BLANK: Body = {"metadata": {"name": "yunjin", "namespace": "a"}}
QUOTA: Body = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "yunjin", "namespace": "a", "labels": {"l": "1"}},
    "spec": {"hard": {"pods": "2k", "requests.cpu": "8"}},
}
EARLY, LATE = "2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"


def owners(body: Body) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in body["metadata"].get("managedFields", ())}


def times(body: Body) -> dict[str, str]:
    return {entry["manager"]: entry["time"] for entry in body["metadata"]["managedFields"]}


def without_pods() -> Body:
    return {**QUOTA, "spec": {"hard": {"requests.cpu": "8"}}}


@pytest.fixture
def applied() -> Body:
    return apply(BLANK, QUOTA, OURS, EARLY)


@pytest.fixture
def taken(applied: Body) -> Body:
    changes: dict[tuple[str, ...], str] = {
        ("spec", "hard", "requests.cpu"): "10",
        ("metadata", "labels", "new"): "x",
    }
    return update(applied, edited(applied, changes), EDIT, LATE)


def test_an_apply_owns_what_it_names(applied: Body) -> None:
    assert applied["metadata"]["managedFields"] == [
        {
            "manager": "yunjin",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": EARLY,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:l": {}}},
                "f:spec": {"f:hard": {"f:pods": {}, "f:requests.cpu": {}}},
            },
        }
    ]


def test_the_same_apply_changes_nothing(applied: Body) -> None:
    again = apply(applied, QUOTA, OURS, LATE)
    assert owners(again) == owners(applied)
    assert again["spec"] == applied["spec"]


def test_the_cluster_s_own_count_is_an_entry_of_its_own(applied: Body) -> None:
    hard = applied["spec"]["hard"]
    counted = update(applied, {**applied, "status": {"hard": hard}}, COUNT, LATE)
    assert counted["metadata"]["managedFields"][1:] == [
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": LATE,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:status": {"f:hard": {".": {}, "f:pods": {}, "f:requests.cpu": {}}}},
            "subresource": "status",
        }
    ]
    assert times(counted)["yunjin"] == EARLY


def test_an_edit_takes_the_fields_it_changes(taken: Body) -> None:
    assert owners(taken) == {
        "yunjin": {"f:metadata": {"f:labels": {"f:l": {}}}, "f:spec": {"f:hard": {"f:pods": {}}}},
        "kubectl-edit": {
            "f:metadata": {"f:labels": {"f:new": {}}},
            "f:spec": {"f:hard": {"f:requests.cpu": {}}},
        },
    }
    assert times(taken) == {"yunjin": EARLY, "kubectl-edit": LATE}


def test_an_edit_that_changes_nothing_takes_nothing(applied: Body) -> None:
    same = edited(applied, {("spec", "hard", "requests.cpu"): "8"})
    assert update(applied, same, EDIT, LATE) == applied


def test_a_field_taken_out_belongs_to_nobody(applied: Body) -> None:
    less = update(applied, edited(applied, {("spec", "hard", "pods"): None}), EDIT, LATE)
    assert less["spec"]["hard"] == {"requests.cpu": "8"}
    assert owners(less) == {
        "yunjin": {"f:metadata": {"f:labels": {"f:l": {}}}, "f:spec": {"f:hard": {"f:requests.cpu": {}}}}
    }


def test_an_apply_over_another_s_field_is_a_conflict_that_names_them(taken: Body) -> None:
    with pytest.raises(FieldConflictError) as raised:
        apply(taken, QUOTA, OURS, LATE)
    assert raised.value.owners == {"kubectl-edit": ["spec.hard.requests.cpu"]}


def test_force_takes_it_back_and_what_is_dropped_goes(taken: Body) -> None:
    forced = apply(taken, without_pods(), OURS, LATE, force=True)
    assert forced["spec"]["hard"] == {"requests.cpu": "8"}
    assert forced["metadata"]["labels"] == {"l": "1", "new": "x"}
    assert owners(forced) == {
        "yunjin": {"f:metadata": {"f:labels": {"f:l": {}}}, "f:spec": {"f:hard": {"f:requests.cpu": {}}}},
        "kubectl-edit": {"f:metadata": {"f:labels": {"f:new": {}}}},
    }


def test_a_dropped_field_stays_where_another_owns_it_too(applied: Body) -> None:
    shared = apply(applied, QUOTA, Author("their-tool", APPLY), LATE)
    assert apply(shared, without_pods(), OURS, LATE)["spec"]["hard"] == {"pods": "2k", "requests.cpu": "8"}


def test_a_map_that_becomes_empty_goes(applied: Body) -> None:
    bare = {**QUOTA, "metadata": {"name": "yunjin", "namespace": "a"}}
    assert "labels" not in apply(applied, bare, OURS, LATE)["metadata"]


def test_the_same_value_by_two_managers_is_no_conflict(applied: Body) -> None:
    shared = apply(applied, QUOTA, Author("their-tool", APPLY), LATE)
    assert owners(shared)["their-tool"] == owners(shared)["yunjin"]


def test_whoever_creates_an_object_plainly_owns_its_maps_too() -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "made", "namespace": "a", "labels": {"b": "2", "z": "1"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "g"}],
    }
    assert owners(update({}, binding, CREATE, EARLY)) == {
        "kubectl-create": {
            "f:metadata": {"f:labels": {".": {}, "f:b": {}, "f:z": {}}},
            "f:roleRef": {},
            "f:subjects": {},
        }
    }
    quota = update({}, QUOTA, CREATE, EARLY)
    assert owners(quota)["kubectl-create"]["f:spec"] == {
        "f:hard": {".": {}, "f:pods": {}, "f:requests.cpu": {}}
    }
    less = update(quota, edited(quota, {("spec", "hard", "pods"): None}), EDIT, LATE)
    assert owners(less)["kubectl-create"]["f:spec"] == {"f:hard": {".": {}, "f:requests.cpu": {}}}
    assert "kubectl-edit" not in owners(less)


def test_a_map_that_goes_is_nobody_s_any_more(applied: Body) -> None:
    note = ("metadata", "annotations", "note")
    noted = update(applied, edited(applied, {note: "x"}), EDIT, EARLY)
    assert owners(noted)["kubectl-edit"] == {"f:metadata": {"f:annotations": {".": {}, "f:note": {}}}}
    bare = update(noted, edited(noted, {note: None}), Author("other", UPDATE), LATE)
    assert set(owners(bare)) == {"yunjin"}


def test_entries_come_applies_first_then_by_time(taken: Body) -> None:
    hard = taken["spec"]["hard"]
    counted = update(taken, {**taken, "status": {"hard": hard}}, COUNT, EARLY)
    forced = apply(counted, QUOTA, OURS, "2026-11-22T06:00:00Z", force=True)
    managers = [entry["manager"] for entry in forced["metadata"]["managedFields"]]
    assert managers == ["yunjin", "kube-controller-manager", "kubectl-edit"]


def test_nothing_is_changed_in_place(applied: Body) -> None:
    before = repr(applied)
    update(applied, edited(applied, {("spec", "hard", "pods"): None}), EDIT, LATE)
    apply(applied, without_pods(), OURS, LATE)
    assert repr(applied) == before
