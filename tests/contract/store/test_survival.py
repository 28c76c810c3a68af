"""What was acknowledged is there, and once, whoever is killed and whenever."""

from __future__ import annotations

import os
import random
import signal
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

import store_operations as op
from postgres import Server
from postgres_proxy import Cut, CuttingProxy
from store_places import Place, ServerPlace, Worker
from waiting import wait_until
from yunjin.store.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

CUTS: list[Cut] = [
    "before the server hears of it",
    "while the server commits",
    "before the client hears of it",
]


def _moment(least: int, most: int) -> int:
    """After how many writes it happens: another time in each run."""
    return random.randint(least, most)


def _reached(worker: Worker, writes: int) -> None:
    wait_until(lambda: len(worker.acknowledged()) >= writes)


def _made_progress(workers: list[Worker], more: int) -> None:
    """Wait until each has been told of some more writes."""
    for worker, now in [(worker, len(worker.acknowledged())) for worker in workers]:
        _reached(worker, now + more)


def _each_once(place: Place, workers: list[Worker]) -> None:
    made = place.marks()
    assert {mark: times for mark, times in made.items() if times != 1} == {}
    for worker in workers:
        assert worker.acknowledged() <= made.keys()
        assert worker.acknowledged()


def test_what_a_process_was_told_is_written_outlives_it(shared_place: Place) -> None:
    workers = []
    for number in range(4):
        with Worker(shared_place, f"w{number}", threads=8) as worker:
            _made_progress([worker], _moment(1, 150))
            worker.kill()
        workers.append(worker)

    _each_once(shared_place, workers)


def test_a_client_that_is_killed_leaves_whole_writes_and_a_writer_that_goes_on(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with Worker(place, "writer", threads=0) as writer, closing(place.open()) as bystander:
        writer.hold()
        workers = []
        for number in range(4):
            with Worker(place, f"w{number}", threads=8) as worker:
                _made_progress([worker], _moment(1, 150))
                worker.kill()
            workers.append(worker)
            assert bystander.write(op.echo, number) == number
        assert place.writer() == writer.process.pid
        assert writer.end() == 0

    _each_once(place, workers)


def test_when_the_writer_is_killed_another_writes_on(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(place, f"w{number}", threads=8)) for number in range(4)]
        running = list(workers)
        for number in range(4, 9):
            _made_progress(running, _moment(5, 40))
            wait_until(lambda: place.writer() in {worker.process.pid for worker in running})
            at = place.writer()
            victim = next(worker for worker in running if worker.process.pid == at)
            victim.kill()
            running.remove(victim)
            running.append(stack.enter_context(Worker(place, f"w{number}", threads=8)))
            workers.append(running[-1])
        _made_progress(running, 20)

        assert [worker.end() for worker in running] == [0] * 4
        _each_once(place, workers)


def test_the_writing_is_handed_over_while_everybody_writes(shared_place: Place) -> None:
    """Two are told to end in the middle of their work; the four that write on lose nothing."""
    with ExitStack() as stack:
        leaving = [stack.enter_context(Worker(shared_place, f"l{number}", threads=8)) for number in range(2)]
        for worker in leaving:
            _reached(worker, 1)
        staying = [
            stack.enter_context(Worker(shared_place, f"s{number}", threads=8, writes=120))
            for number in range(4)
        ]
        leaving.sort(key=lambda one: one.process.pid != shared_place.writer())  # the writer first
        for number, worker in enumerate(leaving, start=1):
            for other in staying:
                _reached(other, number * 200)
            assert worker.end() == 0

        assert [worker.process.wait(timeout=60) for worker in staying] == [0] * 4
        _each_once(shared_place, [*leaving, *staying])
        assert [len(worker.acknowledged()) for worker in staying] == [8 * 120] * 4
        print("longest waits, in seconds:", [worker.longest() for worker in staying])


def test_processes_that_start_at_once_write_together(shared_place: Place) -> None:
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(shared_place, f"w{number}", threads=2, writes=10))
            for number in range(6)
        ]

        assert [worker.process.wait(timeout=60) for worker in workers] == [0] * 6
        _each_once(shared_place, workers)
        assert len(shared_place.marks()) == 6 * 2 * 10


@pytest.mark.postgres
def test_connections_that_the_server_ends_cost_nothing(tmp_path: Path, postgres: Server) -> None:
    place = ServerPlace(tmp_path, postgres)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(place, f"w{number}", threads=8, writes=120)) for number in range(2)
        ]
        assert place.url
        for told in range(100, 1000, 100):  # of 960 writes each
            for worker in workers:
                _reached(worker, told)
            for pid in postgres.backends(place.url):
                postgres.ask("SELECT pg_terminate_backend(%s)", (pid,))

        assert [worker.process.wait(timeout=60) for worker in workers] == [0, 0]
        _each_once(place, workers)
        assert len(place.marks()) == 2 * 8 * 120


@pytest.mark.postgres
def test_a_killed_backend_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """PostgreSQL then ends all connections and recovers from its log, a small one on a server of its own."""
    with Server.start() as postgres, ExitStack() as stack:
        place = ServerPlace(tmp_path, postgres)
        workers = [stack.enter_context(Worker(place, f"w{number}", threads=8)) for number in range(2)]
        for _ in range(3):
            _made_progress(workers, 60)
            assert place.url
            backends = postgres.backends(place.url)
            os.kill(backends[_moment(0, len(backends) - 1)], signal.SIGKILL)
            postgres.wait_until_up()
        _made_progress(workers, 20)

        assert [worker.end() for worker in workers] == [0, 0]
        _each_once(place, workers)


@pytest.mark.postgres
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("cuts", [1, 3])
def test_a_commit_that_is_cut_is_done_once(tmp_path: Path, postgres: Server, cut: Cut, cuts: int) -> None:
    place = ServerPlace(tmp_path, postgres)
    assert place.url
    place.ask(
        """
        CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$
        """
    )
    place.ask(
        """
        CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON marks DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION take_long()
        """
    )
    with CuttingProxy(postgres.port, cut, cuts) as proxy:
        url = place.url.replace(str(postgres.port), str(proxy.port))
        with closing(open_database(tmp_path, url)) as database:
            assert database.write(op.mark, "once", 7) == 7
            assert database.write_all([(op.mark, ("then", 8)), (op.echo, ("云",))]) == [8, "云"]
        assert proxy.done == cuts

    assert place.marks() == {("once", 7): 1, ("then", 8): 1}
