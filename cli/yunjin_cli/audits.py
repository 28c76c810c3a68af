"""Tables about the audit: its rows, and what a verification found.

Used by `yunjin_cli.commands.audit`; calls `output`. Promises that an operation without a word of its own is
shown by its name, so that no row is ever left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.output import Column, Row, say, show_fields, show_rows, show_value
from yunjin_cli.session import Output, Session, moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from yunjin.ledger.entries import Listed
    from yunjin.ledger.verification import Report
    from yunjin.store.objects import ObjectStore

OPERATIONS: Final = {
    "add_node": Text("新增节点", "node added"),
    "end_node": Text("停用节点", "node ended"),
    "set_supply": Text("登记供给", "supply recorded"),
    "change_supply": Text("调整供给", "supply changed"),
    "add_grant": Text("核定配额", "grant approved"),
    "start_grant": Text("配额起效", "grant begins"),
    "renew_grant": Text("配额续期", "grant renewed"),
    "end_grant": Text("配额终止", "grant ended"),
    "add_contribution": Text("移交设备", "servers handed over"),
    "promise_contribution": Text("设备折算保底", "contribution guaranteed"),
    "recall_contribution": Text("收回设备", "servers recalled"),
    "end_contribution": Text("设备离场", "servers gone"),
    "reserve": word("reservation"),
    "commit": Text("下发前确认", "about to be written"),
    "confirm": Text("已生效", "in force"),
    "release": Text("撤销预占", "reservation given up"),
    "expire": Text("预占过期", "reservation expired"),
    "move": Text("调剂", "moved"),
    "consent": Text("同意调剂", "move agreed to"),
    "follow": Text("接续调剂", "move goes on"),
    "record_reorganisation": Text("登记机构调整", "reorganisation recorded"),
    "cancel_reorganisation": Text("撤销机构调整", "reorganisation cancelled"),
    "carry_out_reorganisation": Text("机构调整生效", "reorganisation carried out"),
    "restore": Text("恢复备份", "backup restored"),
}
_ROWS: Final = (
    Column("seq", Text("序号", "row"), right=True),
    Column("at", Text("时间", "time"), whole=True),
    Column("actor", Text("经办人", "actor")),
    Column("operation", Text("业务", "operation")),
    Column("node", Text("对象", "about")),
    Column("what", Text("内容", "what")),
    Column("position", Text("链位", "place in chain"), right=True),
)
_REPORT: Final = (
    Column("rows", Text("已封存", "sealed"), right=True),
    Column("hash", Text("链尾哈希", "last hash"), whole=True),
    Column("tail", Text("未封存", "not sealed")),
    Column("heads", Text("相符链头", "heads that agree"), right=True),
)
_PROBLEMS: Final = (
    Column("kind", Text("问题", "problem"), whole=True),
    Column("text", Text("说明", "what was found")),
)
KINDS: Final = {
    "changed": Text("被改动", "changed"),
    "deleted": Text("被删除", "deleted"),
    "gap": Text("断链", "gap"),
    "order": Text("乱序", "out of order"),
    "rewritten": Text("被重写", "rewritten"),
    "missing": Text("链头缺失", "head missing"),
    "head": Text("链头异常", "head tampered with"),
    "retention": Text("留存不足", "not kept"),
}


def list_rows(session: Session, rows: Sequence[Listed], limit: int) -> None:
    """Rows of the audit."""
    if session.output is not Output.TABLE:
        show_value(session, [_value(row) for row in rows])
        return
    if not rows:
        say(session, Text("没有符合条件的审计记录", "no row of the audit is like that"))
        return
    show_rows(session, _ROWS, [_shown(row) for row in rows])
    if len(rows) == limit:
        say(session, Text(f"只列出最近 {limit} 条, 见 --limit", f"the newest {limit}; see --limit"), "dim")


def _value(row: Listed) -> Row:
    entry = row.entry
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "operation": entry.operation,
        "key": entry.key,
        "nodes": row.nodes,
        "request": row.request,
        "result": row.result,
        "position": row.position,
    }


def _shown(row: Listed) -> Row:
    from yunjin.store.times import time

    entry, nodes = row.entry, row.nodes
    return {
        "seq": entry.seq,
        "at": moment(time(entry.at)),
        "actor": entry.actor,
        "operation": OPERATIONS.get(entry.operation, entry.operation),
        "node": nodes[0] if nodes else row.request.get("pool"),
        "what": _what(row),
        "position": row.position or Text("未封存", "not sealed"),
    }


def _what(row: Listed) -> Text | None:
    """Numbers on paper, then what entered or left the leaves, else the figures that were asked for."""
    asked = row.request
    number = row.result.get("grant") or row.result.get("contribution") or asked.get("number")
    said = (number, asked.get("backup"))
    parts = [Text(each, each) for each in said if each and isinstance(each, str)]
    counted: dict[str, int] = {}
    for _, _, change in row.result.get("counted", ()):
        for dimension, value in change.items():
            counted[dimension] = counted.get(dimension, 0) + value
    parts += [_amount(dimension, value, signed=True) for dimension, value in sorted(counted.items()) if value]
    if not counted:
        parts += [_amount(dimension, value) for dimension, value in sorted(_figures(asked).items()) if value]
    if not parts:
        return None
    return Text("; ".join(part.zh for part in parts), "; ".join(part.en for part in parts))


def _figures(asked: Mapping[str, Any]) -> dict[str, int]:
    """Of a grant the raise over all pools, of a supply what there is, of a leaf what it shall hold."""
    found: dict[str, Any] = asked.get("limit", {}).get("*") or next(
        (asked[name] for name in ("target", "enforced", "supply") if isinstance(asked.get(name), dict)), {}
    )
    return {dimension: value for dimension, value in found.items() if isinstance(value, int)}


def _amount(dimension: str, value: int, *, signed: bool = False) -> Text:
    """An amount, after the name of its dimension where the unit does not tell it."""
    from yunjin.model.formats import amount_text, dimension_text

    named = dimension.partition("/")[0] in {"memory", "storage"}
    name = dimension_text(dimension) if named else Text("", "")
    sign = ("+" if value > 0 else "−") if signed else ""
    zh, en = amount_text(dimension, abs(value), "zh"), amount_text(dimension, abs(value), "en")
    return Text(f"{name.zh} {sign}{zh}".strip(), f"{name.en} {sign}{en}".strip())


def report_value(report: Report, now: datetime) -> dict[str, Any]:
    """A verification as programs read it."""
    return {
        "sound": report.sound,
        "rows": report.rows,
        "position": report.end.position,
        "hash": report.end.hash,
        "unsealed": {"count": report.tail.count, "seconds": _age(report, now)},
        "heads": report.agreed,
        "problems": problem_values(report),
        "more": report.more,
    }


def problem_values(report: Report) -> list[Row]:
    """What is wrong, as programs read it."""
    return [
        {"kind": problem.kind, "where": problem.where, "message": problem.text} for problem in report.problems
    ]


def _age(report: Report, now: datetime) -> float | None:
    from yunjin.store.times import time

    return max(0.0, (now - time(report.tail.oldest)).total_seconds()) if report.tail.count else None


def show_report(session: Session, report: Report, now: datetime, places: Sequence[ObjectStore]) -> None:
    """A verification as people read it."""
    age = _age(report, now)
    tail = Text("无", "none")
    if age is not None:
        count = report.tail.count
        tail = Text(f"{count} 条, 最早 {_lasting(age).zh}前", f"{count}, the oldest {_lasting(age).en} ago")
    row = {"rows": Text(f"{report.rows} 条", f"{report.rows} rows"), "hash": report.end.hash, "tail": tail}
    columns = _REPORT if places else _REPORT[:-1]
    show_fields(session, columns, {**row, "heads": report.agreed})
    show_problems(session, report)
    if report.sound:
        say(session, Text("审计链完好", "the chain of the audit is sound"), "bold green")


def show_problems(session: Session, report: Report) -> None:
    """What is wrong, as people read it; nothing where nothing is."""
    if report.sound or session.output is not Output.TABLE:
        return
    say(session, Text("", ""))
    problems = [{"kind": KINDS[problem.kind], "text": problem.text} for problem in report.problems]
    show_rows(session, _PROBLEMS, problems)
    if report.more:
        say(session, Text(f"另有 {report.more} 处未列出", f"{report.more} more are not listed"))
    count = len(report.problems) + report.more
    say(session, Text(f"审计链有 {count} 处问题", f"{count} problems in the audit"), "bold red")


def _lasting(seconds: float) -> Text:
    whole = int(seconds)
    for size, zh, en in ((86_400, "天", "days"), (3600, "小时", "hours"), (60, "分钟", "minutes")):
        if whole >= size:
            return Text(f"{whole // size} {zh}", f"{whole // size} {en}")
    return Text(f"{whole} 秒", f"{whole} seconds")
