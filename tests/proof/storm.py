"""One process of the random storm: `storm.py FOLDER URL THREADS OPERATIONS SEED`, the folder's tree planted.

Run by `storms`. Each thread does operations of every kind on leaves drawn at random, half of them near one
another, and goes on whatever is refused; it is after the limits, so that most growth meets one. What any
operation raises that is not one of the errors it promises ends the process with its traceback. Each hundred
operations a line on stdout says so; the last line tells the outcomes.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ledgers import CLOUD, DAY, K8S, Body, Hand, city_tree, grant
from yunjin.errors import YunjinError
from yunjin.ledger import grants, moves, reservations, supply
from yunjin.store import Store
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable

TREE: Final = city_tree()
LEAVES: Final = [leaf for leaf, _, _ in TREE.leaves]
EXPECTED: Final = frozenset({"shortage", "refused", "conflict", "usage"})
_NEAR: Final = 45  # leaves of three tenants of one bureau
_TOLD: Final = 100
_MOST_KEPT: Final = 50


class Rider:
    """One thread's share of the storm."""

    def __init__(self, store: Store, seed: str) -> None:
        self.random = random.Random(seed)
        self.hand = Hand(store.database, lambda: datetime.now(UTC))
        self.outcomes: Counter[str] = Counter()
        self.limits: Counter[str] = Counter()  # whose were in the way: kinds of nodes
        self.mine: list[int] = []
        self.sent: list[tuple[Callable[..., Any], dict[str, Any]]] = []
        self.granted: list[str] = []
        self.near = self.random.randrange(0, len(LEAVES) - _NEAR)

    def ride(self) -> None:
        """One operation, now and then two that belong together."""
        steps = (self.grow, self.shrink, self.settle, self.move, self.release, self.expire, self.again)
        (step,) = self.random.choices(steps, weights=(34, 14, 24, 10, 8, 3, 4))
        if self.random.random() < 0.02:
            step = self.random.choice((self.grant, self.start_or_end, self.end, self.supply))
        step()

    def do(self, operation: Callable[..., Any], **content: Any) -> Any:
        """Do it; None where it is refused."""
        request = self.hand.request(**content)
        return self.send(operation, request)

    def send(self, operation: Callable[..., Any], request: dict[str, Any]) -> Any:
        name, outcome, result = operation.__name__, "done", None
        try:
            result = self.hand.database.write(operation, request)
        except YunjinError as error:
            if error.code not in EXPECTED:
                raise
            outcome = error.code
            if outcome == "shortage":
                self.limits[str(error.facts["node"]).partition("/")[0]] += 1
        self.outcomes[f"{name} {outcome}"] += 1
        if result is not None and operation in (reservations.reserve, moves.move):
            self.sent = [*self.sent[-_MOST_KEPT:], (operation, request)]
        return result

    def leaf(self) -> str:
        if self.random.random() < 0.5:
            return LEAVES[self.near + self.random.randrange(_NEAR)]
        return self.random.choice(LEAVES)

    def grow(self) -> None:
        until = None
        if self.random.random() < 0.3:
            until = text(datetime.now(UTC) + timedelta(seconds=self.random.uniform(-0.1, 3)))
        amount = self.random.choice((1, 5, 10, 20, 40))
        made = self.do(reservations.reserve, leaf=self.leaf(), delta={"cpu": amount}, expires=until)
        if made and made["reservation"]:
            self.mine = [*self.mine[-_MOST_KEPT:], made["reservation"]]

    def shrink(self) -> None:
        if self.random.random() < 0.5:
            self.do(reservations.reserve, leaf=self.leaf(), delta={"cpu": -self.random.choice((1, 5, 10))})
        else:
            self.do(reservations.reserve, leaf=self.leaf(), target={"cpu": self.random.choice((0, 1, 5, 20))})

    def settle(self) -> None:
        """As apply does: commit what is wanted, write it, read it back."""
        leaf = self.leaf()
        made = self.do(reservations.reserve, leaf=leaf, delta={"cpu": self.random.choice((0, 0, 1, -1))})
        target = made["target"] if made else {}
        if self.do(reservations.commit, leaf=leaf, target=target) is not None:
            used = {d: value + self.random.choice((0, 0, 0, 1)) for d, value in target.items()}
            self.do(reservations.confirm, leaf=leaf, enforced=target, used=used)

    def move(self) -> None:
        amount = self.random.choice((1, 5, 10))
        made = self.do(moves.move, source=self.leaf(), target=self.leaf(), amounts={"cpu": amount})
        if made:
            self.mine = [*self.mine[-_MOST_KEPT:], made[self.random.choice(("reservation", "follower"))]]

    def release(self) -> None:
        if self.mine:
            number = self.mine.pop(self.random.randrange(len(self.mine)))
            seen = self.random.choice((None, {}, {"cpu": 5}))
            self.do(reservations.release, reservation=number, enforced=seen)

    def expire(self) -> None:
        now = text(datetime.now(UTC))
        sql = "SELECT id FROM reservations WHERE state = 'reserved' AND expires <= ? LIMIT 5"
        for (number,) in self.hand.rows(sql, now):
            self.do(reservations.expire, reservation=number)

    def again(self) -> None:
        """What was sent is sent again: as it was, or with other content under its key."""
        if self.sent:
            operation, request = self.random.choice(self.sent)
            other = {} if self.random.random() < 0.7 else {"actor": "somebody else"}
            self.send(operation, {**request, **other})

    def grant(self) -> None:
        body = self.random.choice(TREE.bodies)
        amount = self.random.choice((5, 20, 50))
        firm = {K8S: {"cpu": amount // 5}} if self.random.random() < 0.4 else {}
        more = Body(body.node, body.parent, {K8S: {"cpu": amount}}, {"cpu": amount}, firm)
        starts = DAY if self.random.random() < 0.7 else "2026-12-01"
        made = self.do(grants.add_grant, **{**grant(more), "number": "", "valid_from": starts}, today=DAY)
        if made:
            self.granted.append(made["grant"])

    def start_or_end(self) -> None:
        if self.granted:
            number = self.random.choice(self.granted)
            self.do(grants.start_grant, number=number, today="2026-12-01")

    def end(self) -> None:
        if self.granted:
            number = self.granted.pop(self.random.randrange(len(self.granted)))
            self.do(grants.end_grant, number=number, cause="withdrawn", today=DAY)

    def supply(self) -> None:
        """A host dies or comes back: mostly back, or all would stand still."""
        pool = self.random.choice((K8S, CLOUD))
        full, reserve, percent = TREE.supply[pool]
        left = self.random.choice((100, 100, 100, 90, 60))
        amounts = {d: value * left // 100 for d, value in full.items()}
        content = {"supply": amounts, "reserve": reserve, "percent": percent}
        self.do(supply.set_supply, pool=pool, **content, cause=f"{100 - left} in 100 hosts died", today=DAY)


def main() -> None:
    """Ride until the operations are done."""
    folder, url, threads, operations, seed = sys.argv[1:]
    left = threading.Semaphore(-(-int(operations) // _TOLD))
    outcomes, limits = Counter[str](), Counter[str]()
    failed: list[BaseException] = []
    counting = threading.Lock()

    def run(rider: Rider) -> None:
        try:
            while not failed and left.acquire(blocking=False):
                done = sum(rider.outcomes.values()) + _TOLD
                while sum(rider.outcomes.values()) < done:
                    rider.ride()
                with counting:
                    print("told", flush=True)
        except BaseException as error:  # noqa: BLE001 (the process ends with it, below)
            failed.append(error)
        with counting:
            outcomes.update(rider.outcomes)
            limits.update(rider.limits)

    with Store.open(Path(folder), url=url or None) as store:
        riders = [Rider(store, f"{seed}/{number}") for number in range(int(threads))]
        running = [threading.Thread(target=run, args=(rider,)) for rider in riders]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    if failed:
        raise failed[0]
    print(json.dumps([outcomes, limits]))


if __name__ == "__main__":
    main()
