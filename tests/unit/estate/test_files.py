"""Files that cannot be read as declared documents, and folders that hold what does not belong there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estates import city, document, write_estate
from mistakes import errors_of, places_of
from waiting import wait_until
from yunjin.errors import DeclaredErrors
from yunjin.estate import files, load
from yunjin.estate.diagnostics import Diagnostics
from yunjin.estate.documents import SHARED_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = document("prices", city()["prices"])


def error_with(folder: Path, content: bytes) -> tuple[str, str, str]:
    """Place, Chinese and English message of the one error that prices.yaml has with this content."""
    write_estate(folder, prices=content)
    (error,) = errors_of(folder)
    return str(error.place).removeprefix(f"{folder}/"), error.message.zh, error.message.en


def test_gb18030_is_recognised(tmp_path: Path) -> None:
    content = GOOD.replace("id: cpu-month", "id: cpu # 单价").encode("gb18030")
    place, zh, en = error_with(tmp_path, content)
    assert place == "prices.yaml:3:13"
    assert zh == "文件不是 UTF-8; 看来是 GB18030"
    assert "GB18030" in en


def test_invalid_utf8_is_located_in_characters(tmp_path: Path) -> None:
    content = "kind: prices\nitems: # 单价".encode() + b"\xff\n"
    assert error_with(tmp_path, content) == (
        "prices.yaml:2:12",
        "文件不是 UTF-8",
        "the file is not UTF-8",
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognised(tmp_path: Path, encoding: str) -> None:
    content = ("\ufeff" + GOOD).encode(encoding)
    assert error_with(tmp_path, content)[:2] == ("prices.yaml:1:1", "文件不是 UTF-8; 看来是 UTF-16")


def test_byte_order_mark(tmp_path: Path) -> None:
    place, zh, _ = error_with(tmp_path, GOOD.encode("utf-8-sig"))
    assert place == "prices.yaml:1:1"
    assert "BOM" in zh


def test_windows_line_ends(tmp_path: Path) -> None:
    content = GOOD.replace("\n", "\r\n").encode()
    place, zh, _ = error_with(tmp_path, content)
    assert place == "prices.yaml:1:13"
    assert "CRLF" in zh
    (error,) = errors_of(tmp_path)
    assert error.remedy
    assert error.remedy.en == "save with LF"


SIGNS = (
    "\x00 \x07 \x1b \x7f \x85 \xad \u061c \u200b \u200d \u200f \u2028 \u202e \u2060 \u2066 \uffff \U000e0041"
)


@pytest.mark.parametrize("sign", SIGNS.split(" "))
def test_characters_that_nobody_sees(tmp_path: Path, sign: str) -> None:
    place, zh, _ = error_with(tmp_path, GOOD.replace("处理器单价", f"处理器{sign}单价").encode())
    assert place == "prices.yaml:4:10"
    assert f"U+{ord(sign):04X}" in zh


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n\t\n"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    assert error_with(tmp_path, content)[:2] == ("prices.yaml", "文件是空的")


@pytest.mark.parametrize("content", [b"# nothing yet\n", b"---\n...\n"])
def test_file_without_a_value(tmp_path: Path, content: bytes) -> None:
    write_estate(tmp_path, prices=content)
    (error,) = errors_of(tmp_path)
    assert error.place.path == tmp_path / "prices.yaml"


def test_file_of_100_megabytes_is_refused_unread(tmp_path: Path) -> None:
    write_estate(tmp_path)
    with (tmp_path / "prices.yaml").open("r+b") as file:
        file.truncate(100 * 2**20)  # a hole: reading it would take memory, looking at its size does not
    (error,) = errors_of(tmp_path)
    assert str(error.place) == f"{tmp_path}/prices.yaml"
    assert "16 MiB" in error.message.en


def test_too_much_altogether(tmp_path: Path) -> None:
    write_estate(tmp_path)
    for number in range(files.MAX_TOTAL // files.MAX_BYTES + 1):
        with (tmp_path / f"x{number:02}.yaml").open("wb") as file:
            file.truncate(files.MAX_BYTES)
    assert (str(tmp_path), "") in [(str(error.place), error.field) for error in errors_of(tmp_path)]


def test_more_files_than_a_city_has(tmp_path: Path) -> None:
    write_estate(tmp_path)
    for number in range(files.MAX_FILES + 1):
        os.close(os.open(tmp_path / f"x{number}.yaml", os.O_CREAT | os.O_WRONLY))
    (error,) = errors_of(tmp_path)
    assert "20000" in error.message.zh


WRITES_ON = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
whole = path.read_bytes()
while True:
    with path.open("wb", 0) as file:
        file.write(whole)
        for _ in range(200):
            file.write(b"# a line that says nothing\\n" * 1000)
"""


