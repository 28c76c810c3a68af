"""Changes of the organisation: rename, merge, split, transfer functions; list, cancel, carry out.

Calls `yunjin.engine.reorganisation`. Shows what a decision moves and what the rules say before it is put on
record; holds no decision of its own.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from yunjin.errors import Text, UsageError
from yunjin_cli.actor import actor
from yunjin_cli.amounts import listed
from yunjin_cli.commands.estate import BodyArgument, bureaus
from yunjin_cli.moves import reorganisation_row, show_planned, show_reorganisations
from yunjin_cli.output import Row, say, show_value
from yunjin_cli.session import MOST_NUMBER, Output, Session, command
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yunjin.engine.reorganisation import Reorganiser

bureau = bureaus
"""With the commands of `estate` that only look."""
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Effective = Annotated[
    str, typer.Option("--effective", metavar="YYYY-MM-DD", help=said("生效日期", "day it takes effect"))
]
BasisOption = Annotated[str, typer.Option("--basis", help=said("依据文件", "the document it rests on"))]
Zh = Annotated[str | None, typer.Option("--zh", help=said("中文名称", "Chinese name"))]
En = Annotated[str | None, typer.Option("--en", help=said("英文名称", "English name"))]
KindOption = Annotated[
    str | None, typer.Option("--kind", help=said("县区的类别, 如 district", "what an area is: district, ..."))
]
TenantsOf = Annotated[
    list[str] | None,
    typer.Option(
        "--tenant",
        help=said("随同划转的用云单位, 可多次或用逗号分隔", "a tenant that goes; repeat, or use commas"),
    ),
]
Below = Annotated[
    str | None,
    typer.Option(
        "--below",
        help=said("新部门的上级, 缺省与原部门同级", "parent of a new body, else the old one's"),
    ),
]
_AMOUNTS: Final = "POOL:cpu=8,memory=16Gi"
Share = Annotated[
    list[str] | None,
    typer.Option("--share", metavar=_AMOUNTS, help=said("划出的配额上限", "limit that goes along")),
]
ShareGuarantee = Annotated[
    list[str] | None,
    typer.Option(
        "--share-guarantee", metavar=_AMOUNTS, help=said("划出的保底额度", "guarantee that goes along")
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar=_AMOUNTS, help=said("留下的配额上限, 供核对", "limit that stays")),
]
KeepGuarantee = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-guarantee", metavar=_AMOUNTS, help=said("留下的保底额度, 供核对", "guarantee that stays")
    ),
]
Number = Annotated[
    int,
    typer.Argument(min=1, max=MOST_NUMBER, help=said("机构调整的序号", "number of the reorganisation")),
]


@command(bureaus, "rename", Text("部门或县区更名", "give a body another name"))
def rename(
    session: Session, body: BodyArgument, *, zh: Zh, en: En, effective: Effective, basis: BasisOption,
    kind: KindOption = None,
) -> int:  # fmt: skip
    """From a day on; tenants below it that bear its name follow."""
    with _desk(session) as desk:
        node = desk.node(body)
        terms = {"from": [], "into": node, "name": _name(zh, en, kind)}
        return desk.decide("rename", terms, effective, basis)


@command(bureaus, "merge", Text("部门合并", "merge bodies into one"))
def merge(
    session: Session, bodies: Annotated[list[str], typer.Argument(help=said("并入的部门", "who merges"))], *,
    into: Annotated[str, typer.Option("--into", help=said("合并后的部门", "the body they become"))],
    effective: Effective, basis: BasisOption, zh: Zh = None, en: En = None, below: Below = None,
) -> int:  # fmt: skip
    """Into one that exists or into a new one; tenants, namespaces and projects stay as they are."""
    with _desk(session) as desk:
        sources = [desk.node(body) for body in bodies]
        terms = {"from": sources, **desk.target(into, sources[0], below, _name(zh, en, None))}
        return desk.decide("merge", terms, effective, basis)


@command(bureaus, "split", Text("部门划分", "divide a body"))
def split(
    session: Session, body: BodyArgument, *,
    into: Annotated[str, typer.Option("--into", help=said("新部门的编号", "id of the new body"))],
    zh: Zh, en: En, tenant: TenantsOf, effective: Effective, basis: BasisOption, below: Below = None,
    share: Share = None, share_guarantee: ShareGuarantee = None, keep: Keep = None,
    keep_guarantee: KeepGuarantee = None,
) -> int:  # fmt: skip
    """Some tenants become a new body's, with a share; without one, with what they may use themselves."""
    with _desk(session) as desk:
        source = desk.node(body)
        desk.require_new(into)
        terms = {"from": [source], **desk.target(into, source, below, _name(zh, en, None))}
        amounts = _shares(share, share_guarantee, keep, keep_guarantee)
        return desk.decide("split", terms | _tenants(tenant) | amounts, effective, basis)


