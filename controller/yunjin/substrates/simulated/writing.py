"""A change of a simulated cluster: server-side apply, or removal.

Called by `backend`. Calls `server` and `sending`. Promises what `yunjin.substrates.kubernetes` promises of a
change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.change import Action
from yunjin.substrates import refusals
from yunjin.substrates.kubernetes import compare
from yunjin.substrates.kubernetes.names import FIELD_MANAGER
from yunjin.substrates.kubernetes.translate import KubernetesTranslator
from yunjin.substrates.simulated import errors
from yunjin.substrates.simulated.sending import send
from yunjin.substrates.simulated.versions import NONE, StaleError

if TYPE_CHECKING:
    from yunjin.model.change import Change
    from yunjin.model.resources import Body, Live
    from yunjin.substrates.simulated.server import Server

_TRANSLATOR: Final = KubernetesTranslator()


def write(server: Server, change: Change, live: Live | None) -> None:
    """Make the change to the object that was read as `live`.

    Raises:
        ConflictError: it is no longer what the change compared, or another manager owns a field.
        RefusalError, TransientError, PermanentError.
    """
    if change.action is Action.DELETE:
        _remove(server, change, live)
        return

    def look() -> Live | None:
        return server.get([change.key]).get(change.key)

    send(change, live, _TRANSLATOR, lambda found: _apply(server, change, found), look)


def stands(change: Change, live: Live) -> bool:
    """Whether the object is as the change leaves it."""
    return _TRANSLATOR.fingerprint(change.wanted, live) == change.after


def _apply(server: Server, change: Change, live: Live | None) -> None:
    body: Body = change.body or {}
    aliases = compare.aliases(live.body) if live and change.key.kind == "ResourceQuota" else ()
    if live is not None:
        rebound = body.get("roleRef") is not None and live.body.get("roleRef") != body["roleRef"]
        taken = ["roleRef"] if rebound else [f"spec.hard.{alias}" for alias in aliases]
        if taken and not change.force:
            raise errors.owned(change.key, {"?": taken})
        if rebound:
            server.delete(change.key, uid=live.body["metadata"]["uid"])
            live = None
    server.apply(body, FIELD_MANAGER, version=live.version if live else NONE, force=change.force)
    if aliases:
        server.update(change.key, {("spec", "hard", alias): None for alias in aliases}, FIELD_MANAGER)


def _remove(server: Server, change: Change, live: Live | None) -> None:
    if live is None:
        return
    try:
        server.delete(change.key, uid=live.body["metadata"]["uid"], guarded=True)
    except StaleError:
        raise refusals.moved(change.key.endpoint, change.key) from None
