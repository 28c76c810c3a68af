"""The quota ledger: one hard tree of guarantees, limits and allotments over every substrate.

Opened by `yunjin.engine` and the command line; calls `yunjin.store`.
"""

from yunjin.ledger.ledger import Granted, GrantTerms, Ledger, Reserved

__all__ = ["GrantTerms", "Granted", "Ledger", "Reserved"]
