"""PostgreSQL: starting on an empty database, refusing a newer one, saying what is wrong, never a password."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from postgres import PASSWORD
from store_operations import count, echo, statement
from store_places import ServerPlace
from waiting import wait_until
from yunjin.errors import ConflictError, PermanentError, TransientError, UsageError, YunjinError
from yunjin.model.change import ABSENT, Action, Change
from yunjin.model.resources import Key, ObjectClass
from yunjin.store import Fence, Holder, Store
from yunjin.store.database import open_database
from yunjin.store.pool import Pool, translated
from yunjin.store.schema import METADATA

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from pathlib import Path

    from postgres import Server


_CHANGE = Change(
    action=Action.CREATE,
    key=Key("k8s", "jtj-egov", "NetworkPolicy", "deny"),
    tenant="jtj",
    object_class=ObjectClass.NETWORK,
    rank=2,
    before=ABSENT,
    after="hash",
    differences=(),
    body={"kind": "NetworkPolicy"},
)


def _ask(url: str, sql: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(sql)


def test_an_empty_database_gets_the_schema_the_code_expects(folder: Path, postgres: Server) -> None:
    url = postgres.new_database(empty=True)
    Store.open(folder, url=url).close()

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    # A server alone notes the numbers of its audit; a trigger does it, and no module writes there.
    assert [(what, table.name) for what, table in differences] == [("remove_table", "audit_numbers")]


def test_no_file_is_made_where_the_database_is_a_server(folder: Path, postgres: Server) -> None:
    with Store.open(folder, url=postgres.new_database()) as store:
        store.sightings.update("k8s-egov", [])

    assert list(folder.iterdir()) == []


def test_a_database_of_a_newer_schema_is_left_alone(folder: Path, postgres: Server) -> None:
    url = postgres.new_database()
    _ask(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(PermanentError, match="9999"):
        Store.open(folder, url=url)


def test_a_migration_that_fails_leaves_nothing_behind(folder: Path, postgres: Server) -> None:
    url = postgres.new_database(empty=True)
    _ask(url, "CREATE TABLE answers (it INTEGER)")  # in the way of the last table

    with pytest.raises(PermanentError, match="could not be upgraded"):
        Store.open(folder, url=url)

    with closing(psycopg.connect(url)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("answers",)]


def _open(folder: Path, url: str, answers: Queue[str]) -> None:
    try:
        with Store.open(folder, url=url) as store:
            store.sightings.update("k8s-egov", [])
        answers.put("opened")
    except Exception as error:  # noqa: BLE001 (the parent judges it)
        answers.put(repr(error))


def test_processes_that_start_at_once_do_not_collide(folder: Path, postgres: Server) -> None:
    url = postgres.new_database(empty=True)
    context = multiprocessing.get_context("fork")
    answers: Queue[str] = context.Queue()
    processes = [context.Process(target=_open, args=(folder, url, answers)) for _ in range(6)]
    for process in processes:
        process.start()

    assert [answers.get(timeout=60) for _ in processes] == ["opened"] * len(processes)
    for process in processes:
        process.join()


@pytest.mark.parametrize(
    "url",
    [
        f"postgres://u:{PASSWORD}@h/d",
        f"mysql://u:{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}@h:{PASSWORD}%zz/d",
        f"postgresql://u:{PASSWORD}@h/d?nonsense={PASSWORD}",
        f"postgresql://u:half@{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}/half@h/d",
        f"postgresql://u:1/{PASSWORD}@h/d",
        PASSWORD,
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(folder: Path, url: str) -> None:
    with pytest.raises(UsageError, match="YUNJIN_DATABASE_URL") as caught:
        Store.open(folder, url=url)

    _keeps_the_secret(caught.value, url)


@pytest.mark.parametrize(
    ("host", "called"), [("db.panjin.gov.cn", "127.0.0.1"), ("localhost", "0")], ids=["name", "address"]
)
def test_a_server_elsewhere_is_verified_unless_the_address_says_otherwise(
    folder: Path, postgres: Server, host: str, called: str
) -> None:
    """The test's own server has no certificate; by one of the two alone nobody can tell that it is here."""
    url = f"{postgres.new_database().replace('@127.0.0.1:', f'@{host}:')}?hostaddr={called}"
    with pytest.raises(TransientError, match="SSL") as caught:
        Store.open(folder, url=url)
    assert caught.value.remedy
    assert "?sslrootcert=" in caught.value.remedy.zh

    Store.open(folder, url=f"{url}&sslmode=disable").close()


def test_a_server_that_is_not_there_is_named_without_the_password(folder: Path) -> None:
    url = f"postgresql://guarded:{PASSWORD}@127.0.0.1:9/yunjin"
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9/yunjin cannot be reached") as caught:
        Store.open(folder, url=url)

    _keeps_the_secret(caught.value, PASSWORD)


