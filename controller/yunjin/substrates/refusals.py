"""What every technology says alike when it does not do what was asked.

Called by the substrates; each has errors of its own beside these. Calls nothing but the errors. Promises the
same words for the same thing, whichever technology an endpoint is of.
"""

from __future__ import annotations

from typing import Final

from yunjin.errors import ConflictError, RefusalError, Text, TransientError

GO_ON: Final = Text("稍后重试, 已完成的变更不会重复", "try again later; what is done is not done again")
LOOK: Final = Text("重新生成变更方案", "make a new plan")


def moved(endpoint: str, subject: object) -> ConflictError:
    """The object is not what the change compared."""
    return ConflictError(
        Text(
            f"接入点 {endpoint}: {subject} 已被他人改动", f"{endpoint}: somebody changed {subject} meanwhile"
        ),
        LOOK,
    )


def guarded(endpoint: str, subject: object) -> RefusalError:
    """Its marks forbid its removal."""
    return RefusalError(
        Text(
            f"接入点 {endpoint}: {subject} 标记为受保护, 不予删除",
            f"{endpoint}: {subject} is protected and not removed",
        ),
        Text(
            "先在申报文件中解除保护并下发执行",
            "lift the protection in the declared files and apply that first",
        ),
    )


def contended(endpoint: str, subject: object) -> TransientError:
    """It changes faster than it can be written, taken or read."""
    return TransientError(
        Text(
            f"接入点 {endpoint}: {subject} 变动频繁, 未能完成",
            f"{endpoint}: {subject} changes too fast to be handled",
        ),
        GO_ON,
    )


def wrapped(error: BaseException) -> list[BaseException]:
    """The exception with what clients, pools and retries wrapped in it, outermost first."""
    found: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and not any(inner is known for known in found):
        found.append(inner)
        parts = (getattr(inner, "reason", None), *inner.args, inner.__cause__, inner.__context__)
        inner = next((part for part in parts if isinstance(part, BaseException)), None)
    return found
