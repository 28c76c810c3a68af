"""Writing changes of one endpoint: read again, compare, journal, write many at once, repeat what may pass.

Used by `endpoint`. Calls the backend, its translator and the account. Promises that no write begins before
its journal row is durable and the ledger has committed it, that an answer which was lost is read again rather
than guessed, and that every change given to it comes back with an outcome.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from yunjin.apply import reasons
from yunjin.errors import ConflictError, Text, TransientError, UnreachableError, YunjinError
from yunjin.model.change import Change, Outcome, Receipt

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from yunjin.apply.site import Site
    from yunjin.model.resources import Key, Live

_CHUNKS_UNDER_WAY: Final = 2
"""One is being written while the next is made durable."""

_Again = list[tuple[Change, YunjinError]]


class Writer:
    """Writes one endpoint's changes. Called from one thread; the writes have threads of their own.

    Attributes:
        over: why nothing more can be written on this endpoint; None while it can.
    """

    def __init__(self, site: Site) -> None:
        self.over: Text | None = None
        self._site = site
        self._live: dict[Key, Live] = {}
        self._tried: dict[Key, Live | None] = {}
        self._silence: UnreachableError | None = None
        self._pool = ThreadPoolExecutor(site.settings.workers, f"yunjin-{site.backend.endpoint}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def look(self, changes: Sequence[Change]) -> None:
        """Read what the changes compare, all at once. Sets `over` where the endpoint cannot be read."""
        attempts = self._site.settings.attempts
        for attempt in range(1, attempts + 1):
            error = self._read(changes)
            if error is None:
                return
            if attempt == attempts or not isinstance(error, TransientError):
                self.over = reasons.of(error)
                return
            self._pause(attempt, [error])

    def as_it_stands(self, change: Change) -> Change:
        """The change of an object into what it was when it was read: none."""
        live = self._live.get(change.key)
        same = replace(change, body=live.body if live else None)
        stands = self._site.translator.fingerprint(same.wanted, live)
        return replace(same, before=stands, after=stands)

    def admitted(self, changes: Sequence[Change]) -> list[Change]:
        """Those of these changes, which are none, that the ledger carries as they stand."""
        refused = {receipt.change.key for receipt in self._admit(changes, journal=False)}
        return [change for change in changes if change.key not in refused]

    def settle(self, changes: Sequence[Change]) -> Iterator[list[Receipt]]:
        """Write what still stands as the plan saw it. Receipts come in groups, as the writes end."""
        if self.over is not None:
            yield [Receipt(change, Outcome.FAILED, self.over) for change in changes]
            return
        again = yield from self._attempt(changes)
        for attempt in range(1, self._site.settings.attempts):
            if not again:
                return
            self._pause(attempt, [error for _, error in again])
            todo = [change for change, _ in again]
            failure = self._read(todo)
            again = [(change, failure) for change in todo] if failure else (yield from self._attempt(todo))
        if any(isinstance(error, UnreachableError) for _, error in again):
            self.over = reasons.of(again[-1][1])
        yield [Receipt(change, Outcome.FAILED, reasons.of(error)) for change, error in again]

    def _read(self, changes: Sequence[Change]) -> YunjinError | None:
        keys = [change.key for change in changes]
        try:
            found = self._site.backend.read(keys)
        except YunjinError as error:
            return error
        for key in keys:
            self._live.pop(key, None)
        self._live.update(found)
        self._silence = None
        return None

    def _pause(self, attempt: int, errors: Sequence[YunjinError]) -> None:
        """Before another attempt. What merely moved is looked at again at once, the first time."""
        if attempt == 1 and all(isinstance(error, ConflictError) for error in errors):
            return
        settings = self._site.settings
        hints = [error.retry_after or 0.0 for error in errors if isinstance(error, TransientError)]
        seconds = max([settings.backoff * 2 ** (attempt - 1), *hints])
        self._site.stop.wait(min(seconds, settings.longest_wait))

    def _attempt(self, changes: Sequence[Change]) -> Generator[list[Receipt], None, _Again]:
        """One try of each; yields receipts, returns those that deserve another with what went wrong."""
        judged = [(change, self._compare(change)) for change in changes]
        yield self._carried([receipt for _, receipt in judged if receipt])
        writes = [change for change, receipt in judged if receipt is None]
        again: _Again = []
        under_way: deque[list[tuple[Change, Future[Receipt | YunjinError]]]] = deque()
        for start in range(0, len(writes), self._site.settings.chunk):
            chunk = writes[start : start + self._site.settings.chunk]
            refused = self._admit(chunk, journal=True)
            yield refused
            kept_back = {receipt.change.key for receipt in refused}
            going = [change for change in chunk if change.key not in kept_back]
            under_way.append([(change, self._pool.submit(self._write, change)) for change in going])
            if len(under_way) == _CHUNKS_UNDER_WAY:
                yield _collect(under_way.popleft(), again)
        for group in under_way:
            yield _collect(group, again)
        return again

    def _compare(self, change: Change) -> Receipt | None:
        """How a change ends without a write; None where it must be written."""
        live = self._live.get(change.key)
        stands = self._site.translator.fingerprint(change.wanted, live)
        if stands == change.after:
            return Receipt(change, Outcome.DONE if change.key in self._tried else Outcome.ALREADY)
        if stands == change.before or self._half_done(change, live):
            return None
        return Receipt(change, Outcome.MOVED, reasons.MOVED)

    def _half_done(self, change: Change, live: Live | None) -> bool:
        """Whether it stands as this run's own write left it, which is then driven to its end."""
        if live is None or change.key not in self._tried:
            return False
        return self._site.translator.unfinished(change.wanted, self._tried[change.key], live)

    def _carried(self, receipts: list[Receipt]) -> list[Receipt]:
        """The receipts, where what stands as planned also stands as the ledger says."""
        standing = [receipt.change for receipt in receipts if receipt.settled]
        refused = {receipt.change.key: receipt for receipt in self._admit(standing, journal=False)}
        return [refused.get(receipt.change.key, receipt) for receipt in receipts]

    def _admit(self, changes: Sequence[Change], *, journal: bool) -> list[Receipt]:
        """What ledger and journal do not have is not written: an error here ends the endpoint's work."""
        if self.over or not changes:
            return []
        try:
            return self._site.account.admit(changes, journal=journal)
        except ConflictError:
            self._site.held.lose()
        except YunjinError as error:
            self.over = reasons.of(error)
        return []

    def _write(self, change: Change) -> Receipt | YunjinError:
        """In a thread of the pool: the change's end, or the error after which it may be tried again."""
        if self._silence is not None:
            return self._silence  # the others wait for the next attempt instead of a time-out each
        if hindered := self._hindered(change):
            return hindered
        live = self._live.get(change.key)
        self._tried.setdefault(change.key, live)
        try:
            self._site.backend.write(change, live)
        except UnreachableError as error:
            self._silence = error
            return error
        except (ConflictError, TransientError) as error:
            return error
        except Exception as error:  # noqa: BLE001 (whatever one write meets, the others' receipts must survive)
            return Receipt(change, Outcome.FAILED, reasons.of(error))
        return Receipt(change, Outcome.DONE)

    def _hindered(self, change: Change) -> Receipt | None:
        if self._site.stop.is_set():
            return Receipt(change, Outcome.SKIPPED, reasons.INTERRUPTED)
        if self.over is None and not self._site.held.in_force:
            self.over = reasons.LEASE_LOST
        return None if self.over is None else Receipt(change, Outcome.FAILED, self.over)


def _collect(group: list[tuple[Change, Future[Receipt | YunjinError]]], again: _Again) -> list[Receipt]:
    receipts = []
    for change, future in group:
        answer = future.result()
        if isinstance(answer, Receipt):
            receipts.append(answer)
        else:
            again.append((change, answer))
    return receipts
