"""Apply: an approved plan becomes writes, each journalled before and after; safe to kill and to run again.

Called by `yunjin.engine`. Calls the backends, `yunjin.store` and `yunjin.plan` (its hash alone).
"""

from yunjin.apply.approval import ApprovedPlan, approve
from yunjin.apply.run import apply
from yunjin.apply.settings import Settings

__all__ = ["ApprovedPlan", "Settings", "apply", "approve"]
