"""What everybody who works on one endpoint's changes needs. Made by `run`, one an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from yunjin.apply.account import Account
    from yunjin.apply.leases import Held
    from yunjin.apply.settings import Settings
    from yunjin.store import Run
    from yunjin.substrates.contract import Backend, Translator


@dataclass(frozen=True, slots=True)
class Site:
    """One endpoint within one apply.

    Attributes:
        held: its leases; nothing is written unless they are in force.
        run: the journal's record of this apply.
        account: the ledger's side of it.
        stop: set when the apply shall end early.
    """

    backend: Backend
    translator: Translator
    held: Held
    run: Run
    account: Account
    settings: Settings
    stop: threading.Event
