"""`make bundle`: one file that installs, upgrades and rolls back Yunjin where there is no network.

Run by the Makefile with the environment's Python (`python -m tools.bundle`), called by tests/bundle; calls
pip, the build front end and git. Promises the same bytes for the same commit, pins and interpreter: names
are sorted, times and owners are fixed, and every wheel is the one its registry published.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from tools.environment import ROOT, dependencies
from tools.tree import export

CONTENT = ("docs", "roles", "tenants", "README.md", "README.zh-CN.md", "LICENSE", "NOTICE")


def build(tree: Path, out: Path, wheels: Path, epoch: int) -> Path:
    """Packs a clean copy of the project and the wheels it depends on into one archive in `out`.

    `epoch` is the time, in seconds since 1970, that every file in it bears.
    """
    version = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    name = f"yunjin-{version}-offline"
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / name
        _project_wheel(tree, folder / "wheels", epoch)
        for wheel in wheels.glob("*.whl"):
            shutil.copy2(wheel, folder / "wheels")
        for item in CONTENT:
            source = tree / item
            if source.is_dir():
                shutil.copytree(source, folder / item)
            else:
                shutil.copy2(source, folder / item)
        shutil.copy2(tree / "tools" / "install.sh", folder / "install.sh")
        (folder / "requirements.txt").write_text(_requirements(folder / "wheels"), "utf-8")
        (folder / "BUNDLE").write_text(_description(version), "utf-8")
        (folder / "SHA256SUMS").write_text(_sums(folder), "utf-8")
        return _archive(folder, out / f"{name}.tar.gz", epoch)


def fetch_wheels(root: Path) -> Path:
    """The folder of the wheels of all run-time dependencies and of pip, at the pinned versions.

    It is filled once for each set of pins and kept in build/.
    """
    run_time, _ = dependencies(root)
    pins = root / "constraints.txt"
    key = hashlib.sha256(pins.read_bytes() + "\n".join([*run_time, sys.version]).encode()).hexdigest()[:16]
    folder = root / "build" / "wheels" / key
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        # Only published wheels: one built here would bear this machine's traces.
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "-q",
            "--only-binary=:all:",
        ]
        subprocess.run([*pip, "-c", str(pins), "-d", str(partial), *run_time, "pip"], check=True)
        partial.rename(folder)
    return folder


def commit_time(root: Path) -> int:
    """SOURCE_DATE_EPOCH where it is set, else the time of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "log", "-1", "--format=%ct"]
    return int(given or subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _project_wheel(tree: Path, out: Path, epoch: int) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    variables = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=variables)


def _requirements(wheels: Path) -> str:
    """Every wheel by version and checksum, for `pip install --require-hashes`."""
    lines = []
    for wheel in sorted(wheels.iterdir()):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{re.sub('[-_.]+', '-', name).lower()}=={version} --hash=sha256:{_sum(wheel)}")
    return "\n".join(lines) + "\n"


def _description(version: str) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"name=yunjin\nversion={version}\npython={python}\nmachine={platform.machine()}\n"


def _sums(folder: Path) -> str:
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sum(folder / file)}  ./{file}\n" for file in files)


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _archive(folder: Path, target: Path, epoch: int) -> Path:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() or member.name.endswith("/install.sh") else 0o644
        return member

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with (
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=epoch, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            archive.add(path, str(path.relative_to(folder.parent)), recursive=False, filter=plain)
    return partial.rename(target)


def main() -> int:
    """Builds the bundle of this clone and prints its name, its size and its checksum."""
    with tempfile.TemporaryDirectory() as work:
        tree = export(ROOT, Path(work) / "tree")
        bundle = build(tree, ROOT / "dist", fetch_wheels(ROOT), commit_time(ROOT))
    print(f"{bundle.relative_to(ROOT)}  {bundle.stat().st_size / 2**20:.1f} MiB  sha256 {_sum(bundle)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
