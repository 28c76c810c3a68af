"""The audit while the controller runs: sealed within a second, its head exported, failures said once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

import states
from audits import planted
from waiting import wait_until
from yunjin.engine.sealing import Sealing
from yunjin.errors import Text, TransientError
from yunjin.ledger.chain import Tail, tail_of
from yunjin.ledger.verification import Mark
from yunjin.store import Store
from yunjin.store.objects import ObjectStore, open_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clocks import Clock
    from ledgers import Hand

LEAF = "leaf/k1/jtj-egov"


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(states.begin(tmp_path / "state"), clock) as store:
        yield store


@pytest.fixture
def hand(state: Store, clock: Clock) -> Hand:
    return planted(state.database, clock)


@pytest.fixture
def place(tmp_path: Path) -> ObjectStore:
    return open_objects(str(tmp_path / "heads"))


def sealing(state: Store, clock: Clock, place: ObjectStore | None = None) -> Sealing:
    return Sealing(lambda: Store.open(state.folder, clock), place, 400)


def test_what_is_written_meanwhile_is_sealed(state: Store, hand: Hand, clock: Clock) -> None:
    with sealing(state, clock):
        for cpu in (1, 2, 3):
            hand.allot(LEAF, cpu=cpu)
            wait_until(lambda: tail_of(state.database) == Tail())


def test_what_is_left_at_the_end_is_sealed_and_exported(
    state: Store, hand: Hand, clock: Clock, place: ObjectStore
) -> None:
    with sealing(state, clock, place):
        hand.allot(LEAF, cpu=1)

    assert tail_of(state.database) == Tail()
    ((position,),) = hand.rows("SELECT max(position) FROM audit_chain")
    newest = place.names("head-")[-1]
    assert Mark(newest, position, "").position == int(newest.split("-")[2])


def test_a_place_that_cannot_be_written_to_hinders_no_seal(
    state: Store, hand: Hand, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with capture_logs() as logs, sealing(state, clock, open_objects(str(tmp_path / "file" / "heads"))):
        hand.allot(LEAF, cpu=1)
        wait_until(lambda: bool(logs))
        hand.allot(LEAF, cpu=2)
        wait_until(lambda: tail_of(state.database) == Tail())

    assert {line["event"] for line in logs} == {"audit not sealed or not exported"}
    assert len([line for line in logs if "file" in line["error"]]) >= 1


def test_a_store_that_cannot_be_opened_is_tried_again_and_said_once(
    state: Store, hand: Hand, clock: Clock
) -> None:
    attempts: list[int] = []

    @contextmanager
    def opened() -> Iterator[Store]:
        attempts.append(len(attempts))
        if len(attempts) < 4:
            raise TransientError(Text("状态库无法连接", "the state database cannot be reached"))
        with Store.open(state.folder, clock) as store:
            yield store

    hand.allot(LEAF, cpu=1)
    with capture_logs() as logs, Sealing(opened):
        wait_until(lambda: tail_of(state.database) == Tail())
    assert [line["error"] for line in logs] == ["the state database cannot be reached"]
