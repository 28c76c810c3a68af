"""Decisions about the organisation of the shipped city: what is refused, what the files say, what is resumed."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from clocks import Clock
from tools.environment import ROOT
from yunjin.engine.reorganisation import Planned, Reorganiser
from yunjin.engine.reorganised import Change
from yunjin.errors import ConflictError, PermanentError, RefusalError, UsageError, YunjinError
from yunjin.estate import load
from yunjin.estate.bodies import said_of
from yunjin.ledger import Ledger
from yunjin.ledger.checks import check
from yunjin.ledger.reorganisations import Reorganisations
from yunjin.store import Store
from yunjin.store.operations import operation
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store.connection import Connection

TODAY, DAY = date(2026, 11, 22), date(2026, 12, 1)
BASIS = "盘委编〔2026〕7号"
NAME = {"zh": "市文旅广电局", "en": "Culture and Tourism Bureau"}
POOL = "k8s-egov"


class Office:
    """Where decisions are made: a copy of the city, its state, and who records."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT / "tenants", folder / "tenants")
        self.folder = folder / "tenants"
        self.store = Store.open(folder / "state", now=Clock())
        self.made = Reorganiser(self.folder, self.store, RULES, "tests")

    def plan(self, kind: str, *sources: str, into: str, day: date = DAY, **more: Any) -> Planned:
        terms = {"from": list(sources), "into": into, "parent": "city", **more}
        terms["bodies"] = [*sources, into]
        return self.made.plan(Change(kind, terms, day.isoformat(), BASIS), TODAY)

    def decide(self, kind: str, *sources: str, into: str, **more: Any) -> int:
        return self.made.record(self.plan(kind, *sources, into=into, **more), TODAY)

    def done(self, kind: str, *sources: str, into: str, **more: Any) -> None:
        number = self.decide(kind, *sources, into=into, **more)
        assert self.made.carry_out(number, DAY).state == "carried_out"
        assert check(self.store.database) == ()

    def parent(self, node: str) -> str:
        sql = "SELECT parent FROM quota_nodes WHERE id = ?"
        return str(self.store.database.rows(sql, node)[0][0])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.store:
        yield made


# What cannot be meant


