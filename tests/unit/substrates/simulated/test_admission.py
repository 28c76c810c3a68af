"""What is made of an object before it is kept. The pairs were recorded from Kubernetes 1.37."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.substrates.kubernetes.quantities import value
from yunjin.substrates.simulated.admission import InvalidObjectError, admit, canonical

if TYPE_CHECKING:
    from yunjin.model.resources import Body

suffixes = st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti"])
quantities = st.tuples(st.integers(0, 10**6), suffixes).map(lambda pair: f"{pair[0]}{pair[1]}")


def quota(**hard: str) -> Body:
    named = {name.replace("_", "."): text for name, text in hard.items()}
    return {"kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": named}}


def namespace(name: str) -> Body:
    return {"kind": "Namespace", "metadata": {"name": name}}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("8000m", "8"),
        ("8192Mi", "8Gi"),
        ("2000", "2k"),
        ("1.5", "1500m"),
        ("1000Mi", "1000Mi"),
        ("1536Ki", "1536Ki"),
        ("0.2", "200m"),
        ("1.5Gi", "1536Mi"),
        ("0Gi", "0"),
        ("512Mi", "512Mi"),
    ],
)
def test_quantities_are_kept_canonical(written: str, kept: str) -> None:
    assert canonical(written) == kept


@given(quantities)
def test_canonical_is_the_same_number_and_final(text: str) -> None:
    kept = canonical(text)
    assert value(kept) == value(text)
    assert canonical(kept) == kept


def test_quantities_of_quotas_and_limits_are_kept_canonical() -> None:
    assert admit(quota(requests_cpu="8000m"), None)["spec"]["hard"] == {"requests.cpu": "8"}
    limits = [{"type": "Container", "default": {"cpu": "0.2", "memory": "128Mi"}}]
    body = {"kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": limits}}
    assert admit(body, None)["spec"]["limits"] == [
        {"type": "Container", "default": {"cpu": "200m", "memory": "128Mi"}}
    ]


@pytest.mark.parametrize("text", ["many", "-1", "1 Gi", "16 Gib", ""])
def test_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidObjectError):
        admit(quota(pods=text), None)


def test_a_namespace_gets_its_name_as_a_label_and_is_active() -> None:
    kept = admit(namespace("a"), None)
    assert kept["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}
    assert kept["spec"] == {"finalizers": ["kubernetes"]}
    assert kept["status"] == {"phase": "Active"}


def test_a_policy_without_rules_is_kept_without_the_lists() -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [], "egress": []}
    body = {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": spec}
    assert admit(body, None)["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


@pytest.mark.parametrize("name", ["Bad_Name", "a" * 64, "-a", "a.b", ""])
def test_a_namespace_s_name_is_a_label(name: str) -> None:
    with pytest.raises(InvalidObjectError):
        admit(namespace(name), None)


@pytest.mark.parametrize(
    ("key", "text", "kept"),
    [
        ("yunjin/tenant", "jtj", True),
        ("team", "", True),
        ("example.org/Team_1", "a.B-c_9", True),
        ("team", "no label!", False),
        ("team", "x" * 64, False),
        ("team", "-x", False),
        ("a/b/c", "x", False),
        ("Upper/x", "x", False),
    ],
)
def test_labels_are_checked(key: str, text: str, kept: bool) -> None:  # noqa: FBT001 (a column of the table)
    body = {"kind": "LimitRange", "metadata": {"name": "l", "labels": {key: text}}}
    if kept:
        assert admit(body, None)["metadata"]["labels"] == {key: text}
    else:
        with pytest.raises(InvalidObjectError, match=r"metadata\.labels"):
            admit(body, None)


def test_a_role_s_name_may_hold_a_colon_and_another_s_may_not() -> None:
    admit({"kind": "ClusterRole", "metadata": {"name": "yunjin:tenant-admin"}}, None)
    with pytest.raises(InvalidObjectError):
        admit({"kind": "LimitRange", "metadata": {"name": "yunjin:limits"}}, None)


def test_a_binding_s_role_never_changes() -> None:
    body = {"kind": "RoleBinding", "metadata": {"name": "r"}, "roleRef": {"name": "view"}}
    admit(body, body)
    with pytest.raises(InvalidObjectError):
        admit({**body, "roleRef": {"name": "edit"}}, body)
