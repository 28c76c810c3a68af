"""From what a cluster answers, or does not answer, to `yunjin.errors`.

Called by `client` (no answer), `apply`, `observe`, `backend` and `credentials` (an answer that says no).
Knows what lies beneath urllib3's exceptions, which the SDK lets pass. Promises that every text names the
endpoint, the object and what to do next, and that no credential is ever part of one.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    Text,
    TransientError,
    UnreachableError,
    YunjinError,
)
from yunjin.model.times import TIME_ZONE
from yunjin.substrates.refusals import GO_ON, LOOK, moved, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yunjin.substrates.kubernetes.answer import Answer

_LONGEST: Final = 300
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET_VALID: Final = 9
_WRONG_HOST: Final = frozenset({62, 64})  # host name, IP address

# How the API server begins when an applied body cannot be read as its kind: 500, and no reason that tells it
# from a failure of its own. Whatever begins otherwise may pass.
_UNREADABLE: Final = ("failed to create typed patch object", "failed to convert new object")


def silent(
    endpoint: str, address: str, error: Exception, served_until: Callable[[], datetime | None] = lambda: None
) -> YunjinError:
    """What an exception of the connection means. Its cause is left for the caller to chain.

    Args:
        endpoint: who should have answered.
        address: where.
        error: the exception.
        served_until: finds out until when the server's certificate held; asked only where one has expired.
    """
    chain = wrapped(error)
    for reason in reversed(chain):
        if isinstance(reason, ssl.SSLError):
            return _untrusted(endpoint, address, reason, served_until)
        if isinstance(reason, socket.gaierror):
            return UnreachableError(
                Text(
                    f"接入点 {endpoint} 的地址无法解析: {address}",
                    f"{endpoint}: the name in {address} is unknown",
                ),
                Text(
                    "检查 kubeconfig 中的 server 和域名解析",
                    "check `server` in the kubeconfig and the name service",
                ),
            )
        if isinstance(reason, ConnectionRefusedError):
            return UnreachableError(
                Text(
                    f"接入点 {endpoint} 拒绝连接: {address}", f"{endpoint} refuses connections at {address}"
                ),
                Text(
                    "检查 API Server 是否运行、地址是否正确",
                    "check that the API server runs and the address is right",
                ),
            )
        if isinstance(reason, TimeoutError):
            return UnreachableError(
                Text(
                    f"接入点 {endpoint} 在限定时间内未应答: {address}",
                    f"{endpoint} at {address} gives no answer in time",
                ),
                Text(
                    "检查网络和 API Server 负载, 然后重试",
                    "check the network and the API server's load, then try again",
                ),
            )
    reason = chain[-1]
    return UnreachableError(
        Text(
            f"与接入点 {endpoint} 的连接中断: {address} ({_short(reason)})",
            f"endpoint {endpoint}: the connection to {address} broke ({_short(reason)})",
        ),
        Text("检查网络和 API Server, 然后重试", "check the network and the API server, then try again"),
    )


def refused(endpoint: str, subject: object, answer: Answer) -> YunjinError:
    """What an answer of 300 and above means.

    Args:
        endpoint: whose answer it is.
        subject: what the call was about: a key, or a few words that name it.
        answer: as it came.
    """
    said = _short(answer.status.get("message") or answer.text or answer.reason)
    code = answer.code
    if code == HTTPStatus.UNAUTHORIZED:
        return _unaccepted(endpoint, answer)
    if code == HTTPStatus.FORBIDDEN:
        return _forbidden(endpoint, subject, answer, said)
    if code == HTTPStatus.NOT_FOUND:
        return _absent(endpoint, subject, answer, said)
    if code in (HTTPStatus.CONFLICT, HTTPStatus.GONE):
        return conflict(endpoint, subject, answer)
    unable = code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR
    if unable and not said.startswith(_UNREADABLE):
        return TransientError(
            Text(
                f"接入点 {endpoint} 暂不能处理 {subject}: {code} {said}",
                f"{endpoint} cannot serve {subject} now: {code} {said}",
            ),
            GO_ON,
            retry_after=answer.retry_after,
        )
    fields = ", ".join(_short(cause.get("field")) for cause in _causes(answer) if cause.get("field"))
    return PermanentError(
        Text(
            f"接入点 {endpoint} 不接受 {subject}: {code} {said}",
            f"{endpoint} does not accept {subject}: {code} {said}",
        ),
        Text(
            f"核对申报文件中对应的值 ({fields})" if fields else "核对申报文件中对应的值",
            f"check the declared values behind it ({fields})"
            if fields
            else "check the declared values behind it",
        ),
    )


def conflict(endpoint: str, subject: object, answer: Answer) -> ConflictError:
    """Another manager owns a field, or the object is no longer what was read."""
    held = {
        str(cause.get("field") or ""): str(cause.get("message") or "")
        for cause in _causes(answer)
        if cause.get("reason") == "FieldManagerConflict"
    }
    if held:
        return owned(
            endpoint,
            subject,
            {field: message.partition('"')[2].partition('"')[0] for field, message in held.items()},
        )
    return moved(endpoint, subject)


def owned(endpoint: str, subject: object, managers: Mapping[str, str]) -> ConflictError:
    """Others own fields that the change would set; `managers` is by field."""
    fields = _short(
        ", ".join(f"{field.lstrip('.')} ({manager or '?'})" for field, manager in sorted(managers.items()))
    )
    return ConflictError(
        Text(
            f"接入点 {endpoint}: {subject} 的字段由其他管理方持有: {fields}",
            f"{endpoint}: others own fields of {subject}: {fields}",
        ),
        Text(
            "请对方放弃这些字段, 或将该类对象的处置策略设为 repair",
            "ask them to give the fields up, or set the drift policy of this class to repair",
        ),
    )


def not_an_api(endpoint: str, address: str) -> PermanentError:
    """Something answers, but not as Kubernetes does."""
    return PermanentError(
        Text(
            f"接入点 {endpoint} 的应答不是 Kubernetes 的应答, {address} 可能不是 API Server",
            f"endpoint {endpoint} does not answer as Kubernetes does: {address} may be no API server",
        ),
        Text(
            "检查 kubeconfig 中的 server 和代理设置",
            "check `server` in the kubeconfig and the proxy settings",
        ),
    )


def too_long(endpoint: str, address: str, most: int) -> PermanentError:
    """An answer longer than any honest one."""
    return PermanentError(
        Text(
            f"接入点 {endpoint} 的应答超过 {most >> 20} MiB, 已停止读取: {address}",
            f"endpoint {endpoint} answers more than {most >> 20} MiB at {address}; reading stopped",
        ),
        Text("检查该集群中是否有异常大的对象", "look for objects of unusual size in that cluster"),
    )


def _forbidden(endpoint: str, subject: object, answer: Answer, said: str) -> YunjinError:
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(answer)):
        return TransientError(
            Text(
                f"接入点 {endpoint}: {subject} 所在的命名空间正在删除",
                f"{endpoint}: the namespace of {subject} is being removed",
            ),
            Text("等待删除完成后重试", "wait until the removal has ended, then try again"),
            retry_after=answer.retry_after,
        )
    return RefusalError(
        Text(
            f"接入点 {endpoint} 拒绝对 {subject} 的操作: {said}",
            f"{endpoint} forbids this on {subject}: {said}",
        ),
        Text(
            f"为云锦在接入点 {endpoint} 的账号授予该权限, 或移除拒绝它的准入策略",
            f"grant Yunjin's account on {endpoint} this right, or lift the admission rule that denies it",
        ),
    )


def _absent(endpoint: str, subject: object, answer: Answer, said: str) -> YunjinError:
    if answer.status:
        return ConflictError(
            Text(
                f"接入点 {endpoint}: {subject} 或其命名空间不存在: {said}",
                f"{endpoint}: {subject} or its namespace is gone: {said}",
            ),
            LOOK,
        )
    return PermanentError(
        Text(f"接入点 {endpoint} 不提供 {subject} 的接口", f"{endpoint} does not serve the API of {subject}"),
        Text(
            "核对集群版本, 云锦要求 Kubernetes 1.36 及以上",
            "check the cluster's version: Yunjin needs Kubernetes 1.36 or later",
        ),
    )


def _unaccepted(endpoint: str, answer: Answer) -> RefusalError:
    if answer.ended is None:
        return RefusalError(
            Text(f"接入点 {endpoint} 不认可所用凭据", f"endpoint {endpoint} does not accept the credential"),
            Text(
                f"为接入点 {endpoint} 更换 kubeconfig 中的凭据",
                f"renew the credential in the kubeconfig of {endpoint}",
            ),
        )
    what, at = answer.ended
    return RefusalError(
        Text(
            f"接入点 {endpoint} 不认可所用凭据: kubeconfig 中的{what.zh}已于 {_moment(at)} 过期",
            f"endpoint {endpoint} does not accept the credential: the {what.en} in its kubeconfig expired on "
            f"{_moment(at)}",
        ),
        Text(
            f"重新签发{what.zh}, 写入接入点 {endpoint} 的 kubeconfig",
            f"have a new {what.en} issued and put it into the kubeconfig of {endpoint}",
        ),
    )


def _expired(endpoint: str, address: str, until: datetime | None) -> UnreachableError:
    """OpenSSL does not say which certificate of the chain it means: one that still holds is not it."""
    if until is not None and until > datetime.now(UTC):
        return UnreachableError(
            Text(
                f"签发接入点 {endpoint} 服务证书的 CA 证书已过期: {address}",
                f"the authority that vouches for {endpoint} at {address} has expired",
            ),
            Text(
                "更新该集群的 CA 证书, 并写入 kubeconfig 的 certificate-authority",
                "renew that cluster's authority and put it into the kubeconfig as `certificate-authority`",
            ),
        )
    return UnreachableError(
        Text(
            f"接入点 {endpoint} 的服务证书已{f'于 {_moment(until)} ' if until else ''}过期: {address}",
            f"the certificate of {endpoint} at {address} "
            + (f"expired on {_moment(until)}" if until else "has expired"),
        ),
        Text("在该集群上更新 API Server 证书", "renew the API server's certificate on that cluster"),
    )


def _untrusted(
    endpoint: str, address: str, error: ssl.SSLError, served_until: Callable[[], datetime | None]
) -> UnreachableError:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code == _EXPIRED:
        return _expired(endpoint, address, served_until())
    if code == _NOT_YET_VALID:
        return UnreachableError(
            Text(
                f"接入点 {endpoint} 的服务证书尚未生效: {address}",
                f"the certificate of {endpoint} at {address} is not valid yet",
            ),
            Text("核对本机和集群的时钟", "check the clocks of this machine and of the cluster"),
        )
    if code in _WRONG_HOST:
        return UnreachableError(
            Text(
                f"接入点 {endpoint} 的服务证书不含地址 {address}",
                f"the certificate of {endpoint} is not for {address}",
            ),
            Text(
                "改用证书中的地址, 或设置 tls-server-name",
                "use an address the certificate names, or set tls-server-name",
            ),
        )
    if code:
        return UnreachableError(
            Text(
                f"接入点 {endpoint} 的服务证书不可信: {address}",
                f"the certificate of {endpoint} at {address} is not trusted",
            ),
            Text(
                "核对 kubeconfig 中的 certificate-authority",
                "check `certificate-authority` in the kubeconfig",
            ),
        )
    return UnreachableError(
        Text(
            f"与接入点 {endpoint} 的 TLS 握手失败: {address} ({_short(error.reason or error)})",
            f"the TLS handshake with {endpoint} at {address} failed ({_short(error.reason or error)})",
        ),
        Text(
            "核对 kubeconfig 中的客户端证书是否过期、地址是否为 https",
            "check that the client certificate in the kubeconfig has not expired and the address speaks TLS",
        ),
    )


def _causes(answer: Answer) -> list[dict[str, Any]]:
    details = answer.status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _moment(at: datetime) -> str:
    return f"{at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"


def _short(text: object) -> str:
    line = " ".join(str(text or "").split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
