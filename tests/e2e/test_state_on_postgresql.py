"""A city whose state is on PostgreSQL is run as one in a file, and its password is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postgres import PASSWORD

if TYPE_CHECKING:
    from commandline import CommandLine
    from postgres import Server


@pytest.fixture
def address(postgres: Server) -> str:
    """A database that an ordinary user owns, with the password in its address."""
    postgres.ask("DROP DATABASE IF EXISTS owned")
    postgres.ask("CREATE DATABASE owned OWNER guarded")
    return postgres.url("owned", user=f"guarded:{PASSWORD}")


def test_the_same_commands_do_the_same(small: CommandLine, address: str) -> None:
    planned = small.run("plan", YUNJIN_DATABASE_URL=address)
    assert "3 个命名空间/项目" in planned
    applied = small.run("apply", "--yes", YUNJIN_DATABASE_URL=address)
    again = small.run("plan", YUNJIN_DATABASE_URL=address)
    status = small.run("status", YUNJIN_DATABASE_URL=address)

    assert sum("/ResourceQuota/" in key for key in small.standing("k8s")) == 3
    assert "已执行 28 项" in status
    assert not list(small.state.glob("state.db*"))
    assert PASSWORD not in planned + applied + again + status


def test_a_file_and_a_server_do_not_know_of_each_other(planned: CommandLine, address: str) -> None:
    assert "yunjin plan" in planned.run("apply", "--yes", expect=2, YUNJIN_DATABASE_URL=address)
    planned.run("apply", "--yes")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_server_that_cannot_be_used_is_named_without_its_password(
    small: CommandLine, address: str, lang: str
) -> None:
    wrong = address.replace(PASSWORD, f"not-{PASSWORD}")
    said = small.run("plan", expect=1, lang=lang, YUNJIN_DATABASE_URL=wrong)
    said += small.run("plan", expect=2, lang=lang, YUNJIN_DATABASE_URL=wrong.replace("postgresql", "mysql"))

    assert "YUNJIN_DATABASE_URL" in said
    assert "/owned" in said
    assert PASSWORD not in said
