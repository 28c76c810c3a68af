"""What the city's policies say about the machinery: what becomes of drift, how long things wait, who gives.

Read by `spine`, `controller` and the command line. Calls the model alone. Promises that a policy which says
something that cannot be meant is an error with its place, never silently another choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from yunjin.apply import Settings
from yunjin.errors import DeclaredError, DeclaredErrors, Place, Text, UsageError
from yunjin.ledger.relief import ORDER as RELIEF_ORDER
from yunjin.model.resources import ObjectClass
from yunjin.model.tenants import Importance

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from yunjin.model.estate import Estate

REPORT: Final = "report"
REPAIR: Final = "repair"
ADOPT: Final = "adopt"
DRIFT_POLICIES: Final = (REPORT, REPAIR, ADOPT)
SWEEP_INTERVAL: Final = 60.0
"""Seconds between two sweeps where the city says nothing."""
RESERVATION_DAYS: Final = 7
"""Days for which an allotment waits to be applied where the city says nothing."""
GRANT_WARNINGS: Final = (30, 7, 1)
"""Days before its end on which a grant is warned of where the city says nothing."""
CONTRIBUTION_FACTOR: Final = 80
"""Percent of what a body hands over that it is promised where the city says nothing."""
IMPORTANCES: Final[tuple[str, ...]] = get_args(Importance)
"""Of systems, from those that give first."""
AUDIT_RETENTION: Final = 1095
"""Days for which heads of the audit chain are kept where the city says nothing."""
_WHOLE: Final = 100
_LONGEST_WARNING: Final = 365
_LONGEST: Final = 86_400
"""Seconds: a day."""
_MOST_DAYS: Final = 3_660


def drift_policies(estate: Estate) -> Mapping[ObjectClass, str]:
    """What is to be done about drift, by class of objects: `report` where the city says nothing else.

    Raises:
        DeclaredErrors: a choice that there is not.
    """
    errors, found = [], {}
    for object_class in ObjectClass:
        value = estate.policies.get(f"drift.{object_class.value}")
        found[object_class] = str(value.value) if value else REPORT
        if found[object_class] not in DRIFT_POLICIES:
            choices = ", ".join(DRIFT_POLICIES)
            errors.append(_error(estate, f"drift.{object_class.value}", Text(choices, choices)))
    if errors:
        raise DeclaredErrors(errors)
    return found


def sweep_interval(estate: Estate) -> float:
    """Seconds between two full sweeps. Raises DeclaredErrors as `patience` does."""
    return _seconds(estate, "sweep-interval", SWEEP_INTERVAL)


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
        reclaim_days=_days(estate, "reclaim-days", default.reclaim_days),
        wait_quota=(
            _seconds(estate, "wait-quota", default.wait_quota)
            if wait_quota is None
            else seconds_asked(wait_quota)
        ),
        lock_timeout=(
            _seconds(estate, "lock-timeout", default.lock_timeout)
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
    return _ordered(estate, "relief.order", RELIEF_ORDER)


def importance_order(estate: Estate) -> tuple[str, ...]:
    """Whose borrowed amounts go first. Raises DeclaredErrors where one is missing, unknown or named twice."""
    return _ordered(estate, "relief.importance", IMPORTANCES, all_of_them=True)


def grant_warnings(estate: Estate) -> tuple[int, ...]:
    """How many days before its end a grant is warned of. Raises DeclaredErrors."""
    found = estate.policies.get("grant.warnings")
    if found is None:
        return GRANT_WARNINGS
    parts = [part.strip() for part in str(found.value).split(",")]
    days = [int(part) for part in parts if part.isdecimal() and 1 <= int(part) <= _LONGEST_WARNING]
    if found.unit != "d" or len(days) != len(parts) or len(set(days)) != len(days):
        expected = Text(
            f"不重复的天数, 1 到 {_LONGEST_WARNING}, 如 30, 7, 1; unit: d",
            f"days from 1 to {_LONGEST_WARNING}, each once, such as 30, 7, 1; `unit: d`",
        )
        raise DeclaredErrors([_error(estate, "grant.warnings", expected)])
    return tuple(sorted(days, reverse=True))


def contribution_factor(estate: Estate) -> int:
    """What a body is promised of the servers it hands over, in percent. Raises DeclaredErrors."""
    found = estate.policies.get("contribution-factor")
    if found is None:
        return CONTRIBUTION_FACTOR
    if found.unit != "%" or not isinstance(found.value, int) or not 1 <= found.value <= _WHOLE:
        expected = Text('1 到 100 的整数, unit: "%"', 'a whole number from 1 to 100, `unit: "%"`')
        raise DeclaredErrors([_error(estate, "contribution-factor", expected)])
    return found.value


def reservation_days(estate: Estate) -> int:
    """Days until an allotment that is not applied is given back. Raises DeclaredErrors."""
    return _days(estate, "reservation-days", RESERVATION_DAYS)


def audit_retention(estate: Estate) -> int:
    """For how many days an exported head of the audit chain is kept. Raises DeclaredErrors."""
    return _days(estate, "audit-retention-days", AUDIT_RETENTION)


def seconds_asked(asked: float) -> float:
    """What an operator gave as a number of seconds. Raises UsageError where it is none within a day."""
    if not 0 <= asked <= _LONGEST:
        raise UsageError(
            Text(f"{asked:g} 不是可用的秒数", f"{asked:g} is no number of seconds"),
            Text(f"写 0 到 {_LONGEST} 之间的数", f"write a number from 0 to {_LONGEST}"),
        )
    return asked


def _ordered(
    estate: Estate, policy: str, known: tuple[str, ...], *, all_of_them: bool = False
) -> tuple[str, ...]:
    found = estate.policies.get(policy)
    if found is None:
        return known
    named = tuple(part.strip() for part in str(found.value).split(","))
    short = all_of_them and set(named) != set(known)
    if short or not set(named) <= set(known) or len(set(named)) != len(named):
        names = ", ".join(known)
        expected = Text(f"由 {names} 排成的次序", f"an order of {names}")
        raise DeclaredErrors([_error(estate, policy, expected)])
    return named


def _seconds(estate: Estate, policy: str, default: float) -> float:
    found = estate.policies.get(policy)
    if found is None:
        return default
    if found.unit != "s" or not isinstance(found.value, int) or not 1 <= found.value <= _LONGEST:
        expected = Text(
            f"1 到 {_LONGEST} 的整数秒, unit: s", f"a whole number of seconds from 1 to {_LONGEST}, `unit: s`"
        )
        raise DeclaredErrors([_error(estate, policy, expected)])
    return float(found.value)


def _days(estate: Estate, policy: str, default: int) -> int:
    found = estate.policies.get(policy)
    if found is None:
        return default
    if found.unit != "d" or not isinstance(found.value, int) or not 0 <= found.value <= _MOST_DAYS:
        expected = Text(
            f"0 到 {_MOST_DAYS} 的整数天, unit: d", f"a whole number of days up to {_MOST_DAYS}, `unit: d`"
        )
        raise DeclaredErrors([_error(estate, policy, expected)])
    return found.value


def _error(estate: Estate, policy: str, expected: Text) -> DeclaredError:
    value = estate.policies[policy].value
    return DeclaredError(
        estate.place("policy", policy) or Place(Path("policies.yaml")),
        Text(f"策略 {policy} 的值 {value!r} 无法识别", f"policy {policy} cannot be {value!r}"),
        field="value",
        expected=expected,
    )
