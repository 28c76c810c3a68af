"""Seven oddities of the action plan's text. Each loads, and each stays visible."""

from datetime import date

import pytest

from yunjin.model.estate import Estate


@pytest.mark.parametrize(
    ("element", "lead"),
    [
        ("cloud-centre", "fgw"),
        ("integrated-management", "fgw"),
        ("public-service", "fgw"),
        ("emergency-command", "gaj"),
    ],
)
def test_1_a_lead_that_also_cooperates_counts_once_with_a_warning(
    panjin: Estate, element: str, lead: str
) -> None:
    assert panjin.elements[element].lead == lead
    cooperating = panjin.cooperating(panjin.elements[element])
    assert lead not in cooperating
    assert len(cooperating) == len(set(cooperating)) == 14 + 6
    name = panjin.elements[element].text
    told = [(place, text) for place, text in panjin.warnings if name.en in text.en]
    assert len(told) == 1
    place, text = told[0]
    assert (place.path.name, place.line > 0) == ("elements.yaml", True)
    assert name.zh in text.zh
    assert lead in text.en


def test_1_nothing_else_needed_mending(panjin: Estate) -> None:
    assert len(panjin.warnings) == 4


def test_2_transport_cooperates_with_three_outside_the_leadership_group_and_with_no_area(
    panjin: Estate,
) -> None:
    cooperating = panjin.cooperating(panjin.elements["transport"])
    assert cooperating == ("gaj", "lzj", "zjw", "zfj", "ghj", "ajj", "jjzd")
    group = panjin.programmes["2016"].leadership
    assert group is not None
    assert [bureau for bureau in cooperating if bureau not in group.members] == ["lzj", "ajj", "jjzd"]
    assert not set(cooperating) & set(panjin.areas)


def test_3_transport_plans_a_data_centre_of_its_own_over_the_citys(panjin: Estate) -> None:
    overlaps = {
        (element.id, part.id): part.overlaps
        for element in panjin.elements.values()
        for part in element.subsystems
        if part.overlaps
    }
    assert overlaps == {("transport", "transport-data-centre"): "cloud-centre"}
    assert panjin.elements["cloud-centre"].kind == "centre"


def test_4_urban_management_alone_upgrades_a_platform_in_use(panjin: Estate) -> None:
    assert [element.id for element in panjin.elements.values() if element.brownfield] == ["urban-management"]


def test_5_sixteen_entries_are_seventeen_elements(panjin: Estate) -> None:
    entries = panjin.programmes["2016"].entries
    assert len(entries) == 16
    assert sorted(element for entry in entries for element in entry.elements) == sorted(panjin.elements)
    double = [entry for entry in entries if len(entry.elements) > 1]
    assert [(entry.zh, entry.also, entry.elements) for entry in double] == [
        (
            "综合管理和公众服务系统",
            ("云综合管理和公众服务系统",),
            ("integrated-management", "public-service"),
        )
    ]


def test_6_nine_platforms_have_no_lead_and_somebody_proposed(panjin: Estate) -> None:
    unled = [element for element in panjin.elements.values() if element.lead is None]
    proposed = {element.id: element.proposed_lead for element in unled}
    assert proposed == {
        "education": ("jyj",),
        "healthcare": ("wjw",),
        "food-safety": ("fda",),
        "work-safety": ("ajj",),
        "port": ("port-office",),
        "agriculture": ("agri",),
        "water": ("slj",),
        "environment": ("epb",),
        "one-card": ("rsj", "jtj"),
    }
    assert {panjin.elements[element].horizon for element in proposed} == {"135"}
    assert not any(panjin.elements[element].coop for element in proposed)
    assert {body for bodies in proposed.values() for body in bodies} <= set(panjin.bureaus)


def test_7_dawa_is_renamed_in_mid_plan_lfw_and_wgj_stay_two_and_the_plan_is_repealed(panjin: Estate) -> None:
    plan = panjin.programmes["2016"]
    assert plan.signed is not None
    renamed = panjin.areas["dawa"].names[1].start
    assert renamed == date(2016, 3, 20)
    assert plan.signed < renamed < panjin.tasks("2016")[0].due
    day = date(2026, 11, 22)
    assert panjin.bureaus["lfw"].valid.holds(day)
    assert panjin.bureaus["wgj"].valid.holds(day)
    assert panjin.bureaus["lfw"].name(day) != panjin.bureaus["wgj"].name(day)
    assert plan.status == "repealed"
