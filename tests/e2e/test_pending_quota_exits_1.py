"""A quota that is not in force leaves its tenant pending, exit 1; rights are granted only after it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commandline import CommandLine


def test_pending_until_the_quota_is_counted(planned: CommandLine) -> None:
    with planned.endpoint("k8s") as others:
        others.freeze()

    done = planned.value("apply", "--yes", "--wait-quota", "0.5", expect=1)

    outcomes = {receipt["key"]: receipt["outcome"] for receipt in done["receipts"]}
    assert outcomes["k8s/jtj-egov/ResourceQuota/yunjin"] == "pending"
    bindings = {key: outcome for key, outcome in outcomes.items() if "/RoleBinding/" in key}
    assert len(bindings) == 6
    assert set(bindings.values()) == {"skipped"}
    assert not [key for key in planned.standing("k8s") if "/RoleBinding/" in key]

    with planned.endpoint("k8s") as others:
        others.thaw()
    planned.run("apply", "--yes")  # the same plan goes on where it stopped

    assert sum("/RoleBinding/" in key for key in planned.standing("k8s")) == 6
    assert planned.value("plan")["plan"]["changes"] == []


def test_people_read_what_is_pending_and_why(planned: CommandLine) -> None:
    with planned.endpoint("k8s") as others:
        others.freeze()
    for lang, words in {
        "zh": ("尚未生效", "已跳过", "再次执行 yunjin apply"),
        "en": ("pending", "skipped", "run yunjin apply again"),
    }.items():
        said = planned.run("apply", "--yes", "--wait-quota", "0.1", expect=1, lang=lang)
        assert "jtj-egov/ResourceQuota/yunjin" in said
        for word in words:
            assert word in said
