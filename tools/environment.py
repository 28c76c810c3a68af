"""Sets up `.venv` with exactly what constraints.txt pins and nothing else.

Run by the Makefile (`python3 -m tools.environment`) and called by `tools.suite`; calls venv, pip and, as
root on a Debian without python3-venv, apt-get. Standard library alone. Promises that a second call installs
nothing while constraints.txt, pyproject.toml, the interpreter and the place of the clone stay the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.lanes import Words

ROOT = Path(__file__).resolve().parent.parent


class SetUpError(Exception):
    """The environment could not be set up; `mend` is the command that helps."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.mend = mend


def prepare(root: Path = ROOT) -> Path:
    """The folder of programs of an environment that holds the pinned set.

    Raises:
        SetUpError: no environment could be made, or a package could not be had.
    """
    venv = root / ".venv"
    stamp = venv / "yunjin-stamp"
    key = _key(root)
    (root / "build").mkdir(exist_ok=True)
    with (root / "build" / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text("utf-8") == key and (venv / "bin" / "python").exists()):
            _install(root, venv)
            stamp.write_text(key, "utf-8")
    return venv / "bin"


def dependencies(root: Path) -> tuple[list[str], list[str]]:
    """What pyproject.toml asks for: at run time, and for development."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return list(project["project"]["dependencies"]), list(project["dependency-groups"]["dev"])


def _key(root: Path) -> str:
    digest = hashlib.sha256(f"{root}\n{sys.executable}\n{sys.version}\n".encode())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def _install(root: Path, venv: Path) -> None:
    pins = root / "constraints.txt"
    count = len(re.findall("==", pins.read_text("utf-8")))
    _say(f"安装 {count} 个锁定版本的软件包到 .venv", f"installing {count} pinned packages into .venv")
    _create(venv, pins)
    run_time, development = dependencies(root)
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "-c", str(pins)]
    # The new pip first: it resolves the rest, and later it fills the offline bundle.
    _run([*pip, "pip"])
    _run([*pip, *run_time, *development])
    # Nothing is fetched for the build: hatchling and editables came with the development group.
    _run([*pip, "--no-deps", "--no-build-isolation", "-e", str(root)])


def _create(venv: Path, pins: Path) -> None:
    if venv.exists():
        shutil.rmtree(venv)
    if not importlib.util.find_spec("ensurepip") and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install("python3-venv")
        importlib.invalidate_caches()
    if importlib.util.find_spec("ensurepip"):
        _run([sys.executable, "-m", "venv", str(venv)])
    elif importlib.util.find_spec("pip"):
        _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
        python = str(venv / "bin" / "python")
        _run([sys.executable, "-m", "pip", "--python", python, "install", "-q", "-c", str(pins), "pip"])
    else:
        reason = Words("本机 Python 既无 ensurepip 也无 pip", "this Python has neither ensurepip nor pip")
        raise SetUpError(str(reason), "sudo apt-get install python3-venv")


def apt_install(*packages: str) -> None:
    """Debian packages, as root. Raises SetUpError where apt-get fails."""
    names = " ".join(packages)
    _say(f"安装系统软件包: {names}", f"installing from Debian: {names}")
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        # Nobody is there to answer questions, and what dpkg unpacks is no news.
        _run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *command], quiet=True)


def _say(zh: str, en: str) -> None:
    print(Words(zh, en), flush=True)


def _run(command: list[str], *, quiet: bool = False) -> None:
    stdout = subprocess.DEVNULL if quiet else None
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=stdout)
    if done.returncode:
        shown = " ".join(command)
        raise SetUpError(str(Words(f"命令失败: {shown}", f"this command failed: {shown}")), shown)


def main() -> int:
    """Sets up the environment of this clone; prints the reason and the remedy where it cannot."""
    try:
        prepare()
    except SetUpError as error:
        print(f"{error}\n→ {error.mend}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
