"""Whether the audit is what was once written: every hash computed again, and held against exported heads.

Called by `yunjin audit verify`, by the restore of a backup, and over a file that `yunjin audit export` wrote.
Calls `chain`. Promises that a row which was changed, deleted, put in between or put in another order is named
by its place, and that a chain which was rewritten as a whole contradicts the heads exported before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.ledger.chain import GENESIS, End, Tail, hash_of, tail_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yunjin.ledger.chain import Link
    from yunjin.store.database import Database

RESTORED: Final = "restore"
"""The operation whose audit row says that a backup was put back."""
_MOST: Final = 100
"""Problems that are described; the others are counted."""
_GAPS: Final = (
    "SELECT b.first, b.last FROM (SELECT a.seq + 1 AS first, "
    "coalesce((SELECT min(n.seq) FROM audit n WHERE n.seq > a.seq), s.seq + 1) - 1 AS last "
    "FROM sqlite_sequence s JOIN (SELECT seq FROM audit UNION ALL SELECT 0) a ON s.name = 'audit' "
    "WHERE a.seq >= ? AND a.seq < s.seq AND NOT EXISTS (SELECT 1 FROM audit n WHERE n.seq = a.seq + 1)) b "
    "ORDER BY b.first LIMIT ?"
)
# What a server committed late may have come with a backup; it never draws a number below 1.
_PUT_IN: Final = (
    "SELECT a.seq FROM audit a WHERE (a.seq > ? OR a.seq < 1) "
    "AND a.seq < (SELECT coalesce(max(seq), 0) FROM audit_chain) "
    "AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.seq = a.seq) ORDER BY a.seq LIMIT ?"
)
_LOST: Final = (
    "SELECT n.seq FROM audit_numbers n WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.seq = n.seq) "
    "AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.seq = n.seq) ORDER BY n.seq LIMIT ?"
)
_UNNUMBERED: Final = (
    "SELECT a.seq FROM audit a WHERE NOT EXISTS (SELECT 1 FROM audit_numbers n WHERE n.seq = a.seq) "
    "ORDER BY a.seq LIMIT ?"
)
_PUT_BACK: Final = "SELECT coalesce(max(seq), 0) FROM audit WHERE operation = ?"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written.

    Attributes:
        kind: for programs: changed, deleted, gap, order, rewritten, missing, head, retention.
        where: position in the chain, name of a head, or numbers of rows.
    """

    kind: str
    where: str
    text: Text


@dataclass(frozen=True, slots=True)
class Mark:
    """What somebody else wrote down of the chain: the hash at a position."""

    name: str
    position: int
    hash: str


@dataclass(slots=True)
class Report:
    """What a verification found.

    Attributes:
        rows: sealed rows that were looked at.
        end: where the chain ends.
        tail: what is not sealed yet.
        agreed: marks that the chain agrees with.
        problems: the first of them; `more` counts those left out.
    """

    rows: int = 0
    end: End = field(default_factory=End)
    tail: Tail = field(default_factory=Tail)
    agreed: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        if len(self.problems) < _MOST:
            self.problems.append(problem)
        else:
            self.more += 1


def verify(links: Iterable[Link], marks: Sequence[Mark] = ()) -> Report:
    """Compute every hash of a chain again.

    Args:
        links: the chain, in order of positions.
        marks: what was exported of it.
    """
    report = Report()
    due: dict[int, list[Mark]] = {}
    for mark in marks:
        due.setdefault(mark.position, []).append(mark)
    previous: str | None = GENESIS
    expected = 1
    for link in links:
        if link.position != expected:
            report.add(_misplaced(link, expected))
            previous = None  # what stood before it cannot be known
        if link.entry is None:
            report.add(_gone(link))
        elif previous and hash_of(previous, link.position, link.sealed, link.entry) != link.hash:
            report.add(_changed(link))
        for mark in due.pop(link.position, ()):
            if mark.hash == link.hash:
                report.agreed += 1
            else:
                report.add(_rewritten(mark))
        report.rows += 1
        report.end = End(link.position, link.seq, link.hash)
        expected, previous = link.position + 1, link.hash
    for position in sorted(due):
        for mark in due[position]:
            report.add(_beyond(mark, report.end.position))
    return report


