"""Ranges in order, names one after the other, lives within lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from estates import city, write_estate
from mistakes import errors_of, places_of
from yunjin.estate import load

if TYPE_CHECKING:
    from pathlib import Path


def area_with(names: list[dict[str, str]], **more: Any) -> list[dict[str, Any]]:
    return [{"id": "dawa", "names": [{"zh": "大洼", "en": "Dawa", **name} for name in names], **more}]


@pytest.mark.parametrize(
    ("area", "field"),
    [
        (area_with([{"from": "2016-01-01", "until": "2016-01-01"}]), "names[0].until"),
        (area_with([{"from": "2017-01-01", "until": "2016-01-01"}]), "names[0].until"),
        (area_with([{}], valid={"from": "2017-01-01", "until": "2016-01-01"}), "valid.until"),
        (area_with([{}], basis={"valid_from": "2017-01-01", "valid_to": "2016-01-01"}), "basis.valid_to"),
        (
            area_with([{}], codes=[{"code": "211121", "from": "2017-01-01", "until": "2016-01-01"}]),
            "codes[0].until",
        ),
        (area_with([{"until": "2016-03-20"}, {"from": "2016-03-19"}]), "names[1].from"),
        (area_with([{"until": "2016-03-20"}, {}]), "names[1]"),
        (area_with([{}, {"from": "2016-03-20"}]), "names[1].from"),
        (area_with([{"from": "2016-03-20"}, {"until": "2016-03-20"}]), "names[1]"),
        (
            area_with([{}], codes=[{"code": "211121"}, {"code": "211104", "from": "2016-03-20"}]),
            "codes[1].from",
        ),
    ],
)
def test_disorder(tmp_path: Path, area: list[dict[str, Any]], field: str) -> None:
    write_estate(tmp_path, areas=area)
    assert [found for _, found in places_of(tmp_path)] == [field]


def test_names_that_follow_one_another_load(tmp_path: Path) -> None:
    names = [{"until": "2016-03-20"}, {"from": "2016-03-20", "until": "2019-01-01"}, {"from": "2020-01-01"}]
    write_estate(tmp_path, areas=area_with(names))
    assert len(load(tmp_path).areas["dawa"].names) == 3


def test_price_that_ends_before_it_begins(tmp_path: Path) -> None:
    price = {**city()["prices"][0], "valid_to": "2025-12-31"}
    write_estate(tmp_path, prices=[price])
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/prices.yaml:9:13"
    assert error.message.zh == "止于 2025-12-31, 不晚于起始日 2026-01-01"


def bureaus_with(**more: Any) -> list[dict[str, Any]]:
    parent = {
        "id": "gaj",
        "names": [{"zh": "市公安局", "en": "Police"}],
        "valid": {"from": "2000-01-01", "until": "2019-01-01"},
    }
    return [
        *city()["bureaus"],
        parent,
        {"id": "jjzd", "names": [{"zh": "交警支队", "en": "Traffic"}], **more},
    ]


@pytest.mark.parametrize(
    "valid",
    [{}, {"from": "1999-01-01", "until": "2000-01-01"}, {"from": "2000-01-01", "until": "2019-01-02"}],
)
def test_a_bureau_that_outlives_its_parent(tmp_path: Path, valid: dict[str, str]) -> None:
    write_estate(tmp_path, bureaus=bureaus_with(parent="gaj", valid=valid))
    assert [field for _, field in places_of(tmp_path)] == ["parent"]


@pytest.mark.parametrize("first", ["2001-01-01", "1999-01-01"])
def test_a_bureau_within_its_parent_under_which_it_may_have_come_later(tmp_path: Path, first: str) -> None:
    write_estate(tmp_path, bureaus=bureaus_with(parent="gaj", valid={"from": first, "until": "2019-01-01"}))
    assert load(tmp_path).parent("bureau/jjzd") == "bureau/gaj"


def test_a_town_that_outlives_its_area_and_an_area_that_nobody_carries_on(tmp_path: Path) -> None:
    ended, name = {"until": "2019-01-01"}, {"zh": "田家镇", "en": "Tianjia Town", "kind": "town"}
    areas = [
        {**city()["areas"][0], "valid": ended, "successor": "tianjia"},
        {"id": "tianjia", "names": [name], "parent": "dawa", "valid": {"until": "2018-01-01"}},
        {"id": "xinli", "names": [name], "parent": "dawa"},
    ]
    write_estate(tmp_path, areas=areas)
    assert [field for _, field in places_of(tmp_path)] == ["successor", "parent"]


@pytest.mark.parametrize(
    "more",
    [
        {"successor": "jtj"},
        {"successor": "gaj", "valid": {"until": "2019-01-01"}},
        {"successor": "gaj", "valid": {"until": "1999-12-31"}},
    ],
)
def test_a_successor_that_does_not_take_over(tmp_path: Path, more: dict[str, Any]) -> None:
    write_estate(tmp_path, bureaus=bureaus_with(**more))
    assert [field for _, field in places_of(tmp_path)] == ["successor"]


def test_a_successor_that_takes_over(tmp_path: Path) -> None:
    write_estate(tmp_path, bureaus=bureaus_with(successor="jtj", valid={"until": "2019-01-01"}))
    assert load(tmp_path).bureaus["jjzd"].successor == "jtj"
