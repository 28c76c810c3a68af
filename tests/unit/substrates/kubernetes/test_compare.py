"""Wanted against live: what counts as a difference, whose it is, and that three answers never disagree."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import TRANSLATOR, leaf, objects
from yunjin.model.centre import Flow
from yunjin.model.change import ABSENT
from yunjin.model.resources import Live, Wanted
from yunjin.substrates.kubernetes import compare

if TYPE_CHECKING:
    from yunjin.model.resources import Body, Difference

ATOMIC = {("spec", "podSelector"), ("roleRef",)}
WAY = Flow.model_validate(
    {
        "id": "f",
        "from": "inet",
        "to": "egov",
        "protocol": "TCP",
        "port": 1,
        "approval": "x",
        "expires": "2030-01-01",
    }
)
OBJECTS = objects(
    leaf(
        "zfj",
        "k8s",
        node_selector={"pool": "p"},
        flows=(WAY,),
        cidrs={"inet": ("10.0.0.0/8",)},
        protected=True,
    )
)
FLOWS = next(w for w in OBJECTS.all if w.key.name == "yunjin-flows")
CPU = ("spec", "hard", "requests.cpu")


def _fields(value: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        f"f:{name}": _fields(inner, (*path, name))
        if type(inner) is dict and (*path, name) not in ATOMIC
        else {}
        for name, inner in value.items()
        if path or name not in ("apiVersion", "kind")
        if path != ("metadata",) or name in ("labels", "annotations")
    }


def _entry(manager: str, fields: Body, operation: str = "Apply", time: str = "2026-11-01T08:00:00Z") -> Body:
    return {
        "manager": manager,
        "operation": operation,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _stored(wanted: Wanted, *entries: Body) -> Live:
    """The object as a server keeps it after Yunjin applied it: empty lists gone, ownership recorded."""
    body = json.loads(json.dumps(wanted.body))
    spec = body.get("spec")
    if spec:
        body["spec"] = {name: value for name, value in spec.items() if value != []}
    body["metadata"]["managedFields"] = [
        _entry("kube-controller-manager", {"f:status": {}}, "Update") | {"subresource": "status"},
        _entry("yunjin", _fields(wanted.body)),
        *entries,
    ]
    return Live(wanted.key, body, "7")


def _edited(live: Live, path: tuple[str, ...], value: Any, manager: str = "kubectl-edit") -> Live:
    """As a server keeps it after somebody's update: the value, and its owner."""
    body = copy.deepcopy(live.body)
    inner, fields = body, {}
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    if value is None:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = value
    tree: Body = {}
    for name in reversed(path):
        tree = {f"f:{name}": tree}
    fields = tree
    for entry in body["metadata"]["managedFields"]:
        if entry["manager"] == "yunjin":
            _without(entry["fieldsV1"], path)
    if value is not None:
        body["metadata"]["managedFields"].append(_entry(manager, fields, "Update", "2026-11-20T01:02:03Z"))
    return replace(live, body=body)


def _without(fields: Body, path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        fields = fields.get(f"f:{name}", {})
    fields.pop(f"f:{path[-1]}", None)


def _assert_consistent(wanted: Wanted, live: Live) -> tuple[Difference, ...]:
    differences = TRANSLATOR.differences(wanted, live)
    stands = TRANSLATOR.matches(wanted, live)
    assert stands == (differences == ())
    assert stands == (TRANSLATOR.fingerprint(wanted, live) == TRANSLATOR.target(wanted))
    if not wanted.loose and compare.stands(wanted.body, live.body):
        assert stands
    return differences


@pytest.mark.parametrize("wanted", OBJECTS.all, ids=lambda w: f"{w.key.kind}-{w.key.name}")
def test_what_was_applied_stands(wanted: Wanted) -> None:
    live = _stored(wanted)
    assert _assert_consistent(wanted, live) == ()
    assert compare.stands(wanted.body, live.body), "the quick answer suffices"


def test_an_absent_object_has_its_own_fingerprint() -> None:
    assert TRANSLATOR.fingerprint(OBJECTS.quota, None) == ABSENT != TRANSLATOR.target(OBJECTS.quota)


@pytest.mark.parametrize("text", ["4", "4000m", "4.0", "4000000u", "4e0", 4])
def test_the_same_amount_in_other_words_is_no_difference(text: Any) -> None:
    live = _edited(_stored(OBJECTS.quota), CPU, text)
    assert _assert_consistent(OBJECTS.quota, live) == ()


def test_limits_in_other_words_are_no_difference() -> None:
    live = _stored(OBJECTS.limits)
    live.body["spec"]["limits"][0]["default"] = {"cpu": "0.2", "memory": "134217728"}
    assert _assert_consistent(OBJECTS.limits, live) == ()


def test_a_difference_names_field_values_writer_and_time() -> None:
    live = _edited(_stored(OBJECTS.quota), CPU, "8000m")
    (difference,) = _assert_consistent(OBJECTS.quota, live)
    assert (difference.path, difference.wanted, difference.observed) == ("spec.hard.requests.cpu", "4", "8")
    assert difference.manager == "kubectl-edit"
    assert difference.since == datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


def test_a_field_that_somebody_took_out_has_no_writer() -> None:
    (difference,) = _assert_consistent(OBJECTS.quota, _edited(_stored(OBJECTS.quota), CPU, None))
    assert (difference.observed, difference.manager, difference.since) == (None, "", None)


def test_of_several_owners_the_last_other_one_is_named() -> None:
    live = _stored(
        OBJECTS.quota,
        _entry("early", {"f:spec": {"f:hard": {"f:requests.cpu": {}}}}, "Update", "2026-11-02T00:00:00Z"),
        _entry("late", {"f:spec": {"f:hard": {"f:requests.cpu": {}}}}, "Update", "2026-11-03T00:00:00Z"),
    )
    live.body["spec"]["hard"]["requests.cpu"] = "5"
    (difference,) = _assert_consistent(OBJECTS.quota, live)
    assert difference.manager == "late"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "hard", "services"), "3"),
        (("metadata", "labels", "team"), "x"),
        (("metadata", "annotations", "note"), "x"),
        (("spec", "scopes"), ["NotTerminating"]),
    ],
)
def test_fields_of_others_are_left_alone(path: tuple[str, ...], value: Any) -> None:
    assert _assert_consistent(OBJECTS.quota, _edited(_stored(OBJECTS.quota), path, value)) == ()


