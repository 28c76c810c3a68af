"""Opening a store of objects by what an operator writes: a folder, or `s3://bucket/prefix`.

Called by the command line and the controller. Credentials are named, never given: `env:NAME` is an
environment variable with the path of a file, `file:PATH` the file itself, written as AWS tools write theirs:

    [default]
    aws_access_key_id = ...
    aws_secret_access_key = ...
    endpoint_url = https://s3.example.gov.cn
    region = cn-north-1

Promises that nothing of such a file is ever in an error, a log or an answer, and that no server elsewhere is
believed that cannot show who it is.
"""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from yunjin.errors import Text, UsageError, reason_of
from yunjin.model.hosts import is_loopback
from yunjin.store.objects.contract import Access
from yunjin.store.objects.folder import FolderStore

if TYPE_CHECKING:
    from yunjin.store.objects.contract import ObjectStore

_SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LONGEST: Final = 1 << 16
_DEFAULT: Final = "default"
_REGION: Final = "us-east-1"
_LOGIN: Final = re.compile("//.*@")


def open_objects(target: str, credentials: str = "") -> ObjectStore:
    """The store at a target.

    Args:
        target: a folder, or `s3://bucket/prefix`.
        credentials: `env:NAME[#PROFILE]` or `file:PATH[#PROFILE]`, for a bucket.

    Raises:
        UsageError: neither, or credentials that are not there.
    """
    if not target.startswith(_SCHEME):
        if not target or re.match(r"[a-z0-9+.-]+://", target):
            raise UsageError(
                Text(f"位置 {_shown(target)!r} 无法识别", f"{_shown(target)!r} is no place"),
                Text("写目录, 或 s3://存储桶/前缀", "write a folder, or s3://bucket/prefix"),
            )
        return FolderStore(Path(target))
    bucket, _, prefix = target.removeprefix(_SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            Text(f"{_shown(target)} 中的存储桶名称有误", f"{_shown(target)} names no bucket"),
            Text(
                "写成 s3://存储桶/前缀, 密钥用 --s3-access 指明",
                "write s3://bucket/prefix; --s3-access names the keys",
            ),
        )
    from yunjin.store.objects.s3 import BucketStore

    return BucketStore(bucket, prefix.strip("/"), read_access(credentials))


def read_access(reference: str) -> Access:
    """What a reference leads to. Raises UsageError as `open_objects` does."""
    written, _, profile = reference.partition("#")
    kind, _, rest = written.partition(":")
    if kind not in {"env", "file"} or not rest:
        raise UsageError(
            Text("未指明对象存储的凭据", "no credentials of the object store are named"),
            Text(
                "用 --s3-access 或 YUNJIN_S3_ACCESS 写明 env:变量名 或 file:路径",
                "name them by --s3-access or YUNJIN_S3_ACCESS, as env:NAME or file:PATH",
            ),
        )
    path = os.environ.get(rest, "") if kind == "env" else rest
    if not path:
        raise UsageError(
            Text(f"环境变量 {rest} 未设置, 无法取得对象存储凭据", f"environment variable {rest} is not set"),
            Text("设为凭据文件的路径", "set it to the path of the credentials file"),
        )
    section = _section(Path(path), profile or _DEFAULT)
    key, secret = section.get("aws_access_key_id", ""), section.get("aws_secret_access_key", "")
    if not key or not secret:
        raise _unusable(Path(path), Text("缺少访问密钥", "an access key is missing"))
    endpoint = section.get("endpoint_url", "")
    if endpoint:
        _require_server(Path(path), endpoint)
    return Access(key, secret, section.get("aws_session_token"), endpoint, section.get("region", _REGION))


def _require_server(path: Path, endpoint: str) -> None:
    wrong = _unusable(path, Text("endpoint_url 有误", "endpoint_url is no address"))
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        # Whoever answers could hide that a head is gone.
        reason = Text(
            "endpoint_url 不验证服务端身份, 应为 https", "endpoint_url does not verify the server: not https"
        )
        raise _unusable(path, reason)


def _shown(target: str) -> str:
    """A target without the keys that somebody wrote into it."""
    return _LOGIN.sub("//", target)


def _section(path: Path, profile: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open("rb") as file:
            parser.read_string(file.read(_LONGEST).decode())
        return parser[profile]
    except OSError as error:
        reason = reason_of(error)
        raise _unusable(path, Text(f"无法读取: {reason.zh}", reason.en)) from error
    except (configparser.Error, UnicodeDecodeError):
        # What the library says repeats lines of the file.
        raise _unusable(path, Text("格式有误", "it is not written as such a file is")) from None
    except KeyError:
        raise _unusable(path, Text(f"没有 [{profile}] 一节", f"it has no section [{profile}]")) from None


def _unusable(path: Path, reason: Text) -> UsageError:
    return UsageError(
        Text(f"对象存储凭据文件 {path} 不可用: {reason.zh}", f"the credentials file {path}: {reason.en}"),
        Text("按文档 audit.md 的格式填写", "write it as audit.md shows"),
    )
