"""What holds of every plan, whatever city, history and meddling came before it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planning import DAY, ENDPOINT, NOON, TRANSLATOR, Member, carry_out, city, plan, plan_of, provide
from yunjin.model.change import ABSENT, Action
from yunjin.model.resources import Key, LeafState, ObjectClass
from yunjin.observe import Observation
from yunjin.plan import from_json, plan_hash, repair, to_json
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


IDS = ("fgw", "jtj", "zfj")
FIELDS: list[tuple[str, str, tuple[str, ...], Any]] = [
    ("ResourceQuota", "yunjin", ("spec", "hard", "requests.cpu"), "64"),
    ("ResourceQuota", "yunjin", ("spec", "hard", "pods"), None),
    ("ResourceQuota", "yunjin", ("spec", "hard", "services"), "3"),
    ("LimitRange", "yunjin", ("spec", "limits"), [{"type": "Pod", "max": {"cpu": "1"}}]),
    ("NetworkPolicy", "yunjin-deny", ("spec", "ingress"), [{}]),
    ("NetworkPolicy", "yunjin-flows", ("metadata", "labels", "yunjin/tenant"), "zfj"),
    ("RoleBinding", "yunjin-viewer", ("subjects",), None),
    ("RoleBinding", "yunjin-admin", ("metadata", "annotations", "example.org/note"), "theirs"),
]
members = st.builds(
    Member,
    st.just("?"),
    cpu=st.sampled_from([1000, 4000, 8000]),
    granted=st.booleans(),
    declared=st.booleans(),
    protected=st.booleans(),
    quarantined=st.booleans(),
)
cities = st.tuples(members, members, members).map(
    lambda drawn: tuple(replace(member, id=name) for name, member in zip(IDS, drawn, strict=True))
)
edits = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(FIELDS)), max_size=4)
removals = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from([(kind, name) for kind, name, *_ in FIELDS])), max_size=3
)


@contextmanager
def endpoint() -> Iterator[SimulatedBackend]:
    with tempfile.TemporaryDirectory() as folder:
        opened = SimulatedBackend.open(ENDPOINT, Path(folder) / "endpoint.db")
        yield opened
        opened.close()


def meddle(
    backend: SimulatedBackend,
    edited: list[tuple[str, tuple[str, str, tuple[str, ...], Any]]],
    removed: list[tuple[str, tuple[str, str]]],
) -> None:
    for tenant, (kind, name) in removed:
        backend.remove(Key(ENDPOINT, f"{tenant}-egov", kind, name))
    for tenant, (kind, name, path, value) in edited:
        key = Key(ENDPOINT, f"{tenant}-egov", kind, name)
        if key in backend.read([key]):
            backend.edit(key, {path: value}, "somebody")


def everything(backend: SimulatedBackend) -> Mapping[Key, Any]:
    return {live.key: live.body for state in backend.observe() for live in state.objects.values()}


def shuffled(backend: SimulatedBackend, seed: Any) -> Iterator[LeafState]:
    for state in backend.observe():
        names = list(state.objects)
        seed.shuffle(names)
        yield LeafState(state.name, {name: state.objects[name] for name in names})


@settings(max_examples=60)
@given(before=cities, after=cities, edited=edits, removed=removals)
def test_a_plan_that_takes_everything_back_leaves_nothing_to_do(
    before: tuple[Member, ...], after: tuple[Member, ...], edited: list[Any], removed: list[Any]
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, removed)
        estate = city(*after)
        assert carry_out(repair(plan(estate, backend), frozenset(ObjectClass)), backend) == []
        assert plan(estate, backend).changes == ()


@settings(max_examples=60)
@given(before=cities, after=cities, edited=edits, removed=removals)
def test_nothing_of_a_protected_or_quarantined_tenant_is_removed(
    before: tuple[Member, ...], after: tuple[Member, ...], edited: list[Any], removed: list[Any]
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, removed)
        made = plan(city(*after), backend)
        safe = {member.id for member in before if member.protected and member.granted and member.declared}
        safe -= {
            member.id for member in before if member.quarantined
        }  # was never written, so is not labelled
        safe |= {
            member.id for member in after if member.declared and (member.protected or member.quarantined)
        }
        assert not {change.tenant for change in made.changes if change.destructive} & safe


@settings(max_examples=40)
@given(before=cities, after=cities, edited=edits, removed=removals, seed=st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_objects(
    before: tuple[Member, ...], after: tuple[Member, ...], edited: list[Any], removed: list[Any], seed: Any
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, removed)
        estate = city(*after)
        made = plan(estate, backend)
        again = plan_of(estate, {ENDPOINT: Observation(ENDPOINT, NOON, shuffled(backend, seed))})
        assert again == made
        assert to_json(again) == to_json(made)


@settings(max_examples=40)
@given(before=cities, edited=edits)
def test_what_others_wrote_outlives_a_plan_that_repairs_nothing(
    before: tuple[Member, ...], edited: list[Any]
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, [])
        stands = everything(backend)
        carry_out(plan(city(*before), backend), backend)
        after = everything(backend)
        for tenant, (kind, name, path, value) in edited:
            key = Key(ENDPOINT, f"{tenant}-egov", kind, name)
            if value is not None and key in stands:
                found: Any = after[key]
                for step in path:
                    found = found.get(step)
                assert found == value


@settings(max_examples=40)
@given(before=cities, after=cities, edited=edits, removed=removals)
def test_a_plan_reads_back_as_it_was_written(
    before: tuple[Member, ...], after: tuple[Member, ...], edited: list[Any], removed: list[Any]
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, removed)
        made = plan(city(*after), backend)
        assert from_json(to_json(made)) == made
        assert plan_hash(from_json(to_json(made))) == plan_hash(made)


@settings(max_examples=40)
@given(before=cities, after=cities, edited=edits, removed=removals)
def test_every_change_tells_from_what_to_what(
    before: tuple[Member, ...], after: tuple[Member, ...], edited: list[Any], removed: list[Any]
) -> None:
    with endpoint() as backend:
        provide(city(*before), backend)
        meddle(backend, edited, removed)
        estate = city(*after)
        made = plan(estate, backend)
        live = backend.read([change.key for change in made.changes])
        assert len({change.key for change in made.changes}) == len(made.changes)
        for change in made.changes:
            assert change.before == TRANSLATOR.fingerprint(change.wanted, live.get(change.key))
            assert change.before != change.after
            assert (change.action is Action.CREATE) == (change.before == ABSENT)
            assert (change.action is Action.DELETE) == (change.after == ABSENT)
            assert (change.action is Action.UPDATE) == bool(change.differences)
        declared = {leaf.name: leaf for leaf in estate.leaves(DAY)}
        assert not any(change.leaf in declared and declared[change.leaf].frozen for change in made.changes)
