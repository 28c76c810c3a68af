from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tools.tree import export, tracked

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_holds_tracked_files_as_they_are_now_and_keeps_links(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    (root / "data").mkdir(parents=True)
    (root / "data" / "表.txt").write_text("first", "utf-8")
    (root / "gone.txt").write_text("", "utf-8")
    (root / "link").symlink_to("data")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    (root / "data" / "表.txt").write_text("edited", "utf-8")
    (root / "untracked.txt").write_text("", "utf-8")
    (root / "gone.txt").unlink()

    assert tracked(root) == ["data/表.txt", "link"]
    copy = export(root, tmp_path / "copy")
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*")) == [
        "data",
        "data/表.txt",
        "link",
    ]
    assert (copy / "link").is_symlink()
    assert (copy / "link" / "表.txt").read_text("utf-8") == "edited"
