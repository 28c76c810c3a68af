"""From a folder to texts that are safe to parse.

Called by `yunjin.estate.loader`; reads the file system and nothing else. Promises that no byte of a file is
read before its type, its size and the way to it are checked, and that a text is UTF-8 with plain line ends.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from yunjin.errors import DeclaredError, Place, Text, reason_of
from yunjin.model.signs import FORBIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yunjin.estate.diagnostics import Diagnostics

MAX_BYTES: Final = 16 * 2**20
MAX_TOTAL: Final = 256 * 2**20
MAX_FILES: Final = 20_000
PROGRAMMES: Final = "programmes"
SERVERS: Final = "servers"

_PLAIN_REMEDY = Text("用 UTF-8 编码重新保存", "save it as UTF-8")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One declared file.

    Attributes:
        name: path below the folder, with `/`.
        path: as errors and places show it: the caller's folder and the name.
        text: None where the content cannot be read as text; then an error was recorded.
    """

    name: str
    path: Path
    content: bytes
    text: str | None


def read_folder(folder: Path, changed: Mapping[str, bytes], diagnostics: Diagnostics) -> list[SourceFile]:
    """Every declared file below `folder`, ordered by name; what cannot be read is recorded.

    Args:
        folder: the city's `tenants/`.
        changed: contents by name that stand in for what the folder holds, or come on top of it.
        diagnostics: takes every error.
    """
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except OSError as error:
        diagnostics.add(_unreadable(folder, error))
        return []
    if not is_folder:
        diagnostics.add(
            DeclaredError(
                Place(folder),
                Text("没有这个目录", "there is no such folder"),
                remedy=Text("检查申报文件目录的路径", "check the path of the declared files"),
            )
        )
        return []
    files: list[SourceFile] = []
    total = 0
    for name in sorted({*_listed(folder, "", diagnostics), *changed}):
        path = folder / name
        content = b""
        text = None
        try:
            content = changed[name] if name in changed else _read(folder, path)
            total += len(content)
            if total > MAX_TOTAL:
                raise _too_much(folder)
            text = _text(path, content)
        except DeclaredError as error:
            diagnostics.add(error)
            if total > MAX_TOTAL:
                break
        files.append(SourceFile(name, path, content, text))
    return files


def _listed(folder: Path, below: str, diagnostics: Diagnostics) -> list[str]:
    """Names of the files to read; all else that lies there is an error, hidden files and notes aside."""
    names: list[str] = []
    try:
        with os.scandir(folder / below) as scan:
            entries = sorted(islice(scan, MAX_FILES + 1), key=lambda entry: entry.name)
    except OSError as error:
        diagnostics.add(_unreadable(folder / below, error))
        return []
    if len(entries) > MAX_FILES:
        diagnostics.add(_too_many(folder / below))
        return []
    for entry in entries:
        name = os.fsencode(below + entry.name).decode("utf-8", "replace")
        if entry.name.startswith(".") or name.endswith(".md"):
            continue
        try:
            if entry.is_dir():
                if below or name not in (PROGRAMMES, SERVERS):
                    raise _not_read(folder / name)
                _refuse_link_out(folder, folder / name)
                names += _listed(folder, f"{name}/", diagnostics)
            elif not name.endswith(".yaml") or below == f"{SERVERS}/":
                raise _not_read(folder / name)
            else:
                names.append(name)
        except DeclaredError as error:
            diagnostics.add(error)
        except OSError as error:
            diagnostics.add(_unreadable(folder / name, error))
    return names


def _refuse_link_out(folder: Path, path: Path) -> None:
    if not os.path.islink(path):  # noqa: PTH114 (Path.is_symlink raises where the folder may not be entered)
        return
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # leads nowhere, or in a circle
        inside = False
    if not inside:
        raise DeclaredError(
            Place(path),
            Text(
                "符号链接指向申报文件目录之外或不存在的文件",
                "the symbolic link leads out of the folder or nowhere",
            ),
            remedy=Text("把文件本身放进目录", "put the file itself into the folder"),
        )


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that nobody writes to would hold the run for ever


