"""How grants are shown: a list in two lines each, and all that one says.

Used by `yunjin_cli.commands.{grant,ledger}`; calls `sheets`. Promises that a grant stands with its number,
its node and its term, and that programs get every version whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.output import Column, Row, Told, figures, show_rows, show_value
from yunjin_cli.session import Output, Session
from yunjin_cli.sheets import AMOUNTS, Names, by_dimension, held, plain_text, pool_name, show_titled, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.errors import Lang
    from yunjin.ledger.books import Grant

ALL: Final = "*"
_LONGEST: Final = 200
_LANGS: Final[tuple[Lang, Lang]] = ("zh", "en")
_STATES: Final = {
    "future": Text("待生效", "yet to begin"),
    "in_force": Text("有效", "in force"),
    "ended": Text("已终止", "ended"),
    "moved": Text("已划转", "moved"),
}
_KINDS: Final = {
    "grant": word("grant"),
    "opening": Text("初始核定", "opening"),
    "contribution": Text("移交设备", "contribution"),
}

_GRANTS: Final = (
    Column("whose", Text("编号, 单位", "number, node")),
    Column("pools", word("pool"), whole=True),
    *AMOUNTS,
    Column("term", Text("起止", "from, until"), whole=True),
)


def stated(option: str, written: str) -> str:
    """What an option says in one line: the decision, or the cause. Raises UsageError where it says none."""
    line = written.strip()
    if not line or len(line) > _LONGEST or not line.isprintable():
        raise UsageError(
            Text(f"{option} 须用一行文字写明", f"{option} is said in one line"),
            Text(f"写一行, 不超过 {_LONGEST} 个字符", f"write a line of {_LONGEST} characters at most"),
        )
    return line


def show_grants(session: Session, names: Names, found: Sequence[Grant]) -> None:
    """Grants, a line each."""
    show_titled(session, _GRANTS, [_grant_line(names, each) for each in found], word("grant"))


def list_grants(session: Session, names: Names, found: Sequence[Grant], time: Text | None) -> None:
    """Grants as an answer of their own; `time` says of which time they are."""
    if session.output is not Output.TABLE:
        show_value(session, [grant_row(names, each) for each in found])
        return
    lines = [_grant_line(names, each) for each in found]
    title = Text(f"{word('grant').zh}{time.zh}", f"Grants{time.en}") if time else None
    show_rows(session, held(_GRANTS, lines), lines, title)


def _grant_line(names: Names, grant: Grant) -> Row:
    """A grant in two lines: its number above whose it is, its first day above its last."""
    from yunjin.model.amounts import total

    whose, until = names(grant.node), grant.valid_to
    pools = [pool for pool in grant.limit if pool != ALL]
    whole = grant.limit.get(ALL) or total(grant.limit[pool] for pool in pools)
    waits = _STATES[grant.state] if grant.state == "future" else Text("", "")
    number = Text(f"{grant.number} {waits.zh}".rstrip(), f"{grant.number} {waits.en}".rstrip())
    return {
        "whose": Text(f"{number.zh}\n{whose.zh}", f"{number.en}\n{whose.en}"),
        "pools": plain_text(" +\n".join(pools)),
        **by_dimension(whole),
        "term": Text(f"{grant.valid_from}\n{until or '长期'}", f"{grant.valid_from}\n{until or 'no end'}"),
    }


def grant_row(names: Names, grant: Grant) -> Row:
    """One version of a grant."""
    return {
        "number": grant.number,
        "node": grant.node,
        "name": names(grant.node),
        "kind": Told(grant.kind, _KINDS[grant.kind]),
        "amounts": _granted(grant),
        "guarantee": {pool: figures(by) for pool, by in grant.guarantee.items()},
        "term": term(grant),
        "valid_from": grant.valid_from,
        "valid_to": grant.valid_to,
        "state": Told(grant.state, _STATES[grant.state]),
        "grantor": Told(grant.grantor, names(grant.grantor)),
        "basis": grant.basis,
        "cause": _cause(grant),
        "recorded": when(grant.recorded),
        "superseded": when(grant.superseded),
    }


def _cause(grant: Grant) -> Told | None:
    from yunjin.ledger import causes

    return Told(grant.cause, causes.said(grant.cause)) if grant.cause else None


def _granted(grant: Grant) -> Told:
    """By pool; one line where its pools together get what each of them may."""
    pools = {pool: by for pool, by in grant.limit.items() if pool != ALL}
    whole = grant.limit.get(ALL)
    shown = {" + ".join(pools): whole} if whole and set(pools.values()) == {whole} else grant.limit
    told = {pool: figures(by).text for pool, by in shown.items()}
    zh, en = (
        "\n".join(f"{pool_name(pool).of(lang)}: {text.of(lang)}" for pool, text in told.items())
        for lang in _LANGS
    )
    return Told({pool: by.written() for pool, by in grant.limit.items()}, Text(zh, en))


def term(grant: Grant) -> Told:
    """From when until when."""
    begin, end = grant.valid_from, grant.valid_to
    return Told(
        {"from": begin, "until": end},
        Text(
            f"{begin}起\n{f'{end}到期' if end else '长期'}",
            f"from {begin}\n{f'until {end}' if end else 'no end'}",
        ),
    )
