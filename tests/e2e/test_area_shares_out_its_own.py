"""An area gives its towns what it likes of its own quota, without the city, and never more than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from commandline import CommandLine
from estates import city, tenant, write_estate

if TYPE_CHECKING:
    from pathlib import Path

HALF = {"cpu": 2, "memory": "4Gi", "storage": "50Gi", "pods": 20}
POOL = ("--pool", "k8s-egov")
BASIS = ("--until", "2027-12-31", "--basis", "区政府会议纪要")
TOWN = {"id": "tianjia", "names": [{"zh": "田家镇", "en": "Tianjia Town", "kind": "town"}], "parent": "dawa"}


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A city whose area has 8 cores: its own tenant holds 4, its town's tenant 2; applied."""
    items: dict[str, Any] = city()
    row = {"pool": "k8s-egov", "limit": HALF}
    leaf = {"node": "leaf/k8s/tianjia-egov", "pool": "k8s-egov", "tenant": "tianjia", "allotted": HALF}
    below = [{"node": "area/tianjia", **row}, {"node": "tenant/tianjia", **row}, leaf]
    write_estate(
        tmp_path / "tenants",
        areas=[*items["areas"], TOWN],
        tenants=[*items["tenants"], tenant("tianjia", "area", "area/tianjia")],
        baseline=[*items["baseline"], *below],
    )
    made = CommandLine(tmp_path)
    made.run("plan")
    made.run("apply", "--yes")
    return made


def cpu(desk: CommandLine, node: str, what: str = "limit") -> str:
    (row,) = desk.value("ledger", "show", node)["rows"]
    return str(row[what].get("cpu", "0"))


def test_the_area_grants_the_town_allots_and_the_cluster_enforces(desk: CommandLine) -> None:
    city_before = desk.value("ledger", "show", "city")["rows"]
    desk.run("grant", "add", "area/tianjia", "--by", "area/dawa", *POOL, "--cpu", "2", *BASIS)
    leaf = "leaf/k8s/tianjia-egov"
    desk.run(
        "grant", "add", "tenant/tianjia", "--by", "area/tianjia", *POOL, "--cpu", "2", "--to", leaf, *BASIS
    )
    assert (cpu(desk, "area/tianjia"), cpu(desk, "tenant/tianjia")) == ("4", "4")
    desk.run("plan")
    desk.run("apply", "--yes")
    quota = desk.standing("k8s")["tianjia-egov/ResourceQuota/yunjin"]
    assert quota["spec"]["hard"]["requests.cpu"] == "4"

    # The city granted nothing and sees all of it.
    shown = desk.value("ledger", "show", "area/dawa")
    assert "area/tianjia" in str(shown)
    assert [row["limit"] for row in desk.value("ledger", "show", "city")["rows"]] == [
        row["limit"] for row in city_before
    ]
    grants = {row["node"]: row["grantor"] for row in desk.value("grant", "list") if row["kind"] == "grant"}
    assert grants == {"area/tianjia": "area/dawa", "tenant/tianjia": "area/tianjia"}


@pytest.mark.parametrize(
    ("node", "more", "said"),
    [
        ("area/tianjia", ("--cpu", "7"), "高于上级"),
        ("area/tianjia", ("--cpu", "1", "--guarantee", "cpu=1"), "保底合计"),
        ("tenant/jtj", ("--cpu", "1"), "不是"),
        ("area/dawa", ("--cpu", "1"), "不是"),
    ],
)
def test_nobody_is_given_what_the_area_has_not(
    desk: CommandLine, node: str, more: tuple[str, ...], said: str
) -> None:
    answer = desk.ask("grant", "add", node, "--by", "area/dawa", *POOL, *more, *BASIS)
    assert (answer.code, said in answer.err) == (1, True), answer.err


def test_a_town_declared_later_comes_below_its_area(desk: CommandLine) -> None:
    later = {"id": "xinli", "names": [{"zh": "新立镇", "en": "Xinli Town", "kind": "town"}], "parent": "dawa"}
    desk.rewrite("areas.yaml", lambda items: [*items, later])
    desk.run("grant", "add", "area/xinli", "--by", "area/dawa", *POOL, "--cpu", "1", *BASIS)
    assert cpu(desk, "area/xinli") == "1"
    assert desk.value("bureau", "show", "xinli")["parent"] == "dawa"
    assert "县区下设单位" in desk.run("bureau", "show", "xinli")
