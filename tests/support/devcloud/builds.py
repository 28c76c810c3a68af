"""The environment of the services and the seed of their databases: found, or made once a machine.

Called by `devcloud.cloud` and tests/testbeds/openstack/build.py. Calls venv, pip and `python -m cloudbed`.
Promises that the same pins are installed once, that the same code seeds once, whoever asks and how many ask
at once, and that nothing half-finished is ever taken for whole.

The cache is the folder `devcloud` beside the `devcluster` of `devcluster.builds`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from devcluster.builds import BuildError, cache_root, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
PINS = ROOT / "constraints-openstack.txt"
CODE = ROOT / "tests" / "testbeds" / "openstack"
_WHOLE = "whole"  # a folder without this file was left by somebody who did not come to the end


class Build(NamedTuple):
    """What a cloud is started from.

    Attributes:
        python: of the environment that holds the services.
        seed: the databases of a cloud in which nothing stands yet.
    """

    python: Path
    seed: Path


def pins(path: Path = PINS) -> dict[str, str]:
    """Version by distribution."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", path.read_text("utf-8"), re.MULTILINE))


def cache_folder() -> Path:
    """Where environments and seeds are kept."""
    return cache_root() / "devcloud"


def environment_key(pinned: Path = PINS) -> str:
    """Changes with every pin and with the kind of machine and Python."""
    return _digest([pinned], platform.system(), platform.machine(), sys.version, sys.base_prefix)


def seed_key(pinned: Path = PINS, code: Path = CODE) -> str:
    """Changes with the environment and with every line of the code that seeds and serves."""
    return _digest(sorted((code / "cloudbed").glob("*.py")), environment_key(pinned))


def ensure_built(pinned: Path = PINS, code: Path = CODE, cache: Path | None = None) -> Build:
    """What a cloud is started from; makes it if this machine has none of these pins and this code.

    Raises:
        BuildError: a package could not be had, or a service could not be seeded.
    """
    cache = cache or cache_folder()
    environment = cache / f"environment-{environment_key(pinned)}"
    seed = cache / f"seed-{seed_key(pinned, code)}"
    python = environment / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    for folder in (environment, seed):
        if (folder / _WHOLE).exists():
            continue
        with one_at_a_time(cache / f"{folder.name}.lock"):
            if (folder / _WHOLE).exists():
                continue
            shutil.rmtree(folder, ignore_errors=True)
            if folder is environment:
                _install(environment, pinned)
            else:
                _seed(seed, python, code)
            (folder / _WHOLE).touch()
    return Build(python, seed)


def variables(build: Build, code: Path = CODE) -> dict[str, str]:
    """What the services' processes get beside the caller's own variables."""
    home = str(build.python.parents[1])
    return {
        "PYTHONPATH": os.pathsep.join((str(code), str(build.seed / "plugin"))),
        "PYTHONSAFEPATH": "1",  # or the folder of each cloud would be a place to look for plugins anew
        "PYTHONWARNINGS": "ignore",  # they are of the services' own code, by the hundred
        "XDG_CACHE_HOME": f"{home}/cache",  # the services remember there which plugins they found
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def _install(environment: Path, pinned: Path) -> None:
    """Exactly the pinned set. Nothing is resolved: the file is the whole closure, and `pip check` says so."""
    _say(f"Installing OpenStack, {len(pins(pinned))} pinned packages, once a machine: about a minute")
    log = environment.with_suffix(".log")
    _do([sys.executable, "-m", "venv", environment], log)
    pip: list[str | Path] = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    _do([*pip, "install", "--no-deps", "--constraint", pinned, "--requirement", pinned], log)
    _do([*pip, "check"], log)


def _seed(seed: Path, python: Path, code: Path) -> None:
    _say("Seeding the databases of the six services, once for these pins: about half a minute")
    seed.mkdir()
    _do(
        [python, "-m", "cloudbed", "seed", seed],
        seed.with_suffix(".log"),
        variables(Build(python, seed), code),
    )


def _do(command: Sequence[str | Path], log: Path, environ: dict[str, str] | None = None) -> None:
    """Raises BuildError with the end of what the command printed."""
    with log.open("ab") as output:
        ended = subprocess.run(
            command,
            check=False,
            env=os.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if ended.returncode:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
        raise BuildError(
            f"`{' '.join(map(str, command))}` failed with {ended.returncode}; whole log: {log}\n{tail}"
        )


def _digest(files: Sequence[Path], *more: str) -> str:
    digest = hashlib.sha256("\0".join(more).encode())
    for file in files:
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
