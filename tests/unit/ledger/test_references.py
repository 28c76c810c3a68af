"""Whatever names a body is in the registry: walked through schema, models, files, and a ledger in use."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Text

from ledgers import Hand, plant, small_tree
from tools.environment import ROOT
from yunjin.estate.diagnostics import Diagnostics
from yunjin.estate.documents import KINDS, read_documents
from yunjin.estate.files import read_folder
from yunjin.estate.references import _REFERENCES
from yunjin.ledger import grants
from yunjin.ledger.references import COLUMNS, FIELDS, Moves
from yunjin.ledger.reorganisations import Reorganisations
from yunjin.model.amounts import Amounts
from yunjin.store import Store
from yunjin.store.schema import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Columns of texts that are known to name something else than a body, by their names. A new column stands here
# or in the registry; whoever adds it decides which.
ELSEWHERE = frozenset(
    [
        "access",
        "action",
        "actor",
        "after_hash",
        "as_of",
        "at",
        "basis",
        "before_hash",
        "carried",
        "cause",
        "closed",
        "digest",
        "dimension",
        "done",
        "due",
        "effective",
        "ended",
        "endpoint",
        "estate",
        "expires",
        "exported",
        "fences",
        "finished",
        "hash",
        "holder",
        "issued",
        "key",
        "kind",
        "leaves",
        "made",
        "name",
        "namespace",
        "number",
        "observed",
        "opened",
        "operation",
        "path",
        "plan",
        "pool",
        "post",
        "reason_en",
        "reason_zh",
        "recorded",
        "retained",
        "revoked",
        "role",
        "sealed",
        "servers",
        "since",
        "started",
        "state",
        "subject",
        "superseded",
        "target",
        "tenant",
        "valid_from",
        "valid_to",
    ]
)
OTHER_IDS = frozenset({("credentials", "id"), ("answers", "id")})

# The same for fields of declared items: texts for people, choices, and ids of other things.
SAID = frozenset(
    ("zh", "en", "doc", "clause", "section", "item", "code", "doc_no", "post", "phone", "reason")
)
CHOICES = frozenset(
    ("importance", "kind", "role", "use", "stage", "origin", "horizon", "status", "protocol", "technology")
)
OTHER_THINGS = frozenset(
    [
        "access",
        "also",
        "approval",
        "check",
        "cidrs",
        "data_in",
        "data_out",
        "element",
        "elements",
        "endpoint",
        "follows",
        "from",
        "functions",
        "leaf",
        "limit_percent",
        "node_selector",
        "object",
        "objects",
        "overcommit_percent",
        "overlaps",
        "per",
        "platforms",
        "pool",
        "pool_binding",
        "state",
        "subsystem",
        "suffix",
        "tenant",
        "to",
        "unit",
        "value",
        "zone",
    ]
)
BODIES = ("bureau", "area")


def test_every_column_that_holds_a_body_is_registered() -> None:
    registered = {(column.table, column.name) for column in COLUMNS}
    unknown = [
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, Text)
        and (table.name, column.name) not in registered | OTHER_IDS
        and column.name not in ELSEWHERE
    ]
    assert unknown == [], "say in yunjin.ledger.references what becomes of it when a body merges"


def test_every_reference_to_a_node_is_registered() -> None:
    registered = {(column.table, column.name) for column in COLUMNS}
    references = {
        (table.name, key.parent.name)
        for table in METADATA.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "quota_nodes"
    }
    assert references <= registered


def test_every_registered_column_exists() -> None:
    for column in COLUMNS:
        assert column.name in METADATA.tables[column.table].columns


def texts(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all fields below a model that hold texts, by the keys that documents use."""
    for name, info in model.model_fields.items():
        yield from _texts(info.annotation, (*path, info.alias or name))


