"""Exit codes are for scripts: 0 fine, 1 findings or unfinished changes, 2 bad input, 3 unreachable."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from yunjin.model.resources import Key

if TYPE_CHECKING:
    from commandline import CommandLine

QUOTA = Key("k8s", "jtj-egov", "ResourceQuota", "yunjin")


def test_warnings_are_fine_unless_strict(desk: CommandLine) -> None:
    assert "警告 13 项" in desk.run("validate")
    assert "警告 13 项" in desk.run("validate", "--strict", expect=1)
    desk.run("plan")
    desk.run("plan", "--strict", expect=1)
    assert "--strict" in desk.run("apply", "--yes", "--strict", expect=1)
    assert desk.standing() == {}


def test_an_error_finding_is_1(small: CommandLine) -> None:
    small.change_rows("leaf/k8s/jtj-egov", cpu=9)
    small.run("validate", expect=1)
    small.run("plan", expect=1)


def test_differences_are_1(provisioned: CommandLine) -> None:
    provisioned.run("drift")
    with provisioned.endpoint("k8s") as others:
        others.edit(QUOTA, {("spec", "hard", "requests.cpu"): "40"})
    said = provisioned.run("drift", expect=1)
    assert "requests.cpu" in said
    assert "kubectl-edit" in said


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("plan", "--nonsense"), "--nonsense"),
        (("plam",), "plam"),
        (("plan", "--output", "xml"), "xml"),
        (("apply", "--wait-quota", "-1"), "--wait-quota"),
        (("tenant", "show"), "tenant"),
        (("tenant", "show", "jt"), "jtj"),
        (("supply", "show", "nowhere"), "可用的编号: k8s"),
        (("plan", "--kubeconfig", "nowhere"), "nowhere"),
        (("validate", "--tenants", "nowhere"), "nowhere"),
        (("apply", "--yes"), "yunjin plan"),
    ],
)
def test_a_wrong_call_is_2_and_says_how_to_mend_it(
    small: CommandLine, call: tuple[str, ...], words: str
) -> None:
    answer = small.ask(*call)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("错误 ")
    assert words in answer.err
    assert "→" in answer.err or "tenant show" in answer.err


@pytest.mark.parametrize(
    ("call", "chinese"),
    [
        (("plam",), "没有 plam 这个命令, 是否应为 'plan'"),
        (("plan", "--outt", "x"), "没有 --outt 这个选项 (相近的选项: --out, --output, --state)"),
        (("plan", "-o", "xml"), "'--output' / '-o' 的值有误: 'xml' 不是以下之一"),
        (("apply", "--yes=3"), "选项 '--yes' 不带值"),
        (("apply", "--wait-quota", "x"), "'--wait-quota' 的值有误: 须为数字"),
        (("apply", "--wait-quota", "-1"), "'--wait-quota' 的值有误: 不得小于 0"),
        (("audit", "list", "--limit", "1.5"), "'--limit' 的值有误: 须为整数"),
        (("controller", "run", "--metrics-port", "99999"), "'--metrics-port' 的值有误: 不得大于 65535"),
        (("plan", "--lang", "fr"), "'--lang' (环境变量 YUNJIN_LANG) 的值有误: 'fr' 不是以下之一"),
        (("tenant", "show"), "缺少参数 'tenant'"),
        (("grant", "add", "bureau/jtj"), "缺少选项 '--pool'"),
        (("tenant", "show", "a", "b", "c"), "多出参数 b c"),
    ],
)
def test_a_wrong_call_is_told_in_chinese(small: CommandLine, call: tuple[str, ...], chinese: str) -> None:
    answer = small.ask(*call)
    assert answer.code == 2
    assert answer.err.startswith(f"错误 命令写法有误: {chinese}")
    assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]", answer.err.splitlines()[0])


def test_an_unreachable_endpoint_is_3_and_unknown_not_empty(small: CommandLine, closed: str) -> None:
    made = small.value("plan", "--kubeconfig", closed, expect=3)
    assert made["plan"]["changes"] == []
    (binding,) = made["plan"]["bindings"].values()
    assert binding["observed_at"] is None
    assert binding["failure"]["code"] == "unreachable"

    applied = small.ask("apply", "--yes")
    assert applied.code == 3
    assert "接入点 k8s 未知, 未作变更" in applied.out
    assert applied.err == ""
    drifted = small.run("drift", "--kubeconfig", closed, expect=3, lang="en")
    assert "unknown" in drifted
    assert "not-to-be-shown" not in applied.out + drifted + json.dumps(made)


def test_credentials_that_are_not_there_are_2(small: CommandLine) -> None:
    small.replace("endpoints.yaml", "access: simulated", "access: env:KUBECONFIG_EGOV#ops")
    assert "KUBECONFIG_EGOV" in small.run("plan", expect=2)
    assert "nowhere" in small.run("plan", expect=2, KUBECONFIG_EGOV="nowhere")
