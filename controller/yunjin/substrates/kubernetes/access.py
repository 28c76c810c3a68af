"""A kubeconfig's context, as the SDK's configuration of a connection; and what of it has expired.

Called by `client`. Calls the SDK's reader of kubeconfigs. Promises that a message names the file and never
quotes it; that no server is asked which would not be verified; and that keys embedded in the file are written
to no disk: TLS takes them from files alone, and those of the SDK would outlive a run that is killed.
"""

from __future__ import annotations

import os
import ssl
import weakref
from base64 import b64decode, urlsafe_b64decode
from datetime import UTC, datetime
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import KubeConfigLoader
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from yunjin.errors import Text, UsageError, reason_of
from yunjin.model.hosts import is_loopback
from yunjin.substrates.fields import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes.client.configuration import Configuration

_LONGEST: Final = 1 << 20
"""Bytes of a kubeconfig."""
_BRIEFLY: Final = 5.0
"""Seconds for a look at a certificate that is known not to hold."""
Ended = tuple[Text, datetime]
"""What of a credential has expired, and when."""


def configure(configuration: Configuration, endpoint: str, kubeconfig: Path, context: str | None) -> None:
    """Enter what a kubeconfig says of a context (None: its current one).

    Raises:
        UsageError: the file is missing, too long, not a kubeconfig, or would not verify the server.
    """
    where = f"{kubeconfig}" + (f"#{context}" if context else "")
    try:
        content = _read(kubeconfig)
        for part, name in _embedding(content, context):
            if data := part.pop(f"{name}-data", None):
                part[name] = _in_memory(b64decode(data), configuration)
        loader = KubeConfigLoader(content, context, config_base_path=str(kubeconfig.absolute().parent))  # type: ignore[no-untyped-call]  # the SDK leaves its configuration package untyped
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]  # as above
    except (
        ConfigException,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        yaml.YAMLError,
    ) as error:
        # The SDK's message may quote the file, and the file holds credentials: only its kind is shown.
        name = type(error).__name__
        kind = reason_of(error) if isinstance(error, OSError) else Text(name, name)
        raise UsageError(
            Text(
                f"接入点 {endpoint} 的 kubeconfig 无法使用: {where} ({kind.zh})",
                f"{endpoint}: cannot use kubeconfig {where} ({kind.en})",
            ),
            Text(
                f"为接入点 {endpoint} 提供有效的 kubeconfig 文件和 context",
                f"give {endpoint} a valid kubeconfig and context",
            ),
        ) from error
    _require_addresses(endpoint, kubeconfig, configuration)
    _require_verified(endpoint, kubeconfig, configuration)
    _require_sendable(endpoint, kubeconfig, configuration)


def ended(configuration: Configuration) -> Ended | None:
    """What of the credential has expired by this machine's clock; None where nothing is known to have."""
    ends = (
        (Text("客户端证书", "client certificate"), _certificate_end(configuration.cert_file)),
        (Text("令牌", "token"), _token_end(_authorization(configuration))),
    )
    now = datetime.now(UTC)
    return next(((what, at) for what, at in ends if at is not None and at <= now), None)


def served_until(configuration: Configuration) -> datetime | None:
    """Until when the certificate holds that the server shows; None where that cannot be told.

    Asks the server once more, without trusting it and without telling it anything.
    """
    parts = urlsplit(configuration.host)
    if configuration.proxy or parts.hostname is None:
        return None
    try:
        shown = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=_BRIEFLY)
    except (OSError, ValueError):
        return None
    return _end_of(shown.encode())


def _read(kubeconfig: Path) -> Any:
    with kubeconfig.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ValueError(f"more than {_LONGEST >> 20} MiB")
    return yaml.safe_load(content)


