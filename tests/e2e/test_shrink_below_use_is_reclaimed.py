"""A cut below what is used is never silent: it goes down to use, with a date, and is driven on to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine

LEAF = "k8s/jtj-egov"


@pytest.fixture
def cut(provisioned: CommandLine) -> CommandLine:
    """Three of four cores are in use; the ledger says one."""
    _consume(provisioned, "3")
    provisioned.allot(LEAF, cpu=1)
    return provisioned


def _consume(desk: CommandLine, cpu: str) -> None:
    with desk.endpoint("k8s") as cluster:
        cluster.consume("jtj-egov", {"requests.cpu": cpu})


def _cpu(desk: CommandLine) -> str:
    return str(desk.standing("k8s")["jtj-egov/ResourceQuota/yunjin"]["spec"]["hard"]["requests.cpu"])


def _charged(desk: CommandLine) -> int:
    return desk.shares()[LEAF].charged.of("cpu")


def test_the_plan_says_what_is_held_back_and_why(cut: CommandLine) -> None:
    for lang, words in {
        "zh": ("jtj-egov 的配额低于实际用量", "处理器应减到 1 核, 现用 3 核", "requests.cpu: 4 → 3"),
        "en": ("jtj-egov uses more than it shall hold", "CPU to 1 core, 3 cores in use"),
    }.items():
        said = cut.run("plan", lang=lang)
        for word in words:
            assert word in said
    (held,) = cut.value("plan")["plan"]["held"]
    assert (held["leaf"], held["hold"]) == ("jtj-egov", "in-use")


def test_it_is_dated_shown_and_driven_on(cut: CommandLine) -> None:
    cut.run("plan")
    cut.run("apply", "--yes")
    assert (_cpu(cut), _charged(cut)) == ("3", 4000)

    (row,) = cut.value("status")["in_use"]
    assert (row["leaf"], row["dimension"], row["asked"], row["used"]) == (LEAF, "cpu", "1", "3")
    assert (row["due"], row["late"]) == ("2026-12-22", False)
    shown = cut.run("status")
    assert "待收回的配额(仍在使用)" in shown
    assert "2026年12月22日" in shown
    assert cut.value("status", "--as-of", "2026-12-23")["in_use"][0]["late"]

    for cpu, stands, charged in (("2", "2", 4000), ("0", "1", 1000)):
        _consume(cut, cpu)
        cut.run("plan")
        cut.run("apply", "--yes")
        assert (_cpu(cut), _charged(cut)) == (stands, charged)
    assert cut.value("status")["in_use"] == []
    assert cut.under_way() == frozenset()
