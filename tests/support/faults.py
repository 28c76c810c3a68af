"""Faults that a server or a network can have, as values for `fault_proxy`.

Used by tests. Each function says what the client sees and whether the real server saw the request: an
answer that is lost after the effect is the one that a client repeats wrongly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REASONS = {
    401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 422: "Invalid",
    429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """An answer that the real server never gave."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What happens to one request, in this order.

    Attributes:
        forward: the real server gets it, and its effect is real.
        wait: seconds until anything is answered.
        reply: instead of the real answer.
        share: part of the answer's body that arrives before the connection ends.
        silent: the connection ends without an answer.
        reset: it ends by a reset.
        fatal: and from now on nobody answers at all, until `revive`.
    """

    forward: bool = True
    wait: float = 0
    reply: Reply | None = None
    share: float = 1
    silent: bool = False
    reset: bool = False
    fatal: bool = False


@dataclass(frozen=True)
class Rule:
    """Which requests a fault hits: of those that match, numbers `first` to `first + times - 1`.

    Attributes:
        method: `PATCH`, or several as `POST|PATCH`; empty for all.
        path: regular expression, searched in path and query.
        times: None for ever.
    """

    fault: Fault
    method: str = ""
    path: str = ""
    first: int = 1
    times: int | None = 1

    def matches(self, method: str, path: str) -> bool:
        """Whether the request counts."""
        if self.method and method not in self.method.split("|"):
            return False
        return re.search(self.path, path) is not None

    def hits(self, number: int) -> bool:
        """Whether the fault befalls the `number`-th of the matching requests."""
        return number >= self.first and (self.times is None or number < self.first + self.times)


def refuse(status: int, *, retry_after: int | None = None, message: str = "refused by the test") -> Fault:
    """A Kubernetes Status of that code; the server never sees the request."""
    return Fault(forward=False, reply=_status(status, retry_after, message))


def owned_by(manager: str, field: str) -> Fault:
    """What server-side apply answers when another manager owns a field."""
    cause = {
        "reason": "FieldManagerConflict",
        "message": f'conflict with "{manager}" using v1',
        "field": field,
    }
    return Fault(forward=False, reply=_status(409, None, "Apply failed with 1 conflict", causes=[cause]))


def refuse_after_effect(status: int) -> Fault:
    """The request is carried out, and the client is told that it failed."""
    return Fault(reply=_status(status, None, "refused by the test after the effect"))


def drop() -> Fault:
    """The connection ends; the server never sees the request."""
    return Fault(forward=False, silent=True)


def drop_after_effect() -> Fault:
    """The request is carried out, the answer is lost."""
    return Fault(silent=True)


def reset() -> Fault:
    """The connection is reset; the server never sees the request."""
    return Fault(forward=False, silent=True, reset=True)


def hang(seconds: float) -> Fault:
    """No answer for that long, then none at all; the server never sees the request."""
    return Fault(forward=False, wait=seconds, silent=True)


def hang_after_effect(seconds: float) -> Fault:
    """The request is carried out; no answer for that long, then none at all."""
    return Fault(wait=seconds, silent=True)


def slow(seconds: float) -> Fault:
    """The true answer, late."""
    return Fault(wait=seconds)


def truncated() -> Fault:
    """Half of the true answer, then the end of the connection."""
    return Fault(share=0.5)


def malformed() -> Fault:
    """A good status with JSON that breaks off."""
    return Fault(forward=False, reply=Reply(200, b'{"kind":"List","items":[{"metadata":', _JSON))


def not_an_api() -> Fault:
    """The page of some other server, a proxy's login for instance."""
    return Fault(forward=False, reply=Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}))


def die() -> Fault:
    """The server dies before it sees this request."""
    return Fault(forward=False, silent=True, reset=True, fatal=True)


def die_after_effect() -> Fault:
    """The server dies after it has carried out this request, before it answers."""
    return Fault(silent=True, reset=True, fatal=True)


_JSON = {"Content-Type": "application/json"}


def _status(
    code: int, retry_after: int | None, message: str, causes: Sequence[Mapping[str, str]] = ()
) -> Reply:
    body: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, "Unknown"),
        "code": code,
        "details": {"causes": list(causes)},
    }
    headers = dict(_JSON)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
        body["details"]["retryAfterSeconds"] = retry_after
    return Reply(code, json.dumps(body).encode(), headers)
