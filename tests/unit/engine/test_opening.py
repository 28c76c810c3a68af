"""The declared city enters the ledger once, whole; later what is new enters with nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from commandline import ROOT
from estates import city, tenant
from spines import DAY, LEAF, POOL, QUICK, City, under_way
from yunjin.engine import opening
from yunjin.errors import RefusalError, ShortageError
from yunjin.estate import load
from yunjin.ledger import books
from yunjin.ledger.shares import opened, shares
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.ledger.books import Books

SMALL = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "100Gi", "pods": 40})
LARGE = Amounts.parse({"cpu": 8, "memory": "16Gi", "storage": "200Gi", "pods": 80})
NEW = {"node": "leaf/k8s/new-egov", "pool": POOL, "tenant": "new", "allotted": {"cpu": 1}}


def _books(of: City) -> Books:
    with of.store() as store:
        return books.read(store.database, (books.NODES, books.CELLS, books.GRANTS, books.SUPPLY))


def _audit(of: City) -> list[tuple[Any, ...]]:
    with of.store() as store:
        return store.database.rows("SELECT operation, actor, key FROM audit ORDER BY seq")


def test_planning_does_not_open_it(declared: City) -> None:
    with declared.spine() as spine:
        spine.plan()
        assert not opened(spine.store.database)


def test_an_apply_that_is_refused_does_not_open_it(declared: City) -> None:
    declared.declare(cpu=9)
    with pytest.raises(RefusalError):
        declared.apply()
    assert _audit(declared) == []


def test_every_node_enters_below_its_parent(town: City) -> None:
    nodes = _books(town).nodes
    assert {name: node.parent for name, node in nodes.items()} == {
        "city": None,
        "bureau/fgw": "city",
        "bureau/jtj": "city",
        "area/dawa": "city",
        "tenant/fgw": "bureau/fgw",
        "tenant/jtj": "bureau/jtj",
        "tenant/dawa": "area/dawa",
        **{f"leaf/k8s/{each}-egov": f"tenant/{each}" for each in ("fgw", "jtj", "dawa")},
    }
    assert {name for name, node in nodes.items() if node.pool} == {
        f"leaf/k8s/{each}-egov" for each in ("fgw", "jtj", "dawa")
    }


def test_each_inner_row_is_a_grant_of_its_own(town: City) -> None:
    found = {grant.node: grant for grant in _books(town).grants}
    assert set(found) == {row["node"] for row in city()["baseline"] if not row["node"].startswith("leaf/")}
    for node, grant in found.items():
        assert (grant.number, grant.kind) == (f"opening/{node}/{POOL}", "opening")
        assert grant.limit == {POOL: LARGE, "*": LARGE}
        assert grant.guarantee == {POOL: SMALL}


def test_limits_over_all_pools_are_the_sum(tmp_path: Path) -> None:
    rows = [
        *city()["baseline"],
        {"node": "bureau/jtj", "pool": "k8s-inet", "limit": {"cpu": 3}},
        {"node": "tenant/jtj", "pool": "k8s-inet", "limit": {"cpu": 2}},
    ]
    wide = City(tmp_path, baseline=rows)
    wide.apply()
    cells = _books(wide).cells
    assert cells["bureau/jtj"]["*", "cpu"].limit == 8000 + 3000
    assert cells["tenant/jtj"]["*", "cpu"].limit == 8000 + 2000
    wide.close()


def test_the_pools_supply_is_the_citys_limit(town: City) -> None:
    found = _books(town)
    estate = town.estate()
    for pool in estate.pools.values():
        assert Amounts({d: found.cells["city"][pool.id, d].limit for d in pool.supply}) == pool.bound()
    assert {row.cause for row in found.supply} == {"opening"}


def test_every_leaf_holds_what_the_baseline_says(town: City) -> None:
    assert town.share().target == town.share().charged == SMALL
    assert under_way(town) == frozenset()


def test_it_happens_once(town: City) -> None:
    before = _audit(town)
    assert town.apply() == ()
    assert _audit(town) == before


def test_two_that_come_at_once_open_it_once(tmp_path: Path) -> None:
    fresh = City(tmp_path)
    estate = fresh.estate()
    with fresh.store() as store, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: opening.enter(store, estate, DAY, f"actor-{n}"), range(8)))
        opened_by = {actor for (actor,) in store.database.rows("SELECT DISTINCT actor FROM audit")}
        assert len(opened_by) == 1
        assert (shares(store.database) or {})["leaf/k8s/jtj-egov"].target == SMALL
    fresh.close()


def test_what_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    """The rules let no such estate pass; the ledger looks for itself."""
    fresh = City(tmp_path)
    fresh.declare(cpu=9)
    with fresh.store() as store:
        with pytest.raises(ShortageError):
            opening.enter(store, fresh.estate(), DAY, "cloud-ops")
        assert not opened(store.database)
    fresh.close()


def test_the_panjin_of_the_files_fits(tmp_path: Path) -> None:
    panjin = City(tmp_path)
    estate = load(ROOT / "tenants")
    with panjin.store() as store:
        opening.enter(store, estate, DAY, "cloud-ops")
        held = shares(store.database) or {}
    assert {node: share.target for node, share in held.items()} == {
        row.node: row.allotted for row in estate.leaf_rows
    }
    panjin.close()


def test_bodies_below_bodies_and_quarantined_tenants_enter_too(tmp_path: Path) -> None:
    below = {"id": "jjzd", "names": [{"zh": "市交警支队", "en": "Traffic Police"}], "parent": "jtj"}
    kept = {"since": "2026-11-22", "reason": "待核"}
    orphan = tenant("orphan", "institution", "bureau/jtj", quarantine=kept) | {"owner": None}
    fresh = City(
        tmp_path,
        bureaus=[*city()["bureaus"], below],
        tenants=[*city()["tenants"], orphan],
    )
    with fresh.store() as store:
        opening.enter(store, fresh.estate(), DAY, "cloud-ops")
    nodes = _books(fresh).nodes
    assert (nodes["bureau/jjzd"].parent, nodes["tenant/orphan"].parent) == ("bureau/jtj", "city")
    fresh.close()


def test_a_new_leaf_enters_with_nothing_until_it_is_allotted(town: City) -> None:
    new = tenant("new", "institution", "bureau/jtj")
    inner = [
        {"node": "tenant/new", "pool": POOL, "limit": {"cpu": 2}},
        NEW,
    ]
    town.write(baseline=[*city()["baseline"], *inner])
    town.write_tenant(new)
    town.apply()
    assert town.share("new-egov").target == Amounts()
    assert town.cpu("new-egov") == "0"

    with pytest.raises(ShortageError):
        town.allot("new-egov", cpu=1)
    town.grant("tenant/new", cpu=2)
    town.allot("new-egov", cpu=1)
    town.apply()
    assert town.cpu("new-egov") == "1"


def test_a_changed_supply_or_baseline_does_not_enter_again(town: City) -> None:
    pools = city()["pools"]
    pools[0]["supply"] = {**pools[0]["supply"], "cpu": 60}
    town.write(pools=pools)
    town.declare(cpu=3)
    assert town.apply(QUICK) == ()
    assert town.share(LEAF).target == SMALL
    assert _books(town).cells["city"][POOL, "cpu"].limit == 64_000
