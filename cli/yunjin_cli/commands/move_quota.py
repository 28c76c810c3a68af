"""`yunjin tenant move-quota`: quota of a tenant from one of its pools to another of them.

Calls `yunjin.engine.moving`. Nothing is written before somebody consented; without consent the ledger holds
nothing of it either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.amounts import Asked, CpuOption, DimensionOption, MemoryOption, StorageOption
from yunjin_cli.commands.estate import found
from yunjin_cli.commands.spine import (
    WaitQuotaOption,
    apply_with_bar,
    consent,
    receipts_exit,
    refuse_stopped,
    spine,
)
from yunjin_cli.nodes import KeyOption  # noqa: TC001 (typer reads it)
from yunjin_cli.output import figures, say, show_value
from yunjin_cli.plans import receipts_value, show_judged, show_receipts
from yunjin_cli.session import Output, Session, command
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from yunjin.engine.moving import Progress


def register(app: typer.Typer) -> None:
    """Add the command to those about tenants."""
    command(
        app, "move-quota", Text("在本单位的两个资源池之间调剂额度", "move quota between two of its pools")
    )(move_quota)


def move_quota(
    session: Session,
    tenant: Annotated[str, typer.Argument(help=said("用云单位编号", "id of the tenant"))],
    *,
    source: Annotated[str, typer.Option("--from", metavar="POOL", help=said("调出的资源池", "taken from"))],
    target: Annotated[str, typer.Option("--to", metavar="POOL", help=said("调入的资源池", "given to"))],
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    dimension: DimensionOption = None,
    key: KeyOption = "",
    wait_quota: WaitQuotaOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=said("不再询问", "do not ask"))] = False,
) -> int:
    """First the one is lowered and seen in force, then the other is raised: never more than the grant."""
    from yunjin.engine import moving
    from yunjin.engine.choices import patience

    estate = session.estate()
    found(estate.tenants, tenant, word("tenant"))
    for pool in (source, target):
        found(estate.pools, pool, word("pool"))
    amounts = Asked(cpu, memory, storage, None, dimension or ()).amounts()
    move, who = moving.between(estate, tenant, source, target, amounts), actor()
    every = session.accesses(estate)
    reached = {endpoint: way for endpoint, way in every.items() if endpoint in move.endpoints}
    with spine(session, estate, reached) as made:
        number = moving.reserve(made, move, who, key)
        try:
            judged = moving.judged(made, move)
            if session.output is Output.TABLE:
                show_judged(session, judged, made.leaves())
            refuse_stopped(session, judged)
            consent(session, judged, yes=yes)
            moving.agree(made, number, who)
            receipts = apply_with_bar(session, made, judged, patience(estate, wait_quota=wait_quota))
        except BaseException:  # an interrupt at the question is a refusal, too
            moving.give_up(made, number, who)
            raise
        progress = moving.progress(made, number)
    if session.output is Output.TABLE:
        show_receipts(session, judged, receipts, "yunjin plan, yunjin apply")
    else:
        row = {"reservation": number, "from": source, "to": target, "amounts": figures(amounts)}
        show_value(session, {**row, "progress": progress.value, **receipts_value(judged, receipts)})
    say(session, _said(progress, tenant, source, target))
    return receipts_exit(judged, receipts) or int(progress is not moving.Progress.MOVED)


def _said(progress: Progress, tenant: str, source: str, target: str) -> Text:
    """How far it is, and what comes next."""
    return {
        "moved": Text(
            f"{tenant}: 额度已由 {source} 调入 {target}", f"{tenant}: moved from {source} to {target}"
        ),
        "lowering": Text(
            f"{tenant}: {source} 尚未降到位, 额度仍全部计在原处; 降到位后才调入 {target}",
            f"{tenant}: {source} is not lowered yet and is charged as before; {target} is raised after that",
        ),
        "raising": Text(
            f"{tenant}: {source} 已降低, {target} 尚未见生效",
            f"{tenant}: {source} is lowered, {target} not seen raised yet",
        ),
        "dropped": Text(
            f"{tenant}: 未能调入 {target}: 已无余量或已被释放, 见 yunjin ledger explain tenant/{tenant}",
            f"{tenant}: {target} has no room left or the move was given up; "
            f"see yunjin ledger explain tenant/{tenant}",
        ),
    }[progress.value]
