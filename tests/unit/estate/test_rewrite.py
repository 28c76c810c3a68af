"""Changes of declared files: comments, order and quotation marks stay; nothing is half written."""

from __future__ import annotations

import resource
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import city, write_estate
from yunjin.errors import ConflictError, DeclaredErrors, PermanentError, UsageError
from yunjin.estate import load, rewrite
from yunjin.model.amounts import Amounts
from yunjin.model.declared import DatedName
from yunjin.model.tenants import BaselineRow, Imported, Quarantine, Tenant

DAY = date(2026, 11, 22)
LEGACY = "leaf/k8s/legacy"
JTJ = "leaf/k8s/jtj-egov"
BASELINE = """\
# Opening baseline
kind: baseline # one file
items:

  # transport: the sum of its platforms
  - node: leaf/k8s/jtj-egov
    pool: "k8s-egov"
    tenant: 'jtj' # in single marks
    allotted: {memory: 8192Mi, cpu: '4', pods: 40} # as agreed

  - node: leaf/k8s/fgw-egov # the centre
    pool: k8s-egov
    tenant: fgw
    allotted:
      cpu: 4 # cores
      # half of what was asked
      memory: 8Gi
"""
OLD = Tenant(
    id="old-system",
    names=(DatedName(zh="旧系统", en="yes"),),
    kind="bureau",
    owner=None,
    mlps=2,
    imported=(Imported(leaf=LEGACY, since=DAY, objects={"quota": "0123"}),),
    quarantine=Quarantine(since=DAY, reason="2026-11-22: 导入时归属不明 # 待核"),
)
ROW = BaselineRow(
    node=LEGACY, pool="k8s-egov", tenant="old-system", allotted=Amounts({"cpu": 1500, "memory": 2048})
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_estate(tmp_path, baseline=BASELINE)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def changed_lines(before: str, after: str) -> list[str]:
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new)
    return [b for a, b in zip(old, new, strict=True) if a != b]


def test_other_figures_change_their_own_characters_only(folder: Path) -> None:
    rewrite.set_allotted(folder, JTJ, "k8s-egov", Amounts({"cpu": 6000, "memory": 8192, "pods": 40}))
    after = (folder / "baseline.yaml").read_text("utf-8")
    assert changed_lines(BASELINE, after) == [
        "    allotted: {memory: 8192Mi, cpu: '6', pods: 40} # as agreed",
    ]
    assert load(folder).baseline[f"{JTJ} k8s-egov"].allotted == Amounts(
        {"cpu": 6000, "memory": 8192, "pods": 40}
    )


def test_figures_of_a_block_keep_its_comments(folder: Path) -> None:
    amounts = Amounts({"cpu": 2500, "memory": 8192, "storage": 102400})
    rewrite.set_allotted(folder, "leaf/k8s/fgw-egov", "k8s-egov", amounts)
    after = (folder / "baseline.yaml").read_text("utf-8")
    assert after == BASELINE.replace("cpu: 4 # cores", "cpu: 2500m # cores") + "      storage: 100Gi\n"


def test_the_same_figures_change_nothing(folder: Path) -> None:
    amounts = Amounts({"cpu": 4000, "memory": 8192, "pods": 40})
    rewrite.set_allotted(folder, JTJ, "k8s-egov", amounts)
    assert (folder / "baseline.yaml").read_text("utf-8") == BASELINE


@pytest.mark.parametrize("node", ["leaf/k8s/dawa-egov", "bureau/jtj"])
def test_figures_of_a_row_that_is_not_there(folder: Path, node: str) -> None:
    with pytest.raises(UsageError):
        rewrite.set_allotted(folder, node, "k8s-egov", Amounts())


def test_a_new_tenant_has_a_file_with_a_header(folder: Path) -> None:
    before = everything(folder)
    rewrite.add_tenant(folder, OLD)
    text = (folder / "old-system.yaml").read_text("utf-8")
    assert text.startswith("# 用云单位 old-system")
    assert 'en: "yes"' in text, "what other readers take for something else is quoted"
    assert "protected" not in text, "defaults are left out"
    assert load(folder).tenants["old-system"] == OLD
    assert {name: content for name, content in everything(folder).items() if name in before} == before


