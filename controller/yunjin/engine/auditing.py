"""Whether the audit is what was once written, by the chain and by the heads exported of it.

Called by `yunjin audit verify`. Calls `yunjin.ledger` and the stores of objects. Changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from yunjin.ledger.chain import links
from yunjin.ledger.entries import LONGEST, read_lines
from yunjin.ledger.heads import lost_heads, read_heads
from yunjin.ledger.restoration import excused
from yunjin.ledger.verification import Mark, Problem, Report, verify, verify_database
from yunjin.store.objects.folder import too_long, translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from yunjin.ledger.heads import Head
    from yunjin.store.database import Database
    from yunjin.store.objects import ObjectStore


def verify_audit(
    database: Database,
    places: Sequence[ObjectStore],
    keep_days: int,
    now: datetime,
    restored: Sequence[int] = (),
) -> Report:
    """Compute the chain of the audit again and hold it against the heads of every place.

    Args:
        database: of the audit.
        places: where heads were exported to.
        keep_days: for how long they must be kept.
        now: the time of the verification.
        restored: numbers of audit rows that say a backup was put back; heads of what it gave up are excused.

    Raises:
        UsageError: a place has no heads, or a row is no restore.
        YunjinError: a place that cannot be read.
    """
    heads, problems = _heads(places, keep_days, now)
    for place, found in heads:
        problems += lost_heads(database, place, found, now)
    every = [head for _, found in heads for head in found]
    let_off = {head.name for number in restored for head in excused(database, number, every)}
    marks = [_mark(head) for head in every if head.name not in let_off]
    return _with(verify_database(database, links(database), marks), problems)


def verify_file(path: Path, places: Sequence[ObjectStore], keep_days: int, now: datetime) -> Report:
    """`verify_audit` over a file that `yunjin audit export` wrote.

    Raises:
        UsageError: there is no such file, or a place has no heads.
        PermanentError: it is no such file.
    """
    heads, problems = _heads(places, keep_days, now)
    marks = [_mark(head) for _, found in heads for head in found]
    with translated(path), path.open("rb") as file:
        return _with(verify(read_lines(_lines(path, file)), marks), problems)


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            raise too_long(str(path), LONGEST)
        yield line


def _heads(
    places: Sequence[ObjectStore], keep_days: int, now: datetime
) -> tuple[list[tuple[ObjectStore, list[Head]]], list[Problem]]:
    heads, problems = [], []
    for place in places:
        found, wrong = read_heads(place, keep_days, now)
        heads.append((place, found))
        problems += wrong
    return heads, problems


def _mark(head: Head) -> Mark:
    return Mark(head.name, head.position, head.hash)


def _with(report: Report, problems: Sequence[Problem]) -> Report:
    for problem in problems:
        report.add(problem)
    return report
