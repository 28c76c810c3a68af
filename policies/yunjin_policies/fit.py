"""Fit: whether what an edited baseline asks has room in a ledger that was exported.

Run by `yunjin.policy` where files are validated beside such a ledger; beside the ledger itself nobody asks,
for it refuses by itself. Promises that a finding names whose limit is in the way, and by how much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.amounts import MEMORY, STORAGE
from yunjin.model.change import Severity
from yunjin.model.formats import amount_text, dimension_text
from yunjin.policy import Breach, Facts, Scope, rule
from yunjin_policies.subjects import node_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.policy import Lack

_ALL: Final = "*"  # as the ledger calls the row over all pools; importing it would load a database


@rule(
    "F01",
    Severity.ERROR,
    requires=Text(
        "基线改动后多出的额度, 导出的台账逐级容纳得下",
        "What an edited baseline asks beyond an exported ledger has room in it, level by level",
    ),
    remedy=Text(
        "调低申请的数额, 或先为上一级核定配额", "ask for less, or have the level above granted more first"
    ),
    scope=Scope.LEDGER,
)
def edits_fit(facts: Facts) -> Iterator[Breach]:
    """Limits first, then guarantees and allotments, each as a grant or a reservation would be taken."""
    for lack in facts.ledger.lacks if facts.ledger else ():
        yield _breach(facts, lack)


def _breach(facts: Facts, lack: Lack) -> Breach:
    holder, asker = node_text(facts, lack.node), node_text(facts, lack.row.partition(" ")[0])
    most, wanted, over = (
        Text(amount_text(lack.dimension, value, "zh"), amount_text(lack.dimension, value, "en"))
        for value in (lack.limit, lack.asked, lack.missing)
    )
    where = Text(f"资源池 {lack.pool}", f"pool {lack.pool}")
    if lack.pool is None:
        where = Text("各资源池合计", "all pools together")
    named = lack.dimension.partition("/")[0] in (MEMORY, STORAGE)
    kind = dimension_text(lack.dimension) if named else Text("", "")
    of_kind = f" of {kind.en}" if named else ""
    return Breach(
        lack.row,
        Text(
            f"{asker.zh}多出的额度容纳不下: {holder.zh}在{where.zh}的{kind.zh}配额上限为 {most.zh}, "
            f"需要 {wanted.zh}, 超出 {over.zh}",
            f"what {asker.en} asks for does not fit: the limit{of_kind} of {holder.en} in {where.en} is "
            f"{most.en}; {wanted.en} would be needed, {over.en} too much",
        ),
        facts.estate.place("baseline", lack.row),
        {
            "node": lack.node,
            "pool": lack.pool or "*",
            "dimension": lack.dimension,
            "limit": str(lack.limit),
            "asked": str(lack.asked),
            "excess": str(lack.missing),
        },
    )


RULES = (edits_fit,)
