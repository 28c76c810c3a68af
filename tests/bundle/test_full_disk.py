"""On a disk that is really full a change of the ledger is refused whole, and with room again it goes on."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from check_ledger import check
from killing import fork
from ledgers import Hand, plant, small_tree
from yunjin.errors import PermanentError
from yunjin.ledger import reservations
from yunjin.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.bundle

LEAF = "leaf/k1/jtj-egov"
TABLES = ("quota_cells", "reservations", "reservation_amounts", "audit", "quota_deficits")
SIZE = 2 << 20
_NEW_MOUNTS: Final = 0x20000
_PRIVATE: Final = 0x44000


def test_a_full_disk_refuses_a_change_whole(tmp_path: Path) -> None:
    assert fork(lambda: on_a_small_disk(tmp_path)) == 0


def on_a_small_disk(folder: Path) -> None:
    """In a process of its own, with whose mounts the disk goes too."""
    mount(folder)
    with Store.open(folder / "state") as store:
        hand = Hand(store.database)
        plant(hand, small_tree())
        ballast = fill(folder)
        error = refused(hand)
        assert "磁盘已满" in error.message.zh
        assert "is full" in error.message.en

        ballast.unlink()
        held = hand.allotted(LEAF)
        hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
        assert hand.allotted(LEAF) == held + 1
    ballast = fill(folder, left=0)
    with pytest.raises(PermanentError, match="is full"):  # not even the index of a log can be made
        Store.open(folder / "state")
    ballast.unlink()
    with Store.open(folder / "state") as store:
        Hand(store.database)(reservations.reserve, leaf=LEAF, delta={"cpu": -1})
    assert check(str(folder / "state" / "state.db")) == []


def refused(hand: Hand) -> PermanentError:
    """Change a leaf until there is no room; of the change that finds none nothing is there."""
    for _ in range(200):
        before = everything(hand)
        try:
            hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1 if hand.allotted(LEAF) % 2 == 0 else -1})
        except PermanentError as error:
            assert everything(hand) == before
            return error
    raise AssertionError("the disk is never full")


def everything(hand: Hand) -> list[Any]:
    return [hand.rows(f"SELECT * FROM {table}") for table in TABLES]  # noqa: S608 (its own names)


def fill(folder: Path, left: int = 32 << 10) -> Path:
    """Leave so many bytes."""
    there = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(there.f_bavail * there.f_frsize - left))
    return ballast


def mount(folder: Path) -> None:
    """A disk of two MiB, seen by this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    for done in (
        libc.unshare(_NEW_MOUNTS),
        libc.mount(b"none", b"/", None, _PRIVATE, None),
        libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={SIZE}".encode()),
    ):
        assert done == 0, os.strerror(ctypes.get_errno())
