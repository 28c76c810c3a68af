"""Waiting until what was written is in force.

Used by `endpoint`. Calls the backend's `effective`, and tells the account what it says. A quota counts once
the backend enforces it, a removal once the object is gone; until then what relies on it waits, and after
`wait_quota` is given up.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from yunjin.apply import reasons
from yunjin.errors import ConflictError, TransientError, UnreachableError, YunjinError
from yunjin.model.change import Outcome

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from yunjin.apply.site import Site
    from yunjin.errors import Text
    from yunjin.model.change import Receipt
    from yunjin.model.resources import Key

_LONGEST_POLL: Final = 1.0
"""Seconds between two looks once nothing has changed for a while."""


class Confirmation:
    """Changes of one endpoint that stand and are not yet seen effective."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._waiting: dict[Key, tuple[Receipt, float]] = {}
        self._poll = site.settings.poll
        self._silences = 0

    def add(self, receipt: Receipt) -> None:
        """Wait for a change that was written or stood already."""
        self._waiting[receipt.change.key] = (receipt, monotonic() + self._site.settings.wait_quota)

    @property
    def keys(self) -> AbstractSet[Key]:
        """Of what is waited for."""
        return self._waiting.keys()

    @property
    def leaves(self) -> frozenset[str]:
        """Leaves that wait for something."""
        return frozenset(receipt.change.leaf for receipt, _ in self._waiting.values())

    @property
    def lowest_rank(self) -> float:
        """Of what is waited for; infinite where nothing is."""
        return min((receipt.change.rank for receipt, _ in self._waiting.values()), default=inf)

    def pause(self) -> None:
        """Let the backend work for a moment."""
        self._site.stop.wait(self._poll)
        self._poll = min(self._poll * 1.5, _LONGEST_POLL)

    def look(self) -> list[Receipt]:
        """Receipts of those now in force, and of those that were given up: pending."""
        over = self._over()
        if over is not None:
            return self._give_up(list(self._waiting), over)
        try:
            effective = self._site.backend.effective(
                [receipt.change for receipt, _ in self._waiting.values()]
            )
            self._site.account.confirm((self._waiting[key][0].change, effective[key]) for key in effective)
        except ConflictError:
            self._site.held.lose()
            return self._give_up(list(self._waiting), reasons.LEASE_LOST)
        except YunjinError as error:
            self._silences += isinstance(error, UnreachableError)
            if not isinstance(error, TransientError) or self._silences == self._site.settings.attempts:
                return self._give_up(list(self._waiting), reasons.of(error))
            effective = {}
        else:
            self._silences = 0
        settled = [self._waiting.pop(key)[0] for key in effective if key in self._waiting]
        if settled:
            self._poll = self._site.settings.poll
        now = monotonic()
        return settled + self._give_up([key for key, (_, end) in self._waiting.items() if end <= now])

    def _over(self) -> Text | None:
        if self._site.stop.is_set():
            return reasons.INTERRUPTED
        return None if self._site.held.in_force else reasons.LEASE_LOST

    def _give_up(self, keys: list[Key], reason: Text | None = None) -> list[Receipt]:
        receipts = [self._waiting.pop(key)[0] for key in keys]
        return [
            replace(
                receipt,
                outcome=Outcome.PENDING,
                reason=reason or reasons.not_effective(receipt.change, self._site.settings.wait_quota),
            )
            for receipt in receipts
        ]
