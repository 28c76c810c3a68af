"""A disk that is full, before a commit or in it: a clear error, nothing changed, and it works again after."""

from __future__ import annotations

import resource
import shutil
import signal
from typing import TYPE_CHECKING, Any

from check_ledger import check
from killing import fork
from ledgers import Hand
from yunjin.errors import PermanentError
from yunjin.ledger import reservations
from yunjin.store import Store
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.store.connection import Connection

LEAF = "leaf/k1/jtj-egov"
TABLES = ("quota_cells", "reservations", "reservation_amounts", "audit", "quota_deficits")


@operation
def grow_no_more(connection: Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


@operation
def grow_again(connection: Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")


def everything(hand: Hand) -> list[Any]:
    return [hand.rows(f"SELECT * FROM {table}") for table in TABLES]  # noqa: S608 (its own names)


def refused(hand: Hand, request: dict[str, Any]) -> PermanentError | None:
    try:
        hand.database.write(reservations.reserve, request)
    except PermanentError as error:
        return error
    return None


def test_without_a_page_left_nothing_changes_and_the_same_request_goes_through_later(hand: Hand) -> None:
    hand.database.write(grow_no_more)
    for n in range(2000):  # pages that are there already take some more rows
        request = hand.request(leaf=LEAF, target={"cpu": n % 2})
        before = everything(hand)
        if error := refused(hand, request):
            break

    assert error is not None
    assert "磁盘已满" in error.message.zh
    assert "is full" in error.message.en
    assert everything(hand) == before
    hand.database.write(grow_again)
    made = hand.database.write(reservations.reserve, request)
    assert made["target"].get("cpu", 0) == n % 2
    assert hand.database.write(reservations.reserve, request) == made


def test_where_the_commit_itself_finds_no_room_nothing_is_half_done(planted: Path, tmp_path: Path) -> None:
    """The rows fit, their log does not: the file system refuses in the middle of COMMIT."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    shutil.copy(planted, folder / "state.db")

    assert fork(lambda: run_out_of_room(folder)) == 0
    assert check(str(folder / "state.db")) == []


def run_out_of_room(folder: Path) -> None:
    """In a process of its own, whose files may not grow."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Store.open(folder) as store:
        hand = Hand(store.database)
        hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
        before = everything(hand)
        request = hand.request(leaf=LEAF, delta={"cpu": 2})
        log = (folder / "state.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (log + 5000, resource.RLIM_INFINITY))
        error = refused(hand, request)
        assert error is not None
        assert error.remedy is not None
        assert "磁盘" in error.message.zh + error.remedy.zh
        assert everything(hand) == before

        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert hand.database.write(reservations.reserve, request)["target"] == {"cpu": 3}
        assert hand.allotted(LEAF) == 3
