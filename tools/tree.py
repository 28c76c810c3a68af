"""A clean copy of the tracked files, links kept: what a fresh clone would hold, with the edits of this one.

Called by `tools.bundle` and by the packaging tests; calls git. hatchling ships every file that git does not
ignore, so a package is never built in a folder somebody works in.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def tracked(root: Path) -> list[str]:
    """Names of the tracked files of `root` that exist, relative to it."""
    # A clone that belongs to somebody else (a bind mount, a container) is read all the same.
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    names = sorted(name for name in listed.split("\0") if name)
    return [name for name in names if (root / name).is_symlink() or (root / name).exists()]


def export(root: Path, target: Path) -> Path:
    """Copies the tracked files of `root` to `target`, which must not exist yet."""
    for name in tracked(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name, follow_symlinks=False)
    return target