def _read(folder: Path, path: Path) -> bytes:
    """The whole content of a regular file of permitted size."""
    _refuse_link_out(folder, path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _not_regular(path)
            content = file.read(MAX_BYTES + 1) if status.st_size <= MAX_BYTES else None
            since = os.fstat(file.fileno())
    except OSError as error:
        raise _unreadable(path, error) from error
    if content is None or len(content) > MAX_BYTES:
        raise _too_big(path)
    if (len(content), status.st_mtime_ns) != (since.st_size, since.st_mtime_ns):
        raise _being_written(path)
    return content


def _text(path: Path, content: bytes) -> str:
    """The content as text, with every character one that people can see and editors count alike."""
    if not content.strip():
        raise DeclaredError(
            Place(path),
            Text("文件是空的", "the file is empty"),
            expected=Text(
                "顶层为 kind 和 items 的 YAML 文档", "a YAML document with the keys kind and items"
            ),
            remedy=Text("写上内容, 或删除这个文件", "fill it in, or delete the file"),
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DeclaredError(
            Place(path, 1, 1),
            Text("文件不是 UTF-8; 看来是 UTF-16", "the file is not UTF-8; it looks like UTF-16"),
            remedy=_PLAIN_REMEDY,
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(path, content, error.start) from error
    if found := FORBIDDEN.search(text):
        raise _forbidden(path, text, found.start())
    return text


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _not_utf8(path: Path, content: bytes, offset: int) -> DeclaredError:
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        guess = Text("", "")
    else:
        guess = Text("; 看来是 GB18030", "; it looks like GB18030")
    before = content[:offset].decode()
    return DeclaredError(
        Place(path, *position(before, len(before))),
        Text(f"文件不是 UTF-8{guess.zh}", f"the file is not UTF-8{guess.en}"),
        remedy=_PLAIN_REMEDY,
    )


def _forbidden(path: Path, text: str, offset: int) -> DeclaredError:
    place, found = Place(path, *position(text, offset)), text[offset]
    if found == "\r":
        return DeclaredError(
            place,
            Text("行尾不是 LF (看来是 Windows 的 CRLF)", "the line does not end in LF (CRLF of Windows?)"),
            remedy=Text("以 LF 换行重新保存", "save with LF"),
        )
    if found == "\ufeff":
        return DeclaredError(
            place,
            Text("文件带有字节顺序标记 (BOM)", "the file holds a byte order mark (BOM)"),
            remedy=Text("保存为不带 BOM 的 UTF-8", "save it as UTF-8 without BOM"),
        )
    return DeclaredError(
        place,
        invisible(found),
        remedy=DELETE,
    )


DELETE: Final = Text("删除这个字符", "delete this character")


def invisible(found: str) -> Text:
    """What is wrong with one of `FORBIDDEN`."""
    return Text(f"含有不可见字符 U+{ord(found):04X}", f"invisible character U+{ord(found):04X}")


def _too_big(path: Path) -> DeclaredError:
    most = MAX_BYTES // 2**20
    return DeclaredError(
        Place(path),
        Text(f"文件超过 {most} MiB, 未读取", f"the file is above {most} MiB and was not read"),
        remedy=Text("检查是否放错了文件", "check whether it belongs here"),
    )


def _being_written(path: Path) -> DeclaredError:
    return DeclaredError(
        Place(path),
        Text("读取时文件正被改写", "the file was being written while it was read"),
        remedy=Text("等写完后重新运行", "run it again once it is written"),
    )


def _too_many(path: Path) -> DeclaredError:
    return DeclaredError(
        Place(path),
        Text(f"目录中的文件超过 {MAX_FILES} 个", f"more than {MAX_FILES} files in the folder"),
        remedy=Text("检查目录是否正确", "check whether this is the right folder"),
    )


def _too_much(path: Path) -> DeclaredError:
    most = MAX_TOTAL // 2**20
    return DeclaredError(
        Place(path),
        Text(f"全部文件合计超过 {most} MiB", f"the files are above {most} MiB altogether"),
        remedy=Text("检查目录是否正确", "check whether this is the right folder"),
    )


def _not_regular(path: Path) -> DeclaredError:
    return DeclaredError(
        Place(path),
        Text("不是普通文件", "not a regular file"),
        remedy=Text("换成普通文件, 或删除", "put a regular file in its place, or delete it"),
    )


def _not_read(path: Path) -> DeclaredError:
    return DeclaredError(
        Place(path),
        Text("申报文件目录中不应有它", "it has no place among the declared files"),
        expected=Text("*.yaml 文件, 以及 programmes/ 目录", "files named *.yaml, and the folder programmes/"),
        remedy=Text("改名为 .yaml 或移走", "rename it to .yaml or move it away"),
    )


def _unreadable(path: Path, error: OSError) -> DeclaredError:
    reason = reason_of(error)
    return DeclaredError(
        Place(path),
        Text(f"无法读取: {reason.zh}", f"cannot be read: {reason.en}"),
        remedy=Text("检查文件及其权限", "check the file and its permissions"),
    )
