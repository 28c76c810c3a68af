"""Objects in a bucket of an S3 server.

Opened by `place`. The only module that imports boto3. Promises that a name once written is read as it was
written first, whatever versions and deletions came later; that an object which is to be kept is under object
lock in compliance mode, looked at again after it was written; and that credentials come from the reference
that was named alone, never from what else a machine has.
"""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    Text,
    TransientError,
    UnreachableError,
    UsageError,
    YunjinError,
)
from yunjin.store.objects.contract import Lock, Record
from yunjin.store.objects.folder import new_file, too_long, translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from yunjin.store.objects.contract import Access


COMPLIANCE: Final = "COMPLIANCE"
_PIECE: Final = 1 << 20
_BUSY: Final = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "503", "500"})
_RIGHTS: Final = frozenset(
    {
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "401",
        "403",
    }
)
_LOOK: Final = Text(
    "检查 endpoint_url 和存储桶, 错误代码的含义见对象存储的文档",
    "check endpoint_url and the bucket; the store's documents say what the code means",
)
_UNLOCKED: Final = "ObjectLockConfigurationNotFoundError"


class BucketStore:
    """`yunjin.store.objects.ObjectStore` below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, access: Access) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _client(access)

    @property
    def name(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def put(self, name: str, content: bytes | Path, keep_until: datetime | None = None) -> None:
        """Write a new object, under object lock where it is to be kept."""
        if keep_until is not None:
            self._require_lock()
            keep_until = keep_until.replace(microsecond=0) + timedelta(seconds=1)  # servers keep whole ones
        with self._translated(name):
            if isinstance(content, Path):
                self._upload(name, content)
                return
            md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
            # Servers want a checksum with a lock, and not all know the newer kinds.
            asked: dict[str, Any] = {"Body": content, "ContentMD5": md5, "IfNoneMatch": "*"}
            if keep_until is not None:
                asked |= {"ObjectLockMode": COMPLIANCE, "ObjectLockRetainUntilDate": keep_until}
            done = self._client.put_object(Bucket=self._bucket, Key=self._key(name), **asked)
            if keep_until is not None:
                given = self._lock(name, {"VersionId": done["VersionId"]} if "VersionId" in done else {})
                if given.mode != COMPLIANCE or given.until is None or given.until < keep_until:
                    raise self._not_locked()

    def get(self, name: str, most: int) -> bytes:
        """The first version of an object."""
        with self._translated(name):
            body = self._first(name, most)["Body"]
            content: bytes = body.read(most + 1)
        if len(content) > most:
            raise too_long(f"{self.name}/{name}", most)
        return content

    def fetch(self, name: str, target: Path, most: int) -> None:
        """The first version of an object, into a file."""
        with self._translated(name):
            body = self._first(name, most)["Body"]
            with translated(target), new_file(target) as file:
                size = 0
                for piece in body.iter_chunks(_PIECE):
                    size += len(piece)
                    if size > most:
                        raise too_long(f"{self.name}/{name}", most)
                    file.write(piece)

    def names(self, prefix: str) -> list[str]:
        """Names that begin so and have an object now."""
        with self._translated(prefix):
            versions, deleted = self._listed(prefix)
        return sorted(versions.keys() - deleted)

    def records(self, prefix: str) -> list[Record]:
        """Every name that begins so, with the lock of its first version."""
        with self._translated(prefix):
            versions, deleted = self._listed(prefix)
            return [
                Record(name, self._lock(name, _first(found)), name in deleted, len(found))
                for name, found in sorted(versions.items())
            ]

    def _listed(self, prefix: str) -> tuple[dict[str, list[str]], set[str]]:
        """Versions by name, the newest first, and names that somebody deleted at some time."""
        versions: dict[str, list[str]] = {}
        deleted: set[str] = set()
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._key(prefix)):
            for version in page.get("Versions", ()):
                name = version["Key"].removeprefix(self._prefix)
                versions.setdefault(name, []).append(version["VersionId"])
            deleted |= {marker["Key"].removeprefix(self._prefix) for marker in page.get("DeleteMarkers", ())}
        return versions, deleted

    def _first(self, name: str, most: int) -> Any:
        versions, _ = self._listed(name)
        if name not in versions:
            raise self._nothing(name)
        which = _first(versions[name])
        found = self._client.get_object(Bucket=self._bucket, Key=self._key(name), **which)
        if found["ContentLength"] > most:
            raise too_long(f"{self.name}/{name}", most)
        return found

    def _lock(self, name: str, which: Mapping[str, str]) -> Lock:
        found = self._client.head_object(Bucket=self._bucket, Key=self._key(name), **which)
        return Lock(found.get("ObjectLockMode", ""), found.get("ObjectLockRetainUntilDate"))

    def _upload(self, name: str, content: Path) -> None:
        if name in self._listed(name)[0]:
            raise self._taken(name)
        with translated(content):
            self._client.upload_file(str(content), self._bucket, self._key(name))

    def _require_lock(self) -> None:
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) == _UNLOCKED:
                raise self._not_locked() from error
            raise self._ours(error, "") from error
        except BotoCoreError as error:
            raise self._ours(error, "") from error
        if found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise self._not_locked()

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}"

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, boto3.exceptions.Boto3Error) as error:
            raise self._ours(error, name) from error
        except (LookupError, ValueError, RecursionError) as error:  # the SDK believes whatever it is answered
            raise PermanentError(
                Text(
                    f"对象存储 {self.name} 的应答不合 S3 协议",
                    f"the object store {self.name} answers what S3 does not",
                ),
                Text("检查 endpoint_url 是否指向 S3 服务", "check that endpoint_url leads to an S3 server"),
            ) from error

    def _ours(self, error: Exception, name: str) -> YunjinError:
        if isinstance(error, boto3.exceptions.Boto3Error) and error.__context__ is not None:
            error = error.__context__ if isinstance(error.__context__, Exception) else error
        if isinstance(error, ClientError):
            return self._said(_code(error), name)
        if isinstance(error, NoConnectionError | HTTPClientError):
            return UnreachableError(
                Text(f"对象存储 {self.name} 无法连接", f"the object store {self.name} cannot be reached"),
                Text("检查 endpoint_url、网络和证书", "check endpoint_url, the network and the certificate"),
            )
        kind = type(error).__name__
        return PermanentError(
            Text(f"对象存储 {self.name} 无法使用: {kind}", f"the object store {self.name} fails: {kind}"),
            _LOOK,
        )

    def _said(self, code: str, name: str) -> YunjinError:
        if code == "NoSuchBucket":
            return UsageError(
                Text(f"没有存储桶 {self._bucket}", f"there is no bucket {self._bucket}"),
                Text("核对 s3:// 之后的名称", "check the name after s3://"),
            )
        if code in {"NoSuchKey", "NoSuchVersion", "404"}:
            return self._nothing(name)
        if code in {"PreconditionFailed", "412"}:
            return self._taken(name)
        if code in _RIGHTS:
            return RefusalError(
                Text(
                    f"对象存储 {self.name} 拒绝访问({code})", f"the object store {self.name} refuses ({code})"
                ),
                Text("检查凭据和存储桶的权限", "check the credentials and the rights to the bucket"),
            )
        if code in _BUSY:
            return TransientError(
                Text(
                    f"对象存储 {self.name} 暂不可用({code})", f"the object store {self.name} is busy ({code})"
                ),
                Text("稍后重试", "try again later"),
            )
        return PermanentError(
            Text(f"对象存储 {self.name} 报错: {code}", f"the object store {self.name} answers {code}"),
            _LOOK,
        )

    def _nothing(self, name: str) -> UsageError:
        return UsageError(
            Text(f"{self.name} 中没有 {name}", f"there is no {name} in {self.name}"),
            Text("核对位置和名称", "check place and name"),
        )

    def _taken(self, name: str) -> ConflictError:
        return ConflictError(
            Text(
                f"{self.name} 中已有 {name}, 不予覆盖",
                f"{name} exists in {self.name} and is not written over",
            ),
            Text("换一个位置", "choose another place"),
        )

    def _not_locked(self) -> RefusalError:
        return RefusalError(
            Text(
                f"存储桶 {self._bucket} 未启用对象锁定(合规模式), 写入的内容可被删改",
                f"bucket {self._bucket} has no object lock in compliance mode, so others could change it",
            ),
            Text("换一个创建时启用对象锁定的存储桶", "take a bucket that was made with object lock"),
        )


def _first(versions: Sequence[str]) -> dict[str, str]:
    """Names the oldest version; a bucket without versions is not asked for one."""
    return {} if versions == ["null"] else {"VersionId": versions[-1]}


def _client(access: Access) -> Any:
    # Name in a file, in the environment, default, conversion: nothing of the machine's own is looked for.
    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    own = botocore.session.Session(session_vars={**nothing, "profile": (None, None, None, None)})
    session = boto3.Session(
        aws_access_key_id=access.key,
        aws_secret_access_key=access.secret,
        aws_session_token=access.token,
        region_name=access.region,
        botocore_session=own,
    )
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path" if access.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
    )
    return session.client("s3", endpoint_url=access.endpoint or None, config=config)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
