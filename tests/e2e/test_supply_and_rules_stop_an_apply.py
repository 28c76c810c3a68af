"""An error finding stops an apply: exit 1, the reason in words, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from commandline import CommandLine, Items


def above_the_limit(city: CommandLine) -> None:
    city.change_rows("leaf/k8s/jtj-egov", cpu=9)


def above_the_supply(city: CommandLine) -> None:
    def shrunk(pools: Items) -> Items:
        pools[0]["supply"]["cpu"] = 8
        return pools

    city.rewrite("pools.yaml", shrunk)


def without_a_technical_contact(city: CommandLine) -> None:
    city.replace("jtj.yaml", "role: technical", "role: business")


def above_the_level_of_the_zone(city: CommandLine) -> None:
    city.replace("jtj.yaml", "mlps: 2", "mlps: 4")


@pytest.mark.parametrize(
    ("mistake", "family", "words"),
    [
        (above_the_limit, "Q", ("jtj-egov", "8 核", "9 核", "超出 1 核")),
        (above_the_supply, "Q", ("k8s-egov", "核")),
        (without_a_technical_contact, "C", ("jtj", "技术")),
        (above_the_level_of_the_zone, "Z", ("jtj", "公用网络区")),
    ],
)
def test_what_the_rules_forbid_is_not_applied(
    small: CommandLine, mistake: Callable[[CommandLine], None], family: str, words: tuple[str, ...]
) -> None:
    mistake(small)
    made = small.value("plan", expect=1)
    errors = [finding for finding in made["findings"] if finding["severity"] == "error"]
    assert {finding["rule"][0] for finding in errors} == {family}

    said = small.run("apply", "--yes", "--allow-destroy", expect=1)

    for word in words:
        assert word in said
    assert said.count(errors[0]["message"]["zh"]) == 1
    assert errors[0]["remedy"]["zh"] in said
    assert small.standing("k8s") == {}


def test_a_program_reads_why(small: CommandLine) -> None:
    above_the_limit(small)
    small.run("plan", expect=1)
    answer = small.ask("apply", "--yes", "--output", "json")
    assert (answer.code, answer.out) == (1, "")
    (error,) = answer.errors
    assert error["code"] == "refused"
    assert "9 cores" in error["message"]["en"]
    assert "9 核" in error["message"]["zh"]
