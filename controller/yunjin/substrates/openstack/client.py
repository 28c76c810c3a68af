"""One connection to one cloud: requests out, decoded answers in, nothing typed in between.

Called by every module of this package that speaks to a cloud. Calls the OpenStack SDK: its reader of
clouds.yaml, its catalogue and its session. Promises that no exception of the SDK passes; that an answer is
never read beyond a limit; that one token serves every request until it ends, and is then renewed once; that
no service gets more requests at a time than it was made to bear; and that busy ones are asked again when
they say so (429, 503, Retry-After).

Requests go to the session, below the SDK's resources: these parse, compare and log every field of every
object.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from keystoneauth1 import exceptions as auth_exceptions
from openstack.exceptions import SDKException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from yunjin.errors import TransientError, UnreachableError, YunjinError
from yunjin.substrates import hints
from yunjin.substrates.openstack import errors
from yunjin.substrates.openstack.access import Access
from yunjin.substrates.openstack.answer import IDENTITY, NETWORK, REFUSED, Answer, Service, next_page
from yunjin.substrates.reading import read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


_T = TypeVar("_T")

_MOST: Final = 64 << 20
"""Bytes of an answer."""
_AT_ONCE: Final = 8
"""Requests that one service gets at a time."""
_TRIES: Final = 4
_RETRY_AFTER: Final = 20.0
"""Seconds: the longest wait a service may ask for within one request; above that the caller decides."""
_BACKOFF: Final = 0.2
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
"""What may be sent again when nobody knows whether it was done."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent; see `Client.send`."""

    service: Service
    method: str
    url: str
    body: Mapping[str, Any] | None
    revision: str

    def headers(self, token: str) -> dict[str, str]:
        """As the service wants them."""
        found = {"Accept": "application/json"}
        if token:
            found["X-Auth-Token"] = token
        if self.service.microversion:
            found["OpenStack-API-Version"] = f"{self.service.microversion_type} {self.service.microversion}"
        if self.revision:
            found["If-Match"] = f"revision_number={self.revision}"
        return found


