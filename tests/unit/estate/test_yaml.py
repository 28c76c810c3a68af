"""YAML that is broken, dangerous or read differently by different readers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from estates import write_estate
from mistakes import MARK, city_with_mistake, errors_of, places_of
from yunjin.estate import load, nodes

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "kind: prices\nitems:\n"
WORDS = ["yes", "No", "ON", "off", "y", "N", "True", "FALSE", "NULL"]
NUMBERS = [
    "010",
    "0x1F",
    "0o17",
    "1_000",
    "+5",
    "12:30:45",
    "190:20",
    "1e3",
    ".5",
    "1.",
    ".inf",
    ".NaN",
    "-0",
]


def place_of_mark(text: str) -> tuple[str, str]:
    """The text without its mark, and `prices.yaml:line:column` of the mark."""
    before, _, after = text.partition(MARK)
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return before + after, f"prices.yaml:{line}:{column}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEAD + "- id: 'a«", id="quotation mark never closed"),
        pytest.param(HEAD + "- {id: a, «", id="brace never closed"),
        pytest.param(HEAD + "- id: a«: b\n", id="colon in a value"),
        pytest.param(HEAD + "- id: a\n   «zh: b\n", id="indented too far"),
        pytest.param("kind: prices\nitems:\n«\t- id: a\n", id="tab"),
        pytest.param(HEAD + "- [a, «? b]: c\n", id="question mark"),
        pytest.param(HEAD + "- id: «@a\n", id="reserved sign"),
        pytest.param(HEAD + '- id: "a\\«q"\n', id="unknown escape"),
        pytest.param(HEAD + '- id: "«\\ud800"\n', id="half a character"),
        pytest.param(HEAD + "- id: a\n«\tzh: b\n", id="tab inside"),
        pytest.param("kind: prices\nitems: «- id: a\n", id="list on the line of its key"),
        pytest.param("«%YAML 2.0\n---\nkind: prices\n", id="YAML of another day"),
        pytest.param("kind: prices\nitems: «!x!y []\n", id="tag of nowhere"),
        pytest.param("kind: prices\nitems: «& []\n", id="anchor without a name"),
    ],
)
def test_broken_syntax(tmp_path: Path, text: str) -> None:
    content, place = place_of_mark(text)
    write_estate(tmp_path, prices=content)
    (error,) = errors_of(tmp_path)
    assert error.place.path.name == "prices.yaml"
    assert error.place.line >= int(place.split(":")[1])
    assert "YAML" in error.message.zh or "键" in error.message.zh
    assert not re.search("[a-z]{2}", error.message.zh), "libyaml's sentence is not translated"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        pytest.param(HEAD + "- «&a {id: a}\n", "锚点", id="anchor"),
        pytest.param("kind: prices\nitems: «*a\n", "别名", id="alias"),
        pytest.param("kind: prices\n«*a : []\n", "别名", id="alias as key"),
        pytest.param("kind: «!!str prices\nitems: []\n", "类型标记", id="tag"),
        pytest.param(
            "kind: prices\nitems: «!!python/object/apply:os.system [ls]\n", "类型标记", id="tag of a language"
        ),
        pytest.param("kind: prices\nitems: «! []\n", "类型标记", id="tag without a name"),
        pytest.param("kind: prices\nitems: []\n«kind: prices\n", "重复", id="key twice"),
        pytest.param(
            "kind: prices\nitems: []\n«---\nkind: prices\nitems: []\n", "一个文档", id="two documents"
        ),
        pytest.param("kind: prices\n? «[a]\n: b\nitems: []\n", "一个词", id="list as key"),
        pytest.param("kind: prices\nitems: []\n«null: a\n", "引号", id="nothing as key"),
        pytest.param("kind: prices\nitems: []\n«on: a\n", "引号", id="truth as key"),
        pytest.param("«- kind: prices\n", "映射", id="list at the top"),
        pytest.param("«prices\n", "映射", id="text at the top"),
        pytest.param("kind: prices\n", "缺少 items", id="no items"),
        pytest.param("items: []\n", "缺少 kind", id="no kind"),
        pytest.param("kind: prices\nitems: []\n«extra: 1\n", "extra", id="third key"),
        pytest.param("kind: prices\nitems: «{}\n", "列表", id="items not a list"),
        pytest.param("kind: prices\nitems: «7\n", "列表", id="items a number"),
        pytest.param("kind: «price\nitems: []\n", "price", id="kind misspelt"),
        pytest.param("kind: «7\nitems: []\n", "7", id="kind a number"),
        pytest.param("kind: «zones\nitems: []\n", "文件名", id="kind of another file"),
        pytest.param("kind: «tenant\nitems: []\n", "文件名", id="kind of a tenant"),
        pytest.param("kind: prices\nitems: [«7]\n", "映射", id="item a number"),
        pytest.param(
            'kind: prices\nitems: [{"«\\u0007": 1}]\n', "", id="control character by escape in a key"
        ),
    ],
)
def test_what_is_not_allowed(tmp_path: Path, text: str, word: str) -> None:
    content, place = place_of_mark(text)
    write_estate(tmp_path, prices=content)
    found = errors_of(tmp_path)
    assert word in found[0].message.zh
    if MARK in text and word:
        assert str(found[0].place) == f"{tmp_path}/{place}"


@pytest.mark.parametrize("written", [*WORDS, *NUMBERS])
def test_values_that_readers_disagree_on_must_be_quoted(tmp_path: Path, written: str) -> None:
    place = city_with_mistake(tmp_path, "fgw.yaml", "信息科科长", f"«{written}")
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/{place}"
    assert written in error.message.en
    assert error.field == "contacts[0].post"


@pytest.mark.parametrize("written", [*WORDS, *NUMBERS, "2026-01-01", "true", "null", "7", "1.5", "~"])
def test_the_same_values_in_quotation_marks_are_text(tmp_path: Path, written: str) -> None:
    city_with_mistake(tmp_path, "fgw.yaml", "信息科科长", f'"{written}"')
    assert load(tmp_path).tenants["fgw"].contacts[0].post == written


@pytest.mark.parametrize("sign", ["001B", "200B"])
def test_invisible_character_by_escape(tmp_path: Path, sign: str) -> None:
    place = city_with_mistake(tmp_path, "fgw.yaml", "信息科科长", f'«"信息\\u{sign}科科长"')
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/{place}"
    assert f"U+{sign}" in error.message.zh
    assert error.remedy
    assert error.remedy.zh == "删除这个字符"


def test_alias_bomb_costs_nothing(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    write_estate(tmp_path, prices="\n".join(lines) + "\n")
    messages = {error.message.zh for error in errors_of(tmp_path)}
    assert "不允许使用锚点 & 和别名 *" in messages


@pytest.mark.parametrize("text", ["1" * 10**6 + "x", "1" + "_" * 10**6 + "x", "0" * 10**6 + "x"])
def test_a_long_value_that_is_nearly_a_number_is_read_at_once(tmp_path: Path, text: str) -> None:
    place = city_with_mistake(tmp_path, "fgw.yaml", "信息科科长", f"«{text}")
    assert places_of(tmp_path) == [(place, "contacts[0].post")]


def test_a_long_id_is_not_repeated_at_length(tmp_path: Path) -> None:
    text = city_with_mistake(tmp_path, "fgw.yaml", "id: fgw", f"id: «{'f' * 10**6}")
    again = f"- {{id: {'a' * 10**6}}}\n"
    (tmp_path / "prices.yaml").write_text(HEAD + again * 2, "utf-8")
    found = errors_of(tmp_path)
    assert (text, "id") in places_of(tmp_path)
    assert max(len(str(error)) for error in found) < 400


def test_a_long_key_is_not_repeated_in_every_error(tmp_path: Path) -> None:
    key = "k" * 10**6
    write_estate(tmp_path, prices=f"kind: prices\nitems:\n- ? {key}\n  : [{'yes, ' * 100}]\n")
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/prices.yaml:3:5"
    assert len(str(error)) < 400


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_stops_early(tmp_path: Path, unit: str) -> None:
    write_estate(tmp_path, prices="kind: prices\nitems:\n " + unit * 500_000)
    (error,) = errors_of(tmp_path)
    assert error.place.path.name == "prices.yaml"


def test_as_deep_as_allowed(tmp_path: Path) -> None:
    deep = "[" * (nodes.MAX_DEPTH - 2) + "]" * (nodes.MAX_DEPTH - 2)
    write_estate(tmp_path, prices=f"kind: prices\nitems: [{deep}]\n")
    assert "嵌套" not in errors_of(tmp_path)[0].message.zh
    write_estate(tmp_path, prices=f"kind: prices\nitems: [[{deep}]]\n")
    assert "嵌套" in errors_of(tmp_path)[0].message.zh


def test_too_many_values_in_one_file(tmp_path: Path) -> None:
    write_estate(tmp_path, prices="kind: prices\nitems: [" + "a," * (nodes.MAX_NODES + 1) + "]\n")
    assert "500000" in errors_of(tmp_path)[0].message.zh


def test_all_that_is_wrong_in_one_file_is_found_at_once(tmp_path: Path) -> None:
    text = (
        "kind: prices\nitems:\n- {id: a, zh: yes, en: &x A, fen: !!int 1, per: *x, id: b, valid_from: off}\n"
    )
    write_estate(tmp_path, prices=text)
    columns = [text.splitlines()[2].index(part) + 1 for part in ("yes", "&x", "!!int", "*x", "id: b", "off")]
    assert [place for place, _ in places_of(tmp_path)] == [f"prices.yaml:3:{column}" for column in columns]


def test_more_errors_than_anybody_reads_are_cut(tmp_path: Path) -> None:
    write_estate(tmp_path, prices="kind: prices\nitems: [" + "yes, " * 12_000 + "]\n")
    found = errors_of(tmp_path)
    assert len(found) == 10_001
    assert "10000" in found[0].message.zh
