"""Credentials of tenants: tokens that expire and that can be revoked one by one.

Called by `yunjin.engine` for the command line. Calls `client`. A credential is a TokenRequest of the leaf's
ServiceAccount bound to a Secret of its own; without the Secret the API server refuses the token within about
10 seconds. Accounts and Secrets lie in a namespace of Yunjin's, where no pod of a tenant can use them.

Promises that a token is returned once, to its caller, and is part of no message, log or representation.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.model.credential import Credential
from yunjin.substrates.kubernetes import errors, names
from yunjin.substrates.kubernetes.client import APPLY
from yunjin.substrates.kubernetes.kinds import SECRET, SERVICE_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yunjin.model.credential import Role
    from yunjin.model.resources import Body
    from yunjin.substrates.kubernetes.client import Client

SHORTEST: Final = 600
"""Seconds: what Kubernetes grants at least."""
LINGERING: Final = 10.0
"""Seconds: how long the API server remembers that it accepted a token."""
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def issue(client: Client, leaf: str, role: Role, name: str, expires_seconds: int) -> Credential:
    """A new credential of a leaf.

    Args:
        client: of the leaf's endpoint.
        leaf: name of the namespace.
        role: what it may do there.
        name: tells it from the leaf's other credentials; a DNS label.
        expires_seconds: life time, at least `SHORTEST`.

    Raises:
        UsageError: a life time or a name that cannot be.
        ConflictError: the leaf has a credential of that name, or its endpoint was never applied to.
    """
    _require_possible(leaf, name, expires_seconds)
    account = names.service_account(leaf, role)
    labels = _labels(client, leaf, role)
    _ensure_account(client, account, labels)
    secret = _create_secret(client, leaf, name, labels)
    try:
        status = _request_token(client, account, secret, expires_seconds)
    except BaseException:
        revoke(client, leaf, name)
        raise
    return Credential(
        endpoint=client.endpoint,
        leaf=leaf,
        role=role,
        name=name,
        expires=datetime.fromisoformat(status["expirationTimestamp"]),
        document=kubeconfig(client.endpoint, leaf, _cluster(client), status["token"]),
    )


def revoke(client: Client, leaf: str, name: str) -> bool:
    """End a credential; False where there is none of that name."""
    path = SECRET.item(names.CREDENTIAL_NAMESPACE, _secret_name(leaf, name))
    answer = client.send("DELETE", path, decode=False)
    if answer.code == HTTPStatus.NOT_FOUND:
        return False
    if not answer.ok:
        raise errors.refused(client.endpoint, f"{leaf}/{name}", answer)
    return True


def trial(client: Client, credential: Credential) -> Callable[[], Mapping[str, bool]]:
    """Asks the API server whether it still accepts the credential's token."""
    (user,) = credential.document["users"]
    token: str = user["user"]["token"]

    def accepted() -> Mapping[str, bool]:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        answer = client.send("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        if not answer.ok:
            raise errors.refused(client.endpoint, "tokenreviews", answer)
        return {"Kubernetes": bool((answer.body.get("status") or {}).get("authenticated"))}

    return accepted


def kubeconfig(endpoint: str, leaf: str, cluster: Mapping[str, str], token: str) -> dict[str, Any]:
    """A kubeconfig with the one context `LEAF@ENDPOINT`.

    Args:
        endpoint: names the cluster.
        leaf: the context's namespace.
        cluster: where it is, and by what to know it.
        token: of the user.
    """
    name = f"{leaf}@{endpoint}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": endpoint, "cluster": dict(cluster)}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": endpoint, "user": name, "namespace": leaf}}],
        "current-context": name,
    }


def _cluster(client: Client) -> dict[str, str]:
    """As a kubeconfig has it. What the machine's own authorities vouch for needs no mention of one."""
    found = {"server": client.address}
    if client.authority:
        found["certificate-authority-data"] = b64encode(client.authority.encode()).decode()
    if client.server_name:
        found["tls-server-name"] = client.server_name
    return found


def _secret_name(leaf: str, name: str) -> str:
    """A leaf's name holds no dot, so no two leaves' credentials meet."""
    return f"{leaf}.{name}"


def _labels(client: Client, leaf: str, role: Role) -> dict[str, str]:
    return {
        names.MANAGED_BY: names.FIELD_MANAGER,
        names.ENDPOINT: client.endpoint,
        names.LEAF: leaf,
        names.ROLE: role,
    }


def _ensure_account(client: Client, account: str, labels: dict[str, str]) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account, "labels": labels},
        "automountServiceAccountToken": False,
    }
    path = f"{SERVICE_ACCOUNT.item(names.CREDENTIAL_NAMESPACE, account)}?fieldManager={names.FIELD_MANAGER}"
    answer = client.send("PATCH", path, body, APPLY, decode=False)
    if not answer.ok:
        raise (
            _unready(client)
            if answer.code == HTTPStatus.NOT_FOUND
            else errors.refused(client.endpoint, account, answer)
        )


def _create_secret(client: Client, leaf: str, name: str, labels: dict[str, str]) -> Body:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": _secret_name(leaf, name), "labels": {**labels, names.CREDENTIAL: name}},
    }
    path = f"{SECRET.collection(names.CREDENTIAL_NAMESPACE)}?fieldManager={names.FIELD_MANAGER}"
    answer = client.send("POST", path, body)
    if answer.code == HTTPStatus.CONFLICT:
        raise ConflictError(
            Text(f"{leaf} 已有名为 {name} 的凭据", f"{leaf} has a credential {name} already"),
            Text("换一个名称, 或先吊销该凭据", "choose another name, or revoke that one first"),
        )
    if not answer.ok:
        raise errors.refused(client.endpoint, f"{leaf}/{name}", answer)
    return answer.body


def _request_token(client: Client, account: str, secret: Body, expires_seconds: int) -> Body:
    metadata = secret["metadata"]
    bound = {"apiVersion": "v1", "kind": "Secret", "name": metadata["name"], "uid": metadata["uid"]}
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": expires_seconds, "boundObjectRef": bound},
    }
    path = f"{SERVICE_ACCOUNT.item(names.CREDENTIAL_NAMESPACE, account)}/token"
    answer = client.send("POST", path, body)
    if not answer.ok:
        raise errors.refused(client.endpoint, f"serviceaccounts/{account}/token", answer)
    status: Body = answer.body["status"]
    return status


def _require_possible(leaf: str, name: str, expires_seconds: int) -> None:
    if expires_seconds < SHORTEST:
        raise UsageError(
            Text(f"凭据有效期至少 {SHORTEST} 秒", f"a credential lives at least {SHORTEST} seconds"),
            Text("加长有效期", "ask for a longer life"),
        )
    for text in (leaf, name):
        if _LABEL.fullmatch(text) is None:
            raise UsageError(
                Text(f"名称 {text[:80]!r} 不合规则", f"{text[:80]!r} is no name"),
                Text(
                    "使用小写字母、数字和连字符, 不超过 63 个字符",
                    "use lower-case letters, digits, hyphens; 63 at most",
                ),
            )


def _unready(client: Client) -> ConflictError:
    return ConflictError(
        Text(
            f"接入点 {client.endpoint} 尚未下发, 没有命名空间 {names.CREDENTIAL_NAMESPACE}",
            f"nothing was applied to {client.endpoint} yet: it has no namespace {names.CREDENTIAL_NAMESPACE}",
        ),
        Text("先下发执行变更方案", "apply a plan first"),
    )
