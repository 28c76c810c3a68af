"""The random storm: several processes of several threads, on one ledger, after its limits.

Used by `test_storm`. Promises that the operations asked for were done, that processes which were to die died,
and that nothing is under way at the end.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledgers import Hand, city_tree, plant
from yunjin.ledger import reservations
from yunjin.store import Store
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRAM: Final = Path(__file__).with_name("storm.py")
_TOLD: Final = 100


class Process:
    """A running `storm.py`, and how far it has come."""

    def __init__(self, place: tuple[Path, str], threads: int, operations: int, seed: str) -> None:
        folder, url = place
        self.operations = operations
        self.done = 0
        self.outcomes, self.limits = Counter[str](), Counter[str]()
        self.running = subprocess.Popen(
            [sys.executable, _PROGRAM, folder, url, str(threads), str(operations), seed],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.running.stdout
        for line in self.running.stdout:
            if line == "told\n":
                self.done += _TOLD
            else:
                outcomes, limits = json.loads(line)
                self.outcomes.update(outcomes)
                self.limits.update(limits)

    def end(self, *, kill: bool = False) -> int:
        """Wait for it, or kill it first; its exit code."""
        if kill:
            self.running.kill()
        code = self.running.wait()
        self._listener.join()
        assert self.running.stdout
        self.running.stdout.close()
        return code


class Storm:
    """A storm of `operations` on a planted tree.

    Attributes:
        done: operations that ended, whether done or refused.
        outcomes: how those of processes that lived to their end ended, `OPERATION OUTCOME`.
        limits: whose limits were in the way, by kind of node.
        killed: processes that were killed in the middle.
    """

    def __init__(self, folder: Path, url: str = "", seed: int = 0) -> None:
        self.place = (folder, url)
        self.done = 0
        self.killed = 0
        self.outcomes, self.limits = Counter[str](), Counter[str]()
        self._random = random.Random(seed)
        with Store.open(folder, url=url or None) as store:
            plant(Hand(store.database), city_tree())

    def blow(
        self,
        operations: int,
        *,
        processes: int = 4,
        threads: int = 8,
        kills: int = 0,
        meanwhile: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Until that many are done; kill so many processes on the way, each followed by another.

        `meanwhile` is called now and then with how many are done.
        """
        share = operations // processes
        running = [self._process(threads, share) for _ in range(processes)]
        marks = sorted(self._random.uniform(0.1, 0.9) * operations for _ in range(kills))
        while running:
            done = self.done + sum(process.done for process in running)
            meanwhile(done)
            if marks and done > marks[0]:
                victim = self._random.choice(running)
                running.remove(victim)
                if self._end(victim, kill=True):  # or it had just come to its end, and another one dies
                    marks.pop(0)
                    running.append(self._process(threads, max(_TOLD, victim.operations - victim.done)))
            for process in running:
                try:
                    process.running.wait(0.5 / len(running))
                except subprocess.TimeoutExpired:
                    continue
                running.remove(process)
                self._end(process)
                break

    def settle(self) -> str:
        """See everything through that is under way; the time, after which nothing may expire."""
        folder, url = self.place
        with Store.open(folder, url=url or None) as store:
            hand = Hand(store.database, lambda: datetime.now(UTC))
            sql = "SELECT id FROM reservations WHERE state = 'reserved' AND expires <= ?"
            for (number,) in hand.rows(sql, text(hand.clock())):
                hand(reservations.expire, reservation=number)
            sql = "SELECT DISTINCT leaf FROM reservations WHERE state IN ('reserved', 'committed')"
            while leaves := hand.rows(sql):
                for (leaf,) in leaves:
                    target = hand(reservations.reserve, leaf=leaf, delta={})["target"]
                    hand(reservations.commit, leaf=leaf, target=target)
                    hand(reservations.confirm, leaf=leaf, enforced=target, used={})
            return text(hand.clock())

    def refused(self) -> Counter[str]:
        """How many of the operations were refused, by code."""
        codes: Counter[str] = Counter()
        for outcome, count in self.outcomes.items():
            codes[outcome.rpartition(" ")[2]] += count
        return codes

    def _process(self, threads: int, operations: int) -> Process:
        return Process(self.place, threads, operations, str(self._random.random()))

    def _end(self, process: Process, *, kill: bool = False) -> bool:
        """Whether it was killed; one that had come to its end was not."""
        code = process.end(kill=kill)
        self.done += process.done
        self.outcomes += process.outcomes
        self.limits += process.limits
        assert code in ((0, -9) if kill else (0,)), f"it ended with {code}; its traceback is above"
        self.killed += code == -9
        return code == -9
