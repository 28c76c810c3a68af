"""How much of a body's quota goes along when some of its tenants become another's.

Used by `reorganise`. Calls `regroup`. Promises that what goes and what stays add up to what there was, that
neither side gets more guarantee than limit, and that neither is left with less than is in use there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import RefusalError, Text, UsageError
from yunjin.ledger import regrant
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.regroup import cells_of, plus
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.errors import Lang
    from yunjin.ledger.cells import Key
    from yunjin.ledger.regroup import Cells
    from yunjin.store.connection import Connection

Stated = "Mapping[str, Mapping[str, int]] | None"
"""Amounts by pool and dimension, where somebody has stated them."""

_STATE: Final = Text("用 --share 写明划转的额度", "state what goes along with --share")


@dataclass(frozen=True, slots=True)
class Portion:
    """Limits, in pools and over all, and guarantees that go along."""

    limit: regrant.Figures = field(default_factory=dict)
    guarantee: regrant.Figures = field(default_factory=dict)


def portion_of(
    connection: Connection,
    source: str,
    target: str,
    tenants: Sequence[str],
    weights: Sequence[Cells],
    terms: Mapping[str, Any],
) -> Portion:
    """The share that goes with some tenants.

    Args:
        connection: of the transaction; nothing has moved yet.
        source: whose tenants they are.
        target: whose they become; neither stands above the other.
        tenants: nodes.
        weights: what each of them, and what is held for it, is to the node above.
        terms: `share`, `share_guarantee`, `keep`, `keep_guarantee`, where they are stated.

    Raises:
        RefusalError: amounts that do not add up, or do not suffice on one side.
    """
    held = _divisible(connection, source)
    share = _stated(held, terms) if _states(terms) else _own(connection, tenants, held)
    _require_sum(source, held, share, terms)
    moving: Cells = {}
    for weight in weights:
        for key, cell in weight.items():
            moving[key] = plus(moving.get(key, Cell()), cell)
    _require_enough(source, cells_of(connection, source), share, moving, -1)
    _require_enough(target, cells_of(connection, target), share, moving, 1)
    return share


def no_portion(source: str, target: str, terms: Mapping[str, Any]) -> Portion:
    """Nothing goes along where one body stands above the other. Raises UsageError for a stated share."""
    if _states(terms):
        raise UsageError(
            Text(
                f"{source} 与 {target} 是上下级, 划转用云单位时不另划额度",
                f"{source} and {target} stand one above the other: no share goes along",
            ),
            Text("用 yunjin grant add --by 在上级之内核定", "use `yunjin grant add --by` within the upper"),
        )
    return Portion()


def _states(terms: Mapping[str, Any]) -> bool:
    return terms.get("share") is not None or terms.get("share_guarantee") is not None


def _divisible(connection: Connection, source: str) -> Portion:
    """What can be shared out: grants in force, those apart that rest on servers handed over."""
    held = Portion()
    for grant in regrant.held_by(connection, source):
        if grant.state == "in_force" and grant.kind != regrant.CONTRIBUTION:
            for into, figures in ((held.limit, grant.limit), (held.guarantee, grant.guarantee)):
                for key, value in figures.items():
                    into[key] = into.get(key, 0) + value
    return held


def _own(connection: Connection, tenants: Sequence[str], held: Portion) -> Portion:
    """What the tenants may use themselves, as far as the body has it."""
    limit: regrant.Figures = {}
    guarantee: regrant.Figures = {}
    for tenant in tenants:
        for key, cell in cells_of(connection, tenant).items():
            limit[key] = limit.get(key, 0) + cell.limit
            guarantee[key] = guarantee.get(key, 0) + cell.guarantee
    limit = {key: min(value, held.limit.get(key, 0)) for key, value in limit.items()}
    guarantee = {
        key: min(value, held.guarantee.get(key, 0), limit[key]) for key, value in guarantee.items() if value
    }
    return Portion(limit, guarantee)


def _stated(held: Portion, terms: Mapping[str, Any]) -> Portion:
    limit, guarantee = _keyed(terms.get("share")), _keyed(terms.get("share_guarantee"))
    for dimension in {d for pool, d in limit if pool != ALL}:
        if (
            ALL,
            dimension,
        ) not in limit:  # over all pools as large a part as in the pools, and usable in each
            there, going = _in_pools(held.limit, dimension), _in_pools(limit, dimension)
            whole = held.limit.get((ALL, dimension), 0)
            part = whole * sum(going) // sum(there) if sum(there) else 0
            limit[(ALL, dimension)] = min(whole, max(part, *going))
    return Portion(limit, guarantee)


def _in_pools(figures: regrant.Figures, dimension: str) -> list[int]:
    return [value for (pool, d), value in figures.items() if pool != ALL and d == dimension]


def _keyed(stated: Mapping[str, Mapping[str, int]] | None) -> regrant.Figures:
    return {(pool, d): int(value) for pool, by in (stated or {}).items() for d, value in by.items()}


def _require_sum(source: str, held: Portion, share: Portion, terms: Mapping[str, Any]) -> None:
    for there, given, keep, word in (
        (held.limit, share.limit, _keyed(terms.get("keep")), Text("配额上限", "limit")),
        (held.guarantee, share.guarantee, _keyed(terms.get("keep_guarantee")), Text("保底额度", "guarantee")),
    ):
        for key in sorted({*given, *keep}):
            has, goes = there.get(key, 0), given.get(key, 0)
            stays = keep.get(key)
            if goes > has or (stays is not None and goes + stays != has):
                raise _no_sum(source, key, word, (has, goes, stays))
    for key in sorted({*share.limit, *share.guarantee}):
        goes, kept = share.limit.get(key, 0), held.limit.get(key, 0) - share.limit.get(key, 0)
        guaranteed = share.guarantee.get(key, 0)
        if guaranteed > goes or held.guarantee.get(key, 0) - guaranteed > kept:
            raise _unbalanced(source, key)


def _unbalanced(source: str, key: Key) -> RefusalError:
    where, dimension = _where(key[0]), dimension_text(key[1])
    return RefusalError(
        Text(
            f"数额对不上: {source} ({where.zh}) 的{dimension.zh}划出或留下的保底额度高于配额上限",
            f"the amounts do not add up: {source} ({where.en}): on one side the {dimension.en} guarantee "
            "would be above the limit",
        ),
        _STATE,
    )


def _no_sum(source: str, key: Key, word: Text, amounts: tuple[int, int, int | None]) -> RefusalError:
    where, dimension = _where(key[0]), dimension_text(key[1])

    def figures(lang: Lang) -> list[str]:
        return [amount_text(key[1], value, lang) for value in amounts if value is not None]

    (has_zh, goes_zh, *stays_zh), (has_en, goes_en, *stays_en) = figures("zh"), figures("en")
    return RefusalError(
        Text(
            f"数额对不上: {source} ({where.zh}) 可划分的{dimension.zh}{word.zh}为 {has_zh}, 划出 {goes_zh}"
            + "".join(f", 留下 {figure}" for figure in stays_zh),
            f"the amounts do not add up: {source} ({where.en}) has a {dimension.en} {word.en} of {has_en} to "
            f"share out; {goes_en} go" + "".join(f" and {figure} stay" for figure in stays_en),
        ),
        Text("划出与留下之和须等于现有数额", "what goes and what stays add up to what there is"),
    )


def _require_enough(node: str, cells: Cells, share: Portion, moving: Cells, sign: int) -> None:
    """What a side has after it carries what is in use and promised there, or no less than it did before."""
    for key in sorted({*share.limit, *share.guarantee, *moving}):
        if key[0] == ALL:
            continue
        old = cells.get(key, Cell())
        going = plus(
            Cell(share.guarantee.get(key, 0), 0, share.limit.get(key, 0), 0), moving.get(key, Cell())
        )
        new = plus(old, going, sign)
        need = max(new.charge, new.promised)
        if need > new.limit and need - new.limit > max(0, max(old.charge, old.promised) - old.limit):
            raise _too_little(node, key, new.limit, need)


def _too_little(node: str, key: Key, limit: int, need: int) -> RefusalError:
    where, dimension = _where(key[0]), dimension_text(key[1])

    def figure(value: int, lang: Lang) -> str:
        return amount_text(key[1], value, lang)

    return RefusalError(
        Text(
            f"数额对不上: 划转后 {node} ({where.zh}) 的{dimension.zh}配额上限为 {figure(limit, 'zh')}, "
            f"而在用和保底需 {figure(need, 'zh')}",
            f"the amounts do not add up: {node} ({where.en}) would have a {dimension.en} limit of "
            f"{figure(limit, 'en')}, and {figure(need, 'en')} are in use or guaranteed there",
        ),
        _STATE,
    )


def _where(pool: str) -> Text:
    return Text("各资源池合计", "over all pools") if pool == ALL else Text(pool, pool)