REFUSED: dict[str, tuple[str, tuple[str, ...], dict[str, Any], type[YunjinError], str]] = {
    "unknown body": ("merge", ("bureau/nobody",), {"into": "bureau/lfw"}, UsageError, "没有部门"),
    "day passed": (
        "merge",
        ("bureau/wgj",),
        {"into": "bureau/lfw", "day": date(2026, 11, 21)},
        UsageError,
        "已过",
    ),
    "itself": ("merge", ("bureau/wgj",), {"into": "bureau/wgj"}, UsageError, "重复"),
    "named twice": ("merge", ("bureau/wgj", "bureau/wgj"), {"into": "bureau/lfw"}, UsageError, "重复"),
    "two kinds": ("merge", ("bureau/wgj",), {"into": "area/dawa"}, RefusalError, "不能合并"),
    "id in use": (
        "merge",
        ("bureau/wgj",),
        {"into": "bureau/gaj", "new": True, "name": NAME},
        RefusalError,
        "已用过",
    ),
    "circle": ("merge", ("bureau/gaj",), {"into": "bureau/jjzd"}, RefusalError, "自己的下级"),
    "nobody goes": (
        "split",
        ("bureau/lfw",),
        {"into": "bureau/x", "new": True, "name": NAME, "tenants": []},
        UsageError,
        "须写明",
    ),
    "whose tenant": (
        "split",
        ("bureau/lfw",),
        {"into": "bureau/x", "new": True, "name": NAME, "tenants": ["tenant/wgj"]},
        UsageError,
        "不是",
    ),
    "no such tenant": (
        "transfer",
        ("bureau/lfw",),
        {"into": "bureau/wgj", "element": "tourism", "tenants": ["tenant/x"]},
        UsageError,
        "不是",
    ),
    "no such element": (
        "transfer",
        ("bureau/lfw",),
        {"into": "bureau/wgj", "element": "x", "tenants": []},
        UsageError,
        "没有建设任务",
    ),
    "not its lead": (
        "transfer",
        ("bureau/wgj",),
        {"into": "bureau/lfw", "element": "tourism", "tenants": []},
        RefusalError,
        "牵头",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant(office: Office, case: str) -> None:
    kind, sources, more, error, said = REFUSED[case]
    files = {path: path.read_bytes() for path in office.folder.rglob("*.yaml")}
    with pytest.raises(error) as refused:
        office.decide(kind, *sources, **more)
    assert said in refused.value.message.zh
    assert refused.value.message.en
    assert refused.value.remedy
    assert office.made.all() == []
    assert {path: path.read_bytes() for path in office.folder.rglob("*.yaml")} == files


def test_a_body_that_has_ended(office: Office) -> None:
    office.done("merge", "bureau/wgj", into="bureau/lfw")
    with pytest.raises(RefusalError, match="lfw carries on for it"):
        office.decide("rename", into="bureau/wgj", name=NAME)


def test_a_body_that_another_change_waits_for(office: Office) -> None:
    office.decide("merge", "bureau/wgj", into="bureau/lfw")
    with pytest.raises(ConflictError, match="reorganisation 1, which names bureau/lfw"):
        office.decide("rename", into="bureau/lfw", name=NAME)


def test_what_the_rules_find_is_not_recorded(office: Office) -> None:
    own = {"element": "tourism", "tenants": ["tenant/lfw"]}
    planned = office.plan("transfer", "bureau/lfw", into="bureau/wgj", **own)
    assert [finding.rule for finding in planned.findings] == ["I02"]  # a body's own tenant stays its own
    with pytest.raises(RefusalError, match="should be wgj"):
        office.made.record(planned, TODAY)


# What the files say afterwards


def test_a_new_name_and_the_tenant_that_bears_it(office: Office) -> None:
    office.done("rename", into="area/dawa", name={"zh": "大洼新区", "en": "Dawa New Area"})
    estate = load(office.folder)
    for names in (estate.areas["dawa"].names, estate.tenants["dawa"].names):
        assert [(name.zh, name.kind, name.start, name.end) for name in names[1:]] == [
            ("大洼区", "district", date(2016, 3, 20), DAY),
            ("大洼新区", "district", DAY, None),
        ]
    assert names[-1].basis
    assert names[-1].basis.doc == BASIS


def test_an_area_that_becomes_something_else(office: Office) -> None:
    office.done("rename", into="area/panshan", name={"zh": "盘山区", "en": "Panshan", "kind": "district"})
    assert load(office.folder).areas["panshan"].names[-1].kind == "district"


def test_areas_merge_as_bureaus_do(office: Office) -> None:
    office.done("merge", "area/liaohekou", into="area/liaodongwan")
    estate = load(office.folder)
    assert estate.areas["liaohekou"].successor == "liaodongwan"
    assert estate.tenants["liaohekou"].owner == "area/liaodongwan"
    assert not [f for f in office.made._fresh(estate, estate, DAY)]


def test_a_bureau_with_one_below_it(office: Office) -> None:
    office.done("merge", "bureau/gaj", "bureau/jjzd", into="bureau/new", new=True, name=NAME)
    estate = load(office.folder)
    assert estate.elements["emergency-command"].lead == "new"
    assert "new" in estate.elements["transport"].coop
    assert not {"gaj", "jjzd"} & set(estate.elements["transport"].coop)
    assert estate.limit("bureau/new", POOL).of("cpu") == 100_000


def test_a_bureau_merges_into_the_one_above(office: Office) -> None:
    before = load(office.folder).limit("bureau/gaj", POOL)
    office.done("merge", "bureau/jjzd", into="bureau/gaj")
    estate = load(office.folder)
    assert estate.limit("bureau/gaj", POOL) == before
    assert estate.tenants["jjzd"].owner == "bureau/gaj"
    assert f"bureau/jjzd {POOL}" not in estate.baseline


def test_a_split_takes_tenants_and_figures_along(office: Office) -> None:
    before = load(office.folder).limit("bureau/zfj", POOL)
    lines = ["tenant/line-greening", "tenant/line-sanitation"]
    office.done("split", "bureau/zfj", into="bureau/green", new=True, name=NAME, tenants=lines)
    estate = load(office.folder)
    assert estate.tenants["line-greening"].owner == "bureau/green"
    assert office.parent("tenant/line-greening") == "bureau/green"
    assert office.parent("tenant/line-municipal") == "bureau/zfj"
    one, other = estate.limit("bureau/green", POOL), estate.limit("bureau/zfj", POOL)
    assert one.of("cpu") == 16_000
    assert one + other == before


def test_a_function_goes_over_with_its_tasks(office: Office) -> None:
    planned = office.plan("transfer", "bureau/jtj", into="bureau/lzj", element="transport", tenants=[])
    assert ("task", "2016/T18") in [(move.what, move.subject) for move in planned.moves]
    office.made.carry_out(office.made.record(planned, TODAY), DAY)
    element = load(office.folder).elements["transport"]
    assert element.lead == "lzj"
    assert "lzj" not in element.coop
    assert element.lead_basis
    assert (element.lead_basis.doc, element.lead_basis.valid_from) == (BASIS, DAY)


# What is carried out late, or was interrupted


def test_a_run_that_was_killed_between_ledger_and_files_goes_on(office: Office) -> None:
    number = office.decide("merge", "bureau/lfw", "bureau/wgj", into="bureau/new", new=True, name=NAME)
    planned = office.made.look(number)
    register = Reorganisations(office.store.database, office.store.now, "killed")
    register.carry_out(number, planned.result, [said_of(edit) for edit in planned.edits], DAY)
    assert office.parent("tenant/wgj") == "bureau/new"
    assert load(office.folder).tenants["wgj"].owner == "bureau/wgj"
    assert office.made.get(number).state == "in_ledger"

    assert office.made.carry_out_due(DAY).changed == (f"reorganisation/{number}",)
    estate = load(office.folder)
    assert estate.tenants["wgj"].owner == "bureau/new"
    assert estate.limit("bureau/new", POOL).of("cpu") == 20_000
    assert office.made.carry_out_due(DAY).changed == ()


@pytest.mark.parametrize("written", range(1, 7))
def test_a_run_that_was_killed_between_two_files_goes_on(
    office: Office, tmp_path: Path, written: int
) -> None:
    number = office.decide("merge", "bureau/lfw", "bureau/wgj", into="bureau/new", new=True, name=NAME)
    planned = office.made.look(number)
    before = tmp_path / "before"
    shutil.copytree(office.folder, before)
    office.made.carry_out(number, DAY)
    changed = [
        p.relative_to(before) for p in before.rglob("*.yaml") if p.read_bytes() != after(office, p, before)
    ]
    order = sorted(map(str, changed), key=lambda name: (name == "baseline.yaml", name))
    assert len(order) == 7
    whole = {name: (office.folder / name).read_bytes() for name in order}
    for name in order[written:]:  # as if it had been killed then
        shutil.copy2(before / name, office.folder / name)

    register = Reorganisations(office.store.database, office.store.now, "tests")
    office.store.database.write(_take_back, number)
    assert register.due(DAY) == [number]
    office.made.carry_out(number, DAY)
    assert {name: (office.folder / name).read_bytes() for name in order} == whole
    assert planned.difference


@operation
def _take_back(connection: Connection, number: int) -> None:
    connection.execute("UPDATE reorganisations SET state = 'in_ledger' WHERE number = ?", (number,))


def after(office: Office, path: Path, before: Path) -> bytes:
    return (office.folder / path.relative_to(before)).read_bytes()


def test_what_cannot_be_carried_out_yet_waits_and_the_next_one_goes_on(office: Office) -> None:
    lines = ["tenant/line-greening"]
    first = office.decide("split", "bureau/zfj", into="bureau/x", new=True, name=NAME, tenants=lines)
    second = office.decide("rename", into="bureau/gaj", name=NAME)
    Ledger(office.store.database, office.store.now, "tests").end(f"opening/bureau/zfj/{POOL}", "", TODAY)
    day = office.made.carry_out_due(DAY)
    assert day.changed == (f"reorganisation/{second}",)
    ((name, error),) = day.refused
    assert (name, "数额对不上" in error.message.zh) == (f"reorganisation/{first}", True)
    assert office.parent("tenant/line-greening") == "bureau/zfj"


def test_files_that_cannot_be_written_keep_the_ledger_as_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.decide("merge", "bureau/wgj", into="bureau/lfw")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PermanentError, match="cannot be written"):
        office.made.carry_out(number, DAY)
    assert office.parent("tenant/wgj") == "bureau/wgj"
    assert office.made.get(number).state == "pending"
