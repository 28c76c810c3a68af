"""An S3 server of the tests' own: moto's, on loopback, with buckets that have object lock and others.

Used by `tests/conftest.py`. moto keeps locks as Amazon does and checks no credentials.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

SECRET = "correct-horse-battery-staple"


@dataclass
class S3Server:
    """A running server.

    Attributes:
        access: reference of the credentials, as an operator writes it.
    """

    folder: Path
    _server: ThreadedMotoServer = field(init=False)
    _client: Any = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __enter__(self) -> Self:
        self._server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.credentials.write_text(
            "[default]\naws_access_key_id = yunjin\n"
            f"aws_secret_access_key = {SECRET}\nendpoint_url = {self.address}\n"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    @property
    def credentials(self) -> Path:
        """A file as AWS tools write it."""
        return self.folder / "credentials"

    @property
    def access(self) -> str:
        """Reference of that file."""
        return f"file:{self.credentials}"

    def client(self) -> Any:
        """Somebody else's client, who may do everything."""
        if self._client is None:  # making one takes half a second
            self._client = boto3.client(
                "s3",
                endpoint_url=self.address,
                aws_access_key_id="admin",
                aws_secret_access_key="admin",
                region_name="us-east-1",
            )
        return self._client

    def bucket(self, *, locked: bool = True) -> str:
        """A new bucket."""
        name = f"bucket-{next(self._numbers)}"
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        return name
