"""One change of one object: server-side apply, or removal.

Called by `backend`. Calls `client`, `observe` (to look again) and `translate` (to tell whether the object is
still what the plan compared). Promises that a change is made to the object that was read, or not at all:

- an update carries the uid and the resourceVersion that were read. Status updates raise the version as well,
  so at 409 the object is read again; unchanged in the compared fields, it is written under its new version;
- a creation carries a version that no object ever has. The API server creates what is absent under any
  version and refuses what exists under another, so nobody's new object is taken over. (A uid would refuse
  both; a POST would enter the fields as an update, and Yunjin would not own them.)
- a removal carries the uid alone: whoever replaced the object meanwhile keeps the new one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from yunjin.model.change import Action
from yunjin.substrates import refusals
from yunjin.substrates.fields import MISSING
from yunjin.substrates.kubernetes import compare, errors, names
from yunjin.substrates.kubernetes.client import APPLY, MERGE
from yunjin.substrates.kubernetes.kinds import SECRET, SERVICE_ACCOUNT, path_of
from yunjin.substrates.kubernetes.observe import read_one
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from yunjin.model.change import Change
    from yunjin.model.resources import Body, Live
    from yunjin.substrates.fields import Deviations
    from yunjin.substrates.kubernetes.answer import Answer
    from yunjin.substrates.kubernetes.client import Client

_MANAGER: Final = f"?fieldManager={names.FIELD_MANAGER}"
_FORCED: Final = f"{_MANAGER}&force=true"
_NEVER: Final = "1"
"""A version from before the first object of any cluster."""
_ATTEMPTS: Final = 5
_TRANSLATOR: Final = KubernetesTranslator()


def write(client: Client, change: Change, live: Live | None) -> None:
    """Make the change; see the module for what is promised.

    Raises:
        ConflictError: the object is no longer what the change compared, or another manager owns a field.
        RefusalError, TransientError, UnreachableError, PermanentError.
    """
    if change.action is Action.DELETE:
        _remove(client, change, live)
        return
    for _ in range(_ATTEMPTS):
        answer = _apply(client, change, live)
        if answer.ok:
            if live is not None:
                _drop_aliases(client, change, live)
            return
        if answer.code != HTTPStatus.CONFLICT or _is_ownership(answer):
            raise errors.refused(client.endpoint, change.key, answer)
        live = read_one(client, change.key)
        if _stands(change, live):
            return  # an earlier sending of this very change, whose answer was lost
        if _fingerprint(change, live) != change.before:
            raise refusals.moved(client.endpoint, change.key)
    raise refusals.contended(client.endpoint, change.key)


def _apply(client: Client, change: Change, live: Live | None) -> Answer:
    body: Body = change.body or {}
    if live is None:
        stamp = {"resourceVersion": _NEVER}
    else:
        _require_aliases_free(client, change, live)
        if body.get("roleRef") is not None and live.body.get("roleRef") != body["roleRef"]:
            return _replace(client, change, live)
        stamp = {"resourceVersion": live.version, "uid": live.body["metadata"]["uid"]}
    sent = {**body, "metadata": {**body["metadata"], **stamp}}
    return client.send(
        "PATCH", path_of(change.key) + (_FORCED if change.force else _MANAGER), sent, APPLY, decode=False
    )


def _replace(client: Client, change: Change, live: Live) -> Answer:
    """A binding's role cannot be changed, only the binding replaced; without force that is not for us."""
    if not change.force:
        manager = next((d.manager for d in compare.explain(live, {("roleRef",): (None, None)})), "")
        raise errors.owned(client.endpoint, change.key, {"roleRef": manager})
    answer = client.send("DELETE", path_of(change.key), _preconditions(live, version=True), decode=False)
    if not answer.ok and answer.code != HTTPStatus.NOT_FOUND:
        return answer
    return _apply(client, change, None)


def _remove(client: Client, change: Change, live: Live | None) -> None:
    if live is not None and _TRANSLATOR.claim(live).protected:
        raise refusals.guarded(client.endpoint, change.key)
    if change.key.kind == "Namespace":
        _end_credentials(client, change)
    if live is None:
        return
    answer = client.send("DELETE", path_of(change.key), _preconditions(live, version=False), decode=False)
    if answer.ok or answer.code == HTTPStatus.NOT_FOUND:
        return
    raise errors.refused(client.endpoint, change.key, answer)


def _end_credentials(client: Client, change: Change) -> None:
    """A leaf's tokens end with it: else they would serve whoever gets a leaf of that name next."""
    selector = urlencode(
        {"labelSelector": f"{names.ENDPOINT}={change.key.endpoint},{names.LEAF}={change.key.name}"}
    )
    for kind in (SECRET, SERVICE_ACCOUNT):
        path = f"{kind.collection(names.CREDENTIAL_NAMESPACE)}?{selector}"
        answer = client.send("DELETE", path, decode=False)
        if not answer.ok and answer.code != HTTPStatus.NOT_FOUND:
            raise errors.refused(client.endpoint, f"{change.key} ({kind.plural})", answer)


def _drop_aliases(client: Client, change: Change, live: Live) -> None:
    """Take `cpu` out of a quota that bounds `requests.cpu`: apply alone removes nobody's field.

    After the apply, so that no moment is without a bound. If it does not come to pass, the other name shows
    as a difference until it is gone.
    """
    found = _aliases(change, live)
    if not found:
        return
    body = {"spec": {"hard": dict.fromkeys(found)}}
    answer = client.send("PATCH", path_of(change.key) + _MANAGER, body, MERGE, decode=False)
    if not answer.ok:
        raise errors.refused(client.endpoint, change.key, answer)


def _require_aliases_free(client: Client, change: Change, live: Live) -> None:
    found = () if change.force else _aliases(change, live)
    if found:
        paths: Deviations = {("spec", "hard", alias): (MISSING, None) for alias in found}
        managers = {difference.path: difference.manager for difference in compare.explain(live, paths)}
        raise errors.owned(client.endpoint, change.key, managers)


def _aliases(change: Change, live: Live) -> tuple[str, ...]:
    return compare.aliases(live.body) if change.key.kind == "ResourceQuota" else ()


def _preconditions(live: Live, *, version: bool) -> dict[str, Any]:
    conditions = {"uid": live.body["metadata"]["uid"]}
    if version:
        conditions["resourceVersion"] = live.version
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}


def _is_ownership(answer: Answer) -> bool:
    causes = (answer.status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "FieldManagerConflict" for cause in causes)


def _fingerprint(change: Change, live: Live | None) -> str:
    return _TRANSLATOR.fingerprint(change.wanted, live)


def _stands(change: Change, live: Live | None) -> bool:
    return live is not None and _fingerprint(change, live) == change.after
