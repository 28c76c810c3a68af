"""How the ledger's answers are shown: rows of nodes, what is under way, grants.

Used by `yunjin_cli.commands.{ledger,grant,allot}`; calls rich through `output`. Promises that a node stands
with its name and its id, that an amount is never rounded, and that programs get amounts as declared files
write them, with every pool and dimension, also those that a table has no column for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.ledgers import amount, deficit_rows, named, plainly
from yunjin_cli.output import Column, Row, Told, figures, say, show_rows
from yunjin_cli.session import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from yunjin.errors import Lang
    from yunjin.ledger.books import Deficit, Reservation, Supply
    from yunjin.ledger.questions import Bound
    from yunjin.ledger.questions import Row as Figures
    from yunjin.model.amounts import Amounts
    from yunjin.model.estate import Estate
    from yunjin_cli.session import Session

ALL: Final = "*"
SHOWN: Final = ("cpu", "memory", "storage")
"""Dimensions that have a column of their own where a node takes one line."""
RESERVATION_STATES: Final = {
    "waiting": Text("等待腾出", "waits for a shrink"),
    "reserved": Text("已预占", "reserved"),
    "committed": Text("下发中", "being applied"),
}
NODE: Final = Column("name", Text("单位", "node"))
POOL: Final = Column("pool", word("pool"), whole=True)
_DIMENSION: Final = Column("dimension", Text("资源", "dimension"), whole=True)
_ROWS: Final = (
    POOL,
    _DIMENSION,
    Column("guarantee", word("guarantee"), right=True),
    Column("allotted", word("allotted"), right=True),
    Column("borrowed", word("borrowed"), right=True),
    Column("limit", word("limit"), right=True),
    Column("deficit", word("deficit"), right=True),
    Column("free", word("free"), right=True),
    Column("bound", word("bound-by")),
)
_SUPPLY: Final = (
    POOL,
    _DIMENSION,
    Column("supply", word("supply"), right=True),
    Column("reserve", word("reserve"), right=True),
    Column("percent", Text("比例", "ratio"), right=True),
    Column("limit", word("limit"), right=True),
    Column("nested", Text("已保底", "guaranteed"), right=True),
    Column("allotted", word("charged"), right=True),
    Column("free", word("free"), right=True),
)
AMOUNTS: Final = (
    *(Column(dimension, word(dimension), right=True) for dimension in SHOWN),
    Column("others", Text("其他", "others")),
)
_LEAVES: Final = (Column("leaf", word("leaf"), whole=True), POOL, *AMOUNTS)
_CHILDREN: Final = (NODE, POOL, *AMOUNTS)
_RESERVATIONS: Final = (
    Column("number", Text("序号", "number"), right=True),
    Column("leaf", word("leaf"), whole=True),
    Column("deltas", Text("增减", "change")),
    Column("state", Text("状态", "state"), whole=True),
    Column("expires", Text("失效时间", "expires"), whole=True),
)
_DEFICITS: Final = (
    NODE,
    POOL,
    _DIMENSION,
    Column("amount", word("deficit"), right=True),
    Column("cause", Text("原因", "cause")),
    Column("opened", Text("起始", "since"), whole=True),
)


@dataclass(frozen=True, slots=True)
class Names:
    """What people call nodes on the business date."""

    estate: Estate
    day: date

    def __call__(self, node: str) -> Text:
        """Name and id."""
        from yunjin.engine.naming import name_of

        return name_of(self.estate, node, self.day)


def in_order(dimensions: Iterable[str]) -> list[str]:
    """Those that everybody has first."""
    return sorted(dimensions, key=rank)


def rank(dimension: str) -> tuple[int, str]:
    """Where a dimension stands among others."""
    return SHOWN.index(dimension) if dimension in SHOWN else len(SHOWN), dimension


def pool_name(pool: str) -> Text:
    """A pool, or all of them."""
    return word("all-pools") if pool == ALL else Text(pool, pool)


def show_own(session: Session, names: Names, rows: Sequence[Figures]) -> None:
    """A node's own rows, a line a dimension; deficits where there are any."""
    short = any(row.deficit for row in rows)
    lines: list[Row] = []
    for row in rows:
        pool = pool_name(row.pool)
        for dimension in in_order(row.allotted):
            lines.append(
                {
                    "pool": pool,
                    "dimension": named(dimension),
                    "guarantee": _some(dimension, row.guarantee),
                    "allotted": plainly(dimension, row.allotted.of(dimension)),
                    "borrowed": _some(dimension, row.borrowed),
                    "limit": _some(dimension, row.limit) if dimension in row.limit else None,
                    "deficit": _some(dimension, row.deficit),
                    "free": plainly(dimension, row.free.of(dimension)),
                    "bound": _bound(names, row, row.bounds[dimension]),
                }
            )
            pool = Text(" ", " ")
    show_rows(session, [each for each in _ROWS if each.key != "deficit" or short], lines)