@command(bureaus, "transfer-function", Text("职能移交", "have another body lead an element"))
def transfer_function(
    session: Session, *,
    element: Annotated[str, typer.Option("--element", help=said("建设任务编号", "id of the element"))],
    source: Annotated[str, typer.Option("--from", help=said("移出的部门", "who led it"))],
    target: Annotated[str, typer.Option("--to", help=said("接收的部门", "who will"))],
    effective: Effective, basis: BasisOption, tenant: TenantsOf = None, share: Share = None,
    share_guarantee: ShareGuarantee = None, keep: Keep = None, keep_guarantee: KeepGuarantee = None,
) -> int:  # fmt: skip
    """The lead and its tasks; tenants go along where they are named, with a share."""
    with _desk(session) as desk:
        terms = {"from": [desk.node(source)], "into": desk.node(target), "element": element}
        amounts = _shares(share, share_guarantee, keep, keep_guarantee)
        return desk.decide("transfer", terms | _tenants(tenant) | amounts, effective, basis)


@command(bureaus, "changes", Text("列出机构调整", "list reorganisations"))
def changes(
    session: Session,
    number: Annotated[
        int | None,
        typer.Argument(
            min=1,
            max=MOST_NUMBER,
            help=said("只看这一项, 并列出变动内容", "one of them, with what it moves"),
        ),
    ] = None,
) -> int:
    """Those that wait for their day and those that are carried out."""
    with _desk(session) as desk:
        if number is None:
            show_reorganisations(session, desk.estate, desk.made.all())
            return 0
        found = desk.made.get(number)
        if found.state == "pending":
            show_planned(session, desk.estate, desk.made.look(number), found)
        else:
            show_reorganisations(session, desk.estate, [found])
        return 0


@command(bureaus, "cancel", Text("撤回尚未生效的机构调整", "cancel a reorganisation that waits"))
def cancel(session: Session, number: Number) -> int:
    """Before it is carried out; only the audit rows tell of it then."""
    with _desk(session) as desk:
        desk.made.cancel(number)
    if session.output is not Output.TABLE:
        show_value(session, {"number": number, "state": "cancelled"})
    say(session, Text(f"机构调整第 {number} 号已撤回", f"reorganisation {number} cancelled"))
    return 0


@command(bureaus, "carry-out", Text("执行已到生效日期的机构调整", "carry out a reorganisation"))
def carry_out(session: Session, number: Number) -> int:
    """In the ledger, then in the declared files; one that was interrupted goes on."""
    with _desk(session) as desk:
        done = desk.made.carry_out(number, session.as_of)
        if session.output is not Output.TABLE:
            show_value(session, reorganisation_row(desk.estate, done))
    say(
        session,
        Text(
            f"机构调整第 {number} 号已执行: 台账已变更, 申报文件已改写({session.tenants}), 请核对后提交",
            f"reorganisation {number} carried out: ledger changed, declared files written "
            f"({session.tenants}); review and commit them",
        ),
    )
    return 0


