"""The declared city with the figures that hold now.

Used by commands that show what a body or a tenant may use. Calls `yunjin.engine.accounts`. Promises that a
question makes no state: where there is none yet, the baseline's own figures hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from yunjin_cli.session import database_url

if TYPE_CHECKING:
    from yunjin.model.estate import Estate
    from yunjin.model.tenants import BaselineRow
    from yunjin.policy import LedgerFacts
    from yunjin_cli.session import Session


def figured(session: Session, estate: Estate) -> Estate:
    """The estate whose baseline says what the ledger holds, once it is opened."""
    if database_url() is None and not (session.state / "state.db").exists():
        return estate
    from yunjin.engine.accounts import facts

    with session.store() as store:
        ledger = facts(store.database, estate)
    if ledger is None:
        return estate
    rows = {key: _held(row, ledger) for key, row in estate.baseline.items()}
    return replace(estate, baseline=rows)


def _held(row: BaselineRow, ledger: LedgerFacts) -> BaselineRow:
    from yunjin.policy import Figures

    held = ledger.now.get(row.key, Figures())
    if row.is_leaf:
        return row.model_copy(update={"allotted": held.amount})
    return row.model_copy(update={"limit": held.amount, "guarantee": held.guarantee})
