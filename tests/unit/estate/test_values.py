"""Values that a field cannot take: each is found at its own line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from estates import write_estate
from mistakes import city_with_mistake, errors_of, make_mistake, places_of
from yunjin.estate import load

if TYPE_CHECKING:
    from pathlib import Path

BASELINE = "baseline.yaml"
LIMIT = "limit:\n    cpu: 8\n    memory: 16Gi\n    storage: 200Gi\n    pods: 80\n"
NAMES = "names:\n  - zh: 用云单位fgw\n    en: Tenant fgw\n"
CASES = [
    pytest.param("fgw.yaml", "  mlps:", "  «level: 2\n  mlps:", "level", id="unknown field"),
    pytest.param(
        "fgw.yaml", "    post:", "    «mobile: 1\n    post:", "contacts[0].mobile", id="unknown inner field"
    ),
    pytest.param(BASELINE, "memory: 16Gi", "memory: «16 Gib", "limit.memory", id="wrong unit"),
    pytest.param(BASELINE, "memory: 16Gi", "memory: «16G", "limit.memory", id="decimal unit"),
    pytest.param(BASELINE, "memory: 16Gi", "memory: «16384", "limit.memory", id="no unit"),
    pytest.param(BASELINE, "memory: 16Gi", "memory:«", "limit.memory", id="no amount"),
    pytest.param(BASELINE, "memory: 16Gi", "memory: «[16Gi]", "limit.memory", id="list as amount"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «0.5", "limit.cpu", id="fraction"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «true", "limit.cpu", id="truth as amount"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «８", "limit.cpu", id="full-width digit"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «-8", "limit.cpu", id="negative"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «'-500m'", "limit.cpu", id="negative millicores"),
    pytest.param(BASELINE, "cpu: 8", "cpu: «9007199254741", "limit.cpu", id="overflow by one core"),
    pytest.param(BASELINE, "pods: 80", f"pods: «{10**29}", "limit.pods", id="overflow"),
    pytest.param(
        BASELINE, "pods: 80", f"pods: «{'9' * 5000}", "limit.pods", id="overflow by thousands of digits"
    ),
    pytest.param(
        BASELINE, "memory: 16Gi", f"memory: «{'9' * 90}Ti", "limit.memory", id="overflow with a unit"
    ),
    pytest.param(BASELINE, "cpu: 8", "«cups: 8", "limit.cups", id="unknown dimension"),
    pytest.param(BASELINE, LIMIT, "limit: «8\n", "limit", id="amounts not a mapping"),
    pytest.param("datasets.yaml", "id: economy", "id: «Economy", "id", id="id in capitals"),
    pytest.param("datasets.yaml", "id: economy", "id: «2016", "id", id="number as id"),
    pytest.param("bureaus.yaml", "names:", "origin: «seeds\n  names:", "origin", id="not one of the choices"),
    pytest.param("elements.yaml", "horizon: '2016'", "horizon: «2016", "horizon", id="number as choice"),
    pytest.param("fgw.yaml", "mlps: 2", "mlps: «'2'", "mlps", id="text as number"),
    pytest.param("fgw.yaml", "mlps: 2", "mlps: «true", "mlps", id="truth as number"),
    pytest.param("fgw.yaml", "mlps: 2", "mlps: «6", "mlps", id="number too high"),
    pytest.param("fgw.yaml", "mlps: 2", "mlps: «0", "mlps", id="number too low"),
    pytest.param("fgw.yaml", "protected: true", "protected: «1", "protected", id="number as truth"),
    pytest.param("fgw.yaml", "post: 信息科科长", "post: «''", "contacts[0].post", id="empty text"),
    pytest.param("fgw.yaml", "post: 信息科科长", 'post: «"一\\n二"', "contacts[0].post", id="two lines"),
    pytest.param(
        "fgw.yaml", "post: 信息科科长", f"post: «{'长' * 401}", "contacts[0].post", id="text too long"
    ),
    pytest.param(
        "zones.yaml", "mlps: 3", 'basis: {doc: «"a\\nb"}\n  mlps: 3', "basis.doc", id="document of two lines"
    ),
    pytest.param("fgw.yaml", "post: 信息科科长", "post: «{a: b}", "contacts[0].post", id="mapping as text"),
    pytest.param("fgw.yaml", NAMES, "names: «[]\n", "names", id="empty list"),
    pytest.param(
        "fgw.yaml", "platforms:\n  - cloud-centre", "platforms: «cloud-centre", "platforms", id="text as list"
    ),
    pytest.param("prices.yaml", "'2026-01-01'", "«2026-02-30", "valid_from", id="no such day"),
    pytest.param("prices.yaml", "'2026-01-01'", "«20260101", "valid_from", id="number as date"),
    pytest.param("prices.yaml", "'2026-01-01'", "«'1451520000'", "valid_from", id="seconds as date"),
    pytest.param("prices.yaml", "'2026-01-01'", "«2026-01-01T00:00:00", "valid_from", id="time of day"),
    pytest.param(
        "policies.yaml", "value: 10", "value: «0.5", "value", id="fraction where a choice of types stands"
    ),
    pytest.param("zones.yaml", "10.10.0.0/16", "«10.10.0.0", "cidrs[0]", id="address without length"),
    pytest.param("zones.yaml", "10.10.0.0/16", "«10.10.0.300/16", "cidrs[0]", id="number above 255"),
    pytest.param("zones.yaml", "10.10.0.0/16", "«10.10.0.0/33", "cidrs[0]", id="length above 32"),
    pytest.param("zones.yaml", "10.10.0.0/16", "«10.10.0.1/16", "cidrs[0]", id="host bits set"),
    pytest.param("pools.yaml", "cpu: 200", "cpu: «99", "limit_percent.cpu", id="percentage too low"),
    pytest.param("pools.yaml", "cpu: 200", "«cups: 200", "limit_percent.cups", id="percentage of nothing"),
    pytest.param("pools.yaml", "cpu: 200", "«storage: 200", "limit_percent.storage", id="limits of storage"),
    pytest.param(
        "pools.yaml",
        "  limit_percent:",
        "  overcommit_percent: {«cups: 125}\n  limit_percent:",
        "overcommit_percent.cups",
        id="overcommit of nothing",
    ),
    pytest.param(
        "pools.yaml",
        "  limit_percent:",
        "  node_selector: {«a b: c}\n  limit_percent:",
        "node_selector.a b",
        id="label that is none",
    ),
    pytest.param(
        "pools.yaml",
        "  limit_percent:",
        "  node_selector: {pool: «'a,b=c'}\n  limit_percent:",
        "node_selector.pool",
        id="two labels in one",
    ),
    pytest.param(
        "endpoints.yaml", "access: simulated", "access: «https://k8s", "access", id="access by address"
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "field"), CASES)
def test_wrong_value(tmp_path: Path, name: str, old: str, new: str, field: str) -> None:
    place = city_with_mistake(tmp_path, name, old, new)
    assert places_of(tmp_path) == [(place, field)]


def test_a_missing_field_is_missed_where_the_item_begins(tmp_path: Path) -> None:
    place = city_with_mistake(tmp_path, "fgw.yaml", "- id: fgw\n  names:", "- «id: fgw\n  contact:")
    assert places_of(tmp_path)[0] == (place, "names")


def test_every_wrong_amount_of_one_row(tmp_path: Path) -> None:
    write_estate(tmp_path)
    places = [
        make_mistake(tmp_path, BASELINE, "cpu: 8", "cpu: «-8"),
        make_mistake(tmp_path, BASELINE, "memory: 16Gi", "memory: «16 Gib"),
        make_mistake(tmp_path, BASELINE, "storage: 200Gi", "storage: «200GB"),
        make_mistake(tmp_path, BASELINE, "pods: 80", "«pod: 80"),
    ]
    fields = ["limit.cpu", "limit.memory", "limit.storage", "limit.pod"]
    assert places_of(tmp_path) == list(zip(places, fields, strict=True))


def test_a_unit_is_explained_in_both_languages(tmp_path: Path) -> None:
    city_with_mistake(tmp_path, BASELINE, "memory: 16Gi", "memory: «16 Gib")
    (error,) = errors_of(tmp_path)
    assert error.message.zh == "16 Gib 不是 memory 的数量"
    assert error.message.en == "16 Gib is not an amount of memory"
    assert error.expected
    assert "8Gi" in error.expected.zh


@pytest.mark.parametrize(
    ("written", "shown"), [("0.5", "0.5"), ("true", "true"), ("", "null"), ("[16Gi]", "['16Gi']")]
)
def test_an_amount_that_is_none_is_repeated_as_it_was_written(
    tmp_path: Path, written: str, shown: str
) -> None:
    city_with_mistake(tmp_path, BASELINE, "cpu: 8", f"cpu: «{written}")
    (error,) = errors_of(tmp_path)
    assert error.message.zh == f"{shown} 不是 cpu 的数量"


def test_a_misspelt_percentage_is_recognised(tmp_path: Path) -> None:
    city_with_mistake(
        tmp_path, "pools.yaml", "  limit_percent:", "  overcommit_percent: {«cpus: 125}\n  limit_percent:"
    )
    (error,) = errors_of(tmp_path)
    assert error.message.zh == "没有 cpus 这种资源"
    assert error.remedy
    assert error.remedy.zh == "是否应为 cpu"


def test_a_misspelt_field_is_recognised(tmp_path: Path) -> None:
    city_with_mistake(tmp_path, "fgw.yaml", "contacts:", "«contact:")
    (error,) = errors_of(tmp_path)
    assert error.remedy
    assert error.expected
    assert error.remedy.en == "did you mean contacts?"
    assert "quarantine" in error.expected.en


def test_a_number_that_should_be_text_is_to_be_quoted(tmp_path: Path) -> None:
    city_with_mistake(tmp_path, "elements.yaml", "horizon: '2016'", "horizon: «2016")
    (error,) = errors_of(tmp_path)
    assert error.remedy
    assert error.remedy.en == 'quote it: "2016"'


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"node": "leaf/k8s/fgw-egov", "pool": "k8s-egov", "tenant": "fgw", "limit": {"cpu": 1}}, "leaf"),
        ({"node": "bureau/fgw", "pool": "k8s-egov", "allotted": {"cpu": 1}}, "inner node"),
    ],
)
def test_figures_of_the_wrong_kind_of_node(tmp_path: Path, row: dict[str, object], word: str) -> None:
    write_estate(tmp_path, baseline=[row])
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/baseline.yaml:3:3"
    assert word in error.message.en


def test_dates_with_and_without_quotation_marks_are_the_same(tmp_path: Path) -> None:
    text = "kind: prices\nitems:\n- {id: a, zh: 甲, en: A, fen: 1, per: 月, valid_from: 2026-01-01}\n"
    quoted = text.replace("2026-01-01", '"2026-01-01"')
    first = write_estate(tmp_path / "plain", prices=text)
    second = write_estate(tmp_path / "quoted", prices=quoted)
    assert load(first).prices == load(second).prices
