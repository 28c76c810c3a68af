"""Wanted against live: what counts as a difference, since when, and that three answers never disagree."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clouds import FLOWS_IN, ZONES, cloud_leaf, endpoint
from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT
from yunjin.model.resources import Key, Live, ObjectClass, Wanted
from yunjin.substrates.openstack import names, quantities, standard
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.resources import Body, Difference

TRANSLATOR = OpenStackTranslator()
LEAF = cloud_leaf(flows=FLOWS_IN, protected=True)
OBJECTS = (*TRANSLATOR.shared(endpoint(), ZONES), *TRANSLATOR.wanted(LEAF))
BY_KIND = {wanted.key.kind: wanted for wanted in OBJECTS}
QUOTA, GROUP, PROJECT = BY_KIND["Quota"], BY_KIND["SecurityGroup"], BY_KIND["Project"]
CORES = ("compute", "cores")
every_object = pytest.mark.parametrize("wanted", OBJECTS, ids=lambda w: f"{w.key.kind}-{w.key.name}")


def _stored(wanted: Wanted, *, ours: bool = True) -> Live:
    """The object as it is observed once it was written; `ours`: in a project that bears the marks."""
    body = copy.deepcopy(wanted.body)
    body["metadata"] |= {
        "id": "5c1f",
        "project_id": "9f2e",
        "updated_at": "2026-11-20T01:02:03Z",
        "owner": standard.owner(LEAF) if ours else {},
    }
    return Live(wanted.key, body, "7")


def _edited(live: Live, path: tuple[str, ...], value: Any) -> Live:
    """The same with another value somewhere in its spec; `None` takes it out."""
    body = copy.deepcopy(live.body)
    inner = body["spec"]
    for name in path[:-1]:
        below = inner.setdefault(name, {})
        if type(below) is not dict:
            below = inner[name] = {}
        inner = below
    if value is None:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = value
    return replace(live, body=body)


def _assert_consistent(wanted: Wanted, live: Live) -> tuple[Difference, ...]:
    differences = TRANSLATOR.differences(wanted, live)
    stands = TRANSLATOR.matches(wanted, live)
    assert stands == (differences == ())
    assert stands == (TRANSLATOR.fingerprint(wanted, live) == TRANSLATOR.target(wanted))
    return differences


@every_object
def test_what_was_written_stands(wanted: Wanted) -> None:
    assert _assert_consistent(wanted, _stored(wanted)) == ()


def test_an_absent_object_has_its_own_fingerprint() -> None:
    assert TRANSLATOR.fingerprint(QUOTA, None) == ABSENT != TRANSLATOR.target(QUOTA)


def test_a_difference_names_field_values_and_time_but_nobody() -> None:
    live = _edited(_stored(GROUP), ("rules", "ingress tcp 22 from any"), value=True)
    (difference,) = _assert_consistent(GROUP, live)
    assert difference.path == "rules.ingress tcp 22 from any"
    assert (difference.wanted, difference.observed, difference.manager) == (None, True, "")
    assert difference.since == datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "since"),
    [
        ("2026-11-20T01:02:03", datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)),
        ("2026-11-20T09:02:03+08:00", datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_since_when_is_what_the_service_tells(written: Any, since: datetime | None) -> None:
    live = _edited(_stored(QUOTA), CORES, 5)
    live.body["metadata"]["updated_at"] = written
    (difference,) = _assert_consistent(QUOTA, live)
    assert (difference.path, difference.since) == ("compute.cores", since)


def test_what_somebody_took_out_has_no_date() -> None:
    (difference,) = _assert_consistent(
        GROUP, _edited(_stored(GROUP), ("rules", "egress any to own-group"), None)
    )
    assert (difference.wanted, difference.observed, difference.since) == (True, None, None)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Domain", ("enabled",), False),
        ("SubnetPool", ("prefixes",), ["10.0.0.0/8"]),
        ("Project", ("tags", "yunjin:tenant"), "somebody"),
        ("Project", ("tags", "yunjin:extra"), "1"),
        ("Project", ("enabled",), False),
        ("Quota", CORES, -1),
        ("Quota", ("network", "rbac_policy"), 10),
        ("PoolBinding", ("aggregate",), "os-egov,os-other"),
        ("PoolBinding", ("xc",), True),
        ("Network", ("shared",), True),
        ("Subnet", ("pool",), ""),
        ("Router", ("subnets", "yunjin"), None),
        ("Router", ("subnets", "other"), True),
        ("Group", ("roles", "admin"), True),
    ],
)
def test_any_field_of_spec_counts(kind: str, path: tuple[str, ...], value: Any) -> None:
    wanted = BY_KIND[kind]
    live = _edited(_stored(wanted), path, value)
    (difference,) = _assert_consistent(wanted, live)
    assert (difference.path, difference.observed) == (".".join(path), value)


@every_object
def test_what_is_beside_spec_does_not_count(wanted: Wanted) -> None:
    live = _stored(wanted)
    live.body["status"] = {"compute": {"cores": 9}}
    live.body["metadata"] = {"id": "another"}
    assert _assert_consistent(wanted, live) == ()


def test_the_mark_of_a_removal_is_no_field() -> None:
    live = _edited(_stored(PROJECT), ("tags", names.ENDING), names.YES)
    assert _assert_consistent(PROJECT, live) == ()


def _imported(allotted: Mapping[str, int]) -> Wanted:
    of = cloud_leaf(imported=True, allotted=Amounts(allotted), without=frozenset({"limits"}))
    return next(w for w in TRANSLATOR.wanted(of) if w.object_class is ObjectClass.QUOTA)


def _found(**figures: Mapping[str, int]) -> Live:
    key = Key("os-egov", "jtj-egov", "Quota", "yunjin")
    return Live(key, {"kind": "Quota", "metadata": {"owner": {}}, "spec": figures}, "3")


figures = st.integers(0, 2**31 - 1)


@given(st.fixed_dictionaries(dict.fromkeys(sorted(quantities.CAPACITY), figures)), st.integers(0, 500))
def test_importing_what_stands_plans_nothing(found: dict[tuple[str, str], int], instances: int) -> None:
    spec: dict[str, dict[str, int]] = {"compute": {"instances": instances}}
    for (service, figure), number in found.items():
        spec.setdefault(service, {})[figure] = number
    live = _found(**spec)
    wanted = _imported(TRANSLATOR.holding(live).granted)
    assert _assert_consistent(wanted, live) == ()
    assert not TRANSLATOR.lowers(wanted, live)


@pytest.mark.parametrize("place", sorted(quantities.CAPACITY), ids=".".join)
def test_an_imported_quota_without_a_bound_differs_there(place: tuple[str, str]) -> None:
    service, figure = place
    live = _found(**{service: {figure: -1}})
    wanted = _imported(TRANSLATOR.holding(live).granted)
    (difference,) = _assert_consistent(wanted, live)
    assert (difference.path, difference.observed) == (f"{service}.{figure}", -1)


def test_an_imported_quota_with_other_figures_differs_in_these_alone() -> None:
    live = _found(compute={"cores": 6, "ram": 8192, "instances": 1}, network={"port": 500, "network": 100})
    wanted = _imported({"cpu": 4000, "memory": 8192, "ports": 10})
    found = {d.path: (d.wanted, d.observed) for d in _assert_consistent(wanted, live)}
    assert found == {"compute.cores": (4, 6), "network.port": (14, 500)}


@every_object
def test_imported_objects_count_as_they_are_until_the_project_bears_our_marks(wanted: Wanted) -> None:
    loose = replace(wanted, loose=True)
    bare = replace(_stored(wanted, ours=False), body={"metadata": {}, "spec": {}})
    assert _assert_consistent(loose, bare) == ()
    strange = replace(bare, body={"metadata": {"owner": {names.TENANT: "jtj"}}, "spec": {}})
    assert _assert_consistent(loose, strange) == ()
    marked = replace(bare, body={"metadata": {"owner": standard.owner(LEAF)}, "spec": {}})
    assert _assert_consistent(loose, marked) != ()


def test_of_a_removal_the_marks_of_the_project_are_compared() -> None:
    """A removal that was interrupted has marked and disabled the project: it is still the one to remove."""
    nothing, live = replace(PROJECT, body={}), _stored(PROJECT)
    before = TRANSLATOR.fingerprint(nothing, live)
    assert before not in (ABSENT, TRANSLATOR.target(nothing))
    begun = _edited(_edited(live, ("tags", names.ENDING), names.YES), ("enabled",), value=False)
    assert TRANSLATOR.fingerprint(nothing, begun) == before
    assert TRANSLATOR.fingerprint(nothing, _edited(live, ("tags", names.TENANT), "zfj")) != before


def test_of_any_other_removal_all_is_compared() -> None:
    nothing, live = replace(GROUP, body={}), _stored(GROUP)
    before = TRANSLATOR.fingerprint(nothing, live)
    assert before not in (ABSENT, TRANSLATOR.target(nothing))
    assert (
        TRANSLATOR.fingerprint(nothing, _edited(live, ("rules", "ingress any from any"), value=True))
        != before
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": None, "spec": None, "status": None},
        {"metadata": {"owner": None}, "spec": "odd"},
        {"metadata": {"owner": ["x"], "updated_at": []}, "spec": []},
        {"spec": {"compute": 5, "network": None, "rules": [], "tags": {"yunjin:tenant": {"a": {}}}}},
        {"spec": {"compute": {"cores": "many", "ram": None}, "volume": {"gigabytes": True}}},
    ],
)
def test_odd_objects_get_an_answer(body: Body) -> None:
    for wanted in OBJECTS:
        live = Live(wanted.key, body, "1")
        for one in (wanted, replace(wanted, loose=True), replace(wanted, body={})):
            _assert_consistent(one, live)
            TRANSLATOR.lowers(one, live)
            TRANSLATOR.unfinished(one, live, _stored(wanted))
            TRANSLATOR.unfinished(one, None, live)
        TRANSLATOR.claim(live)
        TRANSLATOR.holding(live)


words = st.sampled_from(("compute", "network", "volume", "tags", "rules", "roles", "enabled", "prefixes"))
inner = st.sampled_from(("cores", "ram", "port", "yunjin:tenant", "yunjin:ending", "any", "member"))
values: st.SearchStrategy[Any] = st.sampled_from((-1, 0, 4, 8192, True, "jtj", [], ["x"], {}, {"a": 1}, None))
edits = st.lists(st.tuples(st.one_of(st.tuples(words), st.tuples(words, inner)), values), max_size=4)


@settings(max_examples=300)
@given(wanted=st.sampled_from(OBJECTS), changes=edits, loose=st.booleans(), ours=st.booleans())
def test_three_answers_never_disagree(*, wanted: Wanted, changes: Any, loose: bool, ours: bool) -> None:
    wanted, live = replace(wanted, loose=loose), _stored(wanted, ours=ours)
    for path, value in changes:
        live = _edited(live, path, value)
    _assert_consistent(wanted, live)
    _assert_consistent(replace(wanted, body={}), live)


@settings(max_examples=300)
@given(st.sampled_from(OBJECTS), edits, edits)
def test_fingerprints_tell_states_apart_by_what_is_compared(wanted: Wanted, one: Any, other: Any) -> None:
    def state(changes: Any) -> Live:
        live = _stored(wanted)
        for path, value in changes:
            live = _edited(live, path, value)
        return live

    def seen(live: Live) -> list[tuple[str, Any]]:
        return [(d.path, d.observed) for d in TRANSLATOR.differences(wanted, live)]

    first, second = state(one), state(other)
    same = TRANSLATOR.fingerprint(wanted, first) == TRANSLATOR.fingerprint(wanted, second)
    assert same == (seen(first) == seen(second))
