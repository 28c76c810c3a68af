"""The programs of a cluster: found, or built once into a cache outside the clone.

Called by `devcluster.cluster` and tests/devcluster/build.py. Calls `devcluster.toolchain` and `go build`.
Promises that the same pins are built once a machine, whoever asks and how many ask at once, and that a
half-finished build is never taken for a whole one.

Order of preference: `KUBEBUILDER_ASSETS` (the folder of setup-envtest), the cached build, a fresh build.
The cache is `$YUNJIN_CACHE/devcluster`, else `$XDG_CACHE_HOME/yunjin/devcluster`, else
`~/.cache/yunjin/devcluster`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from devcluster import toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PINS = Path(__file__).parents[2] / "devcluster"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
STAGES = "kwok-stages"
_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_FLAGS = ("-trimpath", "-ldflags")
_STAGE_FILES = (
    "node/fast/node-initialize.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


class BuildError(Exception):
    """The programs could not be had; the text says what failed and where the log is."""


def programs(
    *, pins: Path = PINS, cache: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Mapping[str, Path]:
    """Path of every program by name, and of the folder of kwok's stages as `kwok-stages`.

    Args:
        pins: folder with go.mod, go.sum and kwok/.
        cache: instead of the usual cache folder.

    Raises:
        BuildError: no Go, no module proxy, a compiler error, or incomplete assets of another version.
    """
    assets = environ.get("KUBEBUILDER_ASSETS")
    parts = (*PROGRAMS, STAGES)
    given = {name: Path(assets) / name for name in parts if (Path(assets) / name).exists()} if assets else {}
    if given.keys() == set(parts):
        return given
    if given and "kube-controller-manager" not in given:
        _require_same_minor(given, kubernetes_version(pins))
    built = ensure_built(pins, cache or cache_folder(environ))
    return {name: built / name for name in parts} | given


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where builds are kept."""
    return cache_root(environ) / "devcluster"


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Where every test bed keeps what it builds once a machine."""
    if own := environ.get("YUNJIN_CACHE"):
        return Path(own).expanduser()
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "yunjin"


def kubernetes_version(pins: Path = PINS) -> str:
    """The pinned version, `v1.37.2`."""
    match = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (pins / "go.mod").read_text("utf-8"), re.MULTILINE)
    if not match:
        raise BuildError(f"{pins / 'go.mod'} does not require k8s.io/kubernetes")
    return match[1]


def link_flags(version: str) -> str:
    """What the linker is told; without the version, clients cannot parse the server's /version."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    base = "k8s.io/component-base/version"
    names = {
        f"{base}.gitVersion": version,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in names.items())])


def cache_key(pins: Path = PINS) -> str:
    """Changes with every pin, with the flags and with the kind of machine."""
    digest = hashlib.sha256()
    for path in (pins / "go.mod", pins / "go.sum", pins / "kwok" / "go.mod", pins / "kwok" / "go.sum"):
        digest.update(path.read_bytes())
    flags = " ".join([*_FLAGS, link_flags(kubernetes_version(pins)), *_STAGE_FILES])
    digest.update(f"{flags} {platform.system()} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def ensure_built(pins: Path = PINS, cache: Path | None = None) -> Path:
    """The folder of the built programs; builds them if this machine has none of these pins.

    Raises:
        BuildError: as `programs`.
    """
    cache = cache or cache_folder()
    folder = cache / cache_key(pins)
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(cache / f"{folder.name}.lock"):
        if not folder.exists():
            _build(pins, cache, folder)
    return folder


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """A block that one process of this machine runs at a time; the others wait, and say so."""
    with lock.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"Waiting for the build that holds {lock}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(pins: Path, cache: Path, folder: Path) -> None:
    """Build into a folder of its own and rename it: the cache holds whole builds only."""
    version = kubernetes_version(pins)
    try:
        go = toolchain.find_go(toolchain.wanted_version(pins / "go.mod", pins / "kwok" / "go.mod"), cache)
    except RuntimeError as error:
        raise BuildError(str(error)) from error
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    log = cache / f"{folder.name}.log"
    _say(f"Building Kubernetes {version}, etcd and kwok, once a machine: about 12 minutes on two cores")
    _say(f"Compiler: {go}\nLog: {log}")
    flags = (*_FLAGS, link_flags(version))
    with log.open("w", encoding="utf-8") as output:
        commands = [f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES]
        _go(output, pins, [go, "build", "-v", *flags, "-o", f"{partial}/", *commands])
        _go(output, pins, [go, "build", "-v", *flags, "-o", partial / "etcd", "go.etcd.io/etcd/server/v3"])
        kwok = pins / "kwok"
        _go(output, kwok, [go, "build", "-v", *flags, "-o", partial / "kwok", "sigs.k8s.io/kwok/cmd/kwok"])
    _copy_stages(go, pins / "kwok", partial / STAGES)
    partial.rename(folder)
    _say(f"Built {folder}")


def _go(log: IO[str], folder: Path, command: Sequence[str | Path]) -> None:
    """Run the compiler, with a line of progress every half minute.

    Raises:
        BuildError: it failed; with the end of its log.
    """
    begun = spoken = time.monotonic()
    packages = 0
    with subprocess.Popen(
        command,
        cwd=folder,
        env=toolchain.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or ():
            log.write(line)
            packages += 1
            if time.monotonic() - spoken > 30:
                spoken = time.monotonic()
                _say(f"  {packages} steps, {spoken - begun:.0f} s, now {line.strip()}")
    log.flush()
    if process.returncode:
        tail = "\n".join(Path(log.name).read_text("utf-8").splitlines()[-15:])
        raise BuildError(f"`go build` failed with {process.returncode}; whole log: {log.name}\n{tail}")


def _copy_stages(go: Path, kwok: Path, target: Path) -> None:
    """kwok does nothing without stage files, and carries them in its module only."""
    listed = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"],
        cwd=kwok, env=toolchain.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    source = Path(listed.stdout.strip()) / "kustomize" / "stage"
    target.mkdir()
    for name in _STAGE_FILES:
        copy = target / Path(name).name
        copy.write_bytes((source / name).read_bytes())


def _require_same_minor(given: Mapping[str, Path], pinned: str) -> None:
    """Parts of two releases together would be a cluster that nobody runs."""
    server = given.get("kube-apiserver")
    said = (
        subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
        if server
        else ""
    )
    if pinned.rsplit(".", 1)[0] not in said:
        raise BuildError(
            f"KUBEBUILDER_ASSETS holds {said.strip() or 'no kube-apiserver'} without kube-controller-manager,"
            f" and the pinned one is {pinned}: fetch assets of that release, or unset the variable"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