def test_a_field_yunjin_owns_and_no_longer_wants_is_a_difference() -> None:
    live = _stored(OBJECTS.namespace)
    free = objects(leaf("zfj", "k8s")).namespace
    paths = [difference.path for difference in _assert_consistent(free, live)]
    assert paths == [
        "metadata.annotations.scheduler.alpha.kubernetes.io/node-selector",
        "metadata.labels.yunjin/protected",
    ]


def test_what_only_an_update_of_that_name_wrote_is_not_owned() -> None:
    live = _stored(OBJECTS.namespace)
    live.body["metadata"]["managedFields"] = [_entry("yunjin", _fields(OBJECTS.namespace.body), "Update")]
    free = objects(leaf("zfj", "k8s")).namespace
    assert _assert_consistent(free, live) == ()


@pytest.mark.parametrize("wanted", [OBJECTS.deny, FLOWS], ids=["deny", "flows"])
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_rule_that_somebody_adds_to_a_policy_shows(wanted: Wanted, direction: str) -> None:
    live = _edited(_stored(wanted), ("spec", direction), [{}])
    (difference,) = _assert_consistent(wanted, live)
    assert (difference.path, difference.observed) == (f"spec.{direction}", [{}])
    assert difference.manager == "kubectl-edit"


def test_a_policy_that_no_longer_selects_every_pod_shows() -> None:
    live = _edited(_stored(OBJECTS.deny), ("spec", "podSelector"), {"matchLabels": {"a": "b"}})
    (difference,) = _assert_consistent(OBJECTS.deny, live)
    assert difference.path == "spec.podSelector"


def test_a_subject_that_somebody_adds_shows() -> None:
    subjects = [*OBJECTS.admin.body["subjects"], {"kind": "User", "name": "x"}]
    live = _edited(_stored(OBJECTS.admin), ("subjects",), subjects)
    assert [d.path for d in _assert_consistent(OBJECTS.admin, live)] == ["subjects"]


def test_an_older_name_for_a_bound_of_ours_shows() -> None:
    live = _edited(_stored(OBJECTS.quota), ("spec", "hard", "cpu"), "1")
    (difference,) = _assert_consistent(OBJECTS.quota, live)
    assert (difference.path, difference.wanted, difference.observed) == ("spec.hard.cpu", None, "1")


def _foreign(wanted: Wanted, **parts: Any) -> Live:
    metadata = {"name": wanted.key.name, "managedFields": [_entry("kubectl", {}, "Update")]}
    return Live(wanted.key, {"metadata": metadata, **parts}, "3")


@pytest.mark.parametrize(
    "hard",
    [
        {"requests.cpu": "4", "requests.memory": "8Gi", "pods": "40"},
        {"cpu": "4", "memory": "8192Mi"},
        {"requests.cpu": "3999500u", "limits.cpu": "64", "count/secrets": "5"},
        {},
    ],
)
def test_an_imported_quota_that_agrees_where_both_speak_stands(hard: Body) -> None:
    wanted = replace(OBJECTS.quota, loose=True)
    assert _assert_consistent(wanted, _foreign(wanted, spec={"hard": hard})) == ()


@pytest.mark.parametrize(
    ("scope", "value"),
    [("scopes", ["NotTerminating"]), ("scopeSelector", {"matchExpressions": [{"scopeName": "BestEffort"}]})],
)
def test_an_imported_quota_that_comes_to_bound_only_some_pods_differs(scope: str, value: Any) -> None:
    wanted = replace(OBJECTS.quota, loose=True)
    live = _foreign(wanted, spec={**OBJECTS.quota.body["spec"], scope: value})
    assert f"spec.{scope}" in [d.path for d in _assert_consistent(wanted, live)]
    assert _assert_consistent(wanted, _foreign(wanted, spec={**OBJECTS.quota.body["spec"], scope: []})) == ()


