"""Whether an amount can be written to the backend that is to enforce it.

Called by the commands that say what a leaf shall hold; `yunjin.estate` asks the same of the baseline. Calls
the substrates' tables. Promises that what no service can hold is refused before it is charged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text, UsageError
from yunjin.model.formats import amounts_text
from yunjin.substrates.units import unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.estate import Estate


def require_whole(estate: Estate, leaf: str, amounts: Mapping[str, int]) -> None:
    """Refuse what the leaf's backend cannot hold: OpenStack has no part of a core or of a GiB.

    Raises:
        UsageError: with the dimensions that are not whole.
    """
    endpoint = estate.endpoints.get(leaf.split("/", 2)[1])
    wrong = unfit(endpoint.technology, amounts) if endpoint else ()
    if wrong:
        broken = {dimension: amounts[dimension] for dimension in wrong}
        raise UsageError(
            Text(
                f"{leaf} 在 OpenStack 上, 额度不能为 {amounts_text(broken, 'zh')}",
                f"{leaf} lies on OpenStack, which cannot hold {amounts_text(broken, 'en')}",
            ),
            Text(
                "处理器按整核, 内存和存储按整 GiB 填写",
                "give whole cores, and memory and storage in whole GiB",
            ),
        )
