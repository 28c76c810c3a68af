"""A refusal says whose limit it was, how much is missing and who holds it, by name of the day and id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine
from estates import LARGE, SMALL, city, tenant, write_estate

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = ("limit", "taken", "asked", "missing")
TERM = ("--pool", "k8s-egov", "--until", "2027-11-22", "--basis", "测试")


def test_a_tenants_own_limit(provisioned: CommandLine) -> None:
    answer = provisioned.ask("allot", "k8s/jtj-egov", "--cpu", "9", "--output", "json")
    (error,) = answer.errors
    assert (answer.code, answer.out, error["code"]) == (1, "", "shortage")
    facts = error["facts"]
    assert (facts["node"], facts["pool"], facts["dimension"]) == ("tenant/jtj", "k8s-egov", "cpu")
    assert [facts[name] for name in FIGURES] == [8000, 4000, 5000, 1000]
    assert facts["holders"] == [["leaf/k8s/jtj-egov", 4000]]

    said = provisioned.run("allot", "k8s/jtj-egov", "--cpu", "9", expect=1)
    for words in (
        "用云单位jtj tenant/jtj (k8s-egov) 的处理器配额上限为 8 核, 已计入 4 核",
        "本次需再增加 5 核, 超出 1 核",
        "占用最多的: 用云单位jtj k8s/jtj-egov 4 核",
        "→ 调低申请的数额",
    ):
        assert words in said.replace("\n     ", " ")
    english = provisioned.run("allot", "k8s/jtj-egov", "--cpu", "9", expect=1, lang="en")
    assert "Tenant jtj tenant/jtj (k8s-egov): the CPU limit is 8 cores" in english


@pytest.fixture
def shared(tmp_path: Path) -> CommandLine:
    """Bureau jtj was renamed on 1 December; a second tenant below it holds the rest of its limit."""
    given = city()
    names = [
        {"zh": "市交通局", "en": "Transport Bureau", "until": "2026-12-01"},
        {"zh": "市交通运输局", "en": "Bureau of Transport and Shipping", "from": "2026-12-01"},
    ]
    rows = [
        {"node": "tenant/bus", "pool": "k8s-egov", "limit": LARGE},
        {"node": "leaf/k8s/bus-egov", "pool": "k8s-egov", "tenant": "bus", "allotted": SMALL},
    ]
    write_estate(
        tmp_path / "tenants",
        bureaus=[given["bureaus"][0], {"id": "jtj", "names": names}],
        tenants=[*given["tenants"], tenant("bus", "institution", "bureau/jtj")],
        baseline=[*given["baseline"], *rows],
    )
    made = CommandLine(tmp_path)
    made.run("plan")
    made.run("apply", "--yes")
    return made


def test_the_bureaus_limit_and_all_that_hold_it(shared: CommandLine) -> None:
    said = shared.run("allot", "k8s/bus-egov", "--cpu", "5", expect=1).replace("\n     ", " ")
    assert "市交通局 bureau/jtj (k8s-egov) 的处理器配额上限为 8 核" in said
    assert "用云单位bus tenant/bus 4 核, 用云单位jtj tenant/jtj 4 核" in said
    later = shared.run("allot", "k8s/bus-egov", "--cpu", "5", "--as-of", "2026-12-02", expect=1)
    assert "市交通运输局 bureau/jtj" in later


def test_the_citys_limit(shared: CommandLine) -> None:
    shared.run("grant", "add", "bureau/jtj", "--cpu", "56", *TERM)
    said = shared.run("grant", "add", "tenant/bus", "--cpu", "56", "--to", "k8s/bus-egov", *TERM, expect=1)
    assert "全市 (k8s-egov) 的处理器配额上限为 64 核, 已计入 16 核" in said.replace("\n     ", " ")
    assert "市交通局 bureau/jtj 8 核" in said.replace("\n     ", " ")


def test_a_raise_above_the_node_above(shared: CommandLine) -> None:
    said = shared.run("grant", "add", "tenant/bus", "--cpu", "2", *TERM, expect=1).replace("\n     ", " ")
    assert "用云单位bus tenant/bus" in said
    assert "高于上级 市交通局 bureau/jtj 的 8 核" in said