def _some(dimension: str, amounts: Amounts) -> Told | None:
    return (
        plainly(dimension, amounts.of(dimension)) if amounts.of(dimension) or dimension in amounts else None
    )


def _bound(names: Names, row: Figures, bound: Bound) -> Text:
    """Whose limit it is, as short as the reader needs it."""
    if bound.short:
        return Text(f"资源池 {bound.pool} 欠额", f"pool {bound.pool} in deficit")
    who = Text("本单位", "itself") if bound.node == row.node else names(bound.node)
    if bound.pool == row.pool:
        return who
    return Text(f"{who.zh} ({word('all-pools').zh})", f"{who.en} ({word('all-pools').en})")


def show_city(session: Session, rows: Sequence[Figures], supply: Sequence[Supply]) -> None:
    """What the pools can carry, and what of it is taken."""
    by_pool = {row.pool: row for row in rows}
    lines: list[Row] = []
    last = ""
    for each in sorted(supply, key=lambda each: (each.pool, rank(each.dimension))):
        row, dimension = by_pool[each.pool], each.dimension
        lines.append(
            {
                "pool": Text(" ", " ") if each.pool == last else each.pool,
                "dimension": named(dimension),
                "supply": plainly(dimension, each.supply),
                "reserve": plainly(dimension, each.reserve),
                "percent": Text(f"{each.percent}%", f"{each.percent}%"),
                "limit": plainly(dimension, row.limit.of(dimension)),
                "nested": plainly(dimension, row.nested.of(dimension)),
                "allotted": plainly(dimension, row.allotted.of(dimension)),
                "free": plainly(dimension, row.free.of(dimension)),
            }
        )
        last = each.pool
    show_rows(session, _SUPPLY, lines)


def show_children(session: Session, names: Names, rows: Sequence[Figures]) -> None:
    """A line a node and pool: what is charged of which limit."""
    lines: list[Row] = [
        {"name": names(row.node), "pool": row.pool, **_of_limit(session.lang, row)}
        for row in rows
        if row.limit or row.allotted
    ]
    title = Text("下级单位: 分配额度/配额上限", "Nodes below: allotted/limit")
    show_titled(session, _CHILDREN, lines, title)


def _of_limit(lang: Lang, row: Figures) -> Row:
    ratios = {d: _ratio(d, row.allotted.of(d), row.limit.of(d), lang) for d in {*row.limit, *row.allotted}}
    others = [f"{named(d).text.of(lang)} {ratios[d]}" for d in sorted(ratios) if d not in SHOWN]
    shown: Row = {d: plain_text(ratios[d]) for d in SHOWN if d in ratios}
    return shown | {"others": plain_text("\n".join(others))}


def by_dimension(amounts: Amounts) -> Row:
    """A column for each dimension that has one, the others in one together."""
    from yunjin.model.amounts import Amounts

    rest = Amounts({d: value for d, value in amounts.items() if d not in SHOWN})
    shown: Row = {d: plainly(d, amounts.of(d)) for d in SHOWN if d in amounts}
    return shown | {"others": _stacked(rest) if rest else None}


def _stacked(amounts: Amounts) -> Text:
    """One a line: side by side they would take the room of the ids."""
    from yunjin.model.amounts import Amounts

    each = [figures(Amounts({dimension: value})).text for dimension, value in amounts.items()]
    return Text("\n".join(text.zh for text in each), "\n".join(text.en for text in each))


def plain_text(text: str) -> Text | None:
    """What is the same in every language; None where there is nothing."""
    return Text(text, text) if text else None


def _ratio(dimension: str, value: int, limit: int, lang: Lang) -> str:
    """`4/8 核`; both units where they differ."""
    one, other = (plainly(dimension, each).text.of(lang) for each in (value, limit))
    number, space, unit = one.rpartition(" ")
    if space and other.endswith(f" {unit}"):
        return f"{number}/{other}"
    return f"0/{other}" if not value else f"{one}/{other}"


