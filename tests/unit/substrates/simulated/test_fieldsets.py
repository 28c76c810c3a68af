"""Sets of fields in the form of managedFields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.substrates.simulated import fieldsets

names = st.text("abc./-", min_size=1, max_size=4)
paths = st.lists(names, min_size=1, max_size=4).map(tuple)


def test_every_ownable_field_of_an_object() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": "a", "uid": "1", "labels": {"x": "1"}, "annotations": {}},
        "spec": {"hard": {"requests.cpu": "8", "pods": "2k"}, "scopes": ["BestEffort"]},
        "status": {"hard": {"pods": "2k"}},
    }
    assert fieldsets.values(body) == {
        ("metadata", "labels", "x"): "1",
        ("metadata", "annotations"): {},
        ("spec", "hard", "requests.cpu"): "8",
        ("spec", "hard", "pods"): "2k",
        ("spec", "scopes"): ["BestEffort"],
    }
    assert fieldsets.values(body, status=True) == {("status", "hard", "pods"): "2k"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}, ("spec", "podSelector")),
        ({"roleRef": {"kind": "ClusterRole", "name": "view"}}, ("roleRef",)),
        ({"spec": {"matchConstraints": {"resourceRules": []}}}, ("spec", "matchConstraints")),
        ({"spec": {"ingress": [{"from": []}]}}, ("spec", "ingress")),
    ],
)
def test_lists_and_atomic_maps_are_one_field(body: dict[str, object], path: tuple[str, ...]) -> None:
    assert set(fieldsets.values(body)) == {path}


def test_it_is_written_as_the_api_server_writes_it() -> None:
    written = fieldsets.encode(
        {
            ("metadata", "labels"),
            ("metadata", "labels", "z"),
            ("metadata", "labels", "b"),
            ("roleRef",),
            ("subjects",),
        }
    )
    assert written == {
        "f:metadata": {"f:labels": {".": {}, "f:b": {}, "f:z": {}}},
        "f:roleRef": {},
        "f:subjects": {},
    }
    assert list(written["f:metadata"]["f:labels"]) == [".", "f:b", "f:z"]


@given(st.frozensets(paths, max_size=8))
def test_it_reads_back_as_it_was_written(fields: frozenset[tuple[str, ...]]) -> None:
    assert fieldsets.decode(fieldsets.encode(fields)) == fields


def test_a_field_is_covered_by_itself_or_by_what_lies_in_it() -> None:
    owned = {("spec", "hard", "pods")}
    assert fieldsets.covers(owned, ("spec", "hard", "pods"))
    assert fieldsets.covers(owned, ("spec", "hard"))
    assert not fieldsets.covers(owned, ("spec", "hard", "services"))
    assert not fieldsets.covers(owned, ("spec", "hard", "pods", "more"))
