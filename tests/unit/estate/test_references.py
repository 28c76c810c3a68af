"""Ids that nobody declares: each reference is checked and blamed at its own place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from estates import SOURCE, city, named, write_estate
from mistakes import city_with_mistake, errors_of, make_mistake, places_of

if TYPE_CHECKING:
    from pathlib import Path

FLOW = {
    "id": "f",
    "from": "inet",
    "to": "egov",
    "protocol": "TCP",
    "port": 443,
    "approval": "a",
    "expires": "2027-01-01",
}
LEADERSHIP = {
    "head": {"zh": "副市长", "en": "Vice-mayor"},
    "deputies": [],
    "members": ["fgw", "jtj"],
    "areas": ["AREAS"],
    "source": SOURCE,
}


def rich_city(folder: Path) -> Path:
    """The minimal city with everything in it that can refer to something."""
    items = city()
    items["bureaus"] += [
        {
            "id": "old",
            "names": [{"zh": "旧局", "en": "Old"}],
            "valid": {"until": "2019-01-01"},
            "successor": "jtj",
        },
        {"id": "lzj", "names": [{"zh": "市路政局", "en": "Roads"}], "parent": "jtj"},
    ]
    parts = [{**named("hall", "大厅", "Hall"), "overlaps": "cloud-centre"}]
    items["elements"][0] |= {"proposed_lead": ["jtj"], "subsystems": parts}
    items["zones"][0]["flows"] = [FLOW]
    items["datasets"][0]["users"] = ["cloud-centre", "jtj", "AREAS"]
    system = {
        **named("site", "网站", "Site"),
        "element": "cloud-centre",
        "groups": [{"use": "web", "pool": "k8s-egov"}],
    }
    items["tenants"][1] |= {
        "systems": [system],
        "imported": [{"leaf": "leaf/k8s/legacy", "since": "2026-01-01"}],
    }
    items["programmes"][0] |= {
        "leadership": LEADERSHIP,
        "entries": [{"zh": "数据中心", "elements": ["cloud-centre"]}],
    }
    function = {**named("f1", "功能", "Function"), "subsystem": "hall"}
    items["programmes"][0]["tasks"][0] |= {
        "functions": [function],
        "data_in": ["economy"],
        "data_out": ["economy"],
    }
    follower = {
        "doc_no": "无",
        "status": "draft",
        "follows": "2016",
        "carried": [{"id": "T01", "due": "2026-12-31"}],
    }
    items["programmes"].append(named("demo", "演示", "Demo", **follower))
    return write_estate(folder, **items)


CASES = [
    ("bureaus.yaml", "parent: jtj", "parent: «jt", "parent"),
    ("bureaus.yaml", "successor: jtj", "successor: «dawa", "successor"),
    ("elements.yaml", "lead: fgw", "lead: «fgx", "lead"),
    ("elements.yaml", "lead: fgw", "lead: «dawa", "lead"),
    ("elements.yaml", "proposed_lead:\n  - jtj", "proposed_lead:\n  - «jtx", "proposed_lead[0]"),
    ("elements.yaml", "- AREAS", "- «AREA", "coop[1]"),
    ("elements.yaml", "coop:\n  - jtj", "coop:\n  - «jxj", "coop[0]"),
    ("elements.yaml", "overlaps: cloud-centre", "overlaps: «cloud", "subsystems[0].overlaps"),
    ("zones.yaml", "from: inet", "from: «inetx", "flows[0].from"),
    ("zones.yaml", "to: egov", "to: «egovx", "flows[0].to"),
    ("pools.yaml", "endpoint: k8s", "endpoint: «k9s", "endpoint"),
    ("pools.yaml", "zone: inet", "zone: «inett", "zone"),
    ("datasets.yaml", "steward:\n  - fgw", "steward:\n  - «fg", "steward[0]"),
    ("datasets.yaml", "- cloud-centre", "- «cloud-center", "users[0]"),
    ("jtj.yaml", "owner: bureau/jtj", "owner: «bureau/jtx", "owner"),
    ("dawa.yaml", "owner: area/dawa", "owner: «area/dava", "owner"),
    ("fgw.yaml", "platforms:\n  - cloud-centre", "platforms:\n  - «cloud", "platforms[0]"),
    ("jtj.yaml", "element: cloud-centre", "element: «cloud", "systems[0].element"),
    ("jtj.yaml", "pool: k8s-egov", "pool: «os-egov", "systems[0].groups[0].pool"),
    ("jtj.yaml", "leaf: leaf/k8s/legacy", "leaf: «leaf/k9s/legacy", "imported[0].leaf"),
    ("baseline.yaml", "node: bureau/fgw", "node: «bureau/fgx", "node"),
    ("baseline.yaml", "node: tenant/fgw", "node: «tenant/fgx", "node"),
    ("baseline.yaml", "node: area/dawa", "node: «area/fgw", "node"),
    ("baseline.yaml", "node: bureau/fgw\n  pool: k8s-egov", "node: bureau/fgw\n  pool: «k8s-egv", "pool"),
    ("baseline.yaml", "tenant: fgw", "tenant: «fgv", "tenant"),
    ("programmes/2016.yaml", "element: cloud-centre", "element: «cloud", "tasks[0].element"),
    ("programmes/2016.yaml", "data_in:\n    - economy", "data_in:\n    - «economi", "tasks[0].data_in[0]"),
    ("programmes/2016.yaml", "data_out:\n    - economy", "data_out:\n    - «economi", "tasks[0].data_out[0]"),
    ("programmes/2016.yaml", "subsystem: hall", "subsystem: «hal", "tasks[0].functions[0].subsystem"),
    (
        "programmes/2016.yaml",
        "elements:\n    - cloud-centre",
        "elements:\n    - «cloud",
        "entries[0].elements[0]",
    ),
    ("programmes/2016.yaml", "members:\n    - fgw", "members:\n    - «fgx", "leadership.members[0]"),
    ("programmes/2016.yaml", "areas:\n    - AREAS", "areas:\n    - «ALL", "leadership.areas[0]"),
    ("programmes/demo.yaml", "follows: '2016'", "follows: «'2015'", "follows"),
    ("programmes/demo.yaml", "- id: T01", "- id: «T02", "carried[0].id"),
]


def test_the_rich_city_loads(tmp_path: Path) -> None:
    from yunjin.estate import load

    assert len(load(rich_city(tmp_path)).programmes) == 2


@pytest.mark.parametrize(("name", "old", "new", "field"), CASES)
def test_dangling_reference(tmp_path: Path, name: str, old: str, new: str, field: str) -> None:
    rich_city(tmp_path)
    place = make_mistake(tmp_path, name, old, new)
    assert places_of(tmp_path) == [(place, field)]


def test_the_name_that_was_meant_is_suggested(tmp_path: Path) -> None:
    city_with_mistake(tmp_path, "elements.yaml", "lead: fgw", "lead: fgww")
    (error,) = errors_of(tmp_path)
    assert error.message.zh == "没有申报 fgww 这个部门"
    assert error.remedy
    assert error.remedy.zh == "是否应为 fgw"


def test_references_to_a_file_that_cannot_be_read_stay_quiet(tmp_path: Path) -> None:
    write_estate(tmp_path, bureaus="kind: bureaus\nitems: [\n")
    assert [place.partition(":")[0] for place, _ in places_of(tmp_path)] == ["bureaus.yaml"]


@pytest.mark.parametrize(
    "content", [b"\xff", "kind: tenant\nitems: [{id: jtj}]\n", "kind: tenant\nitems: []\n"]
)
def test_references_to_a_broken_tenant_stay_quiet(tmp_path: Path, content: str | bytes) -> None:
    write_estate(tmp_path, jtj=content)
    assert {place.partition(":")[0] for place, _ in places_of(tmp_path)} == {"jtj.yaml"}


def test_references_to_an_item_with_an_error_stay_quiet(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "pools.yaml", "suffix: egov", "suffix: «EGOV")
    assert places_of(tmp_path) == [(place, "suffix")]


def test_all_needs_a_leadership_group(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "elements.yaml", "- AREAS", "- «ALL")
    assert places_of(tmp_path) == [(place, "coop[1]")]