def _embedding(content: Any, context: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """The parts of a context that may embed files, each with such a file's name. The SDK looks for faults."""
    chosen = _named(content, "context", context or content.get("current-context"))
    cluster, user = (_named(content, part, chosen.get(part)) for part in ("cluster", "user"))
    yield cluster, "certificate-authority"
    yield user, "client-certificate"
    yield user, "client-key"


def _named(content: Any, part: str, name: Any) -> dict[str, Any]:
    found = (entry[part] for entry in content.get(f"{part}s") or () if entry.get("name") == name)
    return next(found, None) or {}


def _in_memory(content: bytes, owner: object) -> str:
    """Path of a file that lives in memory, as long as its owner does."""
    number = os.memfd_create("kubeconfig")
    weakref.finalize(owner, os.close, number)
    with open(number, "wb", closefd=False) as file:
        file.write(content)
    return f"/proc/self/fd/{number}"


def _require_addresses(endpoint: str, kubeconfig: Path, configuration: Configuration) -> None:
    """Addresses that can be called and shown: the server's also goes to tenants, in their files."""
    try:
        server = parse_url(configuration.host)
        proxy = parse_url(configuration.proxy or "http:")
    except LocationParseError:
        server = proxy = parse_url("")
    if server.host and server.auth is None and proxy.scheme in {"http", "https"}:
        return
    raise UsageError(
        Text(
            f"接入点 {endpoint} 的 kubeconfig 中 server 或 proxy-url 不可用: {kubeconfig}",
            f"{endpoint}: `server` or `proxy-url` in kubeconfig {kubeconfig} cannot be used",
        ),
        Text(
            "server 写成 https://主机:端口, 用户名和口令不写在其中; 代理限 http 和 https",
            "write `server` as https://host:port, without user and password; a proxy speaks http or https",
        ),
    )


def _require_verified(endpoint: str, kubeconfig: Path, configuration: Configuration) -> None:
    parts = urlsplit(configuration.host)
    plain_on_loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if (parts.scheme == "https" and configuration.verify_ssl) or plain_on_loopback:
        return
    raise UsageError(
        Text(
            f"接入点 {endpoint} 的 kubeconfig 不验证服务端身份: {kubeconfig}",
            f"{endpoint}: kubeconfig {kubeconfig} does not verify the server",
        ),
        Text(
            "使用 https 地址并设置 certificate-authority, 去掉 insecure-skip-tls-verify",
            "use an https address with certificate-authority, and drop insecure-skip-tls-verify",
        ),
    )


def _require_sendable(endpoint: str, kubeconfig: Path, configuration: Configuration) -> None:
    """A token that HTTP cannot carry. The blanks around one, as files end in, are left out of it."""
    sent = _authorization(configuration)
    if sent.isascii() and sent.isprintable():
        return
    raise UsageError(
        Text(
            f"接入点 {endpoint} 的 kubeconfig 中的令牌含有换行或非 ASCII 字符, 无法发送: {kubeconfig}",
            f"{endpoint}: the token of kubeconfig {kubeconfig} holds line breaks or is not ASCII",
        ),
        Text("重新写入完整的令牌", "enter the token once more, as it was issued"),
    )


def _authorization(configuration: Configuration) -> str:
    """What goes into the header, `Bearer ` included; empty where the certificate alone says who we are."""
    return str(configuration.api_key.get("BearerToken") or "").strip()


def _certificate_end(path: str | None) -> datetime | None:
    try:
        return _end_of(Path(path).read_bytes()) if path else None
    except OSError:
        return None


def _end_of(certificate: bytes) -> datetime | None:
    # Loaded only where something has expired.
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return None


def _token_end(token: str) -> datetime | None:
    """Of a token that is a JWT. Only its issuer could say whether it was genuine."""
    claims = token.partition(".")[2].partition(".")[0]
    try:
        end = mapping(loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))).get("exp")
        return datetime.fromtimestamp(end, UTC) if isinstance(end, int | float) else None
    except (ValueError, OverflowError, OSError, RecursionError):
        return None
