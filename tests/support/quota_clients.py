"""Clients of the ledger's benchmark: threads of one process that reserve and release, one after the other.

Run by `ledger.py` as a process of its own, which answers with one line of JSON: seconds from the first
request to the last answer, and how long each request took.

    python tests/support/quota_clients.py FOLDER URL THREADS SECONDS SEED LEAVES
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from yunjin.ledger import reservations
from yunjin.store.database import open_database
from yunjin.store.store import utc_now
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yunjin.store.database import Database

DELTA = {"cpu": 1000, "memory": 1024}


def main(arguments: Sequence[str]) -> None:
    """Load the ledger for a while."""
    folder, url, threads, seconds, seed, leaves = arguments
    database = open_database(Path(folder), url or None)
    paths: list[str] = json.loads(leaves)
    print("ready", flush=True)
    sys.stdin.readline()
    began, took = run(database, paths, int(threads), float(seconds), int(seed))
    ended = time.monotonic()
    database.close()
    print(json.dumps({"began": began, "ended": ended, "took": took}))


def run(
    database: Database, leaves: Sequence[str], threads: int, seconds: float, seed: int
) -> tuple[float, list[float]]:
    """When it began, and the seconds of each request; each thread has leaves of its own."""
    took: list[list[float]] = [[] for _ in range(threads)]
    began = time.monotonic()
    workers = [
        threading.Thread(
            target=client,
            args=(
                database,
                leaves[number::threads] or leaves,
                Random(seed + number),
                took[number],
                lambda: time.monotonic() < began + seconds,
            ),
        )
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return began, [each for found in took for each in found]


def client(
    database: Database,
    leaves: Sequence[str],
    chance: Random,
    took: list[float],
    goes_on: Callable[[], bool],
) -> None:
    """Reserve on one leaf, release it, take another."""
    while goes_on():
        start = time.monotonic()
        number = database.write(reservations.reserve, reserving(chance.choice(leaves)))["reservation"]
        middle = time.monotonic()
        database.write(reservations.release, releasing(number))
        took += [middle - start, time.monotonic() - middle]


def reserving(leaf: str) -> dict[str, object]:
    """A request for a little more."""
    return {"leaf": leaf, "delta": DELTA, "expires": None, **_signed()}


def releasing(number: int) -> dict[str, object]:
    """A request to give it back."""
    return {"reservation": number, "enforced": None, **_signed()}


def _signed() -> dict[str, str]:
    return {"key": secrets.token_hex(16), "actor": "benchmark", "at": text(utc_now())}


if __name__ == "__main__":
    main(sys.argv[1:])
