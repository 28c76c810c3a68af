"""Why a change did not end well, in the words its receipt carries.

Used by the other modules of this package alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text, YunjinError
from yunjin.model.change import Action

if TYPE_CHECKING:
    from yunjin.model.change import Change, Receipt

MOVED = Text("变更方案生成后该对象已被他人修改", "somebody changed it after the plan was made")
LEDGER_MOVED = Text(
    "变更方案生成后资源台账中的额度已变动", "the ledger holds another figure since the plan was made"
)
NOT_IN_LEDGER = Text(
    "资源台账中没有该命名空间/项目, 不下发配额", "the ledger does not know it, so no quota is written"
)
NOT_FREED = Text("所调剂的额度尚未从原处收回", "what is moved here was not yet taken where it comes from")
LEASE_LOST = Text("执行期间失去该端点的租约, 已停止写入", "the endpoint's lease was lost, so writing stopped")
INTERRUPTED = Text("执行被中止", "the run was interrupted")
NOT_CONNECTED = Text("该端点未连接", "the endpoint is not connected")


def of(error: BaseException) -> Text:
    """What an error says, with its remedy."""
    if not isinstance(error, YunjinError):
        kind = type(error).__name__
        return Text(f"程序内部错误 {kind}: {error}", f"internal error {kind}: {error}")
    if error.remedy is None:
        return error.message
    return Text(f"{error.message.zh}; {error.remedy.zh}", f"{error.message.en}; {error.remedy.en}")


def relied_on(receipt: Receipt) -> Text:
    """It was skipped because of what it relies on."""
    key, reason = receipt.change.key, receipt.reason or Text(receipt.outcome.value, receipt.outcome.value)
    return Text(f"所依赖的 {key} 未就绪: {reason.zh}", f"relies on {key}, which is not in place: {reason.en}")


def not_effective(change: Change, seconds: float) -> Text:
    """It was written and not seen effective in time."""
    if change.action is Action.DELETE:
        return Text(f"{seconds:g} 秒内未删除完毕", f"not gone within {seconds:g} s")
    return Text(f"{seconds:g} 秒内未见生效", f"not seen effective within {seconds:g} s")
