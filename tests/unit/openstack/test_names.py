"""Names in a cloud: keys of standard objects, and marks as tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.model.resources import Key
from yunjin.model.tenants import Role
from yunjin.substrates.kubernetes.names import STANDARD as OF_CLUSTERS
from yunjin.substrates.openstack import names

if TYPE_CHECKING:
    from yunjin.substrates.objects import Standard

# What Keystone's own schema takes as a tag.
TAG = re.compile(r"[^,/]{1,255}")
marks = st.dictionaries(
    st.from_regex(r"yunjin:[a-z]{1,12}", fullmatch=True), st.from_regex(r"[a-z0-9-]{1,50}", fullmatch=True)
)


@given(marks, st.sets(st.sampled_from(("prod", "owner=somebody", "yunjin", "yunjin.x=1"))))
def test_marks_survive_keystone_beside_the_tags_of_others(ours: dict[str, str], theirs: set[str]) -> None:
    tags = names.tags(ours)
    assert all(TAG.fullmatch(tag) for tag in tags)
    assert names.marks([*theirs, *tags]) == ours


def test_a_mark_that_is_given_twice_shows() -> None:
    assert names.marks(["yunjin:tenant=jtj", "yunjin:tenant=aaa", "yunjin:ending"]) == {
        "yunjin:tenant": "aaa,jtj",
        "yunjin:ending": "",
    }


def test_every_role_is_one_that_imported_leaves_can_name() -> None:
    of_clusters = {entry.role: entry.object_class for entry in OF_CLUSTERS}
    for entry in names.STANDARD:
        assert of_clusters[entry.role] == entry.object_class
    assert {entry.role for entry in names.STANDARD} | {"network-deny"} == set(of_clusters)
    assert set(of_clusters) == set(get_args(Role))


@pytest.mark.parametrize("entry", names.STANDARD, ids=lambda entry: f"{entry.kind}-{entry.role}")
def test_standard_objects_are_known_again_by_their_key(entry: Standard) -> None:
    assert names.is_standard(names.named("os", "jtj-egov", entry))


@pytest.mark.parametrize(
    "key",
    [
        Key("os", "jtj-egov", "Network", "default"),
        Key("os", "jtj-egov", "SecurityGroup", "yunjin"),
        Key("os", "jtj-egov", "Group", "zfj-egov-admin"),
        Key("os", "jtj-egov", "Group", "{leaf}-admin"),
        Key("os", "jtj-egov", "User", "jtj-egov-admin"),
        Key("os", "jtj-egov", "Project", "yunjin"),
        Key("os", "", "Domain", "yunjin"),
    ],
    ids=str,
)
def test_nothing_else_is_standard(key: Key) -> None:
    assert not names.is_standard(key)