class _Desk:
    """One call: the estate, and who does the work."""

    def __init__(self, session: Session, made: Reorganiser) -> None:
        from yunjin.engine.bodies import Bodies

        self._session = session
        self.made = made
        self.estate = session.estate()
        self._bodies = Bodies(self.estate, session.as_of)

    def node(self, body: str) -> str:
        return self._bodies.node(body)

    def require_new(self, body: str) -> None:
        if self._bodies.known(body):
            raise UsageError(
                Text(f"编号 {body} 已用过", f"the id {body} is or was in use"),
                Text("编号不得重复使用, 请换一个", "ids are never used again, choose another"),
            )

    def target(self, body: str, source: str, below: str | None, name: Row) -> dict[str, Any]:
        """Where something goes: to a body that exists, or to a new one beside the first that goes."""
        if self._bodies.known(body):
            return {"into": self.node(body), **({"name": name} if name else {})}
        if not name:
            raise UsageError(
                Text(f"{body} 是新部门, 须写明名称", f"{body} is new and needs a name"),
                Text("用 --zh 和 --en 写明", "give it one with --zh and --en"),
            )
        parent = self.node(below) if below else self.estate.parent(source)
        return {"into": f"{source.partition('/')[0]}/{body}", "new": True, "name": name, "parent": parent}

    def decide(self, kind: str, terms: dict[str, Any], effective: str, basis: str) -> int:
        from yunjin.engine.reorganised import Change

        if not basis.strip():
            raise UsageError(Text("须写明依据文件", "name the document it rests on"))
        bodies = list(dict.fromkeys([*terms["from"], terms["into"]]))
        change = Change(kind, {"parent": "city", **terms, "bodies": bodies}, _day(effective), basis.strip())
        planned = self.made.plan(change, self._session.as_of)
        if planned.refused:
            show_planned(self._session, self.estate, planned)
        number = self.made.record(planned, self._session.as_of)
        show_planned(self._session, self.estate, self.made.look(number), self.made.get(number))
        return 0


@contextmanager
def _desk(session: Session) -> Iterator[_Desk]:
    from yunjin.engine.reorganisation import Reorganiser
    from yunjin_policies import RULES

    with session.store() as store:
        yield _Desk(session, Reorganiser(session.tenants, store, RULES, actor()))


def _day(written: str) -> str:
    try:
        return date.fromisoformat(written if _ISO.fullmatch(written) else "").isoformat()
    except ValueError:
        raise UsageError(
            Text(f"生效日期 {written!r} 不是有效日期", f"{written!r} is not a date"),
            Text("写成 2026-12-01 的形式", "write it as 2026-12-01"),
        ) from None


def _name(zh: str | None, en: str | None, kind: str | None) -> Row:
    if (zh is None) != (en is None):
        raise UsageError(
            Text("中英文名称须同时给出", "a name is given in both languages"),
            Text("用 --zh 和 --en 写明", "give it with --zh and --en"),
        )
    return {} if zh is None else {"zh": zh, "en": en, **({"kind": kind} if kind else {})}


def _tenants(written: list[str] | None) -> dict[str, Any]:
    names = [part.strip() for each in written or () for part in each.split(",") if part.strip()]
    return {"tenants": [f"tenant/{name}" for name in dict.fromkeys(names)]}


def _shares(
    share: list[str] | None, guarantee: list[str] | None, keep: list[str] | None, kept: list[str] | None
) -> dict[str, Any]:
    stated = {"share": share, "share_guarantee": guarantee, "keep": keep, "keep_guarantee": kept}
    return {name: _by_pool(parts) if parts else None for name, parts in stated.items()}


def _by_pool(parts: Sequence[str]) -> dict[str, dict[str, int]]:
    """`POOL:cpu=8,memory=16Gi`, pool by pool."""
    found: dict[str, dict[str, int]] = {}
    for part in parts:
        pool, colon, amounts = part.partition(":")
        if not colon:
            raise UsageError(
                Text(f"{part!r} 没有写明资源池", f"{part!r} names no pool"),
                Text(f"写成 {_AMOUNTS} 的形式", f"write it as {_AMOUNTS}"),
            )
        found[pool] = dict(listed(amounts))
    return found
