"""Lets the threads of one service share its SQLite files without failing on each other.

Called by `serve` before a service is imported. SQLite refuses at once to turn a reading transaction into a
writing one where somebody wrote in between; waiting does not help. Services that only answer requests avoid
that by answering one at a time. Nova and Cinder have workers besides, so their transactions take the lock
for writing when they begin, and queue. What is refused even so is called a deadlock, which the services
repeat by themselves, as they do on a larger database.
"""

from __future__ import annotations

from typing import Any, NoReturn

import sqlalchemy.engine
import sqlalchemy.event
import sqlalchemy.exc
from oslo_db import exception
from oslo_db.sqlalchemy import exc_filters


def repeat_when_locked() -> None:
    """Call a locked file a deadlock."""

    def deadlock(error: Exception, *_: object) -> NoReturn:
        raise exception.DBDeadlock(error)

    exc_filters.filters("sqlite", sqlalchemy.exc.OperationalError, r".*database is locked.*")(deadlock)


def lock_first() -> None:
    """Let every transaction of this process take the lock for writing when it begins."""

    def begin(connection: Any) -> None:
        # oslo.db begins one itself on a connection that is not marked so.
        if connection.dialect.name == "sqlite" and "in_transaction" not in connection.info:
            connection.info["in_transaction"] = True
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "begin", begin)
