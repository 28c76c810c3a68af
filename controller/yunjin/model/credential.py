"""A credential of one leaf, and what an endpoint says of its health.

Made by the backends, handed on by `yunjin.engine`. Calls nothing. Promises that a secret is part of no
representation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Role = Literal["admin", "viewer"]
"""What a credential may do: run the leaf's workloads, or look at them."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An issued credential. Its secret exists here and nowhere else.

    Attributes:
        name: tells it from the leaf's other credentials.
        expires: as the endpoint decided, which may be sooner than asked.
        document: the whole file that clients of the technology read, the secret included.
    """

    endpoint: str
    leaf: str
    role: Role
    name: str
    expires: datetime
    document: Mapping[str, Any] = field(repr=False)


def merged(credentials: Sequence[Credential]) -> dict[str, Any]:
    """One document for credentials of one technology: lists and mappings united, else the first one's."""
    whole: dict[str, Any] = {}
    for credential in credentials:
        for key, value in credential.document.items():
            known = whole.get(key)
            if isinstance(known, list):
                known += [item for item in value if item not in known]
            elif isinstance(known, dict):
                whole[key] = {**known, **value}
            elif key not in whole:
                whole[key] = list(value) if isinstance(value, list) else value
    return whole


@dataclass(frozen=True, slots=True)
class Health:
    """What an endpoint that answers says of itself.

    Attributes:
        missing: services that it should have and does not name, as people call them.
        ahead: how far its clock is ahead of ours at least, negative where it is behind; zero where the two
            may agree, None where it does not tell.
        holder: who holds the lease that keeps others from writing; None where nobody does.
    """

    missing: tuple[str, ...] = ()
    ahead: timedelta | None = None
    holder: str | None = None


def ahead(told: str, asked: datetime, answered: datetime) -> timedelta | None:
    """How far a server's clock is ahead at least, from the `Date` of its answer; None where it is no date.

    The date is cut to seconds and was written at an unknown moment between question and answer: what these
    two explain is no difference.
    """
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    least, most = date - answered, date + timedelta(seconds=1) - asked
    zero = timedelta()
    return max(least, zero) or min(most, zero)
