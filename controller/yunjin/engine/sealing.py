"""Watching over the audit while the controller runs: its rows are sealed, its heads exported.

Run by `yunjin controller run`. Calls `yunjin.ledger` and the stores of objects. Promises that a committed row
is sealed within a second, and that what cannot be sealed or exported for a while is tried again and said in
the log.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

import structlog

from yunjin.errors import YunjinError
from yunjin.ledger.chain import Seal
from yunjin.ledger.heads import export_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from yunjin.store import Store
    from yunjin.store.objects import ObjectStore

log = structlog.get_logger()

_PAUSE: Final = 0.3
"""Seconds between two looks for rows to seal."""
_WHOLE: Final = 60.0
"""Seconds between two looks among all rows."""
_EXPORT: Final = 3600.0
"""Seconds between two exported heads."""
_AGAIN: Final = 60.0
"""Seconds after which an export that failed is tried again."""


class Sealing:
    """Seals and exports in a thread of its own. Use as a `with` block."""

    def __init__(
        self,
        open_store: Callable[[], AbstractContextManager[Store]],
        place: ObjectStore | None = None,
        keep_days: int = 0,
    ) -> None:
        """Prepare; the block begins.

        Args:
            open_store: a store of the thread's own.
            place: where heads go; None for nowhere.
            keep_days: for how long they are kept.
        """
        self._open = open_store
        self._place = place
        self._keep_days = keep_days
        self._whole_after = self._export_after = monotonic()
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yunjin-audit", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Seal and export what is left, and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            try:
                with self._open() as store:
                    ended = self._attend(store)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is tried again)
                self._complain(error)
                ended = self._stop.wait(_PAUSE)

    def _attend(self, store: Store) -> bool:
        """Round after round, until told to stop; the last round comes after that."""
        seal = Seal(store.database, store.now)
        last = False
        while not last:
            last = self._stop.wait(_PAUSE)
            try:
                self._round(store, seal, last=last)
                self._said = ""
            except YunjinError as error:
                self._complain(error)
        return True

    def _round(self, store: Store, seal: Seal, *, last: bool) -> None:
        whole = monotonic() >= self._whole_after
        seal.seal(whole=whole)
        if whole:
            self._whole_after = monotonic() + _WHOLE
        if self._place and (last or monotonic() >= self._export_after):
            self._export_after = monotonic() + _AGAIN
            head = export_head(store.database, self._place, self._keep_days, store.now)
            self._export_after = monotonic() + _EXPORT
            if head:
                log.info("audit head exported", place=self._place.name, head=head.name)

    def _complain(self, error: Exception) -> None:
        """Say it once, not every round."""
        internal = f"internal error {type(error).__name__}"
        failure = error.message.en if isinstance(error, YunjinError) else internal
        if failure != self._said:
            log.warning("audit not sealed or not exported", error=failure)
        self._said = failure
