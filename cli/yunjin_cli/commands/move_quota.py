"""`yunjin tenant move-quota`: quota of a tenant from one of its pools to another of them.

Calls `yunjin.engine.moving`. Nothing is written before somebody consented; without consent the ledger holds
nothing of it either.
"""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from yunjin.errors import RefusalError, Text
from yunjin.model.words import word
from yunjin_cli.amounts import Asked, CpuOption, DimensionOption, MemoryOption, StorageOption
from yunjin_cli.commands.estate import found
from yunjin_cli.commands.spine import apply_with_bar, consent, receipts_exit, refuse_stopped, spine
from yunjin_cli.nodes import KeyOption  # noqa: TC001 (typer reads it)
from yunjin_cli.output import say
from yunjin_cli.plans import show_judged, show_receipts
from yunjin_cli.session import Output, Session, command
from yunjin_cli.speech import said


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
    yes: Annotated[bool, typer.Option("--yes", "-y", help=said("不再询问", "do not ask"))] = False,
) -> int:
    """First the one is lowered and seen in force, then the other is raised: never more than the grant."""
    from yunjin.engine import moving
    from yunjin.engine.choices import patience
    from yunjin.ledger import Ledger

    estate = session.estate()
    found(estate.tenants, tenant, word("tenant"))
    for pool in (source, target):
        found(estate.pools, pool, word("pool"))
    amounts = Asked(cpu, memory, storage, None, dimension or ()).amounts()
    move, actor = moving.between(estate, tenant, source, target, amounts), getpass.getuser()
    with spine(session, estate) as made:
        number = moving.reserve(made, move, actor, key)
        judged = moving.judged(made, move)
        if session.output is Output.TABLE:
            show_judged(session, judged, made.leaves())
        try:
            refuse_stopped(session, judged)
            consent(session, judged, yes=yes)
            receipts = apply_with_bar(session, made, judged, patience(estate))
        except RefusalError:
            Ledger(made.store.database, made.store.now, actor).release(number)
            raise
    show_receipts(session, judged, receipts)
    code = receipts_exit(judged, receipts)
    if not code:
        say(
            session,
            Text(f"{tenant}: 额度已由 {source} 调入 {target}", f"{tenant}: moved from {source} to {target}"),
        )
    return code
