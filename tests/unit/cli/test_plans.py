"""A leaf that goes whole is called by the name that people have for it, and values as files have them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from findings import plan_of, removal
from leaves import CLOUD_TRANSLATOR, cloud_leaf, objects
from leaves import removal as removed
from yunjin_cli.plans import short, show_changes
from yunjin_cli.session import Output, Session

if TYPE_CHECKING:
    from yunjin.errors import Lang
    from yunjin.model.change import Change

PROJECT = objects(cloud_leaf("jtj-egov", "os"), CLOUD_TRANSLATOR)
ON_CLOUD = (removed(PROJECT.namespace), removed(PROJECT.quota))
ON_CLUSTER = (removal("jtj-egov"), removal("jtj-egov", "ResourceQuota", "yunjin"))


@pytest.mark.parametrize(
    ("changes", "lang", "shown"),
    [
        (ON_CLOUD, "zh", "整个项目, 连同其中的一切"),
        (ON_CLOUD, "en", "the whole project with everything in it"),
        (ON_CLUSTER, "zh", "整个命名空间, 连同其中的一切"),
        (ON_CLUSTER, "en", "the whole namespace with everything in it"),
    ],
)
def test_a_leaf_that_goes_whole_is_shown_in_a_line(
    changes: tuple[Change, ...], lang: Lang, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here, day = Path("tenants"), date(2026, 11, 22)
    session = Session(
        tenants=here, state=here, as_of=day, lang=lang, output=Output.TABLE, strict=False,
        kubeconfig=None, os_cloud=None, dated=True,
    )  # fmt: skip
    show_changes(session, plan_of(*changes), {})
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (True, "true"),
        (["10.10.0.0/16"], '["10.10.0.0/16"]'),
        ({"name": "市交通局"}, '{"name": "市交通局"}'),
        ("4", "4"),
    ],
)
def test_a_value_is_shown_as_files_have_it(value: object, shown: str) -> None:
    assert short(value) == shown