def test_a_tenant_that_is_declared_already(folder: Path) -> None:
    with pytest.raises(ConflictError):
        rewrite.add_tenant(folder, OLD.model_copy(update={"id": "jtj"}))
    with pytest.raises(ConflictError):
        rewrite.add_tenant(folder, OLD.model_copy(update={"id": "zones"}))


def test_a_new_row_comes_last(folder: Path) -> None:
    rewrite.add_tenant(folder, OLD)
    rewrite.add_baseline_row(folder, ROW)
    after = (folder / "baseline.yaml").read_text("utf-8")
    added = f"""\
  - node: {LEGACY}
    pool: k8s-egov
    tenant: old-system
    allotted: {{cpu: 1500m, memory: 2Gi}}
"""
    assert after == BASELINE + added
    with pytest.raises(ConflictError):
        rewrite.add_baseline_row(folder, ROW)


@pytest.mark.parametrize(
    "text",
    [
        "kind: baseline\nitems: []\n",
        "kind: baseline\nitems:\n- node: bureau/fgw\n  pool: k8s-egov\n  limit: {cpu: 1}\n",
        "# a\nkind: baseline\nitems: [{node: bureau/fgw, pool: k8s-egov, limit: {cpu: 1}}]\n",
        "items:\n    - node: bureau/fgw\n      pool: k8s-egov\n      limit: {cpu: 1}\nkind: baseline\n",
    ],
)
def test_a_first_row_and_every_style_of_list(tmp_path: Path, text: str) -> None:
    write_estate(tmp_path, baseline=text)
    row = BaselineRow(node="tenant/jtj", pool="k8s-egov", limit=Amounts({"cpu": 1000}))
    rewrite.add_baseline_row(tmp_path, row)
    estate = load(tmp_path)
    assert estate.baseline[row.key] == row
    if "bureau/fgw" in text:
        lines = (tmp_path / "baseline.yaml").read_text("utf-8").splitlines()
        assert [line for line in text.splitlines() if "[" not in line and line not in lines] == []


def test_what_an_imported_leaf_goes_without(folder: Path) -> None:
    rewrite.add_tenant(folder, OLD)
    for role in ("limits", "network-deny"):
        rewrite.add_without(folder, "old-system", LEGACY, role, DAY, "no")
    (part,) = load(folder).tenants["old-system"].imported
    assert [(item.object, item.since, item.reason) for item in part.without] == [
        ("limits", DAY, "no"),
        ("network-deny", DAY, "no"),
    ]
    with pytest.raises(ConflictError):
        rewrite.add_without(folder, "old-system", LEGACY, "limits", DAY, "again")


@pytest.mark.parametrize(
    ("tenant", "leaf"), [("jtj", LEGACY), ("nobody", LEGACY), ("old-system", "leaf/k8s/x")]
)
def test_leaves_that_nobody_imported(folder: Path, tenant: str, leaf: str) -> None:
    rewrite.add_tenant(folder, OLD)
    with pytest.raises(UsageError):
        rewrite.add_without(folder, tenant, leaf, "limits", DAY, "reason")


def test_several_changes_are_saved_together(folder: Path) -> None:
    before = everything(folder)
    revision = rewrite.Revision(folder)
    revision.add_tenant(OLD)
    revision.add_baseline_row(ROW)
    revision.add_without("old-system", LEGACY, "limits", DAY, "导入时没有")
    revision.set_allotted(LEGACY, "k8s-egov", Amounts({"cpu": 2000}))
    assert everything(folder) == before, "nothing is written before it is saved"
    estate = revision.save()
    assert estate == load(folder)
    assert estate.baseline[ROW.key].allotted == Amounts({"cpu": 2000})
    assert {part.object for part in estate.tenants["old-system"].imported[0].without} == {"limits"}


