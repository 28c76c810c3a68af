from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.environment import ROOT
from tools.lanes import LANES, LONGEST, PROMISES, Words
from tools.needs import NEEDS
from tools.suite import MEMORY, announcement, main, temporary


def test_every_need_of_a_lane_can_be_tried() -> None:
    assert {need for lane in LANES for need in lane.needs} == set(NEEDS)


def test_every_folder_of_promises_has_a_lane_of_its_own() -> None:
    selected = [step.command for lane in LANES for step in lane.steps if step.is_pytest]
    for folder in PROMISES:
        assert sum(folder in command for command in selected) == 1, folder
        assert sum(f"--ignore={folder}" in command for command in selected) == 1, folder


def test_the_lanes_keep_to_the_time_of_ci() -> None:
    assert all(lane.warm <= lane.fresh < lane.limit for lane in LANES)
    assert sum(lane.warm for lane in LANES) <= 45
    assert sum(lane.fresh for lane in LANES) <= LONGEST <= 75


def test_the_announcement_names_every_lane_and_its_minutes() -> None:
    lines = announcement(list(LANES)).splitlines()
    for lane, line in zip(LANES, lines[1:-1], strict=True):
        assert line.startswith(lane.name)
        assert line.endswith(f"{lane.warm}/{lane.fresh}")


def test_files_in_memory_are_gone_with_the_lane() -> None:
    with temporary(LANES[0]) as variables:
        folders = [Path(folder) for folder in variables.values()]
        for folder in folders:
            (folder / "file").write_text("left behind", "utf-8")
    assert len(folders) == os.access(MEMORY, os.W_OK)
    assert not any(folder.exists() for folder in folders)
    with temporary(next(lane for lane in LANES if not lane.in_memory)) as variables:
        assert variables == {}


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "YUNJIN_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "YUNJIN_LANG": "zh"}, "zh"),
        ({}, "en"),
    ],
)
def test_contributors_read_their_own_language(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    for name in ("YUNJIN_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(Words("zh", "en")) == language


def test_a_lane_nobody_knows_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kuberntes"]) == 2
    assert "kuberntes" in capsys.readouterr().err


def test_the_makefile_has_every_door() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for door in ("demo", "test", "check", "bench", "prove", "bundle", "clean"):
        assert f"\n{door}:" in makefile
