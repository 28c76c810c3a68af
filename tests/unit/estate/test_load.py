"""What a loaded estate is: everything declared, by id, with places, a digest and warnings."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estates import SOURCE, city, named, synthetic_estate, write_estate
from mistakes import make_mistake
from yunjin.errors import Place
from yunjin.estate import field_place, load

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

DAY = date(2026, 11, 22)


def test_the_minimal_city(tmp_path: Path) -> None:
    estate = load(write_estate(tmp_path))
    assert list(estate.bureaus) == ["fgw", "jtj"]
    assert list(estate.tenants) == ["dawa", "fgw", "jtj"], "in the order of the files"
    assert len(estate.baseline) == 9
    assert estate.programmes["2016"].tasks[0].due == date(2016, 12, 31)
    assert estate.pools["k8s-egov"].supply.of("memory") == 128 * 1024
    assert [leaf.name for leaf in estate.leaves(DAY)] == ["dawa-egov", "fgw-egov", "jtj-egov"]
    assert estate.warnings == ()


def test_places_of_items_keep_the_folder_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_estate(tmp_path / "tenants")
    monkeypatch.chdir(tmp_path)
    estate = load(Path("tenants"))
    assert estate.place("bureau", "jtj") == Place(Path("tenants/bureaus.yaml"), 7, 3)
    assert estate.place("tenant", "jtj") == Place(Path("tenants/jtj.yaml"), 3, 3)
    assert estate.place("programme", "2016") == Place(Path("tenants/programmes/2016.yaml"), 3, 3)
    assert estate.place("baseline", "bureau/fgw k8s-egov") == Place(Path("tenants/baseline.yaml"), 3, 3)
    assert {kind for kind, _ in estate.places} == {
        "bureau",
        "area",
        "element",
        "programme",
        "zone",
        "endpoint",
        "pool",
        "dataset",
        "policy",
        "price",
        "tenant",
        "baseline",
    }


def test_nothing_declared_can_be_changed(tmp_path: Path) -> None:
    estate = load(write_estate(tmp_path))
    with pytest.raises(TypeError):
        estate.bureaus["x"] = estate.bureaus["fgw"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        estate.bureaus["fgw"].origin = "proposed"  # type: ignore[misc]


def test_the_digest_tells_contents_and_names_apart_and_nothing_else(tmp_path: Path) -> None:
    first, second = write_estate(tmp_path / "a"), write_estate(tmp_path / "b")
    digest = load(first).digest
    assert digest == load(second).digest
    (second / "README.md").touch()
    assert digest == load(second).digest
    make_mistake(second, "fgw.yaml", "mlps: 2", "mlps: 2 # seen")
    assert digest != load(second).digest


def test_a_change_is_tried_without_being_made(tmp_path: Path) -> None:
    folder = write_estate(tmp_path)
    before = (folder / "jtj.yaml").read_bytes()
    estate = load(folder, {"jtj.yaml": before.replace(b"mlps: 2", b"mlps: 3")})
    assert estate.tenants["jtj"].mlps == 3
    assert (folder / "jtj.yaml").read_bytes() == before


LEADERSHIP = {
    "head": {"zh": "副市长", "en": "Vice-mayor"},
    "deputies": [],
    "members": ["jtj", "fgw"],
    "areas": ["AREAS"],
    "source": SOURCE,
}


def with_coop(folder: Path, coop: list[str]) -> Estate:
    items = city()
    items["elements"][0]["coop"] = coop
    items["programmes"][0]["leadership"] = LEADERSHIP
    return load(write_estate(folder, **items))


@pytest.mark.parametrize(
    ("coop", "expanded", "warnings"),
    [
        (["jtj", "AREAS"], ("jtj", "dawa"), 0),
        (["ALL"], ("jtj", "dawa"), 1),
        (["fgw", "jtj"], ("jtj",), 1),
        (["AREAS", "dawa", "jtj"], ("dawa", "jtj"), 1),
        (["jtj", "ALL"], ("jtj", "dawa"), 2),
        ([], (), 0),
    ],
)
def test_a_body_counts_once_in_a_cooperating_list(
    tmp_path: Path, coop: list[str], expanded: tuple[str, ...], warnings: int
) -> None:
    estate = with_coop(tmp_path, coop)
    element = estate.elements["cloud-centre"]
    assert element.coop == tuple(coop), "the declared list stays as the plan has it"
    assert estate.cooperating(element) == expanded
    assert len(estate.warnings) == warnings
    for place, message in estate.warnings:
        assert place.path == tmp_path / "elements.yaml"
        assert "只计一次" in message.zh
        assert "once" in message.en


def test_a_town_hangs_below_its_area_and_is_none_of_the_areas(tmp_path: Path) -> None:
    items = city()
    town = {"zh": "田家镇", "en": "Tianjia Town", "kind": "town"}
    items["areas"].append({"id": "tianjia", "names": [town], "parent": "dawa"})
    estate = load(write_estate(tmp_path, **items))
    assert estate.parent("area/tianjia") == "area/dawa"
    assert estate.parent("area/dawa") == "city"
    assert estate.expand(["AREAS"]) == ("dawa",)


def test_the_leadership_group_is_that_of_the_plan_carried_on(tmp_path: Path) -> None:
    items = city()
    items["programmes"][0]["leadership"] = LEADERSHIP
    follower = {
        "doc_no": "无",
        "status": "draft",
        "follows": "2016",
        "leadership": {**LEADERSHIP, "members": ["fgw"]},
    }
    items["programmes"].append(named("2020", "后续", "Next", **follower))
    leadership = load(write_estate(tmp_path, **items)).leadership
    assert leadership
    assert leadership.members == ("jtj", "fgw")


def test_place_of_a_field(tmp_path: Path) -> None:
    estate = load(write_estate(tmp_path))
    assert field_place(estate, "tenant", "jtj", "contacts", 1, "post") == Place(tmp_path / "jtj.yaml", 14, 11)
    assert field_place(estate, "baseline", "leaf/k8s/fgw-egov k8s-egov", "allotted", "memory") == Place(
        tmp_path / "baseline.yaml", 32, 13
    )
    assert field_place(estate, "tenant", "jtj", "quarantine", "since") == Place(tmp_path / "jtj.yaml", 3, 3)
    assert field_place(estate, "tenant", "nobody", "owner") is None


def test_place_of_a_field_in_a_file_that_changed_since(tmp_path: Path) -> None:
    estate = load(write_estate(tmp_path))
    item = estate.place("tenant", "jtj")
    (tmp_path / "jtj.yaml").write_text("# moved\n" * 9 + "kind: [", "utf-8")
    assert field_place(estate, "tenant", "jtj", "owner") == item
    (tmp_path / "jtj.yaml").unlink()
    assert field_place(estate, "tenant", "jtj", "owner") == item


def test_the_synthetic_city_is_whole() -> None:
    estate = synthetic_estate(40)
    leaves = estate.leaves(DAY)
    assert len(leaves) == 40
    assert leaves[0].place == estate.place("baseline", "leaf/k8s-egov/t00001-egov k8s-egov")
    assert estate.parent("leaf/k8s-egov/t00019-egov") == "tenant/t00019"
    assert estate.parent("tenant/t00019") == "bureau/b1"
    for bureau in estate.bureaus:
        below = [leaf.allotted for leaf in leaves if leaf.bureau == bureau]
        total = {name: sum(amounts.of(name) for amounts in below) for name in below[0]}
        assert all(
            value <= estate.limit(f"bureau/{bureau}", "k8s-egov").of(name) for name, value in total.items()
        )
