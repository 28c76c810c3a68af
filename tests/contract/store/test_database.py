"""What every state database promises: alone in a process, through the writer's socket, on PostgreSQL."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import store_operations as op
from yunjin.errors import ConflictError, PermanentError, Text, UsageError

if TYPE_CHECKING:
    from store_places import Place
    from yunjin.store.database import Database


def test_what_many_threads_wrote_is_there_when_their_calls_return(place: Place, database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: database.write(op.add, [n]), range(400))) == [1] * 400

    assert place.numbers() == list(range(400))


def test_what_one_thread_submits_is_done_in_its_order(database: Database) -> None:
    futures = [database.submit(op.add, [number]) for number in range(60)]

    assert database.write(op.count) == 60
    assert all(future.done() for future in futures)
    futures = [database.submit(op.count), database.submit(op.add, [100]), database.submit(op.count)]
    assert [future.result() for future in futures] == [60, 1, 61]


def test_a_write_is_seen_by_the_next_question(database: Database) -> None:
    for number in range(20):
        database.write(op.add, [number])
        assert database.rows("SELECT count(*) FROM numbers WHERE n >= ?", 0) == [(number + 1,)]


def test_an_operation_that_fails_takes_back_its_own_rows_alone(place: Place, database: Database) -> None:
    first = database.submit(op.add, [1])
    refused = database.submit(op.refuse, 2)
    twice = database.submit(op.add, [3, 1])
    last = database.submit(op.add, [4])

    assert (first.result(), last.result()) == (1, 1)
    with pytest.raises(ConflictError):
        refused.result()
    with pytest.raises(PermanentError, match=r"(?i)unique"):
        twice.result()
    assert place.numbers() == [1, 4]


def test_an_error_arrives_as_it_was_raised(database: Database) -> None:
    with pytest.raises(ConflictError) as caught:
        database.write(op.refuse, 7)

    assert type(caught.value) is ConflictError
    assert caught.value.message == Text("已变更", "it moved")
    assert caught.value.remedy == Text("请重新生成", "make it anew")
    assert caught.value.facts == {"short": {"cpu": 7}}


def test_several_operations_are_done_together(place: Place, database: Database) -> None:
    assert database.write_all([(op.add, ([1, 2],)), (op.count, ()), (op.add, ([3],))]) == [2, 2, 1]
    assert database.write_all([]) == []
    assert place.numbers() == [1, 2, 3]


def test_several_operations_fail_together_and_the_error_says_which_did(
    place: Place, database: Database
) -> None:
    database.write(op.add, [1])

    with pytest.raises(ConflictError) as refused:
        database.write_all([(op.add, ([2],)), (op.refuse, (3,)), (op.add, ([4],))])
    with pytest.raises(PermanentError, match=r"(?i)unique"):
        database.write_all([(op.add, ([2],)), (op.add, ([1],))])

    assert refused.value.facts == {"short": {"cpu": 3}, "operation": 1}
    assert place.numbers() == [1]


@pytest.mark.parametrize(
    "value", [None, True, 0, 2**53, 1.5, "云锦 ' % ? \U0001f9f5", [], {"a": [{"b": None}]}], ids=repr
)
def test_plain_values_come_and_go_unchanged(database: Database, value: Any) -> None:
    assert database.write(op.echo, value) == value


def test_a_statement_means_the_same_everywhere(database: Database) -> None:
    database.write(op.mark, "100% '?'", 1)

    asked = "SELECT who, '100%?' FROM marks WHERE who LIKE '100%''?''' AND n = ?"
    assert database.rows(asked, 1) == [("100% '?'", "100%?")]


def test_questions_cannot_write(place: Place, database: Database) -> None:
    with pytest.raises(PermanentError, match=r"(?i)read-?only"):
        database.rows("INSERT INTO numbers (n) VALUES (1) RETURNING n")
    assert place.numbers() == []


def test_no_exception_of_the_library_gets_out(place: Place, database: Database) -> None:
    database.write(op.add, [1])
    place.ask("DROP TABLE numbers")

    for ask in (lambda: database.write(op.add, [2]), lambda: database.rows("SELECT n FROM numbers")):
        with pytest.raises(PermanentError, match="numbers"):
            ask()


def test_a_function_without_a_name_is_refused_before_it_is_sent(database: Database) -> None:
    with pytest.raises(TypeError, match="no @operation"):
        database.write(str)


def test_a_closed_database_has_finished_what_was_submitted(place: Place) -> None:
    database = place.open()
    futures = [database.submit(op.add, [number]) for number in range(800)]
    database.close()
    database.close()

    assert [future.result() for future in futures] == [1] * 800
    assert place.numbers() == list(range(800))
    for ask in (lambda: database.write(op.add, [2]), lambda: database.rows("SELECT 1")):
        with pytest.raises(PermanentError, match="closed"):
            ask()


def test_a_fault_of_the_program_reaches_its_caller_and_nobody_else(place: Place, database: Database) -> None:
    before = database.submit(op.add, [1])
    faulty = database.submit(op.stray)
    after = database.submit(op.add, [2])

    with pytest.raises((ZeroDivisionError, PermanentError), match="a fault of the program"):
        faulty.result()
    assert (before.result(), after.result()) == (1, 1)
    assert place.numbers() == [1, 2]


def test_a_full_disk_is_said_and_costs_nothing_that_was_there(place: Place, database: Database) -> None:
    database.write(op.add, [1])
    database.write(op.fill_the_disk)

    with pytest.raises(PermanentError, match="full"):
        database.write(op.mark, "x" * 1_000_000, 1)

    database.write(op.empty_the_disk)
    database.write(op.mark, "x" * 1_000_000, 2)
    assert place.numbers() == [1]
    assert [number for _, number in place.marks()] == [2]


def test_what_is_too_long_to_be_sent_is_refused_by_whoever_sends(place: Place, database: Database) -> None:
    """Where nothing is sent, nothing is too long."""
    database.write(op.echo, "small")
    value = "x" * (17 << 20)
    if place.writer() == os.getpid():
        assert database.write(op.echo, value) == value
    else:
        with pytest.raises((UsageError, PermanentError), match="16777216"):
            database.write(op.echo, value)
    assert database.write(op.echo, "still there") == "still there"