def _texts(annotation: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _texts(inner[0], path)
    elif origin in (tuple, typing.Union, types.UnionType, dict, Mapping):
        found = {each for part in inner if part is not Ellipsis for each in _texts(part, path)}
        yield from sorted(found)
    elif origin is typing.Literal:
        yield path
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from texts(annotation, path)
    elif annotation is str:
        yield path
    else:
        assert annotation in (int, bool, float, date, Amounts, type(None)), annotation


def test_every_field_that_holds_a_body_is_registered() -> None:
    registered = {(field.kind, field.path) for field in FIELDS}
    unknown = [
        (kind.name, path)
        for kind in KINDS.values()
        for path in texts(kind.model)
        if (kind.name, path) not in registered
        and path[-1] not in SAID | CHOICES | OTHER_THINGS
        and not (path[-1] == "id" and (kind.name not in BODIES or len(path) > 1))
    ]
    assert unknown == [], "say in yunjin.ledger.references what becomes of it when a body merges"


def test_every_registered_field_exists() -> None:
    models = {kind.name: kind.model for kind in KINDS.values()}
    for field in FIELDS:
        assert field.path in list(texts(models[field.kind]))


def test_what_the_loader_takes_for_a_body_is_registered() -> None:
    registered = {(field.kind, field.path) for field in FIELDS}
    draft = read_documents(read_folder(ROOT / "tenants", {}, Diagnostics()), Diagnostics())
    found = {
        (kind, tuple(step for step in reference.steps if isinstance(step, str)))
        for kind, references in _REFERENCES.items()
        for item in draft.items[kind].values()
        for reference in references(item.model)
        if set(reference.kinds) & set(BODIES)
    }
    assert len(found) > 7
    assert found <= registered


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Hand]:
    """A ledger in which a body was granted something, granted something itself, and merged."""
    with Store.open(tmp_path / "state") as store:
        hand, today = Hand(store.database), date(2026, 11, 22)
        plant(hand, small_tree())
        hand.allot("leaf/k1/jtj-egov", cpu=5)
        own = {"k8s-egov": {"cpu": 1}, "*": {"cpu": 1}}
        terms = {"node": "tenant/bus", "limit": own, "guarantee": {}, "kind": "grant", "basis": ""}
        dates = {"valid_from": "2026-11-22", "valid_to": None, "today": "2026-11-22"}
        hand(grants.end_grant, number="opening/tenant/bus", cause="", today="2026-11-22")
        hand(grants.add_grant, number="", grantor="bureau/jtj", **terms, **dates)
        changes = Reorganisations(store.database, hand.clock, "tests")
        merger = {"from": ["bureau/jtj"], "into": "area/dawa", "bodies": ["bureau/jtj", "area/dawa"]}
        number = changes.record("merge", today, "document", merger, today)
        expected = changes.rehearse("merge", today, "document", merger, number)
        changes.carry_out(number, expected, [], today)
        yield hand


def test_nothing_else_in_a_used_ledger_names_a_body(used: Hand) -> None:
    registered = {(column.table, column.name) for column in COLUMNS}
    naming = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, Text)
        and used.rows(f"SELECT 1 FROM {table.name} WHERE {column.name} LIKE '%bureau/jtj%'")  # noqa: S608
    }
    by_number = {("grants", "number")}  # of the opening; a number on paper is nobody's name
    assert naming - by_number <= registered


def test_what_follows_and_what_is_rebuilt_names_the_ended_body_no_more(used: Hand) -> None:
    live = {"quota_nodes": "ended IS NULL", "quota_cells": "allotted + guarantee + nested + limit_ > 0"}
    live |= {"grants": "superseded IS NULL AND state = 'in_force'", "quota_deficits": "closed IS NULL"}
    for column in COLUMNS:
        if column.moves is not Moves.STAYS:
            condition = live.get(column.table) or column.live
            sql = f"SELECT 1 FROM {column.table} WHERE {column.name} = 'bureau/jtj' AND {condition}"  # noqa: S608
            assert used.rows(sql) == [], column