def test_half_of_a_file_that_is_being_written_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    path = write_estate(tmp_path) / "prices.yaml"

    def told() -> bool:
        diagnostics = Diagnostics()
        files.read_folder(tmp_path, {}, diagnostics)
        try:
            diagnostics.raise_if_any(tmp_path)
        except DeclaredErrors as caught:
            return "读取时文件正被改写" in [error.message.zh for error in caught.errors]
        return False

    with subprocess.Popen([sys.executable, "-c", WRITES_ON, str(path)]) as writer:
        try:
            wait_until(told)
        finally:
            writer.kill()


def test_link_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = write_estate(tmp_path / "tenants", prices=None), tmp_path / "prices.yaml"
    outside.write_text(GOOD, "utf-8")
    (folder / "prices.yaml").symlink_to(outside)
    (error,) = errors_of(folder)
    assert str(error.place) == f"{folder}/prices.yaml"
    assert "symbolic link" in error.message.en


@pytest.mark.parametrize("target", ["nowhere.yaml", "prices.yaml"])
def test_link_to_nowhere_and_to_itself(tmp_path: Path, target: str) -> None:
    folder = write_estate(tmp_path, prices=None)
    (folder / "prices.yaml").symlink_to(target)
    assert [str(error.place) for error in errors_of(folder)] == [f"{folder}/prices.yaml"]


def test_folder_of_programmes_linked_from_elsewhere(tmp_path: Path) -> None:
    folder = write_estate(tmp_path / "tenants")
    (folder / "programmes").rename(tmp_path / "programmes")
    (folder / "programmes").symlink_to(tmp_path / "programmes")
    assert "symbolic link" in errors_of(folder)[0].message.en


def test_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    folder = write_estate(tmp_path)
    (folder / "prices.yaml").rename(folder / ".kept")
    (folder / "prices.yaml").symlink_to(".kept")
    assert "cpu-month" in load(folder).prices


def test_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    folder = write_estate(tmp_path, prices=None)
    os.mkfifo(folder / "prices.yaml")
    (error,) = errors_of(folder)
    assert str(error.place) == f"{folder}/prices.yaml"
    assert error.message.zh == "不是普通文件"


def test_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    folder = write_estate(tmp_path, prices=None)
    (folder / "prices.yaml").mkdir()
    assert {str(error.place) for error in errors_of(folder)} == {f"{folder}/prices.yaml"}


@pytest.mark.parametrize(
    "name", ["fgw.yml", "notes.txt", "programmes/2016.json", "servers/rack-1.yaml", "old/a.yaml"]
)
def test_what_does_not_belong_is_not_passed_over(tmp_path: Path, name: str) -> None:
    folder = write_estate(tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("kind: tenant\nitems: []\n")
    (error,) = errors_of(folder)
    assert str(error.place) == str(folder / (name if not name.startswith("old") else "old"))


def test_notes_hidden_files_and_an_empty_folder_of_servers_are_passed_over(tmp_path: Path) -> None:
    folder = write_estate(tmp_path)
    (folder / "README.md").write_text("for people")
    (folder / ".jtj.yaml.swp").write_bytes(b"\x00")
    (folder / "servers").mkdir()
    (folder / "servers" / ".gitkeep").touch()
    assert len(load(folder).tenants) == 3


def test_name_of_a_file_that_is_no_text(tmp_path: Path) -> None:
    folder = write_estate(tmp_path)
    (folder / os.fsdecode(b"\xff.yaml")).write_text("kind: tenant\nitems: []\n")
    for error in errors_of(folder):
        str(error.place).encode()  # must be printable


@pytest.mark.parametrize("kind", ["bureaus", "baseline", "prices"])
def test_a_shared_file_must_be_there(tmp_path: Path, kind: str) -> None:
    overrides: dict[str, None] = {kind: None}
    folder = write_estate(tmp_path, **overrides)
    assert places_of(folder) == [(f"{kind}.yaml", "")]


def test_a_folder_without_any_declared_file(tmp_path: Path) -> None:
    assert {place for place, _ in places_of(tmp_path)} == set(SHARED_FILES)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Who may not do everything, also where root runs the tests."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o744, 0o711, 0o700])
def test_a_folder_that_may_not_be_listed_or_entered(mode: int) -> None:
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)  # others must reach what lies below
        folder = write_estate(Path(above, "tenants"))
        written = {folder, *folder.iterdir()}
        folder.chmod(mode if os.geteuid() == 0 else (mode & 7) << 6)  # root owns it and becomes another one
        with ordinary_user():
            found = errors_of(folder)
        folder.chmod(0o700)
    assert {error.place.path for error in found} <= written
    assert {error.message.zh for error in found} == {"无法读取: 权限不足"}


def test_the_way_to_the_folder_may_be_closed(tmp_path: Path) -> None:
    (error,) = errors_of(tmp_path / ("x" * 300))
    assert error.message.zh == "无法读取: 名称过长"


@pytest.mark.parametrize("name", ["absent", "file"])
def test_the_folder_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (error,) = errors_of(tmp_path / name)
    assert str(error.place) == str(tmp_path / name)
