"""One HTTP client of one cluster: requests out, decoded answers in, nothing typed in between.

Called by every module of this package that speaks to a cluster. Calls the Kubernetes SDK: its kubeconfig
reader, its connection pool and its credentials. Promises that no exception of the SDK passes, that an answer
is never read beyond a limit, and that busy servers are asked again when they say so (429, 503, Retry-After).

Requests go through the SDK's pool of connections, below its `call_api`: for one patch that takes 0.47 ms of
processor time, the pool 0.29 ms and `http.client` 0.18 ms; the SDK's typed models take many times as much.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from urllib3.exceptions import HTTPError, MaxRetryError, ResponseError
from urllib3.util.retry import Retry
from urllib3.util.timeout import Timeout

from yunjin.substrates import hints
from yunjin.substrates.kubernetes import access, errors
from yunjin.substrates.kubernetes.answer import REFUSED, Answer
from yunjin.substrates.reading import read_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.errors import YunjinError

JSON: Final = "application/json"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"

_MOST: Final = 64 << 20
"""Bytes of an answer. A page of 500 objects has about 2 MB; etcd keeps none above 1.5 MB."""
_LINE: Final = 4 << 20
"""Bytes of one event of a watch."""
_RETRY_AFTER: Final = 20
"""Seconds: the longest wait a server may ask for within one request; above that the caller decides."""


class _Patience(Retry):
    """urllib3's retries, except where the server asks for a longer wait than one request may take.

    And except that a `Retry-After` which says nothing is none, where urllib3 gives the request up.
    """

    def get_retry_after(self, response: Any) -> float | None:
        """Seconds the server asks to wait; None where it does not."""
        return hints.wait(response.headers)

    def increment(self, *request: Any, **event: Any) -> Self:
        """The retries left. Raises MaxRetryError where there are none, or the wait would be too long."""
        response = event.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > _RETRY_AFTER:
            raise MaxRetryError(event["_pool"], "", ResponseError("the server asks to come back later"))
        return super().increment(*request, **event)


class Client:
    """Safe to use from several threads.

    Attributes:
        endpoint: for messages.
        address: `https://host:port`.
    """

    def __init__(self, endpoint: str, api: Any, timeout: float) -> None:
        self.endpoint = endpoint
        self.address: str = api.configuration.host
        self.timeout = timeout
        self._api = api
        self._base = urlsplit(self.address).path.rstrip("/")
        self._pool = api.rest_client.pool_manager.connection_from_url(self.address)
        self._patience = Timeout(total=timeout)

    @classmethod
    def connect(
        cls, endpoint: str, kubeconfig: Path, context: str | None, *, timeout: float, connections: int
    ) -> Client:
        """A client of the cluster that a kubeconfig's context names. Sends nothing yet.

        Raises:
            UsageError: the file is missing, too long, not a kubeconfig, or would not verify the server.
        """
        configuration = Configuration()
        configuration.retries = _Patience(
            total=6,
            connect=2,
            read=1,
            status=4,
            redirect=0,
            other=0,
            allowed_methods={"GET", "PATCH", "DELETE"},
            status_forcelist={429, 502, 503, 504},
            backoff_factor=0.2,
            backoff_max=5,
            backoff_jitter=0.1,
            raise_on_status=False,
        )
        configuration.connection_pool_maxsize = connections
        access.configure(configuration, endpoint, kubeconfig, context)
        # Assigned, the SDK no longer asks the environment at each request. Loopback needs no proxy.
        plain = configuration.host.startswith("http:")
        configuration.proxy = None if plain else configuration.proxy
        api = ApiClient(configuration)
        return cls(endpoint, api, timeout)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        *,
        decode: bool = True,
    ) -> Answer:
        """One request. Answers of any status are returned, not raised.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: from the root, with its query.
            body: sent as JSON.
            content_type: of the body.
            decode: whether the body of a granted request is wanted.

        Raises:
            UnreachableError: no answer, or no trust in who answers.
            PermanentError: an answer that is too long or no JSON.
        """
        try:
            response = self._call(method, path, body, content_type)
            data = read_body(response, _MOST, self.timeout)
            if data is None:
                raise errors.too_long(self.endpoint, self.address, _MOST)
        except (HTTPError, OSError) as error:
            raise self.silent(error) from error
        if response.status < REFUSED and not decode:
            return Answer(response.status, "", {})
        content, text = self._decode(data, response.status)
        return Answer(
            response.status,
            response.reason or "",
            content,
            text,
            hints.wait(response.headers),
            response.headers.get("Date") or "",
            self._ended(response.status),
        )

    def lines(self, path: str, read_timeout: float) -> Stream:
        """Open a stream of JSON lines (a watch).

        Args:
            path: from the root, with its query.
            read_timeout: seconds that may pass without a line.

        Raises:
            UnreachableError, and whatever the refusal of the watch means.
        """
        try:
            patience = Timeout(connect=self.timeout, read=read_timeout)
            response = self._call("GET", path, None, JSON, patience)
        except (HTTPError, OSError) as error:
            raise self.silent(error) from error
        stream = Stream(self, response)
        if response.status >= REFUSED:
            try:
                data = response.read(_LINE)
            except (HTTPError, OSError) as error:
                raise self.silent(error) from error
            finally:
                response.close()
            content, text = self._decode(data, response.status)
            ended = self._ended(response.status)
            answer = Answer(response.status, response.reason or "", content, text, ended=ended)
            raise errors.refused(self.endpoint, "watch", answer)
        return stream

    @property
    def authority(self) -> str:
        """The certificate authority that vouches for the server, PEM; empty where the machine's own do."""
        configuration = self._api.configuration
        if configuration.ca_cert_data:
            return str(configuration.ca_cert_data)
        try:
            return Path(configuration.ssl_ca_cert).read_text("ascii") if configuration.ssl_ca_cert else ""
        except (OSError, ValueError) as error:
            raise self.silent(error) from error

    @property
    def server_name(self) -> str:
        """The name that the server's certificate bears instead of its address; empty where it bears that."""
        return str(self._api.configuration.tls_server_name or "")

    def silent(self, error: Exception) -> YunjinError:
        """What an exception of the connection means. Its cause is left for the caller to chain."""
        return errors.silent(
            self.endpoint, self.address, error, lambda: access.served_until(self._api.configuration)
        )

    def close(self) -> None:
        """End connections."""
        self._api.close()

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        content_type: str,
        timeout: Timeout | None = None,
    ) -> Any:
        headers = {"Accept": JSON, "User-Agent": "yunjin"}
        if body is not None:
            headers["Content-Type"] = content_type
        for setting in self._api.configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"].strip()
        return self._pool.urlopen(
            method,
            self._base + path,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            timeout=timeout or self._patience,
            preload_content=False,
        )

    def _ended(self, code: int) -> access.Ended | None:
        return access.ended(self._api.configuration) if code == HTTPStatus.UNAUTHORIZED else None

    def _decode(self, data: bytes, code: int) -> tuple[dict[str, Any], str]:
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict):
            return content, ""
        if code < REFUSED:
            raise errors.not_an_api(self.endpoint, self.address)
        return {}, data[:300].decode("utf-8", "replace")


class Stream:
    """A watch in progress. `end` may be called from another thread."""

    def __init__(self, client: Client, response: Any) -> None:
        self._client = client
        self._response = response

    def events(self) -> Iterator[dict[str, Any]]:
        """One JSON object a line, until the server ends the stream.

        Raises:
            UnreachableError: the connection broke. PermanentError: a line that is too long or no JSON.
        """
        rest = b""
        try:
            for part in self._response.stream(amt=None, decode_content=True):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    content, _ = self._client._decode(line, 200)  # noqa: SLF001 (a part of the client)
                    yield content
                if len(rest) > _LINE:
                    raise errors.too_long(self._client.endpoint, self._client.address, _LINE)
        except (HTTPError, OSError) as error:
            raise self._client.silent(error) from error
        finally:
            self._response.close()

    def end(self) -> None:
        """Wake whoever reads and end the stream."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):
            return  # it has ended by itself
