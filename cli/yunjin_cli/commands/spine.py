"""Commands of the spine: validate, plan, apply, status.

Calls `yunjin.engine`; hands it the rules of `yunjin_policies`. Holds no decision of its own: what is approved is
the verdict plus `--yes` or the answer at the terminal.
"""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.apply import Settings
from yunjin.engine.endpoints import accesses, connect
from yunjin.engine.spine import Judged, Spine, finding_value
from yunjin.engine.stored import newest, read_plan, remember
from yunjin.errors import RefusalError, Text
from yunjin.model.change import Outcome, Severity
from yunjin.model.words import word
from yunjin.store import Store
from yunjin_cli.output import (
    Column,
    Row,
    progress,
    say,
    show_findings,
    show_rows,
    show_value,
)
from yunjin_cli.session import Output, Session, command, moment, said
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from yunjin.model.change import Change, Finding, Plan, Receipt
    from yunjin.model.estate import Estate

UNREACHABLE = 3


@contextmanager
def spine(session: Session, estate: Estate, access: Mapping[str, str] | None = None) -> Iterator[Spine]:
    """The spine of one call, with its store and connections open."""
    with Store.open(session.state) as store:
        reached = access or accesses(estate, session.kubeconfig)
        with connect(estate, session.state, reached) as endpoints:
            yield Spine(estate, session.as_of, endpoints, store, RULES)


def severity_exit(session: Session, findings: Sequence[Finding]) -> int:
    """1 where a finding stops an apply; `--strict` lets warnings stop one too."""
    stopping = {Severity.ERROR, Severity.WARNING} if session.strict else {Severity.ERROR}
    return int(any(finding.severity in stopping for finding in findings))


