"""Killing a process at a chosen step of an apply.

Used by the tests of killed applies. `Steps` wraps the backend and the store that an apply is given and notes
every step: the moment before or after a call to one of them. `fork` runs a piece of work in a process of its
own. The code under test knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from yunjin.model.change import Change, Receipt
from yunjin.store import Run, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yunjin.substrates.contract import Backend


class Steps:
    """The steps of one apply, in the order in which they are reached.

    Attributes:
        reached: names of the steps so far: `before backend.write 3` is the moment before the plan's third
            change is written. A name that comes again has its count behind it.

    `fatal` is the step to die on: its name, or its position counted from 1.
    """

    def __init__(self, changes: Sequence[Change], fatal: str | int = "") -> None:
        self.reached: list[str] = []
        self._numbers = {change.key: number for number, change in enumerate(changes, start=1)}
        self._fatal = fatal
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Pass a step, or die on it as a process dies that is killed: at once, with nothing put in order."""
        with self._lock:
            self._count[name] += 1
            again = self._count[name]
            step = name if again == 1 else f"{name} ({again})"
            self.reached.append(step)
            if self._fatal in (step, len(self.reached)):
                os.kill(os.getpid(), signal.SIGKILL)

    def backend(self, backend: Backend) -> Backend:
        """The backend with a step before and after each of its calls."""
        return cast("Backend", _Stepped("backend", backend, self))

    def store(self, store: Store) -> Store:
        """The store with a step before and after each call to its journal and its leases."""
        return cast("Store", _SteppedStore(store, self))

    def named(self, call: str, *arguments: Any) -> str:
        """A call by the numbers of the changes it concerns."""
        concerned = arguments[0] if arguments and isinstance(arguments[0], list | tuple) else arguments
        changes = [one.change if isinstance(one, Receipt) else one for one in concerned]
        numbers = [str(self._numbers.get(one.key, 0)) for one in changes if isinstance(one, Change)]
        return " ".join((call, ",".join(numbers))).strip()


class _Stepped:
    """Passes every call on, between two steps."""

    def __init__(self, role: str, target: object, steps: Steps) -> None:
        self._role = role
        self._target = target
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value

        def call(*arguments: Any) -> Any:
            step = self._steps.named(f"{self._role}.{name}", *arguments)
            self._steps.reach(f"before {step}")
            answer = value(*arguments)
            self._steps.reach(f"after {step}")
            return _Stepped("run", answer, self._steps) if isinstance(answer, Run) else answer

        return call


class _SteppedStore:
    def __init__(self, store: Store, steps: Steps) -> None:
        self.database, self.now = store.database, store.now  # what is written there goes through the run
        self.journal = _Stepped("journal", store.journal, steps)
        self.leases = _Stepped("leases", store.leases, steps)


def fork(work: Callable[[], object]) -> int:
    """Do it in a process of its own.

    Returns:
        0 where it ended well, 1 where it raised, -9 where it was killed.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 (this process ends here, whatever it was)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
