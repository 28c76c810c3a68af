"""The export names every table and column of the ledger, or says why it does not."""

from __future__ import annotations

from yunjin.ledger.export import PARTS
from yunjin.store.schema import METADATA

NO_LEDGER = {
    "runs", "entries", "leases", "plans", "credentials", "sightings", "answers",
    "audit", "audit_chain", "audit_heads",
}  # fmt: skip


def test_every_table_is_exported_or_is_no_part_of_the_ledger() -> None:
    children = {part.child.table for part in PARTS.values() if part.child}

    assert {*METADATA.tables} == {*PARTS} | children | NO_LEDGER


def test_every_column_is_exported() -> None:
    for table, part in PARTS.items():
        columns = {column.name for column in METADATA.tables[table].columns}
        assert columns == {*part.columns, part.drawn, part.pointer} - {""}, table
        if part.child:
            columns = {column.name for column in METADATA.tables[part.child.table].columns}
            assert columns == {*part.child.columns, part.child.pointer}, part.child.table
