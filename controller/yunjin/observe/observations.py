"""All endpoints looked at, each on its own.

Called by `yunjin.engine`; read by `yunjin.plan`. Calls the backends. Reads only. Promises that an endpoint
which does not answer hides none of the others, and that nothing is held here: states pass as they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from yunjin.errors import YunjinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yunjin.model.resources import LeafState
    from yunjin.substrates.contract import Backend

_AT_ONCE: Final = 16
"""Endpoints asked at the same time."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one endpoint holds.

    Attributes:
        taken_at: when it was asked; nothing in `states` is older.
        states: leaf by leaf in ascending order of name, once. A `YunjinError` may come at any of them: the
            endpoint is then unknown, whatever came before it.
    """

    endpoint: str
    taken_at: datetime
    states: Iterator[LeafState]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An endpoint that did not answer, and why."""

    endpoint: str
    error: YunjinError


Observations: TypeAlias = Mapping[str, Observation | Unknown]


def utc_now() -> datetime:
    """The clock of a running installation."""
    return datetime.now(UTC)


def observe_all(
    backends: Mapping[str, Backend], now: Callable[[], datetime] = utc_now
) -> dict[str, Observation | Unknown]:
    """Ask every endpoint, at the same time, up to the first leaf; the rest comes as it is taken.

    Args:
        backends: by endpoint. What is not here is not looked at: endpoints whose state is planned, for one.
        now: the clock.

    Returns:
        By endpoint.
    """
    if not backends:
        return {}
    with ThreadPoolExecutor(min(len(backends), _AT_ONCE), "yunjin-observe") as pool:
        found = pool.map(lambda endpoint: _begun(endpoint, backends[endpoint], now()), backends)
        return dict(zip(backends, found, strict=True))


def _begun(endpoint: str, backend: Backend, taken_at: datetime) -> Observation | Unknown:
    """The first state tells whether anybody is there."""
    try:
        states = backend.observe()
        first = next(states, None)
    except YunjinError as error:
        return Unknown(endpoint, error)
    return Observation(endpoint, taken_at, states if first is None else chain((first,), states))
