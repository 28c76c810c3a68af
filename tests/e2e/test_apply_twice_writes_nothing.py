"""A second apply writes nothing, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_second_apply_writes_nothing(desk: CommandLine, lang: str) -> None:
    first, nothing = {
        "zh": ("已执行 370 项", "无变更, 写入 0 项"),
        "en": ("370 done", "no changes, 0 writes"),
    }[lang]
    desk.run("plan", lang=lang)
    assert first in desk.run("apply", "--yes", lang=lang)
    before = desk.standing() | desk.standing("k8s-inet")

    assert desk.value("plan")["plan"]["changes"] == []
    assert nothing in desk.run("apply", lang=lang)  # nobody is asked where nothing changes

    assert desk.standing() | desk.standing("k8s-inet") == before  # resource versions included
    assert len(desk.value("status")["runs"]) == 1
