"""A process that writes into a store's database from many threads and notes what was acknowledged.

    python store_worker.py FOLDER URL WHO THREADS WRITES NOTES

WRITES 0 means until standard input says a line or ends; then it closes the database, in the middle of its
work. With THREADS 0 it is there to write for others. NOTES gets `WHO NUMBER` once a write is acknowledged,
and at the end a line `longest SECONDS`.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path
from time import monotonic

from store_operations import echo, mark
from yunjin.errors import PermanentError
from yunjin.store.database import Database, open_database


def work(database: Database, who: str, writes: int, notes: int, longest: list[float]) -> None:
    for number in range(writes) if writes else itertools.count():
        began = monotonic()
        try:
            database.write(mark, who, number)
        except PermanentError:
            assert not writes  # closed while it was told to go on
            return
        longest.append(monotonic() - began)
        os.write(notes, f"{who} {number}\n".encode())  # appended whole, and there even if we are killed


def main(folder: str, url: str, who: str, threads: int, writes: int, path: str) -> None:
    database = open_database(Path(folder), url or None)
    notes = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    longest: list[float] = []
    failed: list[object] = []

    def note(error: threading.ExceptHookArgs) -> None:
        failed.append(error.exc_type)
        threading.__excepthook__(error)

    threading.excepthook = note
    crew = [
        threading.Thread(target=work, args=(database, f"{who}.{number}", writes, notes, longest))
        for number in range(threads)
    ]
    if not threads:  # it is there to write for others
        database.write(echo, who)
    print("ready", flush=True)
    for one in crew:
        one.start()
    if not writes:
        sys.stdin.readline()
        database.close()  # in the middle of their work
    for one in crew:
        one.join()
    database.close()
    os.write(notes, f"longest {max(longest, default=0.0):.3f}\n".encode())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
