"""The command that says what a namespace or project shall hold.

Calls `yunjin.ledger`. What is asked for is charged at once and stands on the cluster once it is applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text, UsageError
from yunjin_cli.actor import actor
from yunjin_cli.amounts import Asked, CpuOption, DimensionOption, MemoryOption, PodsOption, StorageOption
from yunjin_cli.ledgers import opened
from yunjin_cli.nodes import KeyOption, LeafArgument, nodes_of, one_of
from yunjin_cli.output import Told, say, show_value
from yunjin_cli.reservations import ExpiryOption, lasting, reserved_row, say_reserved
from yunjin_cli.session import MOST_NUMBER, Output, Session, command
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from yunjin.ledger import Ledger
    from yunjin.store import Store

ReleaseOption = Annotated[
    int | None,
    typer.Option(
        "--release",
        metavar="NUMBER",
        min=1,
        max=MOST_NUMBER,
        help=said("释放此预占", "give this reservation up"),
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(app, "allot", Text("为命名空间/项目分配额度", "say what a namespace or project shall hold"))(
        allot
    )


def allot(
    session: Session,
    leaf: LeafArgument = None,
    *,
    cpu: CpuOption = None,
    memory: MemoryOption = None,
    storage: StorageOption = None,
    pods: PodsOption = None,
    dimension: DimensionOption = None,
    expires_in: ExpiryOption = None,
    release: ReleaseOption = None,
    key: KeyOption = "",
) -> int:
    """Figures are what it shall hold in all; what is not stated stays. With `--release`, give one up."""
    from yunjin.engine.units import require_whole

    estate = session.estate()
    stated = Asked(cpu, memory, storage, pods, dimension or ())
    if (leaf is None) == (release is None):
        raise UsageError(
            Text(
                "写明命名空间/项目, 或用 --release 写明预占序号", "name a leaf, or a reservation to --release"
            ),
            Text("二者写其一", "give one of the two"),
        )
    with opened(session, estate) as store:
        ledger = _ledger(store)
        if leaf is None or release is not None:
            return _release(session, ledger, release or 0, key)
        node, amounts = one_of(nodes_of(store), leaf), stated.amounts()
        require_whole(estate, node, amounts)
        made = ledger.allot(node, amounts, key=key, expires=lasting(estate, expires_in))
    if session.output is not Output.TABLE:
        show_value(session, reserved_row(node, made))
        return 0
    say_reserved(session, node, made)
    return 0


def _release(session: Session, ledger: Ledger, number: int, key: str) -> int:
    ledger.release(number, key=key)
    if session.output is not Output.TABLE:
        show_value(session, {"reservation": number, "state": Told("released", Text("已释放", "released"))})
    say(session, Text(f"预占 {number} 已释放", f"reservation {number} is given up"))
    return 0


def _ledger(store: Store) -> Ledger:
    from yunjin.ledger import Ledger

    return Ledger(store.database, store.now, actor())
