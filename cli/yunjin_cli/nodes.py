"""Nodes and moments of the ledger as people write them on the command line.

Used by `yunjin_cli.commands.{ledger,grant,allot}`. Promises that what is short is taken only where it can
mean one thing, and that near ones are proposed where it means none.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.times import TIME_ZONE
from yunjin_cli.commands.estate import ids
from yunjin_cli.session import business_date, moment
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from yunjin.errors import Lang
    from yunjin.ledger.history import When
    from yunjin.model.estate import Estate
    from yunjin.store import Store
    from yunjin_cli.session import Session

_LANGS: Final[tuple[Lang, Lang]] = ("zh", "en")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _node_names(estate: Estate, day: date) -> dict[str, Text]:
    nodes = [
        *(f"bureau/{each}" for each in estate.bureaus),
        *(f"area/{each}" for each in estate.areas),
        *(f"tenant/{each}" for each in estate.tenants),
    ]
    return {node: estate.owner_name(node, day) for node in nodes}


def _leaf_names(estate: Estate, day: date) -> dict[str, Text]:
    return {
        row.node.removeprefix("leaf/"): estate.owner_name(f"tenant/{row.tenant}", day)
        for row in estate.leaf_rows
    }


NodeArgument = Annotated[
    str,
    typer.Argument(
        help=said("单位, 如 bureau/jtj、tenant/jtj", "node: bureau/jtj, tenant/jtj"),
        autocompletion=ids(_node_names),
    ),
]
NodeOption = Annotated[
    str | None,
    typer.Option(
        "--node", help=said("只看此单位及其下级", "of this node and below"), autocompletion=ids(_node_names)
    ),
]
LeafArgument = Annotated[
    str | None,
    typer.Argument(
        help=said("命名空间/项目, 如 k8s-egov/jtj-egov", "namespace or project: k8s-egov/jtj-egov"),
        autocompletion=ids(_leaf_names),
    ),
]
RecordedOption = Annotated[
    str | None,
    typer.Option(
        "--recorded-by",
        metavar="YYYY-MM-DD[THH:MM]",
        help=said("按此时已登记的内容回答", "by what was on record then"),
    ),
]
KeyOption = Annotated[
    str,
    typer.Option("--key", help=said("业务流水号, 重复提交只办一次", "key: sent twice, it is done once")),
]


def nodes_of(store: Store) -> Collection[str]:
    """Every node that the ledger knows and that is in use."""
    from yunjin.ledger import books

    nodes = books.read(store.database, {books.NODES}).nodes
    return [name for name, node in nodes.items() if node.ended is None]


def one_of(nodes: Collection[str], written: str, asked: Text | None = None) -> str:
    """The node that is meant: its id, or the end of it where no other ends so.

    Args:
        nodes: all there are.
        written: by a person.
        asked: of which time they are, where it is not now.

    Raises:
        UsageError: it means none, or several.
    """
    time = asked or Text("", "")
    if written in nodes:
        return written
    meant = sorted(node for node in nodes if node.endswith(f"/{written}"))
    if len(meant) == 1:
        return meant[0]
    near = meant or get_close_matches(written, sorted(nodes), n=5)
    listed = ", ".join(near)
    message = (
        Text(f"{written} 所指不止一个", f"{written} may mean several nodes")
        if meant
        else Text(f"资源台账中没有 {written}{time.zh}", f"the ledger has no {written}{time.en}")
    )
    raise UsageError(
        message,
        Text(f"写明其中之一: {listed}", f"write one of {listed}")
        if near
        else Text("用 yunjin ledger show 核对编号", "check the id with `yunjin ledger show`"),
    )


def asked_when(session: Session, recorded_by: str | None) -> When:
    """Of which time a question is: the counters of now, unless a day or a moment is given."""
    from yunjin.ledger.history import When

    recorded = None if recorded_by is None else _moment(recorded_by)
    return When(session.as_of if session.dated else None, recorded)


def time_text(when: When) -> Text | None:
    """Of which time an answer is, in brackets; None of now."""
    from yunjin.model.formats import date_text

    parts = []
    if when.day:
        parts.append(Text(date_text(when.day, "zh"), date_text(when.day, "en")))
    if when.recorded_by:
        at = moment(when.recorded_by)
        parts.append(Text(f"按 {at} 的登记", f"as on record at {at}"))
    zh, en = (", ".join(part.of(lang) for part in parts) for lang in _LANGS)
    return Text(f" ({zh})", f" ({en})") if parts else None


def _moment(written: str) -> datetime:
    """A moment in the city's zone unless it says its own; of a day, its last."""
    if _DAY.fullmatch(written):
        end = datetime.combine(business_date(written) + timedelta(days=1), time(), TIME_ZONE)
        return end - timedelta(microseconds=1)
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise UsageError(
            Text(f"时间 {written!r} 无法识别", f"{written!r} is no moment"),
            Text("写成 2026-11-22 或 2026-11-22T09:30 的形式", "write 2026-11-22 or 2026-11-22T09:30"),
        ) from None
    business_date(found.date().isoformat())  # of another age it cannot be brought into another zone
    return found if found.tzinfo else found.replace(tzinfo=TIME_ZONE)
