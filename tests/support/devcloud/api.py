"""A small client of the six services, independent of the one under test.

Used by the test bed for its own furniture, by test drivers that act as somebody else, and by tests as a
second witness. One connection a call and one token a client, so it is safe to use from any thread.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from devcluster.api import Answer, ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Services whose answers depend on a version that the request names.
_VERSIONS = {"compute": "compute 2.95", "placement": "placement 1.39", "block-storage": "volume 3.70"}


@dataclass(frozen=True, slots=True)
class Login:
    """A user with a password, in a project.

    Attributes:
        project: as Keystone takes it: an id, or a name with its domain.
        domain: id of the user's domain.
    """

    user: str
    password: str
    project: Mapping[str, Any]
    domain: str = "default"


class CloudApi:
    """One cloud as one user.

    Services are named by their kind in the catalogue: identity, compute, network, block-storage, image,
    placement. Paths begin behind the address that the catalogue has: `/servers`, `/v2.0/ports`.
    """

    def __init__(self, auth_url: str, login: Login) -> None:
        self.auth_url = auth_url
        self.login = login
        self._lock = threading.Lock()
        self._token: dict[str, Any] | None = None
        self._secret = ""

    @property
    def token(self) -> Mapping[str, Any]:
        """What Keystone says about the token: user, project, roles, catalogue."""
        return self._session()[0]

    @property
    def secret(self) -> str:
        """The token itself."""
        return self._session()[1]

    @property
    def project(self) -> str:
        """Id of the project that the token is for."""
        found: str = self.token["project"]["id"]
        return found

    def address(self, kind: str) -> str:
        """Of a service. Raises KeyError where the catalogue has none."""
        if kind == "identity":
            return self.auth_url
        entries = [entry for entry in self.token["catalog"] if entry["type"] == kind]
        if not entries:
            raise KeyError(kind)
        url: str = next(each["url"] for each in entries[0]["endpoints"] if each["interface"] == "public")
        return url

    def call(self, method: str, kind: str, path: str, body: Any = None) -> Answer:
        """One request. `path` may carry a query. Any status comes back; OSError where nobody answers."""
        headers = {"X-Auth-Token": self.secret}
        if kind in _VERSIONS:
            headers["OpenStack-API-Version"] = _VERSIONS[kind]
        return _request(method, self.address(kind) + path, body, headers)

    def must(self, method: str, kind: str, path: str, body: Any = None) -> Any:
        """As `call`, but only a good answer will do: its body. Raises ApiError on any other."""
        answer = self.call(method, kind, path, body)
        if answer.status >= 400:
            raise ApiError(f"{method} {kind} {path}", answer)
        return answer.body

    def get(self, kind: str, path: str) -> Any:
        """The body of a good answer. Raises ApiError on any other."""
        return self.must("GET", kind, path)

    def _session(self) -> tuple[dict[str, Any], str]:
        with self._lock:
            if self._token is None:
                answer = _request("POST", f"{self.auth_url}/auth/tokens", {"auth": self._auth()}, {})
                if answer.status != 201:
                    raise ApiError("POST identity /auth/tokens", answer)
                self._token = answer.body["token"]
                self._secret = answer.headers["X-Subject-Token"]
            return self._token, self._secret

    def _auth(self) -> dict[str, Any]:
        user = {
            "name": self.login.user,
            "password": self.login.password,
            "domain": {"id": self.login.domain},
        }
        return {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": dict(self.login.project)},
        }


def _request(method: str, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
    """Bytes are sent as they are, anything else as JSON."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    sent = {**headers, "Accept": "application/json", "Connection": "close"}
    data = body
    if isinstance(body, bytes):
        sent["Content-Type"] = "application/octet-stream"
    elif body is not None:
        sent["Content-Type"] = "application/json"
        data = json.dumps(body)
    try:
        target = f"{address.path or '/'}{f'?{address.query}' if address.query else ''}"
        connection.request(method, target, data, sent)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    finally:
        connection.close()
    return Answer(response.status, _decoded(text), dict(response.getheaders()))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
