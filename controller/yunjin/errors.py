"""Every error Yunjin raises, split by what its reader should do.

Raised by every layer, shown by the command line alone. No exception of a vendor's SDK passes a substrate:
it arrives here as one of these, with the original as its cause.

    YunjinError
    ├── DeclaredError      mend the file (path:line:column, field, what was expected)     exit 2
    │   └── DeclaredErrors all that one run found
    ├── UsageError         call again with other arguments                                exit 2
    ├── RefusalError       ask for approval; the rules or the authorisation say no         exit 1
    │   └── ShortageError  ask for less, or for a higher limit                            exit 1
    ├── ConflictError      look again: somebody else changed or holds it                  exit 1
    ├── TransientError     wait (retry_after seconds, where the other side said) and repeat   exit 1
    │   └── UnreachableError   nobody answers at all                                      exit 3
    └── PermanentError     repeating will not help                                        exit 1
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Lang = Literal["zh", "en"]
JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""What can be written down and sent to another process."""
_NONE: Final[Mapping[str, JSON]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for people, in both languages. A missing translation is a type error."""

    zh: str
    en: str

    def of(self, lang: Lang) -> str:
        """The sentence in `lang`."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a declared value stands; line and column count from 1, 0 means the whole file."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`path:line:column`, the form editors jump to."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else str(self.path)


class YunjinError(Exception):
    """Base of all.

    Attributes:
        code: stable, for scripts.
        remedy: what to do next.
        facts: figures and names behind the message, for programs. An error raised in another process is made
            anew from class, message, remedy and facts, so what a subclass adds must be among them.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: Text, remedy: Text | None = None, *, facts: Mapping[str, JSON] = _NONE
    ) -> None:
        super().__init__(message.en)
        self.message = message
        self.remedy = remedy
        self.facts = facts


class DeclaredError(YunjinError):
    """A declared file says something that cannot be meant."""

    code = "declared"
    exit_code = 2

    def __init__(
        self,
        place: Place,
        message: Text,
        *,
        field: str = "",
        expected: Text | None = None,
        remedy: Text | None = None,
    ) -> None:
        super().__init__(message, remedy)
        self.place = place
        self.field = field
        self.expected = expected

    def __str__(self) -> str:
        """`path:line:column: field: message`, in English."""
        return f"{self.place}: {self.field + ': ' if self.field else ''}{self.message.en}"


class DeclaredErrors(DeclaredError):  # noqa: N818 (many errors, said in the plural)
    """Everything wrong in the declared files, in the order of files and lines."""

    def __init__(self, errors: Sequence[DeclaredError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.place))
        count = len(self.errors)
        super().__init__(
            self.errors[0].place, Text(f"申报文件有 {count} 处错误", f"{count} errors in the declared files")
        )

    def __str__(self) -> str:
        """One error a line."""
        return "\n".join(str(error) for error in self.errors)


class UsageError(YunjinError):
    """The call itself is wrong: an argument, an option, a missing reference."""

    code = "usage"
    exit_code = 2


class RefusalError(YunjinError):
    """A rule, a missing approval or a missing right says no."""

    code = "refused"


class ShortageError(RefusalError):
    """A quota limit is in the way. `facts`: node, pool, dimension, limit, taken, asked, missing, holders."""

    code = "shortage"


class ConflictError(YunjinError):
    """Somebody else changed the object or holds the lease; look again."""

    code = "conflict"


class TransientError(YunjinError):
    """It may work later."""

    code = "transient"

    def __init__(
        self,
        message: Text,
        remedy: Text | None = None,
        *,
        retry_after: float | None = None,
        facts: Mapping[str, JSON] = _NONE,
    ) -> None:
        hint: Mapping[str, JSON] = {} if retry_after is None else {"retry_after": retry_after}
        super().__init__(message, remedy, facts={**facts, **hint})

    @property
    def retry_after(self) -> float | None:
        """In seconds, None where the other side gave no hint."""
        hint = self.facts.get("retry_after")
        return hint if isinstance(hint, int | float) else None


class UnreachableError(TransientError):
    """The endpoint does not answer, or answers with a certificate that cannot be trusted."""

    code = "unreachable"
    exit_code = 3


class PermanentError(YunjinError):
    """Repeating the call will not help."""

    code = "permanent"


_SAID: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EACCES: "权限不足",
        errno.EPERM: "权限不足",
        errno.EROFS: "文件系统只读",
        errno.ENOENT: "文件不存在",
        errno.ELOOP: "符号链接循环",
        errno.ENAMETOOLONG: "名称过长",
        errno.ENOSPC: "磁盘空间已满",
        errno.EDQUOT: "磁盘限额已满",
        errno.EIO: "磁盘读写出错",
        errno.EISDIR: "是目录, 不是文件",
        errno.ENOTDIR: "上级不是目录",
        errno.EADDRINUSE: "端口已被占用",
        errno.EADDRNOTAVAIL: "本机没有该地址",
    }
)


def reason_of(error: OSError) -> Text:
    """What the operating system says, as a part of a sentence."""
    said = error.strerror or type(error).__name__
    return Text(_SAID.get(error.errno or 0, said), said)
