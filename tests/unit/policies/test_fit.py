"""Fit: what an edited baseline asks beyond an exported ledger, judged as the ledger would take it."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from estates import tenant
from spines import DAY, City
from yunjin.engine import snapshots
from yunjin.ledger import export
from yunjin.policy import Facts, run
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.model.change import Finding

RULE = "F01"
LEAF, TENANT, BUREAU = "leaf/k8s/jtj-egov", "tenant/jtj", "bureau/jtj"


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small city after its first apply, its ledger exported beside it."""
    folder = tmp_path_factory.mktemp("entered")
    with closing(City(folder)) as made:
        made.apply()
        with made.store() as store:
            content = export.read(store.database.rows, store.database.dialect)
    (folder / "ledger.json").write_text(export.document(content), "utf-8")
    return folder


@pytest.fixture
def city(entered: Path, tmp_path: Path) -> Iterator[City]:
    shutil.copytree(entered, tmp_path, dirs_exist_ok=True)
    with closing(City.at(tmp_path)) as opened:
        yield opened


def edit(city: City, node: str, figure: str, cpu: int) -> None:
    """Give one row of the baseline another number of cores."""
    path = city.tenants / "baseline.yaml"
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["items"]
    for row in rows:
        if row["node"] == node:
            row[figure] = {**row[figure], "cpu": cpu}
    city.write(baseline=rows)


def judged(city: City) -> list[Finding]:
    """What the rule says beside the exported ledger."""
    estate = city.estate()
    facts = snapshots.facts(city.tenants.parent / "ledger.json", None, estate)
    return [each for each in run(RULES, Facts(estate, DAY, ledger=facts)) if each.rule == RULE]


def short(city: City) -> list[tuple[str, str, str]]:
    """Row, whose limit, and by how much, in millicores."""
    return [(each.subject, each.evidence["node"], each.evidence["excess"]) for each in judged(city)]


def test_rows_that_nobody_edited_ask_for_nothing(city: City) -> None:
    assert short(city) == []


def test_what_has_room_is_in_order(city: City) -> None:
    edit(city, LEAF, "allotted", 8)
    assert short(city) == []


def test_who_asks_less_asks_nothing(city: City) -> None:
    edit(city, LEAF, "allotted", 1)
    edit(city, TENANT, "limit", 5)
    assert short(city) == []


def test_more_than_the_tenants_limit_names_it(city: City) -> None:
    edit(city, LEAF, "allotted", 9)

    assert short(city) == [(f"{LEAF} k8s-egov", TENANT, "1000")]
    (finding,) = judged(city)
    assert "配额上限为 8 核, 需要 9 核, 超出 1 核" in finding.message.zh
    assert finding.place


def test_a_limit_above_its_parents_names_the_parent(city: City) -> None:
    edit(city, TENANT, "limit", 10)

    assert short(city) == [(f"{TENANT} k8s-egov", BUREAU, "2000")]


def test_limits_are_raised_from_the_top_before_what_they_are_for(city: City) -> None:
    for node, figure in ((LEAF, "allotted"), (TENANT, "limit"), (BUREAU, "limit")):
        edit(city, node, figure, 9)
    assert short(city) == []


def test_more_than_the_city_has_names_the_city(city: City) -> None:
    for node, figure in ((LEAF, "allotted"), (TENANT, "limit"), (BUREAU, "limit")):
        edit(city, node, figure, 10_000)

    assert {(row.split(" ")[0], node) for row, node, _ in short(city)} == {
        (BUREAU, "city"), (TENANT, BUREAU), (LEAF, TENANT),
    }  # fmt: skip


def test_a_guarantee_above_the_limit_names_its_own_node(city: City) -> None:
    edit(city, TENANT, "guarantee", 9)

    assert {(row.split(" ")[0], node) for row, node, _ in short(city)} == {(TENANT, TENANT)}


def test_two_who_ask_for_the_same_room_do_not_both_get_it(city: City) -> None:
    """A tenant that the ledger does not know yet, beside one that wants more."""
    city.write_tenant(tenant("bus", "institution", "bureau/jtj"))
    rows = yaml.safe_load((city.tenants / "baseline.yaml").read_text("utf-8"))["items"]
    room = {"pool": "k8s-egov", "limit": {"cpu": 4}}
    leaf = {"node": "leaf/k8s/bus-egov", "tenant": "bus", "pool": "k8s-egov", "allotted": {"cpu": 4}}
    city.write(baseline=[*rows, {"node": "tenant/bus", **room}, leaf])
    assert short(city) == []
    edit(city, LEAF, "allotted", 7)

    assert short(city) == [("leaf/k8s/bus-egov k8s-egov", BUREAU, "3000")]


def test_without_a_ledger_nobody_asks(city: City) -> None:
    edit(city, LEAF, "allotted", 9)
    found = run(RULES, Facts(city.estate(), DAY))

    assert RULE not in {each.rule for each in found}
    assert "Q04" in {each.rule for each in found}