def test_a_wrong_password_is_said_and_not_shown(folder: Path, postgres: Server) -> None:
    wrong = "wrong" + PASSWORD
    url = postgres.new_database().replace("yunjin@", f"guarded:{wrong}@")
    with pytest.raises(TransientError, match="password authentication failed") as caught:
        Store.open(folder, url=url)

    _keeps_the_secret(caught.value, wrong)


def test_a_user_without_rights_is_told_so(folder: Path, postgres: Server) -> None:
    url = postgres.new_database().replace("yunjin@", f"guarded:{PASSWORD}@")
    with pytest.raises(PermanentError, match="permission denied") as caught:
        Store.open(folder, url=url)

    _keeps_the_secret(caught.value, PASSWORD)


def _keeps_the_secret(error: BaseException | None, secret: str) -> None:
    assert isinstance(error, YunjinError)
    assert error.remedy
    said = f"{error.message} {error.remedy}"
    cause: BaseException | None = error
    while cause is not None:
        assert secret not in said + str(cause) + repr(cause)
        cause = cause.__cause__


def test_a_standby_is_said_to_be_one(folder: Path, postgres: Server) -> None:
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    postgres.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with closing(open_database(folder, url)) as database, pytest.raises(PermanentError, match="is read-only"):
        database.write(echo, 1)


def test_a_server_without_room_for_another_connection_says_what_to_raise(
    folder: Path, postgres: Server
) -> None:
    url = postgres.new_database()
    postgres.ask(f"ALTER DATABASE {url.rpartition('/')[2]} CONNECTION LIMIT 0")  # but for administrators

    pool = Pool(url.replace("yunjin@", f"guarded:{PASSWORD}@"))
    with pytest.raises(TransientError, match="no connection left") as caught, translated(pool.name):
        pool.connect()
    _keeps_the_secret(caught.value, PASSWORD)


def test_work_that_waits_for_each_other_is_repeated(folder: Path, postgres: Server) -> None:
    """Two transactions that lock two rows crosswise: PostgreSQL ends one of them."""
    place = ServerPlace(folder, postgres)
    place.ask("INSERT INTO numbers (n) VALUES (1), (2)")
    lock = "SELECT pg_sleep(0.2) FROM (SELECT n FROM numbers WHERE n = {} FOR UPDATE) AS it"
    with closing(place.open()) as database, ExitStack() as stack:
        other = stack.enter_context(closing(place.open()))
        first = database.submit(statement, _both(lock, 1, 2))
        second = other.submit(statement, _both(lock, 2, 1))

        assert (first.result(), second.result()) == (None, None)
        assert database.write(count) == 2


def _both(lock: str, one: int, other: int) -> str:
    steps = "; ".join(f"PERFORM 1 FROM ({lock.format(number)}) AS locked" for number in (one, other))
    return f"DO $$ BEGIN {steps}; END $$"


def test_who_journals_waits_for_who_is_taking_the_lease(folder: Path, postgres: Server) -> None:
    """Else both would believe that the endpoint is theirs."""
    url = postgres.new_database()
    with (
        Store.open(folder, url=url) as store,
        ThreadPoolExecutor(1) as pool,
        closing(psycopg.connect(url)) as other,
    ):
        mine = Holder.mine()
        fence = store.leases.acquire("k8s", mine, 30)
        assert isinstance(fence, Fence)
        run = store.journal.begin("plan", "root", mine.name, {"k8s": fence.number})
        other.execute("UPDATE leases SET holder = %s, fence = fence + 1", (str(Holder.mine()),))

        journalled = pool.submit(run.before, [_CHANGE])
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        name = url.rpartition("/")[2]
        wait_until(lambda: journalled.done() or bool(postgres.ask(waiting, (name,))))
        other.commit()

        with pytest.raises(ConflictError, match="no longer this run's"):
            journalled.result()
        assert store.journal.entries(run.id) == ()


def test_a_commit_is_on_the_disk_whatever_the_database_is_set_to(folder: Path, postgres: Server) -> None:
    url = postgres.new_database()
    postgres.ask(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")

    with closing(Pool(url).connect()) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_current_database_is_opened_without_the_migration_tools(folder: Path, postgres: Server) -> None:
    program = (
        "import sys, pathlib; sys.path[:0] = sys.argv[3:]\n"
        "from yunjin.store import Store\n"
        "Store.open(pathlib.Path(sys.argv[1]), url=sys.argv[2]).close()\n"
        "print(sorted({'alembic', 'sqlalchemy', 'mako', 'psycopg'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, folder, postgres.new_database(), *sys.path],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "['psycopg']"
