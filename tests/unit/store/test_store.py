"""Opening the state folder: private, refused where it cannot be trusted, cheap once it is there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from yunjin.errors import PermanentError, UsageError
from yunjin.store import Store


def test_folder_and_files_belong_to_their_owner_alone(folder: Path) -> None:
    with Store.open(folder) as store:
        store.sightings.update("k8s-egov", [])

        assert {"state.db", "state.writer", "writer.sock"} <= {path.name for path in folder.iterdir()}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_folder_others_may_write_into_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(UsageError, match="others may write"):
        Store.open(tmp_path)


def test_a_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    """What root wrote there, the service that owns it could not read."""
    folder = Path("/usr")
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, -1)
        folder = tmp_path
    with pytest.raises(UsageError, match="belongs to user") as caught:
        Store.open(folder)

    assert caught.value.remedy is not None
    assert "sudo -u" in caught.value.remedy.zh
    assert not (folder / "state.db").exists()


def test_a_folder_below_a_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError) as caught:
        Store.open(tmp_path / "file" / "state")

    assert caught.value.remedy is not None
    assert "YUNJIN_STATE" in caught.value.remedy.en


def test_a_damaged_file_is_an_error_that_names_it(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "state.db").write_bytes(b"not a database " * 100)

    with pytest.raises(PermanentError, match=r"state\.db"):
        Store.open(folder)


def test_a_closed_store_says_so(folder: Path) -> None:
    store = Store.open(folder)
    store.close()
    store.close()

    with pytest.raises(PermanentError, match="closed"):
        store.sightings.update("k8s-egov", [])


def test_an_existing_database_is_opened_without_the_migration_tools(folder: Path, file_store: Store) -> None:
    program = (
        "import sys, pathlib; sys.path[:0] = sys.argv[2:]\n"
        "from yunjin.store import Store\n"
        "Store.open(pathlib.Path(sys.argv[1])).close()\n"
        "print(sorted({'alembic', 'sqlalchemy', 'mako', 'psycopg'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), *sys.path], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


_COME_AND_GO = """
import sys
from pathlib import Path
from yunjin.store import Store
with Store.open(Path(sys.argv[1])) as store:
    store.leases.held()
"""


def test_who_opens_it_twice_in_one_process_keeps_its_log_when_another_process_leaves(folder: Path) -> None:
    """SQLite's locks belong to the process: closing the file by any other way would drop them all."""
    with Store.open(folder) as first:
        first.journal.begin("plan", "cloud-ops", "host/world/1/2/3", {})
        with Store.open(folder) as second:
            second.leases.held()
        subprocess.run([sys.executable, "-c", _COME_AND_GO, str(folder)], check=True)
        first.journal.begin("plan", "cloud-ops", "host/world/1/2/3", {})
        with Store.open(folder) as fresh:
            assert len(fresh.journal.runs()) == 2
