"""One run reports everything that is wrong, in the order of files and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estates import document, tenant, write_estate
from mistakes import errors_of, make_mistake, places_of
from yunjin.errors import DeclaredErrors

if TYPE_CHECKING:
    from pathlib import Path

MISTAKES = [
    (
        "areas.yaml",
        "zh: 大洼区",
        "zh: 大洼区\n    from: 2016-03-20\n    until: «2016-01-01",
        "names[0].until",
    ),
    ("baseline.yaml", "memory: 16Gi", "memory: «16 Gib", "limit.memory"),
    ("baseline.yaml", "tenant: fgw\n", "tenant: «nobody\n", "tenant"),
    ("baseline.yaml", "node: leaf/k8s/dawa-egov", "node: «leaf/k8s/dawa-inet", "node"),
    ("bureaus.yaml", "- id: jtj", "- parent: «jtj\n  id: jtj", "parent"),
    ("elements.yaml", "lead: fgw", "lead: «fgww", "lead"),
    ("endpoints.yaml", "kind: endpoints", "kind: «endpoint", "kind"),
    ("fgw.yaml", "protected: true", "protected: «yes", "protected"),
    ("jtj.yaml", "mlps:", "«level: 1\n  mlps:", "level"),
    ("prices.yaml", "fen: 5000", "fen: «-1", "fen"),
    ("programmes/2016.yaml", "status: repealed", "status: «gone", "status"),
    ("zones.yaml", "- 10.10.0.0/16", "- «10.10.0.1/16", "cidrs[0]"),
]


def test_a_folder_full_of_mistakes(tmp_path: Path) -> None:
    write_estate(tmp_path, datasets=b"\xef\xbb\xbf" + document("datasets", []).encode(), policies="kind: [\n")
    (tmp_path / "copy.yaml").write_text(document("tenant", [tenant("jtj", "bureau", "bureau/jtj")]), "utf-8")
    (tmp_path / "old.yml").touch()
    expected = [(make_mistake(tmp_path, name, old, new), field) for name, old, new, field in MISTAKES]
    found = places_of(tmp_path)
    assert set(expected) <= set(found)
    others = [place for place in found if place not in expected]
    assert sorted(place for place, _ in others) == [
        "copy.yaml:3:7",
        "datasets.yaml:1:1",
        "jtj.yaml:3:7",
        "old.yml",
        "policies.yaml:2:1",
    ]


def test_errors_stand_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    write_estate(tmp_path)
    for name, old, new, _ in MISTAKES:
        make_mistake(tmp_path, name, old, new)
    places = [error.place for error in errors_of(tmp_path)]
    assert places == sorted(places)


def test_the_summary_counts_them_and_the_text_has_one_line_for_each(tmp_path: Path) -> None:
    write_estate(tmp_path)
    make_mistake(tmp_path, "baseline.yaml", "memory: 16Gi", "memory: «16 Gib")
    make_mistake(tmp_path, "jtj.yaml", "mlps: 2", "mlps: «9")
    errors = DeclaredErrors(errors_of(tmp_path))
    assert errors.message.zh == "申报文件有 2 处错误"
    assert str(errors).splitlines() == [
        f"{tmp_path}/baseline.yaml:7:13: limit.memory: 16 Gib is not an amount of memory",
        f"{tmp_path}/jtj.yaml:9:9: mlps: 9 is out of range",
    ]


def test_one_mistake_is_one_error(tmp_path: Path) -> None:
    for number, (name, old, new, field) in enumerate(MISTAKES):
        folder = write_estate(tmp_path / str(number))
        place = make_mistake(folder, name, old, new)
        assert places_of(folder) == [(place, field)], f"{name}: {new}"
