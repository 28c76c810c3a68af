"""Quantities: one text for one number, and amounts there and back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from yunjin.model.amounts import MOST, Amounts
from yunjin.substrates.kubernetes import quantities

SUFFIXES = ("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
texts = st.builds(
    lambda digits, suffix: f"{digits}{suffix}",
    st.one_of(st.integers(0, 10**9).map(str), st.decimals(0, 10**6, places=3).map(str)),
    st.sampled_from((*SUFFIXES, "e3", "E2", "e-2")),
)
DIMENSIONS = (
    "cpu",
    "memory",
    "storage",
    "pods",
    "load-balancers",
    "volumes",
    "storage/fast",
    "gpu/nvidia",
    "gpu/mlu",
)
amounts = st.dictionaries(st.sampled_from(DIMENSIONS), st.integers(0, MOST)).map(Amounts)


@given(texts)
def test_values_are_those_of_the_official_parser(text: str) -> None:
    official: Any = parse_quantity  # published without types
    assert quantities.value(text) == Fraction(official(text))


@given(one=texts, other=texts, binary=st.booleans())
def test_quantities_have_one_text_exactly_when_they_are_equal(*, one: str, other: str, binary: bool) -> None:
    same = quantities.value(one) == quantities.value(other)
    texts_agree = quantities.canonical(one, binary=binary) == quantities.canonical(other, binary=binary)
    assert same == texts_agree


@given(text=texts, binary=st.booleans())
def test_a_canonical_text_is_its_own(*, text: str, binary: bool) -> None:
    canonical = quantities.canonical(text, binary=binary)
    if "/" not in canonical:
        assert quantities.canonical(canonical, binary=binary) == canonical


@pytest.mark.parametrize(
    ("text", "binary", "canonical"),
    [
        ("8000m", False, "8"),
        ("8", False, "8"),
        ("8192Mi", True, "8Gi"),
        ("1073741824", True, "1Gi"),
        ("1Gi", True, "1Gi"),
        ("2k", False, "2000"),
        ("0.5", False, "500m"),
        ("1e3", False, "1000"),
        ("1500", True, "1500"),
        ("0", True, "0"),
        ("0Gi", True, "0"),
    ],
)
def test_canonical_texts(*, text: str, binary: bool, canonical: str) -> None:
    assert quantities.canonical(text, binary=binary) == canonical


@pytest.mark.parametrize(
    "text", ["", "a lot", "1 Gi", "1gi", "--1", "1e", "0x10", "1Gi\n", "\u0661", "1e999999999", "9" * 60]
)
def test_what_is_no_quantity_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantities.value(text)
    assert quantities.canonical(text, binary=True) == text


@given(amounts)
def test_amounts_survive_the_way_there_and_back(allotted: Amounts) -> None:
    found = quantities.amounts(quantities.hard(allotted, {}))
    assert {d: found.of(d) for d in DIMENSIONS} == {d: allotted.of(d) for d in DIMENSIONS}


@given(amounts)
def test_written_texts_are_the_servers_own(allotted: Amounts) -> None:
    for text in quantities.hard(allotted, {}).values():
        digits = text.rstrip("numkMGTPEi")
        suffix = text[len(digits) :]
        base = 1024 if suffix.endswith("i") else 1000
        assert digits == "0" or int(digits) % base or suffix in ("E", "Ei"), f"{text} could be shorter"


def test_what_no_record_grants_is_nothing() -> None:
    hard = quantities.hard(Amounts(), {})
    assert set(hard.values()) == {"0"}
    assert {
        "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "requests.storage", "pods",
        "services.loadbalancers", "services.nodeports", "requests.nvidia.com/gpu", "requests.amd.com/gpu",
    } <= set(hard)  # fmt: skip


def test_limits_are_a_percentage_of_requests() -> None:
    hard = quantities.hard(Amounts.parse({"cpu": 8, "memory": "16Gi"}), {"cpu": 250})
    assert hard["requests.cpu"] == "8"
    assert hard["limits.cpu"] == "20"
    assert hard["limits.memory"] == hard["requests.memory"] == "16Gi"


def test_each_dimension_has_its_resource() -> None:
    hard = quantities.hard(
        Amounts.parse(
            {
                "storage/fast-ssd": "1Ti",
                "gpu/mlu": 2,
                "gpu/a100": 1,
                "gpu/nvidia": 3,
                "load-balancers": 1,
                "volumes": 1000,
            }
        ),
        {},
    )
    assert hard["fast-ssd.storageclass.storage.k8s.io/requests.storage"] == "1Ti"
    assert hard["requests.cambricon.com/mlu"] == "2"
    assert hard["requests.nvidia.com/gpu"] == "4"
    assert hard["services.loadbalancers"] == "1"
    assert hard["persistentvolumeclaims"] == "1k"


def test_observed_amounts_round_up_and_leave_out_what_is_not_counted() -> None:
    found = quantities.amounts(
        {
            "requests.cpu": "1500u",
            "requests.memory": "1000000000",
            "pods": "3",
            "count/secrets": "9",
            "x": "?",
        }
    )
    assert found == Amounts({"cpu": 2, "memory": 954, "pods": 3})


def test_of_two_names_for_one_dimension_the_tighter_bound_counts() -> None:
    assert quantities.amounts({"cpu": "4", "requests.cpu": "8", "memory": "8Gi"}) == Amounts.parse(
        {"cpu": 4, "memory": "8Gi"}
    )


def test_amounts_stay_within_what_json_can_carry() -> None:
    assert quantities.amounts({"pods": "9E", "requests.cpu": "-1"}) == Amounts({"pods": MOST, "cpu": 0})
