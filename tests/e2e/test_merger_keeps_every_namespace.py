"""Two bureaus merge on their day: limits and guarantees are summed, and no namespace changes its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from yunjin.ledger.export import document, read
from yunjin.model.amounts import Amounts
from yunjin.store import Store

if TYPE_CHECKING:
    from commandline import CommandLine
    from devcluster import DevCluster

pytestmark = pytest.mark.timeout(300)
DAY = "2026-12-01"
POOLS = ("k8s-egov", "os-egov")
LABELS = {"metadata.labels.yunjin/bureau", "tags.yunjin:bureau"}
ZH = "市文化旅游和广播电视局"
NAME = ("--zh", ZH, "--en", "Culture, Tourism, Radio and Television Bureau")
MERGER = ("bureau", "merge", "lfw", "wgj", "--into", "wlgj", *NAME)
TERMS = ("--effective", DAY, "--basis", "盘委编〔2026〕7号")


def on(day: str) -> tuple[str, str]:
    return ("--as-of", day)


def exported(desk: CommandLine) -> str:
    """The ledger, audit rows apart."""
    with Store.open(desk.state) as store:
        return document(read(store.database.rows, store.database.dialect))


def figures(desk: CommandLine, node: str, day: str) -> dict[tuple[str, str], Amounts]:
    """Limit, guarantee and allotment of a node in each of its pools."""
    rows = desk.value("ledger", "show", node, *on(day))["rows"]
    return {
        (row["pool"], name): Amounts.parse(row[name])
        for row in rows
        if row["pool"] in POOLS
        for name in ("limit", "guarantee", "allotted")
    }


def together(
    one: dict[tuple[str, str], Amounts], other: dict[tuple[str, str], Amounts]
) -> dict[Any, Amounts]:
    """The figures of two nodes as those of one."""
    return {each: one.get(each, Amounts()) + other.get(each, Amounts()) for each in one | other}


@pytest.fixture
def opened(desk: CommandLine) -> CommandLine:
    """The shipped city, provisioned."""
    desk.run("plan")
    desk.run("apply", "--yes")
    return desk


def test_a_merger_waits_for_its_day_and_then_only_labels_change(opened: CommandLine) -> None:
    desk = opened
    standing, files = desk.standing(), tree(desk)
    planned = desk.value(*MERGER, *TERMS)
    moved = {(move["what"], move["subject"], move["to"]) for move in planned["moves"]}
    assert {
        ("tenant", "tenant/lfw", "bureau/wlgj"),
        ("tenant", "tenant/wgj", "bureau/wlgj"),
        ("lead", "tourism", "wlgj"),
        ("task", "2016/T11", "wlgj"),
        ("steward", "tourism-six", "wlgj"),
        ("member", "2016", "wlgj"),
        ("grant", "opening/bureau/wgj/k8s-egov", "bureau/wlgj"),
        ("ended", "bureau/wgj", "bureau/wlgj"),
    } <= moved
    assert planned["findings"] == []

    # Before its day nothing changes, and nobody carries it out.
    before = [figures(desk, f"bureau/{body}", "2026-11-30") for body in ("lfw", "wgj")]
    assert (desk.standing(), tree(desk)) == (standing, files)
    assert desk.value("plan", *on("2026-11-30"))["plan"]["changes"] == []
    refused = desk.ask("bureau", "carry-out", "1", *on("2026-11-30"))
    assert (refused.code, "尚未到期" in refused.err) == (1, True)
    assert desk.value("advance", *on("2026-11-30"))["changed"] == []

    # On its day the sweep carries it out.
    assert desk.value("advance", *on(DAY))["changed"] == ["reorganisation/1"]
    assert figures(desk, "bureau/wlgj", DAY) == together(*before)
    assert desk.run("ledger", "check", *on(DAY))
    assert figures(desk, "bureau/wgj", "2026-11-30") == before[1]

    plan = desk.value("plan", *on(DAY))["plan"]
    touched = {change["key"]["namespace"] or change["key"]["name"] for change in plan["changes"]}
    assert touched == {"lfw-egov", "wgj-egov"}
    assert {change["action"] for change in plan["changes"]} == {"update"}
    assert {d["path"] for change in plan["changes"] for d in change["differences"]} == LABELS
    assert set(desk.value("apply", "--yes", *on(DAY))["counts"]) == {"done"}
    assert desk.standing().keys() == standing.keys()
    assert desk.value("plan", *on(DAY))["plan"]["changes"] == []

    listed = {row["id"]: row for row in desk.value("bureau", "list", *on(DAY))}
    assert [listed[body]["ended"] for body in ("lfw", "wgj", "wlgj")] == [DAY, DAY, None]
    assert listed["wgj"]["name"]["zh"] == "市文广局"
    assert listed["wlgj"]["name"]["zh"] == ZH
    assert desk.value("tenant", "show", "wgj", *on(DAY))["owner"] == "bureau/wlgj"
    desk.run("validate", *on(DAY))
    (change,) = desk.value("bureau", "changes", *on(DAY))
    assert change["state"] == "carried_out"


def tree(desk: CommandLine) -> dict[str, bytes]:
    """Every declared file."""
    return {path.name: path.read_bytes() for path in sorted(desk.tenants.rglob("*.yaml"))}


def test_a_merger_that_is_cancelled_leaves_the_ledger_as_it_was(opened: CommandLine) -> None:
    before, files = exported(opened), tree(opened)
    opened.run("bureau", "merge", "wgj", "--into", "lfw", *TERMS)
    assert exported(opened) != before
    opened.run("bureau", "cancel", "1")
    assert (exported(opened), tree(opened)) == (before, files)
    assert opened.value("bureau", "changes") == []
    assert "没有机构调整" in opened.ask("bureau", "carry-out", "1", *on(DAY)).err


def test_on_a_real_api_server_the_namespaces_stay(desk: CommandLine, empty_cluster: DevCluster) -> None:
    kubeconfig = str(empty_cluster.kubeconfig)
    desk.run("plan", "--kubeconfig", kubeconfig)
    desk.run("apply", "--yes")
    before = namespaces(empty_cluster)
    desk.run(*MERGER, *TERMS)
    desk.run("bureau", "carry-out", "1", *on(DAY))

    plan = desk.value("plan", "--kubeconfig", kubeconfig, *on(DAY))["plan"]
    assert {d["path"] for change in plan["changes"] for d in change["differences"]} == LABELS
    assert set(desk.value("apply", "--yes", *on(DAY))["counts"]) == {"done"}

    after = namespaces(empty_cluster)
    assert {name: (uid, quota) for name, (uid, quota, _) in after.items()} == {
        name: (uid, quota) for name, (uid, quota, _) in before.items()
    }
    assert {after[name][2] for name in ("lfw-egov", "wgj-egov")} == {"wlgj"}
    assert desk.value("plan", "--kubeconfig", kubeconfig, *on(DAY))["plan"]["changes"] == []


def namespaces(cluster: DevCluster) -> dict[str, tuple[str, dict[str, str], str]]:
    """Each namespace of ours: its uid, what its quota enforces, the bureau it says."""
    spaces = json.loads(cluster.kubectl("get", "namespaces", "-l", "yunjin/bureau", "-o", "json"))["items"]
    quotas = json.loads(cluster.kubectl("get", "resourcequotas", "-A", "-o", "json"))["items"]
    hard = {each["metadata"]["namespace"]: each["status"]["hard"] for each in quotas}
    return {
        each["metadata"]["name"]: (
            each["metadata"]["uid"],
            hard.get(each["metadata"]["name"], {}),
            each["metadata"]["labels"]["yunjin/bureau"],
        )
        for each in spaces
    }
