"""Commands on the audit: list its rows, verify its chain, export both.

Calls `yunjin.ledger.entries`, `yunjin.engine.auditing` and `yunjin.ledger.heads`. Nothing here changes a row.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated, Final

import typer

from yunjin.errors import Text
from yunjin.model.times import TIME_ZONE
from yunjin_cli.audits import list_rows, report_value, show_report
from yunjin_cli.files import written
from yunjin_cli.objects import AccessOption  # noqa: TC001 (typer reads it)
from yunjin_cli.output import say, show_value, waiting
from yunjin_cli.session import MOST_NUMBER, Output, Session, business_date, command
from yunjin_cli.speech import group, said

audit = group("审计记录: 查询、校验、导出", "the audit: list its rows, verify its chain, export it")
heads = group("审计链头", "heads of the audit chain")
audit.add_typer(heads, name="heads")

_MOST: Final = 10_000

SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="YYYY-MM-DD", help=said("起始日期", "from this day on"))
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="YYYY-MM-DD", help=said("截止日期(含)", "to this day"))
]


@command(audit, "list", Text("查询审计记录", "list rows of the audit"))
def audit_list(
    session: Session,
    node: Annotated[
        str, typer.Option("--node", help=said("涉及此节点, 如 tenant/jtj", "about this node: tenant/jtj"))
    ] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    operation: Annotated[
        str, typer.Option("--operation", help=said("此类业务, 如 reserve", "of this kind: reserve"))
    ] = "",
    actor: Annotated[str, typer.Option("--actor", help=said("此经办人", "by this actor"))] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MOST, help=said("最多列出的条数", "how many at most"))
    ] = 50,
) -> int:
    """Who did what when, the newest first, and the place of each row in the chain."""
    from yunjin.ledger.entries import Wanted, listed

    wanted = Wanted(
        node=node,
        since=_start(since) if since else "",
        until=_start(until, after=1) if until else "",
        operation=operation,
        actor=actor,
        limit=limit,
    )
    with session.store() as store:
        rows = listed(store.database, wanted)
    list_rows(session, rows, limit)
    return 0


def _start(day: str, after: int = 0) -> str:
    """The first moment of a day in the city's zone, or of a later one, as the audit writes it."""
    from yunjin.store.times import text

    return text(datetime.combine(business_date(day) + timedelta(days=after), time(), TIME_ZONE))


@command(audit, "verify", Text("校验审计链", "verify the chain of the audit"))
def verify(
    session: Session,
    places: Annotated[
        list[str] | None,
        typer.Option(
            "--heads",
            help=said(
                "与此处导出的链头核对: 目录或 s3://存储桶/前缀",
                "hold it against the heads exported there: a folder or s3://bucket/prefix",
            ),
        ),
    ] = None,
    restored: Annotated[
        list[int] | None,
        typer.Option(
            "--restored",
            metavar="N",
            max=MOST_NUMBER,
            help=said(
                "已知的恢复备份(其审计记录号), 由此放弃的记录不算缺失",
                "number of a restore that is known of; what it gave up is not missed",
            ),
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help=said("校验导出文件而非状态库", "verify an exported file instead")),
    ] = None,
    s3_access: AccessOption = "",
) -> int:
    """Every hash computed again, every head compared. Exit 1 where anything is not as it was written."""
    from yunjin.engine.auditing import verify_audit, verify_file
    from yunjin.engine.choices import audit_retention
    from yunjin.store.objects import open_objects

    stores = [open_objects(place, s3_access) for place in places or ()]
    keep_days = audit_retention(session.estate()) if stores else 0
    now = datetime.now(UTC)
    with waiting(session, Text("正在校验", "verifying")):
        if file:
            report = verify_file(file, stores, keep_days, now)
        else:
            with session.store() as store:
                report = verify_audit(store.database, stores, keep_days, now, restored or ())
    if session.output is Output.TABLE:
        show_report(session, report, now, stores)
    else:
        show_value(session, report_value(report, now))
    return int(not report.sound)


@command(audit, "export", Text("导出全部审计记录和哈希", "export all rows with their hashes"))
def export(
    session: Session,
    out: Annotated[
        Path | None, typer.Option("--out", help=said("写入新文件, 缺省到标准输出", "write to a new file"))
    ] = None,
) -> int:
    """JSON lines in the order of the chain; `audit verify --file` checks them without the database."""
    from yunjin.ledger.entries import lines

    count = 0
    with session.store() as store, written(out) as file:
        for line in lines(store.database):
            file.write(f"{line}\n".encode())
            count += 1
    if out:
        if session.output is not Output.TABLE:
            show_value(session, {"file": out, "rows": count})
        say(
            session,
            Text(f"已导出审计记录 {count} 条到 {out}", f"{count} rows of the audit written to {out}"),
        )
    return 0


@command(heads, "export", Text("导出链头, 供日后核对", "write a head down where it is kept"))
def heads_export(
    session: Session,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help=said("目录或 s3://存储桶/前缀(对象锁定)", "a folder or s3://bucket/prefix (object lock)"),
        ),
    ],
    s3_access: AccessOption = "",
) -> int:
    """Where the chain ends now: position, hash, time and number of rows, kept as long as the policy says."""
    from yunjin.engine.choices import audit_retention
    from yunjin.ledger.chain import Seal
    from yunjin.ledger.heads import export_head
    from yunjin.store.objects import open_objects

    keep_days = audit_retention(session.estate())
    place = open_objects(to, s3_access)
    with session.store() as store:
        Seal(store.database, store.now).seal(whole=True)
        head = export_head(store.database, place, keep_days, store.now)
    if session.output is not Output.TABLE:
        show_value(session, {"place": place.name, "head": head.name if head else None})
    elif head:
        say(
            session,
            Text(
                f"链头已写入 {place.name}: 第 {head.position} 位, 留存至 {head.retained[:10]}",
                f"head written to {place.name}: number {head.position}, kept until {head.retained[:10]}",
            ),
        )
    else:
        say(session, Text("自上次导出以来没有新的审计记录", "nothing was sealed since the last head there"))
    return 0