def test_an_imported_quota_with_other_figures_differs_in_these_and_in_what_it_will_bound_besides() -> None:
    wanted = replace(OBJECTS.quota, loose=True)
    live = _foreign(wanted, spec={"hard": {"cpu": "6", "requests.memory": "8Gi", "limits.cpu": "64"}})
    found = {d.path.removeprefix("spec.hard."): d for d in _assert_consistent(wanted, live)}
    changed = found.pop("requests.cpu")
    assert (changed.wanted, changed.observed) == ("4", "6")
    assert {each.observed for each in found.values()} == {None}
    assert (found["pods"].wanted, found["services.loadbalancers"].wanted) == ("40", "0")
    bound = {"requests.cpu", "requests.memory", "limits.cpu"}
    assert found.keys() == wanted.body["spec"]["hard"].keys() - bound


@pytest.mark.parametrize("wanted", OBJECTS.all, ids=lambda w: f"{w.key.kind}-{w.key.name}")
def test_imported_objects_count_as_they_are_until_yunjin_owns_fields(wanted: Wanted) -> None:
    loose = replace(wanted, loose=True)
    assert _assert_consistent(loose, _foreign(loose, spec={}, subjects=[])) == ()
    owned = _stored(loose)
    del owned.body["metadata"]["labels"]["yunjin/tenant"]
    assert [d.path for d in _assert_consistent(loose, owned)] == ["metadata.labels.yunjin/tenant"]


def test_of_a_removal_the_fields_that_yunjin_owns_are_compared() -> None:
    nothing = replace(OBJECTS.quota, body={})
    live = _stored(OBJECTS.quota)
    before = TRANSLATOR.fingerprint(nothing, live)
    assert before not in (ABSENT, TRANSLATOR.target(nothing))
    assert TRANSLATOR.fingerprint(nothing, _edited(live, ("metadata", "labels", "team"), "x")) == before
    assert TRANSLATOR.fingerprint(nothing, _edited(live, CPU, "9")) != before


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {}},
        {"metadata": {"labels": None, "annotations": None, "managedFields": None}, "spec": None},
        {"metadata": {"managedFields": [{}, {"manager": "yunjin", "operation": "Apply"}]}, "spec": "odd"},
        {
            "metadata": {
                "managedFields": [_entry("yunjin", {"f:spec": {"k:{}": {"f:a": {}}, "v:1": {}, ".": {}}})]
            }
        },
        {
            "metadata": {"managedFields": [_entry("x", {"f:spec": {}}, time="yesterday")]},
            "spec": {"hard": []},
        },
    ],
)
def test_odd_objects_get_an_answer(body: Body) -> None:
    for wanted in OBJECTS.all:
        _assert_consistent(wanted, Live(wanted.key, body, "1"))
        _assert_consistent(replace(wanted, loose=True), Live(wanted.key, body, "1"))


words = st.sampled_from(
    ("yunjin/tenant", "yunjin/pool", "team", "requests.cpu", "pods", "cpu", "memory", "ingress")
)
values: st.SearchStrategy[Any] = st.sampled_from(("4", "4000m", "8Gi", "8192Mi", "x", [], [{}], {}, None))
edits = st.lists(
    st.tuples(st.sampled_from((("metadata", "labels"), ("spec", "hard"), ("spec",), ())), words, values),
    max_size=4,
)


@settings(max_examples=300)
@given(wanted=st.sampled_from(OBJECTS.all), changes=edits, loose=st.booleans(), applied=st.booleans())
def test_three_answers_never_disagree(
    *, wanted: Wanted, changes: list[tuple[tuple[str, ...], str, Any]], loose: bool, applied: bool
) -> None:
    wanted = replace(wanted, loose=loose)
    live = _stored(wanted)
    if not applied:
        del live.body["metadata"]["managedFields"][1]
    for parent, name, value in changes:
        live = _edited(live, (*parent, name), value)
    _assert_consistent(wanted, live)


@settings(max_examples=200)
@given(st.sampled_from(OBJECTS.all), edits, edits)
def test_fingerprints_tell_states_apart_by_what_is_compared(wanted: Wanted, one: Any, other: Any) -> None:
    def state(changes: Any) -> Live:
        live = _stored(wanted)
        for parent, name, value in changes:
            live = _edited(live, (*parent, name), value)
        return live

    def seen(live: Live) -> list[tuple[str, Any]]:
        return [(d.path, d.observed) for d in TRANSLATOR.differences(wanted, live)]

    first, second = state(one), state(other)
    same = TRANSLATOR.fingerprint(wanted, first) == TRANSLATOR.fingerprint(wanted, second)
    assert same == (seen(first) == seen(second))
