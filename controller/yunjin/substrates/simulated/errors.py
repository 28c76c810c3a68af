"""What the simulated server answers when it says no, beside what `yunjin.substrates.refusals` says for all.

Called by `server`, `database`, `faults` and `backend`. Promises that every text names the endpoint, the
object and what to do next, as the errors of a real cluster do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    Text,
    TransientError,
    UnreachableError,
    UsageError,
)
from yunjin.substrates.refusals import GO_ON, LOOK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yunjin.model.resources import Key


def owned(key: Key, owners: Mapping[str, Sequence[str]]) -> ConflictError:
    """Other managers own fields that the change would set."""
    fields = "; ".join(f"{manager}: {', '.join(paths)}" for manager, paths in sorted(owners.items()))
    return ConflictError(
        Text(f"{key} 的字段由其他管理方持有: {fields}", f"others own fields of {key}: {fields}"),
        Text(
            "请对方放弃这些字段, 或将该类对象的处置策略设为 repair",
            "ask them to give the fields up, or set the drift policy of this class to repair",
        ),
    )


def homeless(key: Key) -> ConflictError:
    """Its namespace does not exist."""
    return ConflictError(
        Text(f"{key} 所在的命名空间不存在", f"the namespace of {key} is gone"),
        LOOK,
    )


def ending(key: Key) -> TransientError:
    """Its namespace is being removed."""
    return TransientError(
        Text(f"{key} 所在的命名空间正在删除", f"the namespace of {key} is being removed"),
        Text("等待删除完成后重试", "wait until the removal has ended, then try again"),
    )


def invalid(key: Key, reason: str) -> PermanentError:
    """The server would not keep such an object."""
    return PermanentError(
        Text(f"{key} 不被接受: {reason}", f"{key} is not accepted: {reason}"),
        Text("核对申报文件中对应的值", "check the declared values behind it"),
    )


def forbidden(endpoint: str, operation: str) -> RefusalError:
    """The account has no right to it."""
    return RefusalError(
        Text(f"接入点 {endpoint} 拒绝操作 {operation}", f"endpoint {endpoint} forbids to {operation}"),
        Text(
            f"为云锦在接入点 {endpoint} 的账号授予该权限", f"grant Yunjin's account on {endpoint} this right"
        ),
    )


def busy(endpoint: str, code: int, retry_after: float | None) -> TransientError:
    """It cannot serve the call now."""
    return TransientError(
        Text(
            f"接入点 {endpoint} 暂不能处理请求: {code}",
            f"endpoint {endpoint} cannot serve the call now: {code}",
        ),
        GO_ON,
        retry_after=retry_after,
    )


def timed_out(endpoint: str) -> TransientError:
    """No answer came; whether the call took effect is not known."""
    return TransientError(
        Text(f"接入点 {endpoint} 未在限定时间内应答", f"endpoint {endpoint} gave no answer in time"), GO_ON
    )


def silent(endpoint: str) -> UnreachableError:
    """Nobody answers."""
    return UnreachableError(
        Text(f"接入点 {endpoint} 无法连接", f"endpoint {endpoint} cannot be reached"),
        Text("检查接入点是否运行、网络是否可达", "check that it runs and that the network reaches it"),
    )


def not_ours(endpoint: str, path: Path) -> UsageError:
    """The file holds something else."""
    return UsageError(
        Text(
            f"{path} 不是接入点 {endpoint} 的模拟数据文件",
            f"{path} is not the data of simulated endpoint {endpoint}",
        ),
        Text("移走该文件后重试, 将新建一个空的模拟底座", "move it away and try again: an empty one is made"),
    )


def unusable(endpoint: str, path: Path, reason: str) -> PermanentError:
    """The file cannot be read or written."""
    return PermanentError(
        Text(
            f"接入点 {endpoint} 的模拟数据文件 {path} 无法使用: {reason}",
            f"endpoint {endpoint}: {path} cannot be used: {reason}",
        ),
        Text("检查该文件的权限和磁盘空间", "check the file's permissions and the space on its disk"),
    )
