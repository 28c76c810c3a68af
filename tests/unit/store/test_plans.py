"""Stored plans: by hash, the newest, replaced, limited."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import UsageError
from yunjin.store import Store, StoredPlan
from yunjin.store.plans import MOST

if TYPE_CHECKING:
    from clocks import Clock

PLAN = StoredPlan(
    hash="a" * 64,
    as_of=date(2026, 11, 22),
    estate="e" * 64,
    access={"k8s-egov": "file:/etc/yunjin/egov.kubeconfig#egov"},
    body='{"changes": ["用云单位"]}',
    verdict='{"findings": []}',
)


def test_no_plan_yet(store: Store) -> None:
    assert store.plans.newest() is None
    assert store.plans.get("a" * 64) is None


def test_a_plan_comes_back_as_it_was_stored(store: Store, clock: Clock) -> None:
    store.plans.save(PLAN)

    assert store.plans.get(PLAN.hash) == replace(PLAN, made=clock())
    assert store.plans.newest() == replace(PLAN, made=clock())


def test_the_newest_is_the_one_stored_last_even_if_it_is_an_old_one_made_again(
    store: Store, clock: Clock
) -> None:
    store.plans.save(PLAN)
    store.plans.save(replace(PLAN, hash="b" * 64))
    clock.advance(60)
    store.plans.save(replace(PLAN, verdict='{"findings": ["later rules"]}'))

    newest = store.plans.newest()
    assert newest is not None
    assert (newest.hash, newest.made, newest.verdict) == (PLAN.hash, clock(), '{"findings": ["later rules"]}')
    assert store.plans.get("b" * 64) is not None


def test_a_plan_without_end_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match=f"at most {MOST}"):
        store.plans.save(replace(PLAN, body="x" * (MOST + 1)))
    assert store.plans.newest() is None
