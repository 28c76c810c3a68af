"""A state in which nothing has happened yet, made once a process: its schema takes longer than most tests.

Used by whatever begins a state for one test. Calls the store, which makes a database the first time alone;
how it does that is tested by tests/unit/store/test_migrate.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from yunjin.store import Store
from yunjin.store.database import FILE


def begin(folder: Path) -> Path:
    """The folder, now that of a state with an empty database of the newest schema."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_empty())
    return folder


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        Store.open(Path(folder) / "state").close()
        return (Path(folder) / "state" / FILE).read_bytes()
