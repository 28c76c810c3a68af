"""What can go wrong with any state database, in words for people.

Used by the other modules of this package alone. `where` is the file or the server, never with a password.
"""

from __future__ import annotations

from yunjin.errors import PermanentError, Text, TransientError


def busy(where: object) -> TransientError:
    """Others hold what is needed."""
    return TransientError(
        Text(f"状态库 {where} 正被其他进程占用", f"another process keeps the state database {where} busy"),
        Text("请稍后重试", "try again later"),
    )


def disk_full(where: object) -> PermanentError:
    """No room for another row."""
    return PermanentError(
        Text(f"状态库 {where} 所在磁盘已满", f"the disk of the state database {where} is full"),
        Text("请清理磁盘空间后重试", "free some space and run it again"),
    )


def closed(where: object) -> PermanentError:
    """Somebody asks after the end."""
    return PermanentError(Text(f"状态库 {where} 已关闭", f"the state database {where} is closed"))


def in_doubt(reason: Text) -> TransientError:
    """The write may have happened, and nobody can be asked any more."""
    return TransientError(
        Text(f"写入结果未知: {reason.zh}", f"it is not known whether this was written: {reason.en}"),
        Text("请查看当前状态后再决定是否重试", "look at what is there before trying again"),
        facts={"in_doubt": True},
    )
