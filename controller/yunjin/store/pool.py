"""Connections to a PostgreSQL server, kept and handed out; its errors in our words.

Used by `postgres` and `migrate`. Imports psycopg, so nothing imports this unless a server is used. Promises
that no psycopg exception passes `ours`, that no password is in an error, and that a server elsewhere is
verified unless its address says otherwise.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import conninfo
from psycopg.pq import TransactionStatus

from yunjin.errors import PermanentError, Text, TransientError, UsageError, YunjinError
from yunjin.model.hosts import is_loopback
from yunjin.store import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

Raw = psycopg.Connection[tuple[Any, ...]]

MOST: Final = 16
"""The most connections of one process."""
_SCHEME: Final = "postgresql://"
_PORTS: Final = re.compile("[0-9,]*")
_SETTINGS: Final = """
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') IN ('off', 'local');
SELECT set_config('lock_timeout', '30s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       set_config('tcp_keepalives_idle', '15', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false)
"""
_READ_ONLY: Final = "; SELECT set_config('default_transaction_read_only', 'on', false)"
# A client that vanished with its machine must not hold a lock for hours, nor a server keep us waiting.
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "yunjin",
}
_NO_ROOM: Final = re.compile("too many (clients|connections)|connection slots")  # refused so, it has no code
_UNPROVEN: Final = re.compile("does not support SSL|SSL error|certificate")
_AGAIN: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_GONE: Final = frozenset({"57P01", "57P02", "57P03"})  # shut down, crashed, starting up


class Pool:
    """The connections of one process to one server.

    Attributes:
        name: the server and its database, for people.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._settings = _SETTINGS + (_READ_ONLY if read_only else "")
        given = _parsed(url)
        self._parameters = _DEFAULTS | ({"sslmode": "verify-full"} if _elsewhere(given) else {}) | given
        host = self._parameters.get("host", "localhost").split(",")[0]
        port = self._parameters.get("port", "5432").split(",")[0]
        self.name = f"postgresql://{host}:{port}/{self._parameters.get('dbname', '')}"
        self._idle: deque[Raw] = deque()
        self._room = threading.BoundedSemaphore(MOST)
        self._closed = False

    def connect(self) -> Raw:
        """A connection of the caller's own, in autocommit mode. Raises psycopg's errors."""
        connection = psycopg.connect(**self._parameters, autocommit=True)  # type: ignore[arg-type]  # strings all
        try:
            connection.execute(self._settings)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def connection(self) -> Iterator[Raw]:
        """One that is kept. Raises psycopg's errors, and PermanentError once the pool is closed."""
        if self._closed:
            raise faults.closed(self.name)
        with self._room:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self.connect()
            try:
                yield connection
            finally:
                if connection.info.transaction_status == TransactionStatus.IDLE and not self._closed:
                    self._idle.append(connection)
                else:
                    connection.close()

    def forget(self) -> None:
        """Close all that are idle: the server went away, and took them along."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def close(self) -> None:
        """End them all; those in use end when they are given back."""
        self._closed = True
        self.forget()


def _parsed(url: str) -> dict[str, str]:
    # What the library says of a bad address repeats the address, and with it the password.
    wrong = UsageError(
        Text(
            "环境变量 YUNJIN_DATABASE_URL 不是有效的 PostgreSQL 地址",
            "YUNJIN_DATABASE_URL is no address of a PostgreSQL database",
        ),
        Text(
            "写成 postgresql://用户@主机:5432/库名 的形式; 口令含 @ / % 等符号时放入 ~/.pgpass",
            "write it as postgresql://user@host:5432/database; a password with @, / or % is for ~/.pgpass",
        ),
    )
    if not url.startswith(_SCHEME):
        raise wrong
    try:
        given = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    except psycopg.Error:
        raise wrong from None
    # A password with such signs in it ends early for the library, and the rest would be shown as the server.
    if "@" in given.get("host", "") + given.get("dbname", "") or not _PORTS.fullmatch(given.get("port", "")):
        raise wrong
    return given


def _elsewhere(given: dict[str, str]) -> bool:
    """Whether the server may be on another machine; by default the library would believe anybody there."""
    # Where both are given, the name is what the certificate must bear, and the address is who is called.
    hosts = ",".join((given.get("host", ""), given.get("hostaddr", ""))).split(",")
    return not all(not host or host.startswith("/") or is_loopback(host) for host in hosts)


def gone(error: psycopg.Error) -> bool:
    """The connection is lost, or none could be had."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate in _GONE or error.sqlstate.startswith("08")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn psycopg's exceptions into ours."""
    try:
        yield
    except psycopg.Error as error:
        raise ours(name, error) from error


def repeatable(error: psycopg.Error) -> bool:
    """Nothing was done, and the same may well succeed."""
    return error.sqlstate in _AGAIN or gone(error)


def ours(name: str, error: psycopg.Error) -> YunjinError:
    """The error of ours that says what this one means."""
    state = error.sqlstate or ""
    said = " ".join(str(error).split())
    if state == "53100":
        return faults.disk_full(name)
    if state == "53300" or (gone(error) and _NO_ROOM.search(said)):
        return TransientError(
            Text(f"状态库 {name} 的连接数已满", f"the state database {name} has no connection left"),
            Text(
                "请稍后重试, 或调高服务器的 max_connections",
                "try again later, or raise max_connections of the server",
            ),
        )
    if gone(error):
        return TransientError(
            Text(f"状态库 {name} 无法连接: {said}", f"the state database {name} cannot be reached: {said}"),
            # What the library advises, sslrootcert=system, finds no authorities of Debian's in its wheel.
            Text(
                "在 YUNJIN_DATABASE_URL 末尾用 ?sslrootcert=文件 指明为该服务器签发证书的机构",
                "end YUNJIN_DATABASE_URL with ?sslrootcert=FILE: the authority of the server's certificate",
            )
            if _UNPROVEN.search(said)
            else Text(
                "请检查数据库服务是否运行, 以及 YUNJIN_DATABASE_URL 的用户和口令",
                "check that the server runs, and user and password of YUNJIN_DATABASE_URL",
            ),
        )
    if state in _AGAIN or state == "55P03":
        return faults.busy(name)
    if state == "25006":
        return PermanentError(
            Text(f"状态库 {name} 只读", f"the state database {name} is read-only"),
            Text("请将 YUNJIN_DATABASE_URL 指向主库", "point YUNJIN_DATABASE_URL at the primary server"),
        )
    return PermanentError(
        Text(f"状态库 {name} 无法读写: {said}", f"the state database {name} cannot be used: {said}"),
        Text("请检查该用户在库中的权限", "check the rights of its user in the database"),
    )
