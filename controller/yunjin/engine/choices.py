"""What the city's policies say about the machinery: what becomes of drift, how long things wait, who gives.

Read by `spine`, `controller` and the command line. Calls the model alone. Promises that a policy which says
something that cannot be meant is an error with its place, never silently another choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from yunjin.apply import Settings
from yunjin.errors import DeclaredError, DeclaredErrors, Place, Text, UsageError
from yunjin.model.policies import IMPORTANCES, LONGEST, POLICIES, RELIEF_ORDER, REPORT
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from yunjin.model.estate import Estate

T = TypeVar("T")
SWEEP_INTERVAL: Final = 60.0
"""Seconds between two sweeps where the city says nothing."""
RESERVATION_DAYS: Final = 7
"""Days for which an allotment waits to be applied where the city says nothing."""
GRANT_WARNINGS: Final = (30, 7, 1)
"""Days before its end on which a grant is warned of where the city says nothing."""
CONTRIBUTION_FACTOR: Final = 80
"""Percent of what a body hands over that it is promised where the city says nothing."""
AUDIT_RETENTION: Final = 1095
"""Days for which heads of the audit chain are kept where the city says nothing."""
LOG_RETENTION: Final = 184
"""Days for which the journal and the plans are kept where the city says nothing."""


def drift_policies(estate: Estate) -> Mapping[ObjectClass, str]:
    """What is to be done about drift, by class of objects: `report` where the city says nothing else.

    Raises:
        DeclaredErrors: a choice that there is not.
    """
    errors: list[DeclaredError] = []
    found: dict[ObjectClass, str] = {}
    for object_class in ObjectClass:
        try:
            found[object_class] = _said(estate, f"drift.{object_class.value}", REPORT)
        except DeclaredErrors as wrong:
            errors += wrong.errors
    if errors:
        raise DeclaredErrors(errors)
    return found


def sweep_interval(estate: Estate) -> float:
    """Seconds between two full sweeps. Raises DeclaredErrors as `patience` does."""
    return float(_said(estate, "sweep-interval", SWEEP_INTERVAL))


def patience(
    estate: Estate,
    *,
    wait_quota: float | None = None,
    lock_timeout: float | None = None,
    allow_destroy: bool = False,
    stop: threading.Event | None = None,
) -> Settings:
    """How an apply behaves: as asked, else as the city's policies say.

    Raises:
        DeclaredErrors: a policy that is no number of seconds, or of days.
        UsageError: what is asked is none.
    """
    default = Settings()
    return Settings(
        allow_destroy=allow_destroy,
        reclaim_days=_said(estate, "reclaim-days", default.reclaim_days),
        wait_quota=(
            float(_said(estate, "wait-quota", default.wait_quota))
            if wait_quota is None
            else seconds_asked(wait_quota)
        ),
        lock_timeout=(
            float(_said(estate, "lock-timeout", default.lock_timeout))
            if lock_timeout is None
            else seconds_asked(lock_timeout)
        ),
        stop=stop,
    )


def relief_order(estate: Estate) -> tuple[str, ...]:
    """Who gives when a pool is short, from the first to the last; who is not named does not give.

    Raises:
        DeclaredErrors: somebody there is not, or twice.
    """
    return _said(estate, "relief.order", RELIEF_ORDER)


def importance_order(estate: Estate) -> tuple[str, ...]:
    """Whose borrowed amounts go first. Raises DeclaredErrors where one is missing, unknown or named twice."""
    return _said(estate, "relief.importance", IMPORTANCES)


def grant_warnings(estate: Estate) -> tuple[int, ...]:
    """How many days before its end a grant is warned of. Raises DeclaredErrors."""
    return _said(estate, "grant.warnings", GRANT_WARNINGS)


def contribution_factor(estate: Estate) -> int:
    """What a body is promised of the servers it hands over, in percent. Raises DeclaredErrors."""
    return _said(estate, "contribution-factor", CONTRIBUTION_FACTOR)


def reservation_days(estate: Estate) -> int:
    """Days until an allotment that is not applied is given back. Raises DeclaredErrors."""
    return _said(estate, "reservation-days", RESERVATION_DAYS)


def audit_retention(estate: Estate) -> int:
    """For how many days an exported head of the audit chain is kept. Raises DeclaredErrors."""
    return _said(estate, "audit-retention-days", AUDIT_RETENTION)


def log_retention(estate: Estate) -> int:
    """For how many days the journal and the plans are kept. Raises DeclaredErrors."""
    return _said(estate, "log.retention", LOG_RETENTION)


def seconds_asked(asked: float) -> float:
    """What an operator gave as a number of seconds. Raises UsageError where it is none within a day."""
    if not 0 <= asked <= LONGEST:
        raise UsageError(
            Text(f"{asked:g} 不是可用的秒数", f"{asked:g} is no number of seconds"),
            Text(f"写 0 到 {LONGEST} 之间的数", f"write a number from 0 to {LONGEST}"),
        )
    return asked


def _said(estate: Estate, policy: str, default: T) -> T:
    """What the city says, which the loader has checked where the estate came from files."""
    found = estate.policies.get(policy)
    if found is None:
        return default
    value: T | None = POLICIES[policy].read(found)
    if value is None:
        raise DeclaredErrors([_error(estate, policy)])
    return value


def _error(estate: Estate, policy: str) -> DeclaredError:
    value = estate.policies[policy].value
    return DeclaredError(
        estate.place("policy", policy) or Place(Path("policies.yaml")),
        Text(f"策略 {policy} 的值 {value!r} 无法识别", f"policy {policy} cannot be {value!r}"),
        field="value",
        expected=POLICIES[policy].expected,
    )
