"""What `yunjin tenant` and `yunjin bureau` show is what the ledger holds, and a question makes no state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.model.resources import Key

if TYPE_CHECKING:
    from commandline import CommandLine


def test_before_anything_was_applied_the_baseline_is_shown(small: CommandLine) -> None:
    assert small.value("tenant", "show", "jtj")["allotted"]["k8s-egov"]["cpu"] == "4"
    assert not small.state.exists()


def test_afterwards_grants_and_allotments_show(provisioned: CommandLine) -> None:
    provisioned.grant("k8s-egov", "bureau/jtj", "tenant/jtj", cpu=3)
    provisioned.allot("k8s/jtj-egov", cpu=6)
    shown = provisioned.value("tenant", "show", "jtj")
    assert (shown["allotted"]["k8s-egov"]["cpu"], shown["limits"]["k8s-egov"]["cpu"]) == ("6", "11")
    (listed,) = [row for row in provisioned.value("tenant", "list") if row["id"] == "jtj"]
    assert listed["allotted"]["k8s-egov"]["cpu"] == "6"
    assert provisioned.value("bureau", "show", "jtj")["limits"]["k8s-egov"]["cpu"] == "11"
    assert "6 核" in provisioned.run("tenant", "list")


def test_a_plan_shows_what_the_ledger_says_a_new_namespace_gets(provisioned: CommandLine) -> None:
    provisioned.allot("k8s/jtj-egov", cpu=6)
    with provisioned.endpoint("k8s") as others:
        others.remove(Key("k8s", "", "Namespace", "jtj-egov"))
    assert "6 核" in provisioned.run("plan")
