"""The writer's socket: whom it hears, what it does with nonsense, and that no fork keeps it."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from store_operations import add, count, echo, mark, repeat
from store_places import Place
from yunjin.errors import ConflictError, PermanentError, UsageError
from yunjin.store import gate
from yunjin.store.local import SqliteDatabase
from yunjin.store.migrate import HEAD
from yunjin.store.operations import name_of
from yunjin.store.remote import reach
from yunjin.store.wire import LIMIT, PROTOCOL, Frames, frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GREETING = [PROTOCOL, HEAD]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def writer(place: Place) -> Iterator[SqliteDatabase]:
    """This process writes."""
    with closing(SqliteDatabase(place.folder / "state.db")) as opened:
        opened.write(echo, 1)
        yield opened


def _guest(place: Place, hello: list[Any] | None = None) -> socket.socket:
    guest = socket.socket(socket.AF_UNIX)
    guest.settimeout(30)
    with gate.address(place.folder) as address:
        guest.connect(address)
    guest.sendall(frame({"hello": hello or GREETING}))
    return guest


def _answers(guest: socket.socket, number: int) -> list[dict[str, Any]]:
    """The next answers; fewer where the writer hangs up."""
    frames, found = Frames(), list[dict[str, Any]]()
    while len(found) < number and (piece := guest.recv(1 << 16)):
        found += [message for message, _ in frames.feed(piece)]
    return found


def _request(number: str, *calls: tuple[str, list[Any]], again: bool = False) -> bytes:
    return frame({"id": number, "many": True, "again": again, "calls": calls})


def test_the_socket_is_its_owners_alone(place: Place, writer: SqliteDatabase) -> None:
    assert stat.S_IMODE((place.folder / gate.SOCKET).stat().st_mode) == 0o600
    assert stat.S_IMODE((place.folder / gate.LOCK).stat().st_mode) == 0o600


def test_nothing_is_made_before_the_first_write(place: Place) -> None:
    with closing(SqliteDatabase(place.folder / "state.db")) as opened:
        assert opened.rows("SELECT count(*) FROM numbers") == [(0,)]

    assert not (place.folder / gate.LOCK).exists()
    assert not (place.folder / gate.SOCKET).exists()


def test_a_write_asked_for_again_is_done_once(place: Place, writer: SqliteDatabase) -> None:
    call = (name_of(mark), ["w", 7])
    with closing(_guest(place)) as guest:
        guest.sendall(_request("a", call))
        guest.sendall(_request("a", call, again=True))
        guest.sendall(_request("b", call))
        guest.sendall(_request("c", call, again=True))
        welcome, *answers = _answers(guest, 5)

    assert welcome == {"welcome": os.getpid()}
    assert answers == [{"id": number, "result": [7]} for number in "aabc"]
    assert place.marks() == {("w", 7): 3}


def test_the_next_writer_knows_what_the_last_one_did(place: Place) -> None:
    for again in (False, True):
        with closing(SqliteDatabase(place.folder / "state.db")) as writer:
            writer.write(echo, 1)
            with closing(_guest(place)) as guest:
                guest.sendall(_request("a", (name_of(mark), ["w", 7]), again=again))
                assert _answers(guest, 2)[1] == {"id": "a", "result": [7]}

    assert place.marks() == {("w", 7): 1}


def test_a_write_that_failed_may_be_asked_for_again(place: Place, writer: SqliteDatabase) -> None:
    writer.write(add, [1])
    with closing(_guest(place)) as guest:
        guest.sendall(_request("a", (name_of(add), [[1]])))
        (_, failed) = _answers(guest, 2)
        place.ask("DELETE FROM numbers")
        guest.sendall(_request("a", (name_of(add), [[1]]), again=True))
        (done,) = _answers(guest, 1)

    assert failed["error"]["class"] == "PermanentError"
    assert done == {"id": "a", "result": [1]}


def test_answers_older_than_a_day_are_forgotten(place: Place) -> None:
    place.ask("INSERT INTO answers (id, result, at) VALUES ('0a', '1', '2001-01-01')")
    place.ask("INSERT INTO answers (id, result, at) VALUES ('0b', '1', '9999-01-01')")
    with closing(SqliteDatabase(place.folder / "state.db")) as writer:
        writer.write(echo, 1)
        with closing(_guest(place)) as guest:
            guest.sendall(_request("c", (name_of(echo), [1])))
            _answers(guest, 2)

    assert place.ask("SELECT id FROM answers ORDER BY id") == [("0b",), ("c",)]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\xff\xff\xff",
        (LIMIT + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x04junk",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x02{}",
        (200_000).to_bytes(4, "big") + b"[" * 200_000,
    ],
    ids=["length", "one too many", "no JSON", "no object", "no id", "deep"],
)
def test_who_talks_nonsense_is_hung_up_on_and_nobody_else(
    place: Place, writer: SqliteDatabase, nonsense: bytes
) -> None:
    with closing(_guest(place)) as neighbour, closing(_guest(place)) as guest:
        guest.sendall(nonsense)
        assert _answers(guest, 2) == [{"welcome": os.getpid()}]
        neighbour.sendall(_request("n", (name_of(echo), [5])))
        assert _answers(neighbour, 2)[1] == {"id": "n", "result": [5]}
    assert writer.write(echo, 6) == 6


def test_who_goes_in_the_middle_of_a_sentence_is_not_waited_for(place: Place, writer: SqliteDatabase) -> None:
    with closing(_guest(place)) as guest:
        guest.sendall(_request("a", (name_of(mark), ["w", 1]))[:-3])

    assert writer.write(echo, 6) == 6
    assert place.marks() == {}


@pytest.mark.parametrize(
    "name", ["os:system", "json:loads", "yunjin.store.journal:Journal", "yunjin.no:such", ""]
)
def test_only_operations_are_run(place: Place, writer: SqliteDatabase, name: str) -> None:
    with closing(_guest(place)) as guest:
        guest.sendall(_request("a", (name_of(add), [[1]]), (name, ["touch harm"])))
        (_, answer) = _answers(guest, 2)

    assert answer["error"]["class"] == "PermanentError"
    assert writer.write(count) == 0


def test_an_operation_whose_module_the_writer_never_needed_is_found(
    place: Place, writer: SqliteDatabase
) -> None:
    with closing(_guest(place)) as guest:
        guest.sendall(_request("a", ("yunjin.store.journal:_finish", [1, "now", []])))
        assert _answers(guest, 2)[1] == {"id": "a", "result": [None]}


def test_another_version_is_told_which_process_to_end(place: Place, writer: SqliteDatabase) -> None:
    with pytest.raises(ConflictError, match=f"another version .*pid {os.getpid()}"):
        reach(place.folder, [PROTOCOL, "0000"], 30)


def test_a_writer_that_does_not_answer_is_nobody(tmp_path: Path) -> None:
    with closing(gate.listen(tmp_path)):
        assert reach(tmp_path, GREETING, 0.05) is None
    assert reach(tmp_path, GREETING, 0.05) is None


def test_a_client_that_does_not_read_keeps_nobody_waiting(place: Place, writer: SqliteDatabase) -> None:
    with closing(_guest(place)) as deaf, closing(_guest(place)) as neighbour:
        for number in range(60):
            deaf.sendall(_request(f"d{number}", (name_of(echo), ["x" * 100_000])))
        for number in range(20):
            neighbour.sendall(_request(f"n{number}", (name_of(echo), [number])))
        assert len(_answers(neighbour, 21)) == 21
        told = _answers(deaf, 61)[1:]

    assert [answer["id"] for answer in told] == [f"d{number}" for number in range(60)]


def test_a_folder_may_have_a_long_name(tmp_path: Path) -> None:
    place = Place((tmp_path / ("云" * 60)).resolve())
    with (
        closing(SqliteDatabase(place.folder / "state.db")) as writer,
        closing(SqliteDatabase(place.folder / "state.db")) as client,
    ):
        writer.write(add, [1])
        client.write(add, [2])
        assert place.writer() == os.getpid()

    assert place.numbers() == [1, 2]


_ORPHAN = """
import os, pathlib, signal, sys, time
from store_operations import echo
from yunjin.store.database import open_database
open_database(pathlib.Path(sys.argv[1])).write(echo, 1)
child = os.fork()
if child == 0:
    time.sleep(600)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_writers_child_that_outlives_it_keeps_nobody_from_writing(place: Place) -> None:
    ended = subprocess.Popen(
        [sys.executable, "-c", _ORPHAN, place.folder],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ended.stdout
    orphan = int(ended.stdout.readline())
    try:
        assert ended.wait() == -signal.SIGKILL
        with closing(SqliteDatabase(place.folder / "state.db")) as opened:
            assert opened.write(add, [1]) == 1
            assert place.writer() == os.getpid()
    finally:
        os.kill(orphan, signal.SIGKILL)
        ended.stdout.close()


def test_a_folder_that_takes_no_files_says_so(place: Place) -> None:
    (place.folder / gate.LOCK).mkdir()
    with (
        closing(SqliteDatabase(place.folder / "state.db")) as opened,
        pytest.raises(UsageError, match="cannot be written to"),
    ):
        opened.write(add, [1])
    (place.folder / gate.LOCK).rmdir()
    with closing(SqliteDatabase(place.folder / "state.db")) as opened:
        assert opened.write(add, [1]) == 1


def test_a_database_tries_again_after_it_could_not_write(place: Place) -> None:
    (place.folder / gate.LOCK).mkdir()
    with closing(SqliteDatabase(place.folder / "state.db")) as opened:
        with pytest.raises(UsageError):
            opened.write(add, [1])
        (place.folder / gate.LOCK).rmdir()
        assert opened.write(add, [1]) == 1


def test_a_result_that_cannot_be_sent_is_not_written(place: Place, writer: SqliteDatabase) -> None:
    with closing(SqliteDatabase(place.folder / "state.db")) as client:
        with pytest.raises(PermanentError):
            client.write_all([(add, ([1],)), (repeat, ("x" * 1000, LIMIT // 900))])
        assert client.write(count) == 0
