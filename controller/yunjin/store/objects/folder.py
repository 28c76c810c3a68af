"""Objects as files of a folder.

Opened by `place`. Promises that a file appears under its name only once it is whole and on the disk, and that
a file which is to be kept is one nobody may write to. Who owns the folder can still delete what is in it: who
looks finds out, and a folder of somebody else prevents it.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from yunjin.errors import ConflictError, PermanentError, Text, UsageError, reason_of
from yunjin.store.objects.contract import Mode, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_PIECE: Final = 1 << 20
_PARTIAL: Final = ".partial-"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FolderStore:
    """`yunjin.store.objects.ObjectStore` in a folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def put(self, name: str, content: bytes | Path, keep_until: datetime | None = None) -> None:
        """Write a new file, read-only for all where it is to be kept, else private."""
        path = self._folder / name
        partial = path.with_name(f"{_PARTIAL}{secrets.token_hex(8)}")
        mode = 0o600 if keep_until is None else 0o444
        with translated(path):
            path.parent.mkdir(mode=0o700 if keep_until is None else 0o755, parents=True, exist_ok=True)
            try:
                with new_file(partial) as file:
                    _fill(file, content)
                    os.fchmod(file.fileno(), mode)
                os.link(partial, path)  # unlike rename, it fails where there is one
            finally:
                partial.unlink(missing_ok=True)
            _flush_folder(path.parent)

    def get(self, name: str, most: int) -> bytes:
        """The content of a file."""
        path = self._folder / name
        with translated(path), _opened(path, most) as file:
            return file.read(most)

    def fetch(self, name: str, target: Path, most: int) -> None:
        """Copy a file."""
        path = self._folder / name
        with translated(path), _opened(path, most) as source, translated(target), new_file(target) as file:
            shutil.copyfileobj(source, file, _PIECE)

    def names(self, prefix: str) -> list[str]:
        """Files whose names begin so, partial ones left out."""
        with translated(self._folder):
            if not self._folder.is_dir():
                return []
            files = (path for path in self._folder.rglob("*") if path.is_file())
            names = (path.relative_to(self._folder).as_posix() for path in files if _PARTIAL not in path.name)
            return sorted(name for name in names if name.startswith(prefix))

    def records(self, prefix: str) -> list[Record]:
        """Files and their modes. What was deleted leaves no trace here."""
        with translated(self._folder):
            return [
                Record(name, Mode(stat.S_IMODE((self._folder / name).stat().st_mode)))
                for name in self.names(prefix)
            ]


def too_long(name: str, most: int) -> PermanentError:
    """More than anybody wants to read."""
    return PermanentError(
        Text(f"{name} 超过 {most} 字节, 不予读取", f"{name} has more than {most} bytes and is not read"),
        Text("核对该文件的来源", "find out where it comes from"),
    )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into errors of ours."""
    try:
        yield
    except FileExistsError as error:
        raise ConflictError(
            Text(f"{path} 已存在, 不予覆盖", f"{path} exists and is not written over"),
            Text("换一个位置", "choose another place"),
        ) from error
    except FileNotFoundError as error:
        raise UsageError(
            Text(f"找不到 {path}", f"there is no {path}"), Text("核对路径", "check the path")
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise PermanentError(
                Text(f"{path} 所在磁盘已满", f"the disk of {path} is full"),
                Text(
                    "清理磁盘空间后重试; 未留下残缺文件",
                    "free some space and try again; nothing was left behind",
                ),
            ) from error
        reason = reason_of(error)
        raise UsageError(
            Text(f"{path} 无法读写: {reason.zh}", f"{path} cannot be used: {reason.en}"),
            Text("检查路径和权限", "check the path and its permissions"),
        ) from error


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file of one's own, readable by its owner alone; gone again where it is not finished.

    Raises what the system raises; see `translated`.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def _opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """A file that somebody may have put there: a device has no end, and a pipe no beginning."""
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(
                Text(f"{path} 不是普通文件", f"{path} is not a regular file"),
                Text("核对位置", "check the place"),
            )
        if status.st_size > most:
            raise too_long(str(path), most)
        yield file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _fill(file: BinaryIO, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        file.write(content)
        return
    with content.open("rb") as source:
        shutil.copyfileobj(source, file, _PIECE)


def _flush_folder(folder: Path) -> None:
    """A name is on the disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
