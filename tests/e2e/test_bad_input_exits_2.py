"""Bad declared files are exit 2: every mistake of a run at its path:line:column, and nothing is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from estates import city, document, tenant
from mistakes import make_mistake

if TYPE_CHECKING:
    from collections.abc import Callable

    from commandline import CommandLine

Mistake = tuple[str, str, str]

IN_PLACE: dict[str, Mistake] = {
    "unknown field": ("jtj.yaml", "  kind: bureau", "  «colour: blue\n  kind: bureau"),
    "wrong unit": ("baseline.yaml", "memory: 8Gi", "memory: «16 Gib"),
    "negative": ("baseline.yaml", "cpu: 4", "cpu: «-4"),
    "overflow": ("baseline.yaml", "cpu: 4", f"cpu: «{10**30}"),
    "duplicate id": ("bureaus.yaml", "id: jtj", "id: «fgw"),
    "dangling bureau": ("jtj.yaml", "owner: bureau/jtj", "owner: «bureau/nobody"),
    "no YAML": ("zones.yaml", "mlps: 3\n  databases:", "mlps: [3\n  databases«:"),
    "dangling area": ("dawa.yaml", "owner: area/dawa", "owner: «area/nobody"),
}
WHOLE_FILE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "BOM": ("bureaus.yaml:1:1", lambda content: b"\xef\xbb\xbf" + content),
    "CRLF": ("bureaus.yaml:1:14", lambda content: content.replace(b"\n", b"\r\n")),
    "GB18030": ("bureaus.yaml:5:9", lambda content: content.decode().encode("gb18030")),
    "invalid UTF-8": ("bureaus.yaml:1:1", lambda content: b"\xff" + content),
    "empty file": ("bureaus.yaml", lambda _: b""),
    "alias bomb": ("bureaus.yaml:2:4", lambda _: bomb()),
}


def bomb() -> bytes:
    """Nine levels of nine references each: half a billion words, if somebody unfolds them."""
    lines = ["kind: bureaus", "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]"]
    for here, below in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{here}: &{here} [{','.join([f'*{below}'] * 9)}]")
    return ("\n".join([*lines, "items: *i"]) + "\n").encode()


def refused(desk: CommandLine, place: str) -> list[dict[str, object]]:
    """The errors of an apply, one of which is at `place`; nothing was made, not even a state folder."""
    answer = desk.ask("apply", "--yes", "--output", "json")
    assert (answer.code, answer.out) == (2, ""), answer
    errors = answer.errors
    assert f"tenants/{place}" in [error["place"] for error in errors], errors
    for error in errors:
        for text in (error["message"], error["remedy"]):
            assert re.search("[\u4e00-\u9fff]", text["zh"])
            assert not re.search("[\u4e00-\u9fff]", text["en"])
    assert not desk.state.exists()
    return errors


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_wrong_value_is_named_by_line_and_column(small: CommandLine, name: str) -> None:
    refused(small, make_mistake(small.tenants, *IN_PLACE[name]))


@pytest.mark.parametrize("name", WHOLE_FILE)
def test_a_file_that_is_no_plain_text_is_refused(small: CommandLine, name: str) -> None:
    place, spoil = WHOLE_FILE[name]
    path = small.tenants / "bureaus.yaml"
    path.write_bytes(spoil(path.read_bytes()))
    refused(small, place)


def test_a_huge_file_is_not_read(small: CommandLine) -> None:
    with (small.tenants / "bureaus.yaml").open("wb") as file:
        file.truncate(100 * 2**20)
    refused(small, "bureaus.yaml")


def test_a_link_out_of_the_folder_is_not_followed(small: CommandLine) -> None:
    path = small.tenants / "bureaus.yaml"
    path.rename(small.folder / "elsewhere.yaml")
    path.symlink_to("../elsewhere.yaml")
    refused(small, "bureaus.yaml")


def test_a_cycle_of_parents_is_refused(small: CommandLine) -> None:
    bureaus = city()["bureaus"]
    bureaus[0]["parent"], bureaus[1]["parent"] = "jtj", "fgw"
    text = document("bureaus", bureaus)
    (small.tenants / "bureaus.yaml").write_text(text, "utf-8")
    refused(small, f"bureaus.yaml:{text[: text.index('parent')].count(chr(10)) + 1}:11")


def test_two_files_may_not_declare_one_tenant(small: CommandLine) -> None:
    text = document("tenant", [tenant("jtj", "bureau", "bureau/jtj")])
    (small.tenants / "second.yaml").write_text(text, "utf-8")
    refused(small, "second.yaml:3:7")


@pytest.mark.parametrize(
    ("lang", "count"), [("zh", "申报文件有 4 处错误"), ("en", "4 errors in the declared files")]
)
def test_every_mistake_of_a_run_is_shown(small: CommandLine, lang: str, count: str) -> None:
    names = ("unknown field", "wrong unit", "dangling area")
    places = [make_mistake(small.tenants, *IN_PLACE[name]) for name in names]
    (small.tenants / "zones.yaml").write_bytes(b"")
    answer = small.ask("plan", lang=lang)
    assert (answer.code, answer.out) == (2, "")
    for place in places:
        assert f"tenants/{place}: " in answer.err
    assert "tenants/zones.yaml: " in answer.err
    assert answer.err.rstrip().endswith(count)
    assert not small.state.exists()


def test_a_city_that_stands_is_left_as_it_is(provisioned: CommandLine) -> None:
    before = provisioned.standing("k8s")
    make_mistake(provisioned.tenants, *IN_PLACE["wrong unit"])
    for command in (("plan",), ("apply", "--yes", "--allow-destroy"), ("drift", "repair", "--yes")):
        assert "16 Gib" in provisioned.run(*command, expect=2)
    assert provisioned.standing("k8s") == before
