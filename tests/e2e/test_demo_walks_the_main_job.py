"""`yunjin demo` provisions every tenant, enters the ledger once, and refuses naming whose limit it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine

SAID = {
    "zh": (
        ("盘政办发〔2015〕113号", "建设任务 17 项", "重点工作 18 项", "部门 18 个", "县区(园区) 6 个"),
        ("用云单位 29 家", "错误 0 项", "9 个平台尚无牵头部门"),
        ("不予下发", "市交通运输局在资源池 k8s-egov 的配额上限为 64 核", "申请 80 核", "超出 16 核"),
        ("29 个命名空间, 14 个项目", "370 项变更"),
        ("写入 370 项", "43 个配额中 43 个已生效"),
        ("资源台账: 期初基线一次入账", "核定配额 82 笔", "29 个命名空间, 14 个项目, 其中 43 个账实相符"),
        ("再次下发: 写入 0 项, 台账新增 0 笔",),
        (
            "不予分配",
            "市交通运输局 tenant/jtj (k8s-egov) 的处理器配额上限为 64 核",
            "已计入 64 核",
            "本次需再增加 16 核",
            "超出 16 核",
            "占用最多的: 市交通运输局 k8s-egov/jtj-egov 64 核",
        ),
        ("29 个命名空间, 14 个项目, 636 核", "模拟底座; 真实服务见 make test"),
    ),
    "en": (
        ("17 elements", "18 tasks", "18 bureaus", "6 areas"),
        ("29 tenants", "0 errors", "9 platforms have no lead bureau"),
        ("refused", "64 cores", "80 cores", "16 cores"),
        ("29 namespaces and 14 projects", "370 changes"),
        ("370 writes", "43 of 43 quotas effective"),
        ("the baseline entered once", "82 grants", "14 projects, 43 of which hold what the ledger says"),
        ("applied again: 0 writes, 0 new entries in the ledger",),
        (
            "refused",
            "the CPU limit is 64 cores",
            "already charged 64 cores",
            "asks for 16 cores more",
            "16 cores too much",
            "held most by Transport Bureau k8s-egov/jtj-egov 64 cores",
        ),
        ("636 cores", "simulated substrate", "make test"),
    ),
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_line_says_what_happened(desk: CommandLine, lang: str) -> None:
    steps = re.split(r"^(?=\d+\. )", desk.run("demo", lang=lang), flags=re.MULTILINE)[1:]
    assert [step.partition(". ")[0] for step in steps] == [str(n + 1) for n in range(len(SAID[lang]))]
    for step, parts in zip(steps, SAID[lang], strict=True):
        for part in parts:
            assert part in step


def test_it_leaves_nothing_behind(desk: CommandLine) -> None:
    desk.run("demo")
    assert not desk.state.exists()
