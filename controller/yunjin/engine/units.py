"""Whether an amount can be written to the backend that is to enforce it.

Called by the commands that say what a leaf shall hold; `yunjin.estate` asks the same of the baseline. Calls
the substrates' tables. Promises that what no service can hold is refused before it is charged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text, UsageError
from yunjin.model.amounts import written
from yunjin.substrates.openstack.quantities import unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.estate import Estate


def require_whole(estate: Estate, leaf: str, amounts: Mapping[str, int]) -> None:
    """Refuse what the leaf's backend cannot hold: OpenStack counts whole cores and whole GiB of storage.

    Raises:
        UsageError: with the dimensions that are not whole.
    """
    endpoint = estate.endpoints.get(leaf.split("/", 2)[1])
    wrong = unfit(amounts) if endpoint and endpoint.technology == "openstack" else ()
    if wrong:
        listed = ", ".join(f"{d} {written(d, amounts[d])}" for d in wrong)
        raise UsageError(
            Text(
                f"{leaf} 在 OpenStack 上, 数额须为整数单位: {listed}",
                f"{leaf} lies on OpenStack, which holds no part of a unit: {listed}",
            ),
            Text("处理器按整核, 存储按整 GiB 填写", "give whole cores and whole GiB of storage"),
        )