class Client:
    """Safe to use from several threads.

    Attributes:
        endpoint: for messages.
        timeout: seconds that one answer may take.
    """

    def __init__(self, endpoint: str, access: Access, timeout: float) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self._access = access
        self._ended = threading.Event()
        self._renewing = threading.Lock()
        self._finding = threading.Lock()
        self._addresses: dict[str, str] = {}
        self._gates: dict[str, threading.BoundedSemaphore] = {}

    @classmethod
    def connect(
        cls, endpoint: str, clouds_yaml: Path, cloud: str | None, *, timeout: float, connections: int
    ) -> Client:
        """A client of one cloud of a clouds.yaml (None: the only one in it). Sends nothing yet.

        Raises:
            UsageError: as `access.Access.read`.
        """
        return cls(endpoint, Access.read(endpoint, clouds_yaml, cloud, connections), timeout)

    def send(
        self,
        service: Service,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        revision: str = "",
    ) -> Answer:
        """One request. Answers of any status are returned, not raised.

        Args:
            service: to whom.
            method: GET, POST, PUT, PATCH or DELETE.
            path: behind the service's address, with its query.
            body: sent as JSON.
            revision: of the object, which must still be in it; only Neutron compares.

        Raises:
            UnreachableError: no answer, or no trust in who answers.
            RefusalError: the catalogue does not name the service, or the credential is not accepted.
            TransientError: the answer is no whole JSON.
            PermanentError: it is too long.
        """
        request = _Request(service, method, self._address(service) + path, body, revision)
        for left in reversed(range(_TRIES)):
            try:
                answer = self._authorised(request)
            except UnreachableError as error:
                if not left or method not in _REPEATABLE or _timed_out(error) or self._pause(left, None):
                    raise
                continue
            repeatable = method in _REPEATABLE or answer.code == HTTPStatus.TOO_MANY_REQUESTS
            if answer.code not in _BUSY or not left or not repeatable:
                return answer
            if (answer.retry_after or 0) > _RETRY_AFTER or self._pause(left, answer.retry_after):
                return answer
        raise AssertionError  # the last try returns or raises

    def call(
        self,
        service: Service,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        about: object,
        revision: str = "",
    ) -> dict[str, Any]:
        """One request that must be granted; its decoded answer.

        Args:
            service: as `send`.
            method: as `send`.
            path: as `send`.
            body: as `send`.
            about: the object of the request, for messages.
            revision: as `send`.

        Raises:
            YunjinError: what `send` raises, and what the refusal means.
        """
        answer = self.send(service, method, path, body, revision=revision)
        if not answer.ok:
            raise errors.refused(self.endpoint, about, answer)
        return answer.body

    def lent(
        self, service: Service, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str
    ) -> Answer:
        """One request as `send`, under somebody else's token (empty: none). Sent once, never renewed."""
        return self._exchange(_Request(service, method, self._address(service) + path, body, ""), token)

    def drop(self, service: Service, path: str, *, about: object) -> bool:
        """Delete one object; whether it is gone or going. False where the service says that it is in use.

        Raises:
            YunjinError: as `call`.
        """
        answer = self.send(service, "DELETE", path)
        if answer.ok or answer.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return True
        if answer.code in (HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST):
            return False
        raise errors.refused(self.endpoint, about, answer)

    def listed(self, service: Service, path: str, name: str, *, about: object) -> list[dict[str, Any]]:
        """Every object of a collection, page by page. `name` is the collection's in the answer."""
        found: list[dict[str, Any]] = []
        for body in self.pages(service, path, name, about=about):
            items = body.get(name)
            if not isinstance(items, list):
                raise errors.unreadable(self.endpoint, service)
            found += [item for item in items if isinstance(item, dict)]
        return found

    def pages(self, service: Service, path: str, name: str, *, about: object) -> Iterator[dict[str, Any]]:
        """An answer and those that follow it. `name` is what their links are called after.

        Raises:
            YunjinError: as `call`.
            PermanentError: the service leaves out the rest, and says so (Keystone's `list_limit`).
            TransientError: it leads in a circle.
        """
        seen: set[str] = set()
        while path:
            if path in seen:
                raise errors.unreadable(self.endpoint, service)
            seen.add(path)
            body = self.call(service, "GET", path, about=about)
            path = next_page(path, body, name)
            if not path and body.get("truncated"):
                raise errors.cut_short(self.endpoint, service, name)
            yield body

    def has(self, service: Service) -> bool:
        """Whether the catalogue names the service."""
        self._guarded(IDENTITY, self._access.token)  # brings the catalogue; without it, Keystone is to blame
        return self._guarded(service, lambda: bool(self._access.address(service)))

    @property
    def operator(self) -> Operator:
        """Who the token says this client is.

        Raises:
            RefusalError: the token is for a domain or the whole system; Nova, Neutron and Cinder want one
                for a project.
        """
        found = self._guarded(IDENTITY, self._access.token)
        if not found.project_id:
            raise errors.no_project(self.endpoint)
        return Operator(found.user_id or "", found.project_id, found.project_domain_id or "")

    @property
    def entry(self) -> tuple[dict[str, Any], str]:
        """How others reach this cloud: see `access.Access.entry`."""
        return self._access.entry(self.endpoint)

    def wait(self, seconds: float) -> bool:
        """Let the services work for so long; whether the client was closed meanwhile."""
        return self._ended.wait(seconds)

    def close(self) -> None:
        """End connections and waits."""
        self._ended.set()
        self._access.session.session.close()

    def _pause(self, left: int, hint: float | None) -> bool:
        backoff = _BACKOFF * 2 ** (_TRIES - 1 - left)
        return self.wait(max(hint or 0.0, backoff * random.uniform(0.9, 1.1)))  # noqa: S311 (no secret)

    def _address(self, service: Service) -> str:
        known = self._addresses.get(service.name)
        if known is not None:
            return known
        with self._finding:  # asked once, whatever number of threads wants it
            known = self._addresses.get(service.name)
            if known is None:
                self.operator  # noqa: B018 (without a project the catalogue seems to lack services)
                found = self._guarded(service, lambda: self._access.address(service))
                if not found:
                    raise errors.no_service(self.endpoint, service)
                known = found.rstrip("/")
                if service is NETWORK and not known.endswith("/v2.0"):
                    known += "/v2.0"  # Neutron's catalogue entry bears no version
                self._gates[service.name] = threading.BoundedSemaphore(_AT_ONCE)
                self._addresses[service.name] = known  # last: who finds it asks at once
        return known

    def _authorised(self, request: _Request) -> Answer:
        """One request; a second one with a new token where the first was refused for its token."""
        service = request.service
        token = self._token(service)
        answer = self._exchange(request, token)
        if answer.code != HTTPStatus.UNAUTHORIZED:
            return answer
        with self._renewing:
            if self._token(service) == token:  # nobody else has renewed it meanwhile
                self._access.session.invalidate()
            token = self._token(service)
        return self._exchange(request, token)

    def _token(self, service: Service) -> str:
        return self._guarded(service, lambda: self._access.session.get_token() or "")

    def _exchange(self, request: _Request, token: str) -> Answer:
        with self._gates[request.service.name]:
            return self._guarded(request.service, lambda: self._sent(request, token))

    def _sent(self, request: _Request, token: str) -> Answer:
        service = request.service
        response = self._access.session.request(
            request.url,
            request.method,
            json=request.body,
            headers=request.headers(token),
            authenticated=False,  # the header carries the token, so that an expired one is seen here
            raise_exc=False,
            redirect=False,
            log=False,
            timeout=self.timeout,
            stream=True,
        )
        with response:
            data = read_body(response.raw, _MOST, self.timeout)
        if data is None:
            raise errors.too_long(self.endpoint, service, _MOST)
        content, text = _decoded(data)
        code = response.status_code
        if not content and code < REFUSED and data.strip():
            raise errors.unreadable(self.endpoint, service)
        headers = response.headers
        return Answer(
            service, code, response.reason or "", content, text, hints.wait(headers),
            headers.get("Date", ""), headers.get("X-Subject-Token", ""),
        )  # fmt: skip

    def _guarded(self, service: Service, act: Callable[[], _T]) -> _T:
        """What `act` returns; whatever it raises is one of `yunjin.errors` then."""
        try:
            return act()
        except YunjinError:
            raise
        except auth_exceptions.HttpError as error:
            answer = _of_identity(error)
            known = errors.refused(self.endpoint, "token", answer)
            # A password that is wrong, an account that is gone, a project that is disabled.
            raise (known if isinstance(known, TransientError) else errors.no_entry(self.endpoint)) from error
        except auth_exceptions.InvalidResponse as error:
            raise errors.unreadable(self.endpoint, IDENTITY) from error
        except auth_exceptions.ConnectionError as error:
            raise errors.silent(self.endpoint, service, error) from error
        except (auth_exceptions.AuthorizationFailure, auth_exceptions.AuthPluginException) as error:
            raise errors.no_entry(self.endpoint) from error
        except (auth_exceptions.ClientException, SDKException) as error:
            raise errors.unreadable(self.endpoint, service) from error
        except (RequestException, HTTPError, OSError) as error:
            raise errors.silent(self.endpoint, service, error) from error


@dataclass(frozen=True, slots=True)
class Operator:
    """The account this client works under.

    Attributes:
        user: its id.
        project: the project of its token.
        domain: that project's domain.
    """

    user: str
    project: str
    domain: str


def _of_identity(error: auth_exceptions.HttpError) -> Answer:
    headers = getattr(error.response, "headers", None) or {}
    return Answer(IDENTITY, error.http_status, "", {}, str(error.message or ""), hints.wait(headers))


def _timed_out(error: UnreachableError) -> bool:
    """Whoever has waited for the whole of the time allowed does not wait for it again."""
    cause = error.__cause__
    return (
        isinstance(cause, TimeoutError | auth_exceptions.ConnectTimeout) or "Timeout" in type(cause).__name__
    )


def _decoded(data: bytes) -> tuple[dict[str, Any], str]:
    content = None
    with suppress(ValueError, RecursionError):
        content = json.loads(data)
    if isinstance(content, dict):
        return content, ""
    return {}, data[:300].decode("utf-8", "replace")
