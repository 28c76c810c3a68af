"""Where the services of the tests come from: what is pinned, what the cache is keyed by, how it says no."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from devcloud import builds as subject
from devcloud.builds import CODE, PINS
from devcluster.builds import BuildError


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A copy of the pins that a test may change."""
    return Path(shutil.copy(PINS, tmp_path / "pins.txt"))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of the code that a test may change."""
    return shutil.copytree(CODE, tmp_path / "code")


def test_every_line_is_one_exact_version_without_an_address_each_name_once_in_order() -> None:
    lines = [line for line in PINS.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert names == sorted(set(names))
    assert len(subject.pins()) == len(lines)


def test_the_six_services_are_pinned() -> None:
    services = {"keystone", "openstack-placement", "glance", "neutron", "cinder", "nova"}
    assert services <= subject.pins().keys()


def test_a_pin_changes_environment_and_seed(pins: Path) -> None:
    assert subject.environment_key(pins) != subject.environment_key()
    before = subject.environment_key(pins), subject.seed_key(pins)
    with pins.open("a", encoding="utf-8") as file:
        file.write("zzz==1\n")
    assert subject.environment_key(pins) != before[0]
    assert subject.seed_key(pins) != before[1]


def test_the_code_of_the_services_changes_the_seed_alone(code: Path) -> None:
    assert subject.seed_key(code=code) == subject.seed_key()
    with (code / "cloudbed" / "configuration.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert subject.seed_key(code=code) != subject.seed_key()


def _made(cache: Path) -> tuple[Path, Path]:
    """Folders of an environment and a seed as a build leaves them."""
    environment = cache / f"environment-{subject.environment_key()}"
    seed = cache / f"seed-{subject.seed_key()}"
    for folder in (environment, seed):
        folder.mkdir(parents=True)
        (folder / "whole").touch()
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(sys.executable)
    return environment, seed


def test_what_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    environment, seed = _made(tmp_path)
    assert subject.ensure_built(cache=tmp_path) == (environment / "bin" / "python", seed)


def test_a_half_made_seed_is_made_anew_and_a_failure_says_why(tmp_path: Path) -> None:
    """This environment holds no service, so the seed cannot be made."""
    _, seed = _made(tmp_path)
    (seed / "whole").unlink()
    for _ in range(2):
        with pytest.raises(BuildError, match="No module named"):
            subject.ensure_built(cache=tmp_path)
        assert not (seed / "whole").exists()


def test_a_package_that_cannot_be_had_is_an_error_with_the_end_of_the_log(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("zzz @ file:///nowhere/zzz-1-py3-none-any.whl\n", "utf-8")
    with pytest.raises(BuildError, match="No such file or directory"):
        subject.ensure_built(pins, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("seed-*"))