def count_text(findings: Sequence[Finding]) -> Text:
    """How many of each severity."""
    counts = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    return Text(
        f"错误 {counts[Severity.ERROR]} 项, 警告 {counts[Severity.WARNING]} 项, 提示 {counts[Severity.NOTICE]} 项",
        f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings, {counts[Severity.NOTICE]} notices",
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    command(app, "validate", Text("校验申报文件和规则", "check the declared files against the rules"))(
        validate
    )
    command(app, "plan", Text("生成变更方案并审查", "make the plan of changes and judge it"))(plan)
    command(app, "apply", Text("下发执行变更方案", "apply a plan of changes"))(apply)
    command(app, "status", Text("查看接入点、执行记录和租约", "show endpoints, runs and leases"))(status)


def validate(
    session: Session,
    full: Annotated[bool, typer.Option("--full", help=said("连同提示一并列出", "list notices too"))] = False,  # noqa: FBT002 (an option)
) -> int:
    """Load everything declared and run the rules that need no endpoint."""
    estate = session.estate()
    findings = Spine.validate(estate, session.as_of, RULES)
    if session.output is not Output.TABLE:
        show_value(session, {"estate": estate.digest, "findings": [finding_value(f) for f in findings]})
        return severity_exit(session, findings)
    show_findings(session, findings, full=full)
    say(session, Text(f"校验完成: {count_text(findings).zh}", f"checked: {count_text(findings).en}"))
    return severity_exit(session, findings)


def plan(
    session: Session,
    out: Annotated[
        Path | None, typer.Option("--out", help=said("方案另存为文件", "write the plan to a file"))
    ] = None,
) -> int:
    """Read the endpoints, compute the changes, judge them, and keep the plan for `apply`."""
    estate = session.estate()
    with spine(session, estate) as made:
        with progress() as bar:
            task = bar.add_task(session.say(Text("观测", "observing")), total=None)
            judged = made.plan()
            bar.update(task, completed=1, total=1)
        remember(made.store, judged, out)
    show_judged(session, judged)
    return _judged_exit(session, judged)


def _judged_exit(session: Session, judged: Judged) -> int:
    return UNREACHABLE if judged.plan.unknown else severity_exit(session, judged.verdict.findings)


def show_judged(session: Session, judged: Judged) -> None:
    """A plan and what the rules say of it."""
    if session.output is not Output.TABLE:
        show_value(session, judged.value())
        return
    made = judged.plan
    show_changes(session, made)
    show_findings(session, judged.verdict.findings)
    if judged.left:
        say(
            session,
            Text(
                f"{word('drift').zh} {judged.left} 项, 按策略只上报, 见 yunjin drift",
                f"{judged.left} objects drifted; their policy is to report, see yunjin drift",
            ),
            "yellow",
        )
    changes = len(made.changes)
    destructive = sum(change.destructive for change in made.changes)
    losing = (
        Text(f", 其中删除 {destructive} 项", f", {destructive} of them removals")
        if destructive
        else Text("", "")
    )
    say(
        session,
        Text(
            f"变更方案 {judged.hash[:12]}: {made.leaves} 个命名空间/项目, {changes} 项变更{losing.zh}, "
            f"{made.unchanged} 项无需变更; {count_text(judged.verdict.findings).zh}",
            f"plan {judged.hash[:12]}: {made.leaves} namespaces/projects, {changes} changes{losing.en}, "
            f"{made.unchanged} unchanged; {count_text(judged.verdict.findings).en}",
        ),
        "bold",
    )


_CHANGES = (
    Column("action", Text("操作", "action")),
    Column("endpoint", Text("接入点", "endpoint")),
    Column("leaf", Text("命名空间/项目", "namespace/project")),
    Column("kinds", Text("对象", "objects")),
    Column("detail", Text("内容", "detail")),
)
MOST_ROWS = 200


def show_changes(session: Session, made: Plan) -> None:
    """Changes by leaf and action; removals always in full."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in made.changes:
        groups.setdefault((change.action.value, change.key.endpoint, change.leaf), []).append(change)
    rows: list[Row] = []
    for (action, endpoint, leaf), changes in sorted(
        groups.items(), key=lambda item: (item[0][1], item[0][2])
    ):
        detail = "; ".join(
            f"{d.path}: {_short(d.observed)} → {_short(d.wanted)}"
            for change in changes
            if action == "update"
            for d in change.differences[:4]
        )
        kinds = [
            f"{change.key.kind}/{change.key.name}" if action != "create" else change.key.kind
            for change in changes
        ]
        rows.append(
            {
                "action": word(f"action.{action}"),
                "endpoint": endpoint,
                "leaf": leaf or Text("(全接入点)", "(whole endpoint)"),
                "kinds": f"{len(changes)} × {', '.join(sorted(set(kinds))[:4])}{' …' if len(set(kinds)) > 4 else ''}",  # noqa: PLR2004 (what fits a line)
                "detail": detail,
            }
        )
    if rows:
        show_rows(session, _CHANGES, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        more = len(rows) - MOST_ROWS
        say(session, Text(f"另有 {more} 行, 见 --output json", f"{more} more rows, see --output json"), "dim")


def _short(value: object) -> str:
    text = "—" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 (what fits a line)


def apply(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(help=said("方案文件, 缺省用最近的方案", "plan file, else the newest plan")),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=said("不再询问", "do not ask"))] = False,
    allow_destroy: Annotated[
        bool, typer.Option("--allow-destroy", help=said("允许删除", "allow removals"))
    ] = False,
    wait_quota: Annotated[
        float,
        typer.Option("--wait-quota", min=0, help=said("等待配额生效的秒数", "seconds to wait for quotas")),
    ] = 120.0,
    lock_timeout: Annotated[
        float,
        typer.Option("--lock-timeout", min=0, help=said("等待租约的秒数", "seconds to wait for leases")),
    ] = 30.0,
) -> int:
    """Judge the plan once more, ask, and make its changes; what has moved is skipped and reported."""
    estate = session.estate()
    with Store.open(session.state) as store:
        stored = read_plan(file) if file else newest(store)
    stored.still_declared(estate)
    access = {name: binding.access for name, binding in stored.plan.bindings.items()}
    if session.kubeconfig:
        access = accesses(estate, session.kubeconfig)
    settings = Settings(allow_destroy=allow_destroy, wait_quota=wait_quota, lock_timeout=lock_timeout)
    with spine(session, estate, access) as made:
        judged = made.judge(stored.plan)
        show_findings(session, judged.verdict.findings)
        consent(session, judged, yes=yes)
        receipts = apply_with_bar(session, made, judged, settings)
    show_receipts(session, judged, receipts)
    return receipts_exit(session, judged, receipts)


def receipts_exit(session: Session, judged: Judged, receipts: Sequence[Receipt]) -> int:
    """0 where everything stands as planned."""
    if judged.plan.unknown:
        return UNREACHABLE
    if not all(receipt.settled for receipt in receipts):
        return 1
    return severity_exit(session, judged.verdict.findings)


def agreed(session: Session, question: Text, *, yes: bool) -> None:
    """Somebody's consent: `--yes`, or the answer at the terminal.

    Raises:
        RefusalError: neither was given.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusalError(
            Text("未经同意不作变更", "nothing is changed without consent"),
            Text("加上 --yes, 或在终端中执行并回答", "add --yes, or run it at a terminal and answer"),
        )
    if not typer.confirm(session.say(question)):
        raise RefusalError(Text("已取消, 未作任何变更", "cancelled, nothing was changed"))


def consent(session: Session, judged: Judged, *, yes: bool) -> None:
    """Consent to a plan; one without changes needs none."""
    count = len(judged.plan.changes)
    agreed(session, Text(f"下发执行 {count} 项变更?", f"apply {count} changes?"), yes=yes or not count)


def apply_with_bar(session: Session, made: Spine, judged: Judged, settings: Settings) -> tuple[Receipt, ...]:
    """Apply, with a bar on a terminal."""
    with progress() as bar:
        task = bar.add_task(session.say(Text("下发执行", "applying")), total=len(judged.plan.changes))
        return made.apply(judged, settings, getpass.getuser(), lambda _: bar.advance(task))


def outcome_counts(receipts: Sequence[Receipt]) -> dict[str, int]:
    """How many receipts of each outcome; outcomes that did not occur are left out."""
    counts = {outcome.value: sum(r.outcome is outcome for r in receipts) for outcome in Outcome}
    return {outcome: count for outcome, count in counts.items() if count}


def show_receipts(session: Session, judged: Judged, receipts: Sequence[Receipt]) -> None:
    """How the changes ended, those that did not end well one by one."""
    if session.output is not Output.TABLE:
        rows = [
            {
                "key": str(r.change.key),
                "action": r.change.action.value,
                "outcome": r.outcome.value,
                "reason": r.reason,
            }
            for r in receipts
        ]
        show_value(session, {"plan": judged.hash, "counts": outcome_counts(receipts), "receipts": rows})
        return
    bad = [receipt for receipt in receipts if not receipt.settled]
    if bad:
        columns = (
            Column("key", Text("对象", "object")),
            Column("outcome", Text("结果", "outcome")),
            Column("reason", Text("原因", "reason")),
        )
        show_rows(
            session,
            columns,
            [
                {"key": str(r.change.key), "outcome": word(f"outcome.{r.outcome.value}"), "reason": r.reason}
                for r in bad[:MOST_ROWS]
            ],
        )
    counts = outcome_counts(receipts)
    words = {name: word(f"outcome.{name}") for name in counts}
    zh = ", ".join(f"{words[name].zh} {count} 项" for name, count in counts.items()) or "无变更, 写入 0 项"
    en = ", ".join(f"{count} {words[name].en}" for name, count in counts.items()) or "no changes, 0 writes"
    say(session, Text(f"下发执行完成: {zh}", f"applied: {en}"), "bold red" if bad else "bold green")


def status(session: Session) -> int:
    """Endpoints and how they are reached, leases held, the last runs and what they left in doubt."""
    estate = session.estate()
    reached = accesses(estate, session.kubeconfig)
    with Store.open(session.state) as store:
        leases = {fence.endpoint: fence for fence in store.leases.held()}
        runs = store.journal.runs(10)
        doubt = {run.id: len(entries) for run, entries in store.journal.unfinished()}
    endpoints: list[Row] = [
        {
            "id": endpoint.id,
            "technology": endpoint.technology,
            "state": Text("在用", "live") if endpoint.state == "live" else Text("规划中", "planned"),
            "access": reached.get(endpoint.id),
            "lease": leases[endpoint.id].holder.name if endpoint.id in leases else None,
        }
        for endpoint in estate.endpoints.values()
    ]
    runs_rows: list[Row] = [
        {
            "id": run.id,
            "plan": run.plan[:12],
            "actor": run.actor,
            "started": moment(run.started),
            "state": run.state,
            "counts": dict(run.counts),
            "doubt": doubt.get(run.id, 0),
        }
        for run in runs
    ]
    if session.output is not Output.TABLE:
        show_value(session, {"endpoints": endpoints, "runs": runs_rows})
        return 0
    show_rows(session, _ENDPOINTS, endpoints, Text("接入点", "Endpoints"))
    show_rows(session, _RUNS, runs_rows, Text("最近的执行", "Last runs"))
    return 0


_ENDPOINTS = (
    Column("id", Text("编号", "id")),
    Column("technology", Text("技术", "technology")),
    Column("state", Text("状态", "state")),
    Column("access", Text("接入方式", "access")),
    Column("lease", Text("租约持有者", "lease held by")),
)
_RUNS = (
    Column("id", Text("序号", "run"), right=True),
    Column("plan", Text("变更方案", "plan")),
    Column("actor", Text("执行人", "actor")),
    Column("started", Text("开始", "started")),
    Column("state", Text("状态", "state")),
    Column("counts", Text("结果", "outcomes")),
    Column("doubt", Text("待核实", "in doubt"), right=True),
)