def show_leaves(session: Session, rows: Sequence[Figures]) -> None:
    """Namespaces and projects."""
    lines: list[Row] = [
        {
            "leaf": row.node.removeprefix("leaf/"),
            "pool": row.pool,
            **by_dimension(row.allotted),
        }
        for row in rows
    ]
    show_titled(session, _LEAVES, lines, word("leaf"))


def show_reservations(session: Session, found: Sequence[Reservation], title: Text | None = None) -> None:
    """What is under way."""
    show_titled(
        session, _RESERVATIONS, [reservation_row(each) for each in found], title or word("reservation")
    )


def show_deficits(session: Session, names: Names, found: Sequence[Deficit]) -> None:
    """What does not fit, since when and why."""
    lines = [
        row | {"name": names(str(row["node"])), "pool": pool_name(str(row["pool"]))}
        for row in deficit_rows(found)
    ]
    show_titled(session, _DEFICITS, lines, word("deficit"))


def show_titled(session: Session, columns: Sequence[Column], lines: Sequence[Row], title: Text) -> None:
    """A further table of an answer; nothing where it would be empty."""
    if not lines:
        return
    say(session, Text("", ""))
    show_rows(session, held(columns, lines), lines, title)


def held(columns: Sequence[Column], lines: Sequence[Row]) -> list[Column]:
    """Columns that hold something in at least one line."""
    held = {key for line in lines for key, value in line.items() if value is not None}
    return [column for column in columns if column.key in held] if lines else list(columns)


def figures_row(names: Names, row: Figures) -> Row:
    """A row for programs."""
    return {
        "node": row.node,
        "name": names(row.node),
        "pool": row.pool,
        "guarantee": row.guarantee.written(),
        "nested": row.nested.written(),
        "limit": row.limit.written(),
        "allotted": row.allotted.written(),
        "borrowed": row.borrowed.written(),
        "deficit": row.deficit.written(),
        "free": row.free.written(),
        "bounds": {
            dimension: {"node": bound.node, "pool": bound.pool, "short": bound.short}
            for dimension, bound in row.bounds.items()
        },
    }


def supply_row(each: Supply) -> Row:
    """What a pool can carry of one dimension, for programs."""
    return {
        "pool": each.pool,
        "dimension": each.dimension,
        "supply": amount(each.dimension, each.supply),
        "reserve": amount(each.dimension, each.reserve),
        "percent": each.percent,
        "cause": each.cause,
        "valid_from": each.valid_from,
        "recorded": each.recorded,
    }


def reservation_row(each: Reservation) -> Row:
    """One that is under way; it expires only while it is not being written yet."""
    expires = each.expires if each.state == "reserved" else None
    return {
        "number": each.number,
        "leaf": Told(each.leaf, Text(*(each.leaf.removeprefix("leaf/"),) * 2)),
        "pool": each.pool,
        "deltas": deltas(each.deltas.items()),
        "state": Told(each.state, RESERVATION_STATES[each.state]),
        "expires": when(expires),
        "follows": each.follows,
        "actor": each.actor,
        "at": each.at,
    }


def deltas(changes: Iterable[tuple[str, int]]) -> Told:
    """Differences: `+4 核, 内存 −8 GiB`."""
    from yunjin.model.amounts import Amounts, written
    from yunjin.model.formats import amounts_text

    value, zh, en = {}, [], []
    for dimension, difference in changes:
        sign, one = "−" if difference < 0 else "+", Amounts({dimension: abs(difference)})
        value[dimension] = f"{'-' if difference < 0 else '+'}{written(dimension, abs(difference))}"
        zh.append(_signed(amounts_text(one, "zh"), sign))
        en.append(_signed(amounts_text(one, "en"), sign))
    return Told(value, Text(", ".join(zh), ", ".join(en)))


def _signed(text: str, sign: str) -> str:
    """The sign stands before the figure, behind the name of what it is of."""
    start = next(index for index, letter in enumerate(text) if letter.isdecimal())
    return f"{text[:start]}{sign}{text[start:]}"


def when(at: datetime | None) -> Told | None:
    """A moment, if there is one."""
    return None if at is None else Told(at, Text(moment(at), moment(at)))
