"""Plans kept between two commands: the newest, those in files, and those that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spines import CPU, QUOTA
from yunjin.engine import stored
from yunjin.errors import RefusalError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from spines import City
    from yunjin.engine.spine import Judged


def _remember(city: City, out: Path | None = None) -> Judged:
    with city.spine() as spine:
        judged = spine.plan()
        stored.remember(spine.store, judged, out)
    return judged


def test_the_newest_plan_comes_back_whole(declared: City) -> None:
    _remember(declared)
    declared.declare(cpu=3)
    judged = _remember(declared)
    with declared.spine() as spine:
        kept = stored.newest(spine.store)
        assert kept.plan == judged.plan
        assert judged.hash[:12] in kept.where.en
        assert spine.judge(kept.plan).hash == judged.hash


def test_a_plan_file_comes_back_whole(declared: City, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    judged = _remember(declared, out)
    kept = stored.read_plan(out)
    assert kept.plan == judged.plan
    kept.still_declared(declared.estate())


def test_what_was_decided_about_force_is_in_the_plan(town: City, tmp_path: Path) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.edit(QUOTA, {CPU: "4"})
    town.allot(cpu=3)
    _remember(town, tmp_path / "plan.json")
    (change,) = stored.read_plan(tmp_path / "plan.json").plan.changes
    assert change.force


def test_a_plan_of_other_files_is_refused(declared: City) -> None:
    _remember(declared)
    declared.declare(cpu=3)
    with declared.spine() as spine, pytest.raises(RefusalError, match="changed since the plan") as caught:
        stored.newest(spine.store).still_declared(spine.estate)
    assert "yunjin plan" in str(caught.value.remedy)
    assert caught.value.exit_code == 1


def test_without_a_plan_one_is_asked_for(declared: City) -> None:
    with declared.spine() as spine, pytest.raises(UsageError, match="no plan"):
        stored.newest(spine.store)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"changes": []}',
        b"\xff\xfe\x00",
        "变更方案".encode("gb18030"),
        b"[" * 100_000,
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        stored.read_plan(file)
    assert caught.value.remedy is not None


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.json"):
        with pytest.raises(UsageError, match="cannot read"):
            stored.read_plan(path)


def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    with file.open("wb") as opened:
        opened.truncate(stored.MOST + 1)
    with pytest.raises(UsageError, match="too long"):
        stored.read_plan(file)


def test_a_file_that_cannot_be_written_is_named(declared: City, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        _remember(declared, tmp_path / "nowhere" / "plan.json")
