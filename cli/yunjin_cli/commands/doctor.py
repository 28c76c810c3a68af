"""`yunjin doctor`: whether the endpoints are fit for work, and what is to be mended.

Calls `yunjin.engine.doctor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text, UnreachableError
from yunjin.model.change import Severity
from yunjin.model.words import word
from yunjin_cli.commands.credentials import desk
from yunjin_cli.output import (
    INDENT,
    Column,
    Row,
    console,
    plain,
    severity_label,
    show_entry,
    show_rows,
    show_value,
    waiting,
)
from yunjin_cli.session import Output, Session, command
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from yunjin.engine.doctor import Examined

_COLUMNS: Final = (
    Column("endpoint", word("endpoint"), whole=True),
    Column("technology", Text("技术", "technology")),
    Column("state", Text("状态", "state")),
    Column("clock", Text("时钟", "clock")),
    Column("lease", Text("租约", "lease")),
    Column("lingering", Text("收回后最长可用", "revoked, accepted for"), right=True),
    Column("measured", Text("实测", "measured")),
)
_STATES: Final = {
    "well": Text("正常", "well"),
    "refused": Text("拒绝访问", "refuses us"),
    "unreachable": Text("无应答", "unreachable"),
}


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    summary = Text(
        "检查接入点: 连通、权限、服务、时钟、租约、凭据失效时间",
        "examine the endpoints: access, services, clocks, leases, how fast credentials end",
    )
    command(app, "doctor", summary)(doctor)


def doctor(
    session: Session,
    *,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help=said(
                "签发一个只读凭据并收回, 实测各服务多久拒绝它, 最长 1 分钟",
                "issue a credential that only looks, revoke it, and time until each service refuses it; "
                "a minute at most",
            ),
        ),
    ] = False,
) -> int:
    """Exit code 3 where an endpoint does not answer, 1 where something must be mended."""
    from yunjin.engine.doctor import examine

    with desk(session) as at, waiting(session, Text("正在检查接入点", "examining the endpoints")):
        leases = {fence.endpoint: fence.holder.name for fence in at.store.leases.held()}
        examined = examine(at, probe=probe)
    if session.output is not Output.TABLE:
        show_value(session, [_for_programs(each, leases.get(each.endpoint.id)) for each in examined])
    else:
        show_rows(session, _COLUMNS, [_row(each, leases.get(each.endpoint.id)) for each in examined])
        _show_complaints(session, examined)
    return _exit_code(session, examined)


def _row(each: Examined, ours: str | None) -> Row:
    return {
        "endpoint": each.endpoint.id,
        "technology": each.endpoint.technology,
        "state": _STATES.get(each.state) or word("simulated"),
        "clock": _clock(each.health.ahead),
        "lease": _holder(each, ours),
        "lingering": _seconds(each.lingering) if each.lingering is not None else None,
        "measured": [
            Text(f"{service} {_seconds(seconds).zh}", f"{service} {_seconds(seconds).en}")
            for service, seconds in (each.measured or {}).items()
        ],
    }


def _for_programs(each: Examined, ours: str | None) -> Row:
    ahead = each.health.ahead
    return {
        "endpoint": each.endpoint.id,
        "technology": each.endpoint.technology,
        "state": each.state,
        "ahead_seconds": None if ahead is None else ahead.total_seconds(),
        "lease": _holder(each, ours),
        "missing": list(each.health.missing),
        "accepted_seconds": each.lingering,
        "measured_seconds": None if each.measured is None else dict(each.measured),
        "complaints": [
            {"severity": c.severity.value, "message": plain(c.message), "remedy": plain(c.remedy)}
            for c in each.complaints
        ],
    }


def _holder(each: Examined, ours: str | None) -> str | None:
    """Who may write now: by the endpoint's own lease, else by that of the state database."""
    from yunjin.engine.doctor import holder_name

    return holder_name(each.health.holder) if each.health.holder else ours


def _clock(ahead: timedelta | None) -> Text | None:
    if ahead is None:
        return None
    if not ahead:
        return Text("一致", "agrees")
    return Text(f"{ahead.total_seconds():+.0f} 秒", f"{ahead.total_seconds():+.0f} s")


def _seconds(seconds: float | None) -> Text:
    if seconds is None:
        return Text("超过 1 分钟", "over a minute")
    return Text(f"{seconds:.0f} 秒", f"{seconds:.0f} s")


def _show_complaints(session: Session, examined: Sequence[Examined]) -> None:
    out = console()
    complaints = [complaint for each in examined for complaint in each.complaints]
    for severity in Severity:
        for complaint in complaints:
            if complaint.severity is severity:
                lead = severity_label(severity.value, session.lang)
                show_entry(out, lead, complaint.message.of(session.lang))
                show_entry(out, INDENT, f"→ {complaint.remedy.of(session.lang)}", "dim")


def _exit_code(session: Session, examined: Sequence[Examined]) -> int:
    if any(each.state == "unreachable" for each in examined):
        return UnreachableError.exit_code
    stops = {Severity.ERROR, Severity.WARNING} if session.strict else {Severity.ERROR}
    return int(any(complaint.severity in stops for each in examined for complaint in each.complaints))
