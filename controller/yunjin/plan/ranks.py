"""The order in which the changes of one endpoint are written.

Read by `leaf` and `removal`. Calls nothing. Translators number what they want from 0 (what every leaf relies
on) upwards with small steps; a plan leaves room between those numbers for what takes something away:

- rights of whoever is leaving end first, then the namespace goes and frees its capacity;
- quotas shrink before others grow, so that capacity which moves is never promised twice;
- what a leaf no longer needs goes last, so that no moment is without a quota or a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    from yunjin.model.resources import Claim, Wanted

_STEP: Final = 10
END_OF_RIGHTS: Final = 4
END_OF_LEAF: Final = 6
LAST: Final = 1000


def of_write(wanted: Wanted, *, lowers: bool) -> int:
    """Rank of writing an object; earlier where the write only gives capacity back."""
    return wanted.rank * _STEP - (_STEP // 2 if lowers else 0)


def of_single_removal(claim: Claim) -> int:
    """Rank of removing an object from a leaf that stays."""
    return END_OF_RIGHTS if claim.object_class is ObjectClass.ROLES else LAST
