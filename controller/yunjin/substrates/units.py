"""Which amounts a technology has no unit for, and which zeros it does not hold.

Asked by `yunjin.estate` of the baseline and by `yunjin.engine` of what leaves shall hold and of what is
imported. Calls the substrates' tables. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.substrates.openstack import quantities

if TYPE_CHECKING:
    from collections.abc import Mapping


def unfit(technology: str, amounts: Mapping[str, int]) -> tuple[str, ...]:
    """Dimensions whose amount is not whole there: OpenStack has no part of a core or of a GiB."""
    return quantities.unfit(amounts) if technology == "openstack" else ()


def unbounded(technology: str, amounts: Mapping[str, int]) -> tuple[str, ...]:
    """Dimensions whose zero is no bound there.

    A ResourceQuota counts these only where it names them, and the ledger keeps no zero that was never more.
    """
    if technology != "kubernetes":
        return ()
    return tuple(d for d, value in amounts.items() if not value and (d == "volumes" or "storage/" in d))
