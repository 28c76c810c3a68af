"""Days and dated names."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from yunjin.model.declared import DatedName, Validity, name_on

NAMES = tuple(
    DatedName.model_validate(name)
    for name in (
        {"zh": "大洼县", "en": "Dawa County", "from": "2000-01-01", "until": "2016-03-20"},
        {"zh": "大洼区", "en": "Dawa District", "from": "2016-03-20", "until": "2030-01-01"},
    )
)


@pytest.mark.parametrize(
    "written", ["2016-3-20", "20160320", "1458432000", "2016-02-30", "2016-03-20T00:00:00", ""]
)
def test_a_day_is_written_one_way(written: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Validity.model_validate({"from": written})
    assert [error["type"] for error in caught.value.errors()] == ["date_parsing"]


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(1999, 1, 1), "大洼县"),
        (date(2016, 3, 19), "大洼县"),
        (date(2016, 3, 20), "大洼区"),
        (date(2031, 1, 1), "大洼区"),
    ],
)
def test_a_name_is_borne_until_the_day_of_the_next(day: date, name: str) -> None:
    assert name_on(NAMES, day).zh == name


def test_a_day_given_as_a_day() -> None:
    assert Validity.model_validate({"from": date(2016, 3, 20)}).holds(date(2016, 3, 20))
