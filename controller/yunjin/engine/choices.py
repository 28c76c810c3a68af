"""What the city's policies say about the machinery: what becomes of drift, how long things wait.

Read by `spine`, `controller` and the command line. Calls the model alone. Promises that a policy which says
something that cannot be meant is an error with its place, never silently another choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunjin.apply import Settings
from yunjin.errors import DeclaredError, DeclaredErrors, Place, Text, UsageError
from yunjin.model.resources import ObjectClass

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
_LONGEST: Final = 86_400
"""Seconds: a day."""


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
        DeclaredErrors: a policy that is no number of seconds.
        UsageError: what is asked is none.
    """
    default = Settings()
    return Settings(
        allow_destroy=allow_destroy,
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


def seconds_asked(asked: float) -> float:
    """What an operator gave as a number of seconds. Raises UsageError where it is none within a day."""
    if not 0 <= asked <= _LONGEST:
        raise UsageError(
            Text(f"{asked:g} 不是可用的秒数", f"{asked:g} is no number of seconds"),
            Text(f"写 0 到 {_LONGEST} 之间的数", f"write a number from 0 to {_LONGEST}"),
        )
    return asked


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


def _error(estate: Estate, policy: str, expected: Text) -> DeclaredError:
    value = estate.policies[policy].value
    return DeclaredError(
        estate.place("policy", policy) or Place(Path("policies.yaml")),
        Text(f"策略 {policy} 的值 {value!r} 无法识别", f"policy {policy} cannot be {value!r}"),
        field="value",
        expected=expected,
    )
