"""Decisions about the organisation: what is refused, what files say then, what an interrupted run does."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

import states
from clocks import Clock
from estates import SOURCE, city, named, tenant, write_estate
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

    from yunjin.model.estate import Estate
    from yunjin.store.connection import Connection

TODAY, DAY = date(2026, 11, 22), date(2026, 12, 1)
BASIS = "盘委编〔2026〕7号"
NAME = {"zh": "市交通运输局", "en": "Transport Bureau"}
POOL = "k8s-egov"
NEW: dict[str, Any] = {"into": "bureau/new", "new": True, "name": NAME}


def amounts(cpu: int) -> dict[str, Any]:
    return {"cpu": cpu, "memory": f"{2 * cpu}Gi", "storage": f"{20 * cpu}Gi", "pods": 10 * cpu}


def row(node: str, cpu: int, guarantee: int = 0) -> dict[str, Any]:
    firm = {"guarantee": amounts(guarantee)} if guarantee else {}
    return {"node": node, "pool": POOL, "limit": amounts(cpu), **firm}


def leaf(owner: str, cpu: int) -> dict[str, Any]:
    return {"node": f"leaf/k8s/{owner}-egov", "pool": POOL, "tenant": owner, "allotted": amounts(cpu)}


def written(folder: Path) -> Path:
    """Four bureaus, one of them below another, and two areas, with seven tenants."""
    items = city()
    group = {"members": ["fgw", "jtj", "lzj"], "areas": ["AREAS"], "deputies": [], "source": SOURCE}
    items["programmes"][0]["leadership"] = {"head": {"zh": "副市长", "en": "Vice-mayor"}, **group}
    task = {**items["programmes"][0]["tasks"][0], "id": "T12", "element": "transport"}
    items["programmes"][0]["tasks"].append(task)
    items["elements"][0]["coop"] = ["jtj", "ghj", "AREAS"]
    plan = {"kind": "platform", "horizon": "2016", "lead": "jtj", "coop": ["lzj"], "source": SOURCE}
    items["elements"].append(named("transport", "智慧交通", "Smart transport", **plan))
    items["datasets"][0] |= {"steward": ["fgw", "jtj"], "users": ["jtj", "transport"]}
    items["bureaus"] += [
        {"id": "lzj", "names": [{"zh": "市路政局", "en": "Road Bureau"}]},
        {"id": "ghj", "names": [{"zh": "市规划局", "en": "Planning Bureau"}], "parent": "jtj"},
    ]
    items["areas"].append({"id": "panshan", "names": [{"zh": "盘山县", "en": "Panshan", "kind": "county"}]})
    items["tenants"] += [
        tenant("lzj", "bureau", "bureau/lzj"),
        tenant("ghj", "bureau", "bureau/ghj"),
        tenant("bus", "institution", "bureau/jtj"),
        tenant("road", "institution", "bureau/jtj"),
        tenant("panshan", "area", "area/panshan"),
    ]
    items["tenants"][4]["names"] = items["bureaus"][3]["names"]
    items["baseline"] = [
        *(row("bureau/fgw", 8, 4), row("tenant/fgw", 8, 4), leaf("fgw", 4)),
        *(row("bureau/jtj", 28, 8), row("tenant/jtj", 8, 4), leaf("jtj", 4)),
        *(row("tenant/bus", 4), leaf("bus", 4), row("tenant/road", 4, 1), leaf("road", 2)),
        *(row("bureau/ghj", 6, 2), row("tenant/ghj", 6, 2), leaf("ghj", 2)),
        *(row("bureau/lzj", 6), row("tenant/lzj", 6), leaf("lzj", 6)),
        *(row("area/dawa", 8, 4), row("tenant/dawa", 8, 4), leaf("dawa", 4)),
        *(row("area/panshan", 4), row("tenant/panshan", 4), leaf("panshan", 4)),
    ]
    return write_estate(folder, **items)


class Office:
    """Where decisions are made: the declared files, their state, and who records."""

    def __init__(self, folder: Path) -> None:
        self.folder = written(folder / "tenants")
        self.store = Store.open(states.begin(folder / "state"), now=Clock())
        self.made = Reorganiser(self.folder, self.store, RULES, "tests")

    def plan(self, kind: str, *sources: str, into: str, day: date = DAY, **more: Any) -> Planned:
        terms = {"from": list(sources), "into": into, "parent": "city", **more}
        terms["bodies"] = [*sources, into]
        return self.made.plan(Change(kind, terms, day.isoformat(), BASIS), TODAY)

    def decide(self, kind: str, *sources: str, into: str, **more: Any) -> int:
        return self.made.record(self.plan(kind, *sources, into=into, **more), TODAY)

    def done(self, kind: str, *sources: str, into: str, **more: Any) -> Estate:
        number = self.decide(kind, *sources, into=into, **more)
        assert self.made.carry_out(number, DAY).state == "carried_out"
        assert check(self.store.database) == ()
        return load(self.folder)

    def parent(self, node: str) -> str:
        sql = "SELECT parent FROM quota_nodes WHERE id = ?"
        return str(self.store.database.rows(sql, node)[0][0])

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*.yaml")}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.store:
        yield made


def cpu(estate: Estate, node: str) -> int:
    return estate.limit(node, POOL).of("cpu") // 1000


# What cannot be meant


REFUSED: dict[str, tuple[str, tuple[str, ...], dict[str, Any], type[YunjinError], str]] = {
    "unknown body": ("merge", ("bureau/nobody",), {"into": "bureau/jtj"}, UsageError, "没有部门"),
    "itself": ("merge", ("bureau/lzj",), {"into": "bureau/lzj"}, UsageError, "重复"),
    "named twice": ("merge", ("bureau/lzj", "bureau/lzj"), {"into": "bureau/jtj"}, UsageError, "重复"),
    "two kinds": ("merge", ("bureau/lzj",), {"into": "area/dawa"}, RefusalError, "不能合并"),
    "id in use": ("merge", ("bureau/lzj",), {**NEW, "into": "bureau/fgw"}, RefusalError, "已用过"),
    "circle": ("merge", ("bureau/jtj",), {"into": "bureau/ghj"}, RefusalError, "自己的下级"),
    "nobody goes": ("split", ("bureau/jtj",), {**NEW, "tenants": []}, UsageError, "须写明"),
    "whose tenant": ("split", ("bureau/jtj",), {**NEW, "tenants": ["tenant/lzj"]}, UsageError, "不是"),
    "no tenant": ("split", ("bureau/jtj",), {**NEW, "tenants": ["tenant/x"]}, UsageError, "不是"),
    "does not add up": (
        *("split", ("bureau/jtj",)),
        {**NEW, "tenants": ["tenant/bus"], "share": {POOL: {"cpu": 3000}}},
        *(RefusalError, "数额对不上"),
    ),
    "no element": (
        *("transfer", ("bureau/jtj",)),
        {"into": "bureau/lzj", "element": "x", "tenants": []},
        *(UsageError, "没有建设任务"),
    ),
    "not its lead": (
        *("transfer", ("bureau/lzj",)),
        {"into": "bureau/fgw", "element": "transport", "tenants": []},
        *(RefusalError, "牵头"),
    ),
    "day passed": (
        *("merge", ("bureau/lzj",)),
        {"into": "bureau/jtj", "day": date(2026, 11, 21)},
        *(UsageError, "已过"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant(office: Office, case: str) -> None:
    kind, sources, more, error, said = REFUSED[case]
    files = office.files()
    with pytest.raises(error) as refused:
        office.decide(kind, *sources, **more)
    assert said in refused.value.message.zh
    assert refused.value.message.en
    assert refused.value.remedy
    assert office.made.all() == []
    assert office.files() == files


def test_a_body_that_has_ended(office: Office) -> None:
    office.done("merge", "bureau/lzj", into="bureau/jtj")
    with pytest.raises(RefusalError, match="jtj carries on for it"):
        office.decide("rename", into="bureau/lzj", name=NAME)


def test_a_body_that_another_change_waits_for(office: Office) -> None:
    office.decide("merge", "bureau/lzj", into="bureau/jtj")
    with pytest.raises(ConflictError, match="reorganisation 1, which names bureau/jtj"):
        office.decide("rename", into="bureau/jtj", name=NAME)


def test_what_the_rules_find_is_not_recorded(office: Office) -> None:
    own: dict[str, Any] = {"element": "transport", "tenants": ["tenant/jtj"]}
    planned = office.plan("transfer", "bureau/jtj", into="bureau/lzj", **own)
    assert [finding.rule for finding in planned.findings] == ["I02"]  # a body's own tenant stays its own
    with pytest.raises(RefusalError, match="should be lzj"):
        office.made.record(planned, TODAY)


# What the files say afterwards


def test_a_new_name_and_the_tenant_that_bears_it(office: Office) -> None:
    estate = office.done("rename", into="bureau/ghj", name=NAME)
    for names in (estate.bureaus["ghj"].names, estate.tenants["ghj"].names):
        assert [(name.zh, name.start, name.end) for name in names] == [
            ("市规划局", None, DAY),
            ("市交通运输局", DAY, None),
        ]
        assert names[-1].basis
        assert names[-1].basis.doc == BASIS
    assert len(estate.tenants["jtj"].names) == 1  # of another name


def test_an_area_that_becomes_something_else_with_its_name(office: Office) -> None:
    estate = office.done("rename", into="area/panshan", name={"zh": "盘山区", "en": "P", "kind": "district"})
    assert [name.kind for name in estate.areas["panshan"].names] == ["county", "district"]
    estate = office.done("rename", into="area/dawa", name={"zh": "大洼新区", "en": "Dawa"})
    assert [name.kind for name in estate.areas["dawa"].names] == ["district", "district"]


def test_everything_that_names_a_merged_body_names_the_new_one(office: Office) -> None:
    estate = office.done("merge", "bureau/jtj", "bureau/lzj", **NEW)
    assert estate.elements["transport"].lead == "new"
    assert estate.elements["transport"].coop == ("new",)
    assert estate.elements["cloud-centre"].coop == ("new", "ghj", "AREAS")
    assert estate.datasets["economy"].steward == ("fgw", "new")
    assert estate.datasets["economy"].users == ("new", "transport")
    assert estate.leadership
    assert estate.leadership.members == ("fgw", "new")
    assert estate.bureaus["ghj"].parent == "new"
    owned = {tenant.id for tenant in estate.tenants.values() if tenant.owner == "bureau/new"}
    assert owned == {"jtj", "lzj", "bus", "road"}
    assert (cpu(estate, "bureau/new"), cpu(estate, "bureau/jtj"), cpu(estate, "bureau/lzj")) == (34, 0, 0)
    assert estate.bureaus["jtj"].successor == "new"
    assert (estate.bureaus["jtj"].valid.end, estate.bureaus["new"].valid.start) == (DAY, DAY)


def test_areas_merge_as_bureaus_do(office: Office) -> None:
    estate = office.done("merge", "area/panshan", into="area/dawa")
    assert estate.areas["panshan"].successor == "dawa"
    assert estate.tenants["panshan"].owner == "area/dawa"
    assert cpu(estate, "area/dawa") == 12


def test_a_bureau_and_the_one_below_it_merge_once(office: Office) -> None:
    estate = office.done("merge", "bureau/jtj", "bureau/ghj", **NEW)
    assert cpu(estate, "bureau/new") == 28
    assert estate.bureaus["ghj"].parent == "jtj"  # where it stood when it ended
    assert estate.tenants["ghj"].owner == "bureau/new"


def test_a_bureau_merges_into_the_one_above(office: Office) -> None:
    estate = office.done("merge", "bureau/ghj", into="bureau/jtj")
    assert cpu(estate, "bureau/jtj") == 28
    assert estate.tenants["ghj"].owner == "bureau/jtj"
    assert f"bureau/ghj {POOL}" not in estate.baseline


def test_a_split_takes_tenants_and_figures_along(office: Office) -> None:
    estate = office.done("split", "bureau/jtj", **NEW, tenants=["tenant/bus", "tenant/road"])
    assert (estate.tenants["bus"].owner, office.parent("tenant/road")) == ("bureau/new", "bureau/new")
    assert (cpu(estate, "bureau/new"), cpu(estate, "bureau/jtj")) == (8, 20)
    assert estate.bureaus["new"].name(DAY).zh == NAME["zh"]
    assert estate.bureaus["jtj"].valid.end is None


def test_a_function_goes_over_with_its_tasks_and_a_tenant(office: Office) -> None:
    terms: dict[str, Any] = {"into": "bureau/lzj", "element": "transport", "tenants": ["tenant/bus"]}
    planned = office.plan("transfer", "bureau/jtj", **terms)
    assert ("task", "2016/T12") in [(move.what, move.subject) for move in planned.moves]
    office.made.carry_out(office.made.record(planned, TODAY), DAY)
    estate = load(office.folder)
    element = estate.elements["transport"]
    assert (element.lead, element.coop) == ("lzj", ())
    assert element.lead_basis
    assert (element.lead_basis.doc, element.lead_basis.valid_from) == (BASIS, DAY)
    assert (cpu(estate, "bureau/lzj"), cpu(estate, "bureau/jtj")) == (10, 24)


def test_comments_and_order_stay(office: Office) -> None:
    path = office.folder / "bureaus.yaml"
    path.write_text(path.read_text("utf-8").replace("- id: lzj", "# roads\n- id: lzj # since 1999"), "utf-8")
    before = path.read_text("utf-8")
    office.done("merge", "bureau/lzj", into="bureau/jtj")
    kept = [line for line in path.read_text("utf-8").splitlines() if line in before.splitlines()]
    assert kept == before.splitlines()


# What is carried out late, or was interrupted


def test_a_run_that_was_killed_between_ledger_and_files_goes_on(office: Office) -> None:
    number = office.decide("merge", "bureau/jtj", "bureau/lzj", **NEW)
    planned = office.made.look(number)
    register = Reorganisations(office.store.database, office.store.now, "killed")
    register.carry_out(number, planned.result, [said_of(edit) for edit in planned.edits], DAY)
    assert office.parent("tenant/lzj") == "bureau/new"
    assert load(office.folder).tenants["lzj"].owner == "bureau/lzj"
    assert office.made.get(number).state == "in_ledger"

    assert office.made.carry_out_due(DAY).changed == (f"reorganisation/{number}",)
    estate = load(office.folder)
    assert estate.tenants["lzj"].owner == "bureau/new"
    assert cpu(estate, "bureau/new") == 34
    assert office.made.carry_out_due(DAY).changed == ()


def test_a_run_that_was_killed_between_two_files_goes_on(office: Office, tmp_path: Path) -> None:
    number = office.decide("merge", "bureau/jtj", "bureau/lzj", **NEW)
    shutil.copytree(office.folder, tmp_path / "before")
    before = office.files()
    office.made.carry_out(number, DAY)
    whole = office.files()
    changed = sorted((name for name in whole if whole[name] != before[name]), key=_as_saved)
    assert len(changed) == 9
    for written_so_far in range(1, len(changed)):
        for name in changed[written_so_far:]:
            (office.folder / name).write_bytes(before[name])
        office.store.database.write(_take_back, number)
        office.made.carry_out(number, DAY)
        assert office.files() == whole


def _as_saved(name: str) -> tuple[bool, str]:
    return name == "baseline.yaml", name


@operation
def _take_back(connection: Connection, number: int) -> None:
    """As if the files had not been written to the end."""
    connection.execute("UPDATE reorganisations SET state = 'in_ledger' WHERE number = ?", (number,))


def test_what_cannot_be_carried_out_yet_waits_and_the_next_one_goes_on(office: Office) -> None:
    first = office.decide("split", "bureau/jtj", **NEW, tenants=["tenant/bus"])
    second = office.decide("rename", into="bureau/fgw", name=NAME)
    Ledger(office.store.database, office.store.now, "tests").end(f"opening/bureau/jtj/{POOL}", "", TODAY)
    day = office.made.carry_out_due(DAY)
    assert day.changed == (f"reorganisation/{second}",)
    ((name, error),) = day.refused
    assert (name, "数额对不上" in error.message.zh) == (f"reorganisation/{first}", True)
    assert office.parent("tenant/bus") == "bureau/jtj"


def test_files_that_cannot_be_written_keep_the_ledger_as_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.decide("merge", "bureau/lzj", into="bureau/jtj")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PermanentError, match="cannot be written"):
        office.made.carry_out(number, DAY)
    assert office.parent("tenant/lzj") == "bureau/lzj"
    assert office.made.get(number).state == "pending"
