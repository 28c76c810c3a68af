"""A command loads what it needs and nothing that only others need: people wait for every import."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from estates import write_estate

if TYPE_CHECKING:
    from pathlib import Path

NEVER = {"alembic", "kubernetes", "psycopg", "ruamel.yaml", "sqlalchemy", "structlog"}
PROGRAM = """
import sys
from yunjin_cli.main import main
sys.argv = ["yunjin", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0, ended.code
sys.stdout.write("\\n".join(["", *sys.modules]))
"""


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (("--help",), {"babel", "pydantic", "rich", "yaml", "yunjin.engine", "yunjin_policies"}),
        (("validate",), {"yunjin.engine", "yunjin.store"}),
        (("tenant", "list"), {"yunjin.engine", "yunjin.store", "yunjin_policies"}),
    ],
)
def test_what_a_command_does_not_need_is_not_loaded(
    tmp_path: Path, call: tuple[str, ...], more: set[str]
) -> None:
    write_estate(tmp_path / "tenants")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *call], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.splitlines())
    assert "yunjin_cli.main" in loaded
    assert loaded & (NEVER | more) == set()


def test_a_city_on_simulated_endpoints_needs_no_cluster_client(tmp_path: Path) -> None:
    write_estate(tmp_path / "tenants")
    for call in ("plan", "apply --yes"):
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *call.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert {"kubernetes", "psycopg", "structlog", "ruamel.yaml"} & set(ended.stdout.splitlines()) == set()
