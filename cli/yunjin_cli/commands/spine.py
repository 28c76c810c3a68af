"""Commands of the spine: validate, plan, apply, status.

Calls `yunjin.engine`; hands it the rules of `yunjin_policies`. Holds no decision of its own: what is approved
is the verdict plus `--yes` or the answer at the terminal.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import RefusalError, Text
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.commands.clocks import show_to_come, to_come
from yunjin_cli.findings import count_text, show_findings, stopping
from yunjin_cli.in_use import in_use_rows, show_in_use
from yunjin_cli.output import Column, Row, Told, progress, say, show_rows, show_value, waiting
from yunjin_cli.plans import counts_text, declared_rules, show_judged, show_receipts, unknown_exit
from yunjin_cli.session import Output, Session, command, moment
from yunjin_cli.signals import asked_to_stop
from yunjin_cli.speech import counted, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from yunjin.apply import Settings
    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate


WaitQuotaOption = Annotated[
    float | None,
    typer.Option(
        "--wait-quota",
        min=0,
        metavar="S",
        help=said(
            "等待配额生效的秒数, 缺省按策略 wait-quota", "seconds to wait for quotas, else as policy says"
        ),
    ),
]


@contextmanager
def spine(session: Session, estate: Estate, access: Mapping[str, str] | None = None) -> Iterator[Spine]:
    """The spine of one call, with its store and connections open."""
    from yunjin.engine.endpoints import connect
    from yunjin.engine.spine import Spine
    from yunjin_policies import RULES

    with session.store() as store:
        reached = access or session.accesses(estate)
        with connect(estate, session.state, reached) as endpoints:
            yield Spine(estate, session.as_of, endpoints, store, RULES)


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
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            help=said(
                "按导出的台账(yunjin ledger export)判断额度", "judge quotas against an exported ledger"
            ),
        ),
    ] = None,
    snapshot_key: Annotated[
        Path | None,
        typer.Option(
            "--snapshot-key",
            help=said("验证其签名的 Ed25519 公钥", "public Ed25519 key its signature is checked with"),
        ),
    ] = None,
) -> int:
    """Load everything declared and run the rules that need no endpoint."""
    from yunjin.policy import Facts, run
    from yunjin_policies import RULES

    estate = session.estate()
    ledger = None
    if snapshot:
        from yunjin.engine import snapshots

        ledger = snapshots.facts(snapshot, snapshot_key, estate)
    findings = run(RULES, Facts(estate, session.as_of, ledger=ledger))
    if session.output is not Output.TABLE:
        from yunjin.engine.spine import finding_value

        show_value(session, {"estate": estate.digest, "findings": [finding_value(f) for f in findings]})
    show_findings(session, findings, full=full)
    counts = count_text(findings)
    say(session, Text(f"校验完成: {counts.zh}", f"checked: {counts.en}"), "bold")
    return int(bool(stopping(session, findings)))


def plan(
    session: Session,
    out: Annotated[
        Path | None, typer.Option("--out", help=said("方案另存为文件", "write the plan to a file"))
    ] = None,
) -> int:
    """Read the endpoints, compute the changes, judge them, and keep the plan for `apply`."""
    from yunjin.engine.stored import remember

    estate = session.estate()
    with spine(session, estate) as made:
        with waiting(session, Text("正在观测接入点", "observing the endpoints")):
            judged = made.plan()
        remember(made.store, judged, out)
        leaves = made.leaves()
    show_judged(session, judged, leaves)
    return unknown_exit(judged.plan) or int(bool(stopping(session, judged.verdict.findings)))


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
    wait_quota: WaitQuotaOption = None,
    lock_timeout: Annotated[
        float | None,
        typer.Option(
            "--lock-timeout",
            min=0,
            metavar="S",
            help=said(
                "等待租约的秒数, 缺省按策略 lock-timeout", "seconds to wait for leases, else as policy says"
            ),
        ),
    ] = None,
) -> int:
    """Judge the plan once more, ask, and make its changes; what has moved is skipped and reported."""
    from yunjin.engine.choices import patience
    from yunjin.engine.stored import newest, read_plan

    estate = session.estate()
    with session.store() as store:
        stored = read_plan(file) if file else newest(store)
        if file:
            stored.made_here(store)
    stored.still_declared(estate)
    access = {name: binding.access for name, binding in stored.plan.bindings.items()}
    if session.kubeconfig or session.os_cloud:
        access = session.accesses(estate)
    settings = patience(estate, wait_quota=wait_quota, lock_timeout=lock_timeout, allow_destroy=allow_destroy)
    with spine(session, estate, access) as made:
        judged = made.judge(stored.plan)
        if yes:
            show_findings(session, judged.verdict.findings, known=declared_rules())
        elif session.output is Output.TABLE:
            show_judged(session, judged, made.leaves())
        refuse_stopped(session, judged)
        if allow_destroy or not any(change.destructive for change in judged.plan.changes):
            consent(session, judged, yes=yes)
        receipts = apply_with_bar(session, made, judged, settings)
    show_receipts(session, judged, receipts)
    return receipts_exit(judged, receipts)


def refuse_stopped(session: Session, judged: Judged) -> None:
    """Say no where a finding stops the apply: errors do, and with `--strict` warnings too.

    People have just read the findings; a program reads the first one in the refusal of `yunjin.apply`.

    Raises:
        RefusalError: there is one.
    """
    stops = len(stopping(session, judged.verdict.findings))
    if stops and judged.verdict.approved:
        raise RefusalError(
            Text(
                f"变更方案有 {stops} 项警告, 按 --strict 不予下发",
                f"the plan has {counted(stops, 'warning')}, counted as errors by --strict",
            ),
            Text("处理这些警告, 或去掉 --strict", "see to them, or leave out --strict"),
        )
    if stops and session.output is Output.TABLE:
        raise RefusalError(
            Text(f"变更方案有 {stops} 处错误, 不予下发", f"refused for {counted(stops, 'finding')}")
        )


def receipts_exit(judged: Judged, receipts: Sequence[Receipt]) -> int:
    """0 where everything stands as planned."""
    return unknown_exit(judged.plan) or int(not all(receipt.settled for receipt in receipts))


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
    typer.echo(f"{session.say(question)} [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes", "是"}:
        raise RefusalError(Text("已取消, 未作任何变更", "cancelled, nothing was changed"))


def consent(session: Session, judged: Judged, *, yes: bool) -> None:
    """Consent to a plan; one without changes needs none."""
    count = len(judged.plan.changes)
    question = Text(f"下发执行 {count} 项变更?", f"apply {counted(count, 'change')}?")
    agreed(session, question, yes=yes or not count)


def apply_with_bar(session: Session, made: Spine, judged: Judged, settings: Settings) -> tuple[Receipt, ...]:
    """Apply, with a bar on a terminal, until done or asked to stop."""
    with progress() as bar, asked_to_stop() as stop:
        task = bar.add_task(session.say(Text("下发执行", "applying")), total=len(judged.plan.changes))
        heeding = replace(settings, stop=stop)
        return made.apply(judged, heeding, actor(), lambda _: bar.advance(task))


_ENDPOINTS = (
    Column("id", Text("编号", "id"), whole=True),
    Column("technology", Text("技术", "technology")),
    Column("state", Text("状态", "state")),
    Column("access", Text("接入方式", "access")),
    Column("lease", Text("租约持有者", "lease held by")),
)
_RUNS = (
    Column("id", Text("序号", "run"), right=True),
    Column("plan", word("plan"), whole=True),
    Column("actor", Text("执行人", "actor")),
    Column("started", Text("开始", "started"), whole=True),
    Column("state", Text("状态", "state")),
    Column("counts", Text("结果", "outcomes")),
    Column("doubt", word("outcome.before"), right=True),
)
_STATES = {
    "live": Text("在用", "live"),
    "planned": Text("规划中", "planned"),
    "running": Text("未结束", "not ended"),
    "finished": Text("已结束", "finished"),
    "interrupted": Text("曾中断", "interrupted"),
}


def status(session: Session) -> int:
    """Endpoints, leases, last runs and what they left in doubt, quota that is still used, days to come."""
    from yunjin.engine.endpoints import SIMULATED

    estate = session.estate()
    reached = session.accesses(estate)
    with session.store() as store:
        leases = {fence.endpoint: fence for fence in store.leases.held()}
        runs = store.journal.runs(10)
        doubt = {run.id: len(entries) for run, entries in store.journal.unfinished()}
        in_use = in_use_rows(session, store)
        coming = to_come(session, estate, store)
    endpoints: list[Row] = []
    for endpoint in estate.endpoints.values():
        access = reached.get(endpoint.id)
        shown = word("simulated") if access == SIMULATED else Text(access or "—", access or "—")
        endpoints.append(
            {
                "id": endpoint.id,
                "technology": endpoint.technology,
                "state": Told(endpoint.state, _STATES[endpoint.state]),
                "access": Told(access, shown),
                "lease": leases[endpoint.id].holder.name if endpoint.id in leases else None,
            }
        )
    rows: list[Row] = [
        {
            "id": run.id,
            "plan": Told(run.plan, Text(run.plan[:12], run.plan[:12])),
            "actor": run.actor,
            "started": Told(run.started, Text(moment(run.started), moment(run.started))),
            "state": Told(run.state, _STATES[run.state]),
            "counts": Told(dict(run.counts), counts_text(run.counts)),
            "doubt": doubt.get(run.id, 0),
        }
        for run in runs
    ]
    if session.output is not Output.TABLE:
        show_value(session, {"endpoints": endpoints, "runs": rows, "in_use": in_use, **coming})
        return 0
    show_rows(session, _ENDPOINTS, endpoints, Text("接入点", "Endpoints"))
    if rows:
        show_rows(session, _RUNS, rows, Text("最近的执行", "Last runs"))
    show_in_use(session, in_use)
    show_to_come(session, coming)
    return 0
