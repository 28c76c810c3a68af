"""The bodies of the action plan: who they are, and what they are called on which day."""

from datetime import date

import pytest

from yunjin.model.estate import Estate

SIGNED = date(2015, 12, 1)
DEMO = date(2026, 11, 22)

MEMBERS = [
    "fgw",
    "jxw",
    "fwyw",
    "zjw",
    "lfw",
    "gaj",
    "zfj",
    "rsj",
    "ghj",
    "jtj",
    "mzj",
    "wjw",
    "wgj",
    "jyj",
    "txb",
]
ONLY_IN_TRANSPORT = ["lzj", "ajj", "jjzd"]
AREAS = ["shuangtaizi", "xinglongtai", "dawa", "panshan", "liaodongwan", "liaohekou"]
RENAMED = {  # id: (when the plan was signed, on the demonstration's day)
    "fgw": ("市发改委", "市发展改革委"),
    "jxw": ("市经信委", "市工业和信息化局"),
    "fwyw": ("市服务业委", "市商务局"),
    "zjw": ("市住建委", "市住房城乡建设局"),
    "lfw": ("市旅发委", "市文化旅游和广播电视局"),
    "ghj": ("市规划局", "市自然资源局"),
    "jtj": ("市交通局", "市交通运输局"),
    "wjw": ("市卫计委", "市卫生健康委"),
    "txb": ("市通信办", "市通信管理办"),
    "ajj": ("市安监局", "市应急管理局"),
}
SAME_NAME = {
    "gaj": "市公安局",
    "zfj": "市综合执法局",
    "rsj": "市人社局",
    "mzj": "市民政局",
    "wgj": "市文广局",
    "jyj": "市教育局",
    "lzj": "市路政局",
    "jjzd": "市公安交警支队",
}


def named_in_the_plan(panjin: Estate) -> list[str]:
    return [bureau.id for bureau in panjin.bureaus.values() if bureau.origin == "seed"]


def test_eighteen_bureaus_in_the_plans_order(panjin: Estate) -> None:
    assert named_in_the_plan(panjin) == MEMBERS + ONLY_IN_TRANSPORT


def test_six_areas_in_the_plans_order(panjin: Estate) -> None:
    assert list(panjin.areas) == AREAS


def test_bodies_the_plan_does_not_name_are_marked(panjin: Estate) -> None:
    proposed = {bureau.id for bureau in panjin.bureaus.values() if bureau.origin == "proposed"}
    assert proposed == {"fda", "agri", "slj", "epb", "port-office", "finance", "audit", "gov-office"}
    assert not proposed & {tenant.id for tenant in panjin.tenants.values()}


def test_traffic_police_hang_below_public_security(panjin: Estate) -> None:
    parents = {bureau.id: bureau.parent for bureau in panjin.bureaus.values() if bureau.parent}
    assert parents == {"jjzd": "gaj"}
    assert panjin.parent("bureau/jjzd") == "bureau/gaj"


@pytest.mark.parametrize(("bureau", "names"), RENAMED.items())
def test_renamed_bureau_keeps_its_id_and_says_that_nobody_read_the_paper(
    panjin: Estate, bureau: str, names: tuple[str, str]
) -> None:
    body = panjin.bureaus[bureau]
    assert (body.name(SIGNED).zh, body.name(DEMO).zh) == names
    assert [name.verified for name in body.names] == [True, False]


@pytest.mark.parametrize(("bureau", "name"), SAME_NAME.items())
def test_bureau_that_keeps_its_name(panjin: Estate, bureau: str, name: str) -> None:
    assert {panjin.bureaus[bureau].name(day).zh for day in (SIGNED, DEMO)} == {name}


def test_every_bureau_of_the_plan_is_covered_by_the_two_tables(panjin: Estate) -> None:
    assert {*RENAMED, *SAME_NAME} == set(named_in_the_plan(panjin))


@pytest.mark.parametrize(
    ("day", "name", "kind", "code"),
    [
        (SIGNED, "大洼县", "county", "211121"),
        (date(2016, 3, 19), "大洼县", "county", "211121"),
        (date(2016, 3, 20), "大洼区", "district", "211104"),
        (DEMO, "大洼区", "district", "211104"),
    ],
)
def test_dawa_by_business_date(panjin: Estate, day: date, name: str, kind: str, code: str) -> None:
    dawa = panjin.areas["dawa"]
    assert dawa.name(day).zh == name
    assert [part.kind for part in dawa.names if part.holds(day)] == [kind]
    assert [part.code for part in dawa.codes if part.holds(day)] == [code]
    assert panjin.tenants["dawa"].name(day).zh == name


def test_dawa_became_a_district_by_a_document(panjin: Estate) -> None:
    basis = panjin.areas["dawa"].names[1].basis
    assert basis is not None
    assert (basis.doc, basis.verified) == ("国函〔2016〕53号", True)


def test_codes_from_general_knowledge_are_marked(panjin: Estate) -> None:
    codes = {area.id: [code.code for code in area.codes] for area in panjin.areas.values()}
    assert codes == {
        "shuangtaizi": ["211102"],
        "xinglongtai": ["211103"],
        "dawa": ["211121", "211104"],
        "panshan": ["211122"],
        "liaodongwan": [],
        "liaohekou": [],
    }
    assert not any(code.verified for area in panjin.areas.values() for code in area.codes)


def test_names_follow_one_another_without_gap_or_overlap(panjin: Estate) -> None:
    all_names = {f"bureau {bureau.id}": bureau.names for bureau in panjin.bureaus.values()}
    all_names |= {f"area {area.id}": area.names for area in panjin.areas.values()}
    all_names |= {f"tenant {tenant.id}": tenant.names for tenant in panjin.tenants.values()}
    for body, names in all_names.items():
        assert (names[0].start, names[-1].end) == (None, None), body
        assert [name.end for name in names[:-1]] == [name.start for name in names[1:]], body
