"""The business date and the moments that people read are those of the city, wherever the machine stands."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from yunjin.errors import UsageError
from yunjin.estate import load
from yunjin.model.times import TIME_ZONE
from yunjin_cli.session import business_date, declared_folder, moment, shipped_estate


def test_a_business_date_is_taken_as_written() -> None:
    assert business_date("2026-11-22") == date(2026, 11, 22)
    assert business_date("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "tomorrow",
        "2026-02-29",
        "2026-13-01",
        "22.11.2026",
        "20261122",
        "2026-W47-7",
        "2026-11-22T00:00",
        "2026-1-2",
        "0001-01-01",
        "1899-12-31",
        "9999-12-31",
    ],
)
def test_what_is_no_date_is_refused_with_the_form_to_write(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        business_date(written)
    assert repr(written) in caught.value.message.zh
    assert "2026-11-22" in str(caught.value.remedy)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "UTC", "Pacific/Auckland"])
def test_without_one_it_is_today_in_the_city(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any hour one of these zones has another day than the city."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        before = datetime.now(UTC)
        found = business_date(None)
        after = datetime.now(UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert before.astimezone(TIME_ZONE).date() <= found <= after.astimezone(TIME_ZONE).date()


def test_moments_are_the_citys() -> None:
    assert moment(datetime(2026, 11, 22, 16, 30, 5, tzinfo=UTC)) == "2026-11-23 00:30:05"
    assert moment(datetime(2026, 11, 22, 23, 0, tzinfo=TIME_ZONE)) == "2026-11-22 23:00:00"
    assert datetime.now(TIME_ZONE).utcoffset() == timedelta(hours=8)


def test_declared_files_are_where_one_says_or_here_or_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert declared_folder(tmp_path / "given") == tmp_path / "given"
    assert declared_folder(None) == shipped_estate()
    (tmp_path / "tenants").mkdir()
    assert declared_folder(None) == Path("tenants")


def test_the_shipped_files_are_panjins() -> None:
    assert len(load(shipped_estate()).tenants) == 29
