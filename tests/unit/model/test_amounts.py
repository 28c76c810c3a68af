"""Amounts: what a person writes and what is counted are the same thing, or it is refused by its own name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from yunjin.model import amounts
from yunjin.model.amounts import COUNTED, CPU, MEMORY, MOST, STORAGE, Amounts

DIMENSIONS = st.sampled_from([CPU, MEMORY, STORAGE, *COUNTED, "storage/fast", "gpu/a10"])
FIGURES = st.dictionaries(DIMENSIONS, st.integers(0, MOST // 4))


class Row(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    limit: Amounts


@given(DIMENSIONS, st.integers(0, MOST))
def test_what_is_written_is_read_back(dimension: str, value: int) -> None:
    assert amounts.parse(dimension, amounts.written(dimension, value)) == value


@given(FIGURES)
def test_documents_hold_what_was_counted(figures: dict[str, int]) -> None:
    row = Row(limit=Amounts(figures))
    assert Row.model_validate_json(row.model_dump_json(), strict=True) == row


@given(FIGURES, FIGURES)
def test_sums_and_excesses(first: dict[str, int], second: dict[str, int]) -> None:
    a, b = Amounts(first), Amounts(second)
    both = a + b
    assert all(both.of(name) == a.of(name) + b.of(name) for name in (*a, *b))
    assert a.excess_over(both) == {}
    assert both.excess_over(a) == {name: value for name, value in b.items() if value}
    assert amounts.total(iter([a, b, a])) == a + b + a
    assert hash(a) == hash(Amounts(dict(reversed(first.items()))))


@pytest.mark.parametrize(
    ("dimension", "written", "value"),
    [
        ("cpu", 4, 4000),
        ("cpu", "500m", 500),
        ("memory", "1Gi", 1024),
        ("storage", "2Ti", 2 * 1024 * 1024),
        ("storage/fast", "0Mi", 0),
        ("pods", "40", 40),
        ("cpu", "9007199254740991m", MOST),
    ],
)
def test_units(dimension: str, written: str | int, value: int) -> None:
    assert amounts.parse(dimension, written) == value


@pytest.mark.parametrize(
    ("dimension", "written", "kind"),
    [
        ("memory", "16 Gib", "amount_unit"),
        ("memory", "16G", "amount_unit"),
        ("memory", 16, "amount_unit"),
        ("memory", "1.5Gi", "amount_unit"),
        ("cpu", "0.5", "amount_unit"),
        ("cpu", "4c", "amount_unit"),
        ("cpu", "４", "amount_unit"),
        ("cpu", "", "amount_unit"),
        ("cpu", "+4", "amount_unit"),
        ("cpu", " 4", "amount_unit"),
        ("pods", "4m", "amount_unit"),
        ("pods", True, "amount_unit"),
        ("cpu", -4, "amount_negative"),
        ("memory", "-8Gi", "amount_negative"),
        ("cpu", MOST, "amount_overflow"),
        ("cpu", "9007199254740992m", "amount_overflow"),
        ("memory", "9" * 5000 + "Ti", "amount_overflow"),
        ("cups", 4, "amount_dimension"),
        ("storage/", "4Gi", "amount_dimension"),
        ("gpu/A10", 4, "amount_dimension"),
    ],
)
def test_what_is_no_amount(dimension: str, written: str | int, kind: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        amounts.parse(dimension, written)
    assert caught.value.type == kind
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 200, "a wrong value is not repeated at length"


def test_every_wrong_amount_is_located() -> None:
    with pytest.raises(ValidationError) as caught:
        Row.model_validate({"limit": {"cpu": "x", "memory": "8Gi", "pods": -1}})
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [
        (("limit", "cpu"), "amount_unit"),
        (("limit", "pods"), "amount_negative"),
    ]


def test_nothing_recorded_is_nothing() -> None:
    assert Amounts().of("cpu") == 0
    with pytest.raises(KeyError):
        Amounts()["cpu"]
