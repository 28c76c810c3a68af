"""Signals that ask a command to end while it makes changes: Ctrl-C, SIGTERM, and a terminal that goes away.

Used by `commands.spine` around every apply. Promises that the first of them only asks, so that what was done
is still said, and that a second one ends the process as it always did.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """The event that is set once a signal asks to end. What is ignored, as under `nohup`, stays so."""
    usual = {number: signal.getsignal(number) for number in _ENDING}
    usual = {number: handler for number, handler in usual.items() if handler != signal.SIG_IGN}
    stop = threading.Event()
    # A handler runs in the midst of whatever its thread does, which may hold the very lock of the event: a
    # simple queue alone may be filled from there.
    heard: SimpleQueue[int] = SimpleQueue()

    def put_back() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def hear(number: int, _frame: object) -> None:
        put_back()
        heard.put(number)

    def listen() -> None:
        if heard.get():
            stop.set()

    listener = threading.Thread(target=listen, name="yunjin-signals", daemon=True)
    listener.start()
    try:
        for number in usual:
            signal.signal(number, hear)
        yield stop
    finally:
        put_back()
        heard.put(0)
        listener.join()
