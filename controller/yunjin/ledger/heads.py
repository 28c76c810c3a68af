"""Heads: where the chain of the audit ended at a time, written down where its administrator cannot change it.

Exported by `yunjin audit heads export` and by the controller; read by `yunjin audit verify`. Calls `chain`
and the stores of objects. Promises that a head is one new object, kept until its date; that each names the
one exported before it, so that one that is missing is missed; and that a place which does not keep what is
written there is refused, or found out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from yunjin.errors import PermanentError, Text, UsageError
from yunjin.ledger.chain import end_of
from yunjin.ledger.records import canonical
from yunjin.ledger.verification import Problem
from yunjin.store.objects import Lock
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database
    from yunjin.store.objects import ObjectStore, Record

FORMAT: Final = 1
PREFIX: Final = "head-"
_MOST: Final = 1 << 16
_COMPLIANCE: Final = "COMPLIANCE"
_REMEMBER: Final = (
    "INSERT INTO audit_heads (target, position, hash, exported, retained) SELECT ?, ?, ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM audit_heads WHERE target = ? AND position = ?)"
)


@dataclass(frozen=True, slots=True)
class Head:
    """One head.

    Attributes:
        position: of the last sealed row, counted from 1: as many rows are sealed.
        seq: its number in the audit.
        rows: how many the audit had, sealed or not.
        exported: when, UTC text.
        retained: until when it is kept, UTC text.
        previous: name and SHA-256 of the head exported before to the same place; empty for the first.
    """

    position: int
    seq: int
    hash: str
    rows: int
    exported: str
    retained: str
    previous: str = ""
    format: int = FORMAT

    @property
    def name(self) -> str:
        """Its name sorts by the time of export."""
        moment = time(self.exported).strftime("%Y%m%dT%H%M%S.%fZ")
        return f"{PREFIX}{moment}-{self.position:012d}-{self.hash[:16]}.json"

    def written(self) -> bytes:
        """The object."""
        return f"{canonical(asdict(self))}\n".encode()


def export_head(
    database: Database, store: ObjectStore, keep_days: int, now: Callable[[], datetime]
) -> Head | None:
    """Write down where the chain ends.

    Args:
        database: of the chain.
        store: where to.
        keep_days: for how long.
        now: the clock.

    Returns:
        None where nothing is sealed, or nothing was since the last head there.

    Raises:
        RefusalError: the place does not keep what is written there.
        YunjinError: as the store of objects raises.
    """
    end = end_of(database)
    last = max(store.names(PREFIX), default="")
    if not end.position or last.endswith(f"-{end.position:012d}-{end.hash[:16]}.json"):
        return None
    ((rows,),) = database.rows("SELECT count(*) FROM audit")
    moment = now()
    head = Head(
        position=end.position,
        seq=end.seq,
        hash=end.hash,
        rows=rows,
        exported=text(moment),
        retained=text(moment + timedelta(days=keep_days)),
        previous=_named(last, store.get(last, _MOST)) if last else "",
    )
    store.put(head.name, head.written(), time(head.retained))
    database.write(remember, store.name, head.position, head.hash, head.exported, head.retained)
    return head


@operation
def remember(
    connection: Connection, target: str, position: int, digest: str, exported: str, retained: str
) -> None:
    """Note in the database that a head was exported: what the place loses is then missed."""
    connection.execute(_REMEMBER, (target, position, digest, exported, retained, target, position))


def read_heads(store: ObjectStore, keep_days: int, now: datetime) -> tuple[list[Head], list[Problem]]:
    """Every head of a place, and what is wrong with them as they are kept.

    Args:
        store: where they are.
        keep_days: for how long heads must be kept.
        now: the time of the verification.

    Raises:
        UsageError: there is none.
    """
    found: list[Head] = []
    digests: dict[str, str] = {}
    problems: list[Problem] = []
    for record in store.records(PREFIX):
        content = store.get(record.name, _MOST)
        digests[record.name] = _named(record.name, content)
        try:
            head = parsed(content)
        except PermanentError as error:
            problems.append(_problem("head", record.name, error.message))
            continue
        found.append(head)
        problems += [_problem(kind, record.name, said) for kind, said in _faults(head, record, keep_days)]
    if not digests:
        raise UsageError(
            Text(f"{store.name} 中没有审计链头", f"there are no heads of the audit in {store.name}"),
            Text(
                "核对位置; 首次使用先执行 yunjin audit heads export",
                "check the place; `yunjin audit heads export` writes the first",
            ),
        )
    gone_before = f"{now - timedelta(days=keep_days):%Y%m%dT%H%M%S}"
    for head in found:
        problems += _succession(head, digests, gone_before)
    return found, problems


def lost_heads(
    database: Database, store: ObjectStore, heads: Sequence[Head], now: datetime
) -> Iterator[Problem]:
    """Heads that the database exported there and that are there no longer, though their date is not over."""
    there = {(head.position, head.hash) for head in heads}
    sql = "SELECT position, hash, exported, retained FROM audit_heads WHERE target = ? ORDER BY exported"
    for position, digest, exported, retained in database.rows(sql, store.name):
        if (position, digest) not in there and (retained is None or time(retained) > now):
            said = Text(
                f"{store.name} 缺少 {exported[:19]}Z 导出的链头(第 {position} 位)",
                f"{store.name} has lost the head exported at {exported[:19]}Z (number {position})",
            )
            yield Problem("missing", str(position), said)


def parsed(content: bytes) -> Head:
    """A head as it was written. Raises PermanentError where it is none."""
    try:
        said = json.loads(content)
        head = Head(**said)
        sound = head.format == FORMAT and _meant(head) and head.written() == content
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise PermanentError(Text("不是云锦写出的链头", "is none that Yunjin wrote"))
    return head


def _meant(head: Head) -> bool:
    whole = all(type(value) is int and value >= 0 for value in (head.position, head.seq, head.rows))
    said = (head.hash, head.exported, head.retained, head.previous)
    zoned = all(isinstance(value, str) for value in said) and all(
        time(value).tzinfo for value in (head.exported, head.retained)
    )
    return whole and zoned


def _named(name: str, content: bytes) -> str:
    return f"{name} {hashlib.sha256(content).hexdigest()}"


def _faults(head: Head, record: Record, keep_days: int) -> Iterator[tuple[str, Text]]:
    if record.name != head.name:
        yield "head", Text("名称与内容不符", "is called otherwise than it says")
    if record.deleted:
        yield "head", Text("曾被删除", "was deleted")
    if record.versions > 1:
        times = record.versions - 1
        yield "head", Text(f"被覆盖写入 {times} 次", f"was written over {times} times")
    due = time(head.exported) + timedelta(days=keep_days)
    if time(head.retained) < due:
        yield "retention", _short(time(head.retained), due)
    guard = record.guard
    if not isinstance(guard, Lock):
        if guard.writable:
            mode = f"{guard.bits:04o}"
            yield "retention", Text(f"可被写入(权限 {mode})", f"can be written to (mode {mode})")
    elif guard.mode != _COMPLIANCE:
        yield (
            "retention",
            Text(
                f"未处于合规模式锁定(现为: {guard.mode or '未锁定'})",
                f"is not locked in compliance mode (but: {guard.mode or 'not locked'})",
            ),
        )
    elif guard.until is None or guard.until < time(head.retained):
        yield "retention", _short(guard.until, time(head.retained))


def _succession(head: Head, digests: Mapping[str, str], gone_before: str) -> Iterator[Problem]:
    """Whether the head exported before it is there; its date may be over."""
    name = head.previous.partition(" ")[0]
    if not name or digests.get(name) == head.previous:
        return
    if name in digests:
        yield _problem(
            "head", name, Text("与其后导出的链头所记不同, 已被替换", "is not the one its successor names")
        )
    elif name[len(PREFIX) :] > gone_before:
        yield _problem("missing", name, Text("已缺失", "is missing"))


def _problem(kind: str, name: str, said: Text) -> Problem:
    return Problem(kind, name, Text(f"链头 {name} {said.zh}", f"head {name} {said.en}"))


def _short(until: datetime | None, due: datetime) -> Text:
    said = Text("未设期限", "no date") if until is None else Text(f"{until:%Y-%m-%d}", f"{until:%Y-%m-%d}")
    return Text(
        f"保留期限不足: {said.zh}, 应不早于 {due:%Y-%m-%d}",
        f"is not kept long enough: until {said.en}, not {due:%Y-%m-%d}",
    )
