"""Backups of the state: take one, verify one, put one back.

Calls `yunjin.engine.backups`. A state that is not empty is replaced only with the phrase that the refusal
names.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text
from yunjin_cli.actor import actor
from yunjin_cli.audits import problem_values, show_problems
from yunjin_cli.objects import AccessOption  # noqa: TC001 (typer reads it)
from yunjin_cli.output import Column, Row, Told, say, show_fields, show_value, waiting
from yunjin_cli.session import Output, Session, command, database_url, moment
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from yunjin.engine.manifests import Manifest
    from yunjin.ledger.verification import Report

_COLUMNS: Final = (
    Column("backup", Text("备份", "backup")),
    Column("made", Text("备份时间", "taken")),
    Column("product", Text("云锦版本", "version")),
    Column("revision", Text("结构版本", "schema")),
    Column("dialect", Text("来源", "taken from")),
    Column("size", Text("大小", "size")),
    Column("sealed", Text("审计链", "audit chain")),
    Column("ledger", Text("台账摘要", "digest of the ledger")),
)
BackupArgument = Annotated[
    str,
    typer.Argument(
        help=said("备份: 目录或 s3://存储桶/前缀/名称", "backup: a folder or s3://bucket/prefix/name")
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    command(app, "backup", Text("备份状态库", "back the state up"))(backup)
    command(app, "restore", Text("恢复备份", "put a backup back"))(restore)
    command(app, "verify", Text("校验备份", "verify a backup"))(verify)


def backup(
    session: Session,
    to: Annotated[
        str,
        typer.Option(
            "--to", help=said("存放位置: 目录或 s3://存储桶/前缀", "a folder or s3://bucket/prefix")
        ),
    ],
    s3_access: AccessOption = "",
) -> int:
    """One moment of the whole state, while others work on it; a folder below the place, its manifest last."""
    from yunjin.engine import backups
    from yunjin.store.objects import open_objects

    place = open_objects(to, s3_access)
    with session.store() as store, waiting(session, Text("正在备份", "backing up")):
        name, manifest = backups.take(store, place)
    _show(session, f"{place.name}/{name}", manifest)
    say(session, Text("备份完成", "the backup is complete"), "bold green")
    return 0


def verify(session: Session, source: BackupArgument, s3_access: AccessOption = "") -> int:
    """Fetch a backup and compute everything in it again. Exit 1 where its audit is not sound."""
    from yunjin.engine import backups
    from yunjin.store.objects import open_objects

    place = open_objects(source, s3_access)
    with waiting(session, Text("正在校验", "verifying")), backups.opened(place) as checked:
        manifest, report = checked.manifest, checked.report
    _show(session, place.name, manifest, _found(report))
    _say_report(session, report, Text("备份完好", "the backup is sound"))
    return int(not report.sound)


def restore(
    session: Session,
    source: Annotated[
        str, typer.Option("--from", help=said("备份: 目录或 s3://存储桶/前缀/名称", "the backup"))
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", help=said("恢复到此状态目录, 缺省为当前状态", "state folder, else the state in use")
        ),
    ] = None,
    replace: Annotated[
        str,
        typer.Option(
            "--replace",
            metavar="PHRASE",
            help=said("同意替换现有状态, 口令见拒绝提示", "consent to replace a state, as the refusal says"),
        ),
    ] = "",
    s3_access: AccessOption = "",
) -> int:
    """Verify a backup, put it back, bring its schema up to date, and compare ledger and chain with it."""
    from yunjin.engine import backups
    from yunjin.store.objects import open_objects

    place = open_objects(source, s3_access)
    url = None if into else database_url()
    who = actor()
    with waiting(session, Text("正在恢复", "restoring")):
        if url:
            done = backups.restore_into_server(place, session.state, url, replace, who)
        else:
            done = backups.restore_into_folder(place, into or session.state, replace, who)
    more = {**_found(done.report), "equal": done.equal, "before": done.before or None}
    _show(session, place.name, done.manifest, more)
    if done.before:
        say(session, Text(f"原状态另存为 {done.before}", f"the state before is kept as {done.before}"))
    if done.equal is False:
        say(session, Text("台账与备份不同", "the ledger is not that of the backup"), "bold red")
    fine = Text(
        "已恢复, 台账与备份一致, 审计链完好" if done.equal else "已恢复并升级到当前结构版本, 审计链完好",
        "restored: the ledger is that of the backup, the chain is sound"
        if done.equal
        else "restored and brought to the newest schema; the chain is sound",
    )
    _say_report(session, done.report, fine)
    return int(not done.report.sound or done.equal is False)


def _show(session: Session, name: str, manifest: Manifest, more: Row | None = None) -> None:
    made = datetime.fromisoformat(manifest.made)
    summary = manifest.summary
    end, digest = summary.hash[:16], summary.ledger[:16] or "—"
    row: Row = {
        "backup": name,
        "made": Told(made, Text(moment(made), moment(made))),
        "product": manifest.product,
        "revision": manifest.revision,
        "dialect": manifest.dialect,
        "size": Told(manifest.size, _size(manifest.size)),
        "sealed": Told(
            {"position": summary.position, "hash": summary.hash, "unsealed": summary.unsealed},
            Text(f"{summary.position} 条, 链尾 {end}", f"{summary.position} rows, ends with {end}"),
        ),
        "ledger": Told(summary.ledger or None, Text(digest, digest)),
    }
    if session.output is Output.TABLE:
        show_fields(session, _COLUMNS, row)
    else:
        show_value(session, {**row, **(more or {})})


def _found(report: Report) -> Row:
    return {"sound": report.sound, "rows": report.rows, "problems": problem_values(report)}


def _say_report(session: Session, report: Report, fine: Text) -> None:
    show_problems(session, report)
    if report.sound:
        say(session, fine, "bold green")


def _size(count: int) -> Text:
    mebibytes = f"{count / (1 << 20):,.1f} MiB"
    return Text(mebibytes, mebibytes)
