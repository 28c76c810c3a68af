"""A credential of one leaf, and what an endpoint says of its health.

Made by the backends, handed on by `yunjin.engine`. Calls nothing. Promises that a secret is part of no
representation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

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
