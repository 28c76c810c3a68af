"""Where the servers of the tests come from: what the cache is keyed by, whom it prefers, how it says no."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from devcluster import builds as subject
from devcluster.builds import PINS, PROGRAMS, BuildError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A copy of the pins that a test may change."""
    return shutil.copytree(PINS, tmp_path / "pins")


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def test_the_key_is_stable(pins: Path) -> None:
    assert subject.cache_key(pins) == subject.cache_key(PINS)


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "kwok/go.mod", "kwok/go.sum"])
def test_every_pin_changes_the_key(pins: Path, name: str) -> None:
    with (pins / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert subject.cache_key(pins) != subject.cache_key(PINS)


def test_the_linker_is_told_the_pinned_version() -> None:
    version = subject.kubernetes_version()
    flags = subject.link_flags(version)
    assert f"component-base/version.gitVersion={version}" in flags
    assert f"component-base/version.gitMinor={version.split('.')[1]} " in flags


def test_staging_modules_are_of_the_same_release() -> None:
    minor_and_patch = subject.kubernetes_version().removeprefix("v1.")
    replaced = [
        line for line in (PINS / "go.mod").read_text("utf-8").splitlines() if line.startswith("replace")
    ]
    assert replaced
    assert all(line.endswith(f"v0.{minor_and_patch}") for line in replaced)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"YUNJIN_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c/devcluster"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/yunjin/devcluster"),
    ],
)
def test_the_cache_lies_outside_the_clone(environ: dict[str, str], expected: str) -> None:
    assert str(subject.cache_folder(environ)) == expected


def test_a_cached_build_is_used_as_it_is(pins: Path, tmp_path: Path) -> None:
    built = tmp_path / "cache" / subject.cache_key(pins)
    built.mkdir(parents=True)
    found = subject.programs(pins=pins, cache=tmp_path / "cache", environ={})
    assert {name: found[name] for name in PROGRAMS} == {name: built / name for name in PROGRAMS}


def test_complete_assets_come_first(pins: Path, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    (assets / "kwok-stages").mkdir(parents=True)
    for name in PROGRAMS:
        _script(assets / name, "exit 0")
    found = subject.programs(pins=pins, cache=tmp_path / "cache", environ={"KUBEBUILDER_ASSETS": str(assets)})
    assert {found[name].parent for name in PROGRAMS} == {assets}


def test_incomplete_assets_of_the_pinned_release_are_completed(pins: Path, tmp_path: Path) -> None:
    built = tmp_path / "cache" / subject.cache_key(pins)
    built.mkdir(parents=True)
    assets = tmp_path / "assets"
    assets.mkdir()
    minor = subject.kubernetes_version(pins).rsplit(".", 1)[0]
    _script(assets / "kube-apiserver", f"echo Kubernetes {minor}.0")
    found = subject.programs(pins=pins, cache=tmp_path / "cache", environ={"KUBEBUILDER_ASSETS": str(assets)})
    assert found["kube-apiserver"].parent == assets
    assert found["kube-controller-manager"].parent == built


def test_incomplete_assets_of_another_release_are_refused(pins: Path, tmp_path: Path) -> None:
    _script(tmp_path / "kube-apiserver", "echo Kubernetes v1.20.0")
    with pytest.raises(BuildError, match=r"v1\.20\.0 without kube-controller-manager"):
        subject.programs(pins=pins, cache=tmp_path / "cache", environ={"KUBEBUILDER_ASSETS": str(tmp_path)})


@pytest.fixture
def stub_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler on the PATH that is new enough, notes each call and makes what it is told to."""
    stages = tmp_path / "module" / "kustomize" / "stage"
    for name in subject._STAGE_FILES:
        (stages / name).parent.mkdir(parents=True, exist_ok=True)
        (stages / name).write_text("kind: Stage\n", "utf-8")
    folder = tmp_path / "bin"
    folder.mkdir()
    _script(
        folder / "go",
        f"""case $1 in
env) echo go99.0.0;;
list) echo {tmp_path}/module;;
build) echo "$@" >>{tmp_path}/calls; [ ! -e {tmp_path}/broken ] || {{ echo no such thing; exit 1; }};;
esac""",
    )
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path


def test_many_callers_build_once(stub_go: Path) -> None:
    found: list[Path] = []
    callers = [
        threading.Thread(target=lambda: found.append(subject.ensure_built(PINS, stub_go / "cache")))
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len((stub_go / "calls").read_text("utf-8").splitlines()) == 3
    assert {path.name for path in (found[0] / "kwok-stages").iterdir()} == {
        "node-initialize.yaml",
        "pod-ready.yaml",
        "pod-complete.yaml",
        "pod-delete.yaml",
    }


def test_a_failed_build_says_why_and_leaves_nothing_to_be_used(stub_go: Path) -> None:
    (stub_go / "broken").touch()
    with pytest.raises(BuildError, match="no such thing"):
        subject.ensure_built(PINS, stub_go / "cache")
    (stub_go / "broken").unlink()
    assert subject.ensure_built(PINS, stub_go / "cache").is_dir()
