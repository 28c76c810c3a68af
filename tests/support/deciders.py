"""Other processes that decide on the ledger of a test, at the same instant where the test wants it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledgers import Hand

_PROGRAM: Final = Path(__file__).with_name("ledger_worker.py")


class Decider:
    """A running `ledger_worker.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, operation: str, **request: Any) -> None:
        """Have it do an operation, `module:function`; it begins at once."""
        assert self.process.stdin
        self.process.stdin.write(f"{json.dumps([operation, request])}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What came of it."""
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def deciders(hand: Hand, count: int) -> Iterator[list[Decider]]:
    """Processes on the same database, ready."""
    folder, url = (".", hand.where) if hand.where.startswith("postgresql") else (Path(hand.where).parent, "")
    with ExitStack() as stack:
        found = [
            Decider(
                stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, _PROGRAM, folder, url],
                        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
            )
            for _ in range(count)
        ]
        for one in found:
            assert one.process.stdout
            assert one.process.stdout.readline() == "ready\n"
        yield found