def verify_database(database: Database, links: Iterable[Link], marks: Sequence[Mark] = ()) -> Report:
    """`verify`, and what only the database can tell: rows not yet sealed, and numbers that are missing."""
    report = verify(links, marks)
    report.tail = tail_of(database)
    if database.dialect == "sqlite":
        ((floor,),) = database.rows(_PUT_BACK, RESTORED)
        for first, last in database.rows(_GAPS, floor, _MOST):
            report.add(_unsealed_gap(first, last))
        for (seq,) in database.rows(_PUT_IN, floor, _MOST):
            report.add(_put_in(seq))
        return report
    for (seq,) in database.rows(_LOST, _MOST):  # a server leaves numbers out by itself, so it notes them
        report.add(_unsealed_gap(seq, seq))
    for (seq,) in database.rows(_UNNUMBERED, _MOST):
        report.add(_unnumbered(seq))
    return report


def _gone(link: Link) -> Problem:
    said = Text(
        f"哈希链第 {link.position} 位的审计记录 {link.seq} 已不存在",
        f"audit row {link.seq}, number {link.position} of the chain, is gone",
    )
    return Problem("deleted", str(link.position), said)


def _changed(link: Link) -> Problem:
    said = Text(
        f"哈希链第 {link.position} 位(审计记录 {link.seq})与其哈希不符: 记录内容、封存时间或次序被改动",
        f"audit row {link.seq}, number {link.position} of the chain, is not what its hash sealed: "
        "the row, its time or its place was changed",
    )
    return Problem("changed", str(link.position), said)


def _misplaced(link: Link, expected: int) -> Problem:
    if link.position > expected:
        where = _span(expected, link.position - 1)
        said = Text(f"哈希链缺少第 {where} 位", f"numbers {where} of the chain are missing")
        return Problem("gap", where, said)
    said = Text(
        f"哈希链第 {link.position} 位次序有误", f"number {link.position} of the chain is out of order"
    )
    return Problem("order", str(link.position), said)


def _rewritten(mark: Mark) -> Problem:
    said = Text(
        f"链头 {mark.name} 所记第 {mark.position} 位的哈希与现有哈希链不同: 该位及以前的审计记录被重写",
        f"head {mark.name} has another hash at number {mark.position}: the chain up to it was rewritten",
    )
    return Problem("rewritten", mark.name, said)


def _beyond(mark: Mark, end: int) -> Problem:
    said = Text(
        f"链头 {mark.name} 所记哈希链已有 {mark.position} 位, 现只有 {end} 位: 其后的审计记录被删除",
        f"head {mark.name} saw {mark.position} rows in the chain, which now ends at {end}: rows were deleted",
    )
    return Problem("rewritten", mark.name, said)


def _unsealed_gap(first: int, last: int) -> Problem:
    where = _span(first, last)
    said = Text(
        f"审计记录 {where} 缺失: 在封存前被删除, 或与其封存一并删除",
        f"audit rows {where} are missing: deleted before they were sealed, or together with their seals",
    )
    return Problem("deleted", where, said)


def _put_in(seq: int) -> Problem:
    said = Text(
        f"审计记录 {seq} 排在已封存的记录之前而未封存: 事后插入",
        f"audit row {seq} stands before sealed ones and is not sealed: it was put in afterwards",
    )
    return Problem("order", str(seq), said)


def _unnumbered(seq: int) -> Problem:
    said = Text(
        f"审计记录 {seq} 的序号未同时登记: 绕过触发器写入, 或登记被改动",
        f"the number of audit row {seq} was not noted with it: it was written past the trigger",
    )
    return Problem("changed", str(seq), said)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
