"""Every difference is listed with who, what and since when, and repaired, reported or adopted as decided."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from commandline import CommandLine
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from pathlib import Path

LEAF = "jtj-egov"


def _key(kind: str, name: str = "yunjin") -> Key:
    return Key("k8s-egov", LEAF, kind, name)


QUOTA = _key("ResourceQuota")
DENY = _key("NetworkPolicy", "yunjin-deny")
ADMIN = _key("RoleBinding", "yunjin-admin")
HOME = Key("k8s-egov", "", "Namespace", LEAF)
CPU = ("spec", "hard", "requests.cpu")
FOREIGN: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "allow-all", "namespace": LEAF},
    "spec": {"podSelector": {}},
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped city, applied once for all tests, which take copies."""
    desk = CommandLine.at(tmp_path_factory.mktemp("original"))
    desk.run("plan")
    desk.run("apply", "--yes")
    return desk.folder


@pytest.fixture
def applied(original: Path, tmp_path: Path) -> CommandLine:
    """It repairs everything but quotas, which it reports."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


@pytest.fixture
def changed(applied: CommandLine) -> CommandLine:
    """One change of every kind, by three people."""
    with applied.endpoint() as others:
        others.edit(QUOTA, {CPU: "70"}, "kubectl-patch")
        others.edit(HOME, {("metadata", "labels", "yunjin/bureau"): "fgw"})
        others.edit(ADMIN, {("subjects",): []}, "portal")
        others.remove(DENY)
        others.create_foreign(FOREIGN)
    return applied


def _listed(desk: CommandLine, expect: int = 1) -> dict[tuple[str, str], dict[str, Any]]:
    answer = desk.value("drift", "list", expect=expect)
    assert (answer["waiting"], answer["unknown"]) == (0, [])
    return {(each["object"], each["path"]): each for each in answer["drift"]}


def test_a_city_as_it_was_applied_has_none(desk: CommandLine) -> None:
    assert desk.value("drift") == {"drift": [], "waiting": 370, "unknown": []}
    desk.run("plan")
    desk.run("apply", "--yes")
    assert desk.value("drift") == {"drift": [], "waiting": 0, "unknown": []}


def test_every_difference_is_listed(changed: CommandLine) -> None:
    found = _listed(changed)
    told = {
        key: (each["class"], each["kind"], each["wanted"], each["observed"], each["manager"], each["policy"])
        for key, each in found.items()
        if key[0] != str(ADMIN)
    }
    assert told == {
        (str(QUOTA), "spec.hard.requests.cpu"): (
            "quota", "changed", "64", "70", "kubectl-patch", "report"
        ),
        (str(HOME), "metadata.labels.yunjin/bureau"): (
            "namespace", "changed", "jtj", "fgw", "kubectl-edit", "repair"
        ),
        (str(DENY), ""): ("network", "missing", None, None, "", "repair"),
        ("k8s-egov/jtj-egov/NetworkPolicy/allow-all", ""): (
            "network", "extra", None, None, "kubectl-create", "report"
        ),
    }  # fmt: skip
    roles = found[str(ADMIN), "subjects"]
    assert (roles["observed"], roles["manager"], roles["policy"]) == ([], "portal", "repair")
    assert {each["tenant"] for each in found.values()} == {"jtj"}
    assert len(found) == 5


def test_its_age_stays(changed: CommandLine) -> None:
    first = {key: each["since"] for key, each in _listed(changed).items()}
    assert all(first.values())
    assert {key: each["since"] for key, each in _listed(changed).items()} == first


def test_people_read_it_in_their_language(changed: CommandLine) -> None:
    for lang, words in {
        "zh": ("被修改", "缺失", "多出", "上报", "恢复", "kubectl-patch", "不一致 5 处"),
        "en": ("changed", "missing", "extra", "report", "repair", "kubectl-patch", "5 differences"),
    }.items():
        said = changed.run("drift", expect=1, lang=lang)
        assert [word for word in words if word not in said] == []


def test_a_plan_repairs_by_policy_and_takes_nothing_else(changed: CommandLine) -> None:
    answer = changed.value("plan")
    assert sorted(change["key"]["kind"] for change in answer["plan"]["changes"]) == [
        "Namespace", "NetworkPolicy", "RoleBinding",
    ]  # fmt: skip
    changed.run("apply", "--yes")
    assert set(_listed(changed)) == {
        (str(QUOTA), "spec.hard.requests.cpu"),
        ("k8s-egov/jtj-egov/NetworkPolicy/allow-all", ""),
    }


def test_repair_puts_back_what_it_is_told_to(changed: CommandLine) -> None:
    receipts = changed.value("drift", "repair", "--class", "roles", "--class", "network", "--yes")["receipts"]
    assert {receipt["key"]: receipt["outcome"] for receipt in receipts} == {
        str(ADMIN): "done",
        str(DENY): "done",
    }
    assert (str(QUOTA), "spec.hard.requests.cpu") in _listed(changed)

    changed.run("drift", "repair", "--yes")
    assert set(_listed(changed)) == {("k8s-egov/jtj-egov/NetworkPolicy/allow-all", "")}
    quota = changed.standing()["jtj-egov/ResourceQuota/yunjin"]
    assert quota["spec"]["hard"]["requests.cpu"] == "64"


def test_nothing_is_put_back_without_consent(changed: CommandLine) -> None:
    before = changed.standing()
    changed.run("drift", "repair", expect=1)
    changed.run("drift", "adopt", f"k8s-egov/{LEAF}", expect=1)
    assert changed.standing() == before
    assert changed.shares()[f"k8s-egov/{LEAF}"].target.of("cpu") == 64_000


def test_an_adopted_figure_is_the_one_the_ledger_holds(applied: CommandLine) -> None:
    """Within the limit of the tenant; the files stay as they are, and the next change works as ever."""
    with applied.endpoint() as others:
        others.edit(QUOTA, {CPU: "60"})
    baseline = (applied.tenants / "baseline.yaml").read_bytes()
    said = applied.run("drift", "adopt", f"k8s-egov/{LEAF}", "--yes", lang="en")
    assert "64 cores" in said
    assert "60 cores" in said
    assert applied.shares()[f"k8s-egov/{LEAF}"].target.of("cpu") == 60_000
    assert (applied.tenants / "baseline.yaml").read_bytes() == baseline
    applied.run("drift")
    applied.run("plan")
    applied.run("apply", "--yes")  # the limits follow their ratio, and what was given back is free
    assert applied.shares()[f"k8s-egov/{LEAF}"].charged.of("cpu") == 60_000

    applied.allot(f"k8s-egov/{LEAF}", cpu=62)
    applied.run("drift")
    applied.run("plan")
    applied.run("apply", "--yes")
    hard = applied.standing()["jtj-egov/ResourceQuota/yunjin"]["spec"]["hard"]
    assert (hard["requests.cpu"], hard["limits.cpu"]) == ("62", "124")


def test_a_figure_that_does_not_fit_is_not_adopted_and_the_limit_is_named(changed: CommandLine) -> None:
    answer = changed.ask("drift", "adopt", f"k8s-egov/{LEAF}", "--yes", "--output", "json")
    assert answer.code == 1
    (error,) = answer.errors
    assert error["code"] == "shortage"
    assert "64" in error["message"]["zh"]
    assert changed.shares()[f"k8s-egov/{LEAF}"].target.of("cpu") == 64_000


def test_a_change_declared_meanwhile_waits_and_is_no_drift(applied: CommandLine) -> None:
    applied.allot(f"k8s-egov/{LEAF}", cpu=48)
    assert applied.value("drift") == {"drift": [], "waiting": 1, "unknown": []}
    applied.run("drift", "repair", "--yes")
    hard = applied.standing()["jtj-egov/ResourceQuota/yunjin"]["spec"]["hard"]
    assert hard["requests.cpu"] == "64"
