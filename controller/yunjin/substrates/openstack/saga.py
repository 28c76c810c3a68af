"""One write over several services that no transaction spans: all of it, none of it, or known to be in doubt.

Called by the quota write of this substrate and by that of the simulated cloud. Calls the callables that it is
given, and nothing else: no clock, no network, no state. See decision 0015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.errors import Text, TransientError, YunjinError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Figures = Mapping[str, int]
    """What one service shall hold, each figure by the service's own name."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one service has to do with the write.

    Attributes:
        service: its name, for people and for `facts`: `compute`, `network`, `volume`.
        old: as it was just read; None where nobody has set anything there and the service's defaults hold.
        new: as wanted.
        write: makes the service hold the figures, whatever it held before; given None, its defaults. One of
            `yunjin.errors` where it fails. A `TransientError` says that the service may have done it all the
            same; any other error, that it did not. Repeating hints and time-outs are its own affair.
    """

    service: str
    old: Figures | None
    new: Figures
    write: Callable[[Figures | None], None]


def run(subject: object, steps: Sequence[Step]) -> None:
    """Write every step whose figures change, in the order given.

    Where one fails, those that were written are put back, last first; so is, before them, the one that failed
    if its error is a `TransientError`, since it may have been written. One that cannot be put back does not
    keep the others from it. A step with `old == new` is not called at all.

    So when this returns, every service holds `new`; when it raises anything but the error in doubt, every
    service holds `old` (of a write that an earlier one left half done: what the earlier one left).

    Args:
        subject: names the object in the message; its key.
        steps: the services, in the order of writing.

    Raises:
        TransientError: in doubt, `facts["in_doubt"]` says of each step what it holds: `old`, `new`, or
            `unknown` where the answer to the last call is missing. The error of the first failure is the
            cause, and its hint when to repeat is kept. Also: the first failure, where that is transient.
        YunjinError: the first failure, unchanged.
    """
    done: list[Step] = []
    for step in steps:
        if step.old == step.new:
            continue
        try:
            step.write(step.new)
        except YunjinError as error:
            unsure = step if isinstance(error, TransientError) else None
            left = _put_back(done, unsure)
            if not left:
                raise
            raise _in_doubt(subject, steps, left, error) from error
        done.append(step)


def _put_back(done: Sequence[Step], unsure: Step | None) -> dict[str, str]:
    """Undo, last first. Returns what those hold that may not be as before."""
    left = {}
    for step in ([unsure] if unsure else []) + [*reversed(done)]:
        try:
            step.write(step.old)
        except TransientError:
            left[step.service] = "unknown"
        except YunjinError:
            left[step.service] = "unknown" if step is unsure else "new"
    return left


def _in_doubt(
    subject: object, steps: Sequence[Step], left: Mapping[str, str], error: YunjinError
) -> TransientError:
    services = ", ".join(step.service for step in steps if step.service in left)
    return TransientError(
        Text(
            f"{subject} 只写入了一部分, 待核实: {services}; {error.message.zh}",
            f"{subject} is written in part, in doubt: {services}; {error.message.en}",
        ),
        Text(
            "再次下发执行, 将读回各服务并写完; 此前按新旧额度中较大者计",
            "apply again: each service is read back and the write completed; until then the greater of old "
            "and new counts",
        ),
        retry_after=error.retry_after if isinstance(error, TransientError) else None,
        facts={"in_doubt": {step.service: left.get(step.service, "old") for step in steps}},
    )
