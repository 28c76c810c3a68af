"""The leases an apply works under, kept alive while it works.

Used by `run`. Calls `yunjin.store` and the backends. Each endpoint has two: the state database's, whose
number fences the journal, and the backend's own, which keeps out a second state database.

Promises that leases are taken in one order (so two applies never wait for each other), that a holder known to
be dead keeps nobody waiting, that a lease which could not be renewed in time stops all writing under it, and
that an endpoint which does not answer costs no other its lease.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from yunjin.apply import reasons
from yunjin.errors import ConflictError, Text, YunjinError
from yunjin.store import HeldBy, Holder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from yunjin.apply.settings import Settings
    from yunjin.store import Fence, Leases
    from yunjin.substrates.contract import Backend

_LOOK_AGAIN: Final = 0.2
"""Seconds between two tries for a lease that somebody holds."""


class Held:
    """One endpoint's two leases."""

    def __init__(self, fence: Fence, backend: Backend, seconds: float) -> None:
        self.fence = fence
        self._backend = backend
        self._seconds = seconds
        self._until = monotonic() + seconds
        self._lost = False

    @property
    def in_force(self) -> bool:
        """Whether a write may begin now: not lost, and more than half of the time is left."""
        return not self._lost and monotonic() < self._until - self._seconds / 2

    def lose(self) -> None:
        """Never write under it again."""
        self._lost = True

    def renew(self, leases: Leases) -> None:
        """Prolong both. An error leaves them to run out; somebody else's name ends them at once."""
        since = monotonic()
        try:
            fence = leases.renew(self.fence, self._seconds)
            other = self._backend.acquire(str(self.fence.holder), self._seconds)
        except YunjinError:
            return
        if fence is None or other is not None:
            self.lose()
        else:
            self.fence = fence
            self._until = since + self._seconds

    def release(self, leases: Leases) -> None:
        """Give both back. What cannot be given back runs out by itself."""
        with suppress(YunjinError):
            self._backend.release(str(self.fence.holder))
        with suppress(YunjinError):
            leases.release(self.fence)


class LeaseHold:
    """All leases of one apply. Use as a context: leaving it gives them back.

    Attributes:
        held: by endpoint.
        refused: endpoints whose own lease could not be asked for, with the reason.
    """

    def __init__(self, leases: Leases, settings: Settings) -> None:
        self.holder = Holder.mine()
        self.held: dict[str, Held] = {}
        self.refused: dict[str, YunjinError] = {}
        self._leases = leases
        self._settings = settings
        self._ended = threading.Event()
        self._keepers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Nothing is held yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for keeper in self._keepers:
            keeper.join()
        for held in self.held.values():
            held.release(self._leases)

    def take(self, endpoints: Iterable[str], backends: Mapping[str, Backend]) -> None:
        """Take the leases of all endpoints.

        Raises:
            ConflictError: somebody else held one for longer than `lock_timeout`; it names them. Or the
                settings' `stop` was set.
        """
        deadline = monotonic() + self._settings.lock_timeout
        for endpoint in sorted(endpoints):
            try:
                held = self._take(endpoint, backends[endpoint], deadline)
            except ConflictError:
                raise
            except YunjinError as error:
                self.refused[endpoint] = error
            else:
                self.held[endpoint] = held
                keeper = threading.Thread(
                    target=self._keep, args=(held,), name=f"yunjin-lease-{endpoint}", daemon=True
                )
                self._keepers.append(keeper)
                keeper.start()

    def _take(self, endpoint: str, backend: Backend, deadline: float) -> Held:
        fence = self._take_ours(endpoint, deadline)
        try:
            while (other := self._ask_for_theirs(backend)) is not None:
                self._wait(endpoint, other, deadline)
                fence = self._take_ours(endpoint, deadline)  # lest it runs out over the waiting
        except YunjinError:
            self._leases.release(fence)
            raise
        return Held(fence, backend, self._settings.lease)

    def _take_ours(self, endpoint: str, deadline: float) -> Fence:
        while isinstance(answer := self._leases.acquire(endpoint, self.holder, self._settings.lease), HeldBy):
            self._wait(endpoint, answer.holder.name, deadline)
        return answer

    def _ask_for_theirs(self, backend: Backend) -> str | None:
        """None once it is ours, else who has it."""
        other = backend.acquire(str(self.holder), self._settings.lease)
        if other is None:
            return None
        try:
            holder = Holder.parse(other)
        except ValueError:  # whoever else writes leases there has another way to name itself
            return other
        if not holder.dead:
            return holder.name
        backend.release(other)
        return backend.acquire(str(self.holder), self._settings.lease)

    def _wait(self, endpoint: str, holder: str, deadline: float) -> None:
        if monotonic() + _LOOK_AGAIN > deadline:
            raise ConflictError(
                Text(
                    f"端点 {endpoint} 正由 {holder} 执行下发, 已等待 {self._settings.lock_timeout:g} 秒",
                    f"{holder} holds {endpoint}; waited {self._settings.lock_timeout:g} s",
                ),
                Text(
                    "请等对方结束后重试, 或加大 --lock-timeout",
                    "wait until they end, or raise --lock-timeout",
                ),
            )
        stop = self._settings.stop or self._ended
        if stop.wait(_LOOK_AGAIN):
            raise ConflictError(reasons.INTERRUPTED)

    def _keep(self, held: Held) -> None:
        while not self._ended.wait(self._settings.lease / 3):
            held.renew(self._leases)
