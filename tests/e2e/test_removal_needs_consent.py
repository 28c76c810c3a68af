"""A tenant is removed on purpose alone: grants ended first, shown as a loss, never one that is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commandline import CommandLine

ROWS = ("bureau/jtj", "tenant/jtj", "leaf/k8s/jtj-egov")
PROTECTED = ("bureau/fgw", "tenant/fgw", "leaf/k8s/fgw-egov")


def test_a_file_may_not_go_before_its_grants(provisioned: CommandLine) -> None:
    (provisioned.tenants / "jtj.yaml").unlink()
    said = provisioned.run("plan", expect=2)
    assert "tenants/baseline.yaml:" in said
    assert "jtj" in said


def end(desk: CommandLine, *rows: str) -> None:
    """The grants first, then the rows of the files."""
    desk.end_grants(*rows)
    desk.take_rows(*rows)


def test_rows_may_not_go_before_the_grants_in_the_ledger(provisioned: CommandLine) -> None:
    provisioned.take_rows(*ROWS)
    said = provisioned.run("plan", expect=1)
    assert "opening/tenant/jtj/k8s-egov" in said
    assert "yunjin grant end" in said
    provisioned.run("apply", "--yes", "--allow-destroy", expect=1)
    assert "jtj-egov/Namespace/jtj-egov" in provisioned.standing("k8s")


def test_removal_waits_for_consent_and_goes_in_order(provisioned: CommandLine) -> None:
    end(provisioned, *ROWS)
    others = {
        key: body for key, body in provisioned.standing("k8s").items() if not key.startswith("jtj-egov/")
    }

    made = provisioned.value("plan")
    assert {change["action"] for change in made["plan"]["changes"]} == {"delete"}
    (finding,) = [finding for finding in made["findings"] if finding["rule"] == "R01"]
    assert finding["evidence"]["whole"] == "true"

    provisioned.run("apply", "--yes", expect=1)
    assert "jtj-egov/Namespace/jtj-egov" in provisioned.standing("k8s")

    done = provisioned.value("apply", "--yes", "--allow-destroy")
    removed = [receipt["key"] for receipt in done["receipts"]]
    # Rights go first: nobody makes anything new while the namespace ends.
    assert [key.split("/")[-2] for key in removed] == ["RoleBinding", "RoleBinding", "Namespace"]
    assert provisioned.standing("k8s") == others
    assert not any(provisioned.shares()["k8s/jtj-egov"].charged.values())

    (provisioned.tenants / "jtj.yaml").unlink()  # with its grants ended, the file may go
    assert provisioned.value("plan")["plan"]["changes"] == []


def test_it_is_shown_as_a_loss_in_both_languages(provisioned: CommandLine) -> None:
    end(provisioned, *ROWS)
    shown = {
        "zh": ("删除  k8s", "整个命名空间, 连同其中的一切", "其中删除 3 项"),
        "en": (
            "delete  k8s",
            "the whole namespace with everything in it",
            "3 of them removals",
        ),
    }
    for lang, parts in shown.items():
        said = provisioned.run("plan", lang=lang)
        for part in parts:
            assert part in said
        refused = provisioned.run("apply", "--yes", lang=lang, expect=1)
        assert "jtj-egov" in refused
        assert "--allow-destroy" in refused


def test_a_protected_tenant_stays_whatever_is_allowed(provisioned: CommandLine) -> None:
    before = provisioned.standing("k8s")
    end(provisioned, *PROTECTED)
    assert "fgw-egov" in provisioned.run("plan", expect=1)
    refused = provisioned.run("apply", "--yes", "--allow-destroy", expect=1)
    assert refused.count("R02") == 1  # said once, not again in the refusal
    (provisioned.tenants / "fgw.yaml").unlink()  # the namespace itself remembers that it is protected
    provisioned.run("plan", expect=1)
    provisioned.run("apply", "--yes", "--allow-destroy", expect=1)
    assert provisioned.standing("k8s") == before
