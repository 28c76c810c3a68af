"""How findings of rules are shown to people.

Used by `yunjin_cli.commands`; calls rich through `output`. Promises that errors stand first and in full, that
a remedy is said once for all findings it mends, and that what `yunjin validate` shows is not shown again and
again.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin.model.change import Severity
from yunjin_cli.output import INDENT, console, severity_label, show_entry
from yunjin_cli.session import Output
from yunjin_cli.speech import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from yunjin.model.change import Finding
    from yunjin_cli.session import Session


def stopping(session: Session, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that stop an apply: errors, and with `--strict` warnings too."""
    severities = {Severity.ERROR, Severity.WARNING} if session.strict else {Severity.ERROR}
    return tuple(finding for finding in findings if finding.severity in severities)


def count_text(findings: Sequence[Finding]) -> Text:
    """How many of each severity."""
    errors, warnings, notices = (sum(f.severity is severity for f in findings) for severity in Severity)
    return Text(
        f"错误 {errors} 项, 警告 {warnings} 项, 提示 {notices} 项",
        f"{counted(errors, 'error')}, {counted(warnings, 'warning')}, {counted(notices, 'notice')}",
    )


def show_findings(
    session: Session, findings: Sequence[Finding], *, full: bool = False, known: Collection[str] = ()
) -> None:
    """Findings, errors first.

    Args:
        session: whose language and form; a program reads findings elsewhere.
        findings: in the order of their rules.
        full: notices too.
        known: ids of rules about the declared files; their warnings are only counted.
    """
    if session.output is not Output.TABLE:
        return
    shown = set(Severity) if full else {Severity.ERROR, Severity.WARNING}
    stops = stopping(session, findings)
    counted = [f for f in findings if f.severity is Severity.WARNING and f.rule in known and f not in stops]
    listed = [f for f in findings if f.severity in shown and f not in counted]
    for severity in Severity:
        same = [finding for finding in listed if finding.severity is severity]
        for _, group in groupby(same, key=lambda finding: (finding.rule, finding.remedy)):
            _show_group(session, list(group))
    if counted:
        rules = {f.rule: sum(other.rule == f.rule for other in counted) for f in counted}
        what = ", ".join(f"{rule} × {count}" for rule, count in rules.items())
        text = Text(
            f"申报文件有 {len(counted)} 项({what}), 详见 yunjin validate",
            f"{len(counted)} about the declared files ({what}), see yunjin validate",
        )
        lead = severity_label(Severity.WARNING, session.lang)
        show_entry(console(), lead, text.of(session.lang))


def _show_group(session: Session, group: Sequence[Finding]) -> None:
    """Findings of one rule with one remedy."""
    out = console()
    for finding in group:
        lead = severity_label(finding.severity.value, session.lang).append(f"{finding.rule} ")
        show_entry(out, lead, finding.message.of(session.lang))
        if finding.place:
            show_entry(out, INDENT, str(finding.place), "dim")
    show_entry(out, INDENT, f"→ {group[0].remedy.of(session.lang)}", "dim")