def test_a_change_that_would_not_load_is_not_written(folder: Path) -> None:
    before = everything(folder)
    with pytest.raises(DeclaredErrors):
        rewrite.add_baseline_row(folder, ROW)  # nobody declares the tenant
    with pytest.raises(DeclaredErrors):
        rewrite.add_tenant(folder, OLD.model_copy(update={"owner": "bureau/nobody"}))
    assert everything(folder) == before


def test_a_folder_that_does_not_load_is_not_touched(folder: Path) -> None:
    (folder / "zones.yaml").write_text("kind: zones\n", "utf-8")
    before = everything(folder)
    with pytest.raises(DeclaredErrors):
        rewrite.add_tenant(folder, OLD)
    assert everything(folder) == before


def test_an_edit_made_meanwhile_is_not_overwritten(folder: Path) -> None:
    revision = rewrite.Revision(folder)
    revision.add_tenant(OLD)
    revision.set_allotted(JTJ, "k8s-egov", Amounts({"cpu": 6000}))
    (folder / "baseline.yaml").write_text(BASELINE + "# edited by somebody\n", "utf-8")
    before = everything(folder)
    with pytest.raises(ConflictError):
        revision.save()
    assert everything(folder) == before


def test_rights_of_a_file_and_its_link_are_kept(folder: Path) -> None:
    (folder / "baseline.yaml").rename(folder / ".shared")
    (folder / "baseline.yaml").symlink_to(".shared")
    (folder / ".shared").chmod(0o640)
    rewrite.set_allotted(folder, JTJ, "k8s-egov", Amounts({"cpu": 6000}))
    assert (folder / "baseline.yaml").is_symlink()
    assert (folder / ".shared").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == [".shared"]


def test_a_full_disk_leaves_everything_as_it_was(folder: Path) -> None:
    before = everything(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))  # no file may grow further
    try:
        with pytest.raises(PermanentError):
            rewrite.set_allotted(folder, JTJ, "k8s-egov", Amounts({"cpu": 6000}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert everything(folder) == before


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip() == text and text.isprintable()))
def test_any_reason_survives(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    folder = tmp_path_factory.mktemp("city")
    write_estate(folder)
    try:
        rewrite.add_tenant(
            folder, OLD.model_copy(update={"quarantine": Quarantine(since=DAY, reason=reason)})
        )
    except DeclaredErrors:
        assert any(ord(sign) > 0x7E for sign in reason)  # refused for a character that nobody sees
        return
    quarantine = load(folder).tenants["old-system"].quarantine
    assert quarantine
    assert quarantine.reason == reason


def test_a_file_written_by_hand_keeps_all_that_it_says(tmp_path: Path) -> None:
    before = """\
# a

kind: tenant # b
items:
  # c
  - id: jtj # d
    names:
      - {zh: 市交通局, en: "Transport"} # e

    kind: bureau
    owner: 'bureau/jtj'
    mlps: 2
    imported:
      - leaf: leaf/k8s/legacy
        since: 2026-01-01
        objects: {quota: old}
    # f
    contacts: [] # g
    quarantine: null
# h
"""
    added = """\
        without:
          - object: limits
            since: 2026-11-22
            reason: 导入
"""
    items = city()["tenants"]
    write_estate(tmp_path, tenants=[items[0], items[2]], baseline=[], jtj=before)
    rewrite.add_without(tmp_path, "jtj", LEGACY, "limits", DAY, "导入")
    after = (tmp_path / "jtj.yaml").read_text("utf-8")
    assert after.replace(added, "") == before


def test_one_figure_of_the_shipped_city_is_one_changed_line(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "tenants"
    folder = shutil.copytree(shipped, tmp_path / "tenants")
    before = (folder / "baseline.yaml").read_text("utf-8")
    row = load(folder).leaf_rows[0]
    assert row.allotted
    rewrite.set_allotted(folder, row.node, row.pool, row.allotted + Amounts({"cpu": 1000}))
    assert len(changed_lines(before, (folder / "baseline.yaml").read_text("utf-8"))) == 1
