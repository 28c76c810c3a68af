"""The rules of the city: pure functions over the declared estate and a plan, one file a family.

Handed to `yunjin.policy` by whoever composes the spine; call `yunjin.model` and `yunjin.policy`. Ids are
stable: the letter is the family, a number is never given twice. docs/rules.md shows them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin_policies import contacts, dates, fit, identity, isolation, leads, quota, removal, zones

if TYPE_CHECKING:
    from yunjin.policy import Rule

RULES: Final[tuple[Rule, ...]] = (
    *quota.RULES,
    *fit.RULES,
    *zones.RULES,
    *contacts.RULES,
    *leads.RULES,
    *dates.RULES,
    *removal.RULES,
    *isolation.RULES,
    *identity.RULES,
)

__all__ = ["RULES"]
