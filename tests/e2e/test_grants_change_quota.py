"""A grant given to a namespace stands on its cluster after the next apply; refused, nothing of it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine

LEAF = "k8s/jtj-egov"
QUOTA = "jtj-egov/ResourceQuota/yunjin"
TERM = ("--pool", "k8s-egov", "--until", "2027-11-22", "--basis", "盘数发〔2026〕18号")


def grant(*more: str) -> tuple[str, ...]:
    return ("grant", "add", *more, *TERM)


def hard(city: CommandLine, resource: str = "requests.cpu") -> str:
    return str(city.standing("k8s")[QUOTA]["spec"]["hard"][resource])


def rows(city: CommandLine, node: str) -> dict[str, Any]:
    (row,) = city.value("ledger", "show", node)["rows"]
    return dict(row)


def test_granted_allotted_planned_applied_it_stands(provisioned: CommandLine) -> None:
    assert hard(provisioned) == "4"
    provisioned.run(*grant("bureau/jtj", "--cpu", "8", "--memory", "16Gi"))
    made = provisioned.value(*grant("tenant/jtj", "--cpu", "8", "--memory", "16Gi", "--to", LEAF))
    assert (made["number"], made["state"]) == ("G-2026-0002", "in_force")
    assert made["target"] | {"cpu": "12", "memory": "24Gi"} == made["target"]
    assert hard(provisioned) == "4"  # an apply makes it so, nothing else

    (change,) = provisioned.value("plan")["plan"]["changes"]
    assert (change["key"]["kind"], change["key"]["namespace"]) == ("ResourceQuota", "jtj-egov")
    provisioned.run("apply", "--yes")

    assert (hard(provisioned), hard(provisioned, "requests.memory")) == ("12", "24Gi")
    shown = provisioned.value("ledger", "show", LEAF)
    assert (shown["reservations"], shown["rows"][0]["allotted"]["cpu"]) == ([], "12")
    assert provisioned.value("ledger", "check") == {"differences": []}


def test_what_does_not_fit_leaves_no_grant_behind(provisioned: CommandLine) -> None:
    provisioned.run(*grant("bureau/jtj", "--cpu", "56"))
    before = provisioned.value("grant", "list")
    refused = provisioned.run(*grant("tenant/jtj", "--cpu", "56", "--to", LEAF), expect=1)
    assert "全市 (k8s-egov) 的处理器配额上限为 64 核" in refused
    assert provisioned.value("grant", "list") == before
    assert rows(provisioned, "tenant/jtj")["limit"]["cpu"] == "8"


def test_a_request_sent_twice_is_done_once(provisioned: CommandLine) -> None:
    provisioned.run(*grant("bureau/jtj", "--cpu", "8"))
    call = grant("tenant/jtj", "--cpu", "8", "--to", LEAF, "--key", "oa-20261122-7")
    first, second = provisioned.value(*call), provisioned.value(*call)
    assert (second["number"], second["reservation"]) == (first["number"], first["reservation"])
    assert rows(provisioned, LEAF)["allotted"]["cpu"] == "12"
    other = grant("tenant/jtj", "--cpu", "2", "--key", "oa-20261122-7")
    assert "oa-20261122-7" in provisioned.run(*other, expect=1)


def test_an_end_takes_nothing_away_and_says_what_is_used_beyond(provisioned: CommandLine) -> None:
    provisioned.run(*grant("bureau/jtj", "--cpu", "8"))
    provisioned.run(*grant("tenant/jtj", "--cpu", "8", "--to", LEAF))
    provisioned.run("plan")
    provisioned.run("apply", "--yes")
    provisioned.run("grant", "end", "G-2026-0002", "--cause", "试点结束")

    shown = provisioned.value("ledger", "show", "tenant/jtj")
    (row,) = shown["rows"]
    assert (row["limit"]["cpu"], row["allotted"]["cpu"], row["deficit"]) == ("8", "12", {"cpu": "4"})
    assert {deficit["node"] for deficit in shown["deficits"]} == {"tenant/jtj"}
    assert provisioned.value("plan")["plan"]["changes"] == []
    assert hard(provisioned) == "12"

    ended = provisioned.value("grant", "show", "G-2026-0002")
    assert [version["state"] for version in ended["versions"]] == ["in_force", "ended"]
    assert (ended["cause"], ended["valid_to"]) == ("试点结束", "2026-11-22")


def test_a_grant_is_renewed_and_both_terms_stay(provisioned: CommandLine) -> None:
    number = provisioned.value(*grant("bureau/jtj", "--cpu", "8"))["number"]
    provisioned.run("grant", "renew", number, "--until", "2028-11-22", "--basis", "盘数发〔2026〕20号")
    versions = provisioned.value("grant", "show", number)["versions"]
    assert [(each["valid_to"], each["basis"]) for each in versions] == [
        ("2027-11-22", "盘数发〔2026〕18号"),
        ("2028-11-22", "盘数发〔2026〕20号"),
    ]
    assert versions[0]["superseded"] == versions[1]["recorded"]


def test_one_that_ends_soon_is_listed(provisioned: CommandLine) -> None:
    soon = ("--pool", "k8s-egov", "--until", "2026-12-01", "--basis", "应急演练")
    number = provisioned.value("grant", "add", "bureau/jtj", "--cpu", "2", *soon)["number"]
    provisioned.run(*grant("bureau/jtj", "--cpu", "2"))
    assert [each["number"] for each in provisioned.value("grant", "list", "--expiring", "30")] == [number]
    assert provisioned.value("grant", "list", "--expiring", "7") == []


def test_a_later_grant_waits_and_its_guarantee_is_held(provisioned: CommandLine) -> None:
    later = (*grant("bureau/jtj", "--cpu", "8", "--guarantee", "cpu=2"), "--from", "2026-12-01")
    assert provisioned.value(*later)["state"] == "future"
    assert rows(provisioned, "bureau/jtj")["limit"]["cpu"] == "8"
    assert "待生效的核定配额 G-2026-0001" in provisioned.run("ledger", "show")
    (row,) = provisioned.value("ledger", "show", "bureau/jtj", "--as-of", "2026-12-01")["rows"]
    assert (row["limit"]["cpu"], row["guarantee"]["cpu"]) == ("16", "6")


def test_an_allotment_that_nobody_applies_is_given_up(provisioned: CommandLine) -> None:
    made = provisioned.value("allot", LEAF, "--cpu", "6", "--expires-in", "3d")
    assert made["expires"] is not None
    assert (
        rows(provisioned, LEAF)["allotted"] | {"cpu": "6", "memory": "8Gi"}
        == rows(provisioned, LEAF)["allotted"]
    )
    provisioned.run("allot", "--release", str(made["reservation"]))
    assert rows(provisioned, LEAF)["allotted"]["cpu"] == "4"
    assert provisioned.value("plan")["plan"]["changes"] == []


def test_less_counts_as_before_until_it_is_in_force(provisioned: CommandLine) -> None:
    said = provisioned.run("allot", LEAF, "--cpu", "2")
    assert re.search(r"jtj-egov 预占 \d+: 调整为 2 核", said)
    assert rows(provisioned, LEAF)["allotted"]["cpu"] == "4"
    provisioned.run("plan")
    provisioned.run("apply", "--yes")
    assert (hard(provisioned), rows(provisioned, LEAF)["allotted"]["cpu"]) == ("2", "2")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (grant("bureau/jtj", "--cpu", "8 cores"), "8 cores"),
        (grant("bureau/jtj", "--cpu", "-8"), "-8"),
        (grant("bureau/jtj", "--dimension", "apples=3"), "apples"),
        (grant("bureau/jtj"), "--cpu"),
        (grant("bureau/jtj", "--cpu", "2", "--dimension", "cpu=3"), "cpu"),
        (grant("bureau/jtj", "--cpu", "2", "--guarantee", "cpu=3"), "保底额度"),
        (grant("bureau/nobody", "--cpu", "2"), "bureau/nobody"),
        (grant("city", "--cpu", "2"), "全市"),
        (grant("jtj", "--cpu", "2"), "bureau/jtj, tenant/jtj"),
        (grant("bureau/jtj", "--cpu", "2", "--to", "k8s/dawa-egov"), "dawa-egov"),
        (grant("bureau/jtj", "--cpu", "2", "--to", LEAF, "--from", "2027-01-01"), "--to"),
        (("allot", "k8s/nobody", "--cpu", "2"), "k8s/nobody"),
        (("allot", LEAF), "--cpu"),
        (("allot", LEAF, "--cpu", "2", "--expires-in", "soon"), "soon"),
        (("allot",), "--release"),
        (("allot", "--release", "99"), "99"),
        (("grant", "renew", "G-2026-0009", "--until", "2027-01-01", "--basis", "无"), "G-2026-0009"),
    ],
)
def test_bad_input_is_2_and_changes_nothing(
    provisioned: CommandLine, call: tuple[str, ...], words: str
) -> None:
    before = provisioned.value("grant", "list")
    answer = provisioned.ask(*call)
    assert (answer.code, answer.out) == (2, ""), answer
    assert words in answer.err
    assert provisioned.value("grant", "list") == before
