"""A change sent as a careful client sends it, to a simulated cluster or a simulated cloud.

Called by `writing` and `cloud`. Calls the translator to tell whether the object is still what the plan
compared. Promises what the real backends promise of a change: it is made to the object that was read or not
at all, what is not compared does not stop it, and an earlier sending of the same change is taken for done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.change import ABSENT
from yunjin.substrates import refusals
from yunjin.substrates.simulated.versions import StaleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from yunjin.model.change import Change
    from yunjin.model.resources import Live
    from yunjin.substrates.contract import Translator

_ATTEMPTS: Final = 5


def send(
    change: Change,
    live: Live | None,
    translator: Translator,
    write: Callable[[Live | None], None],
    look: Callable[[], Live | None],
) -> None:
    """Write to the object as it was read, and again where only what is not compared has changed since.

    Args:
        change: what is to be done; no removal.
        live: the object as it was read; None for absent.
        translator: of the technology.
        write: makes the change to the object as given; StaleError where it is another by now.
        look: reads the object.

    Raises:
        ConflictError: it is no longer what the change compared.
        YunjinError: as `write` raises it.
    """
    for _ in range(_ATTEMPTS):
        try:
            write(live)
        except StaleError:
            live = look()
            found = translator.fingerprint(change.wanted, live)
            if found == change.after:
                return
            if found != change.before and not _arose(change, live, translator):
                raise refusals.moved(change.key.endpoint, change.key) from None
        else:
            return
    raise refusals.moved(change.key.endpoint, change.key)


def _arose(change: Change, live: Live | None, translator: Translator) -> bool:
    """Whether what shall be created is there as a service makes it by itself, or as half a write left it."""
    return change.before == ABSENT and live is not None and translator.unfinished(change.wanted, None, live)
