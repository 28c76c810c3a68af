"""Credentials of tenants: application credentials, each of a user of its own.

Called by `backend`. Calls `client` and `directory`. Keystone lets nobody but a user make its application
credentials, and ends all of them when the user goes. So each credential has a user in the centre's domain, in
no group, with one role on one project. Its password is random, logs in once to make the application
credential, and is then replaced by another that nobody knows.

Promises that the user's name follows from the credential's, so that a run killed at any moment leaves nothing
that cannot be revoked, and nothing that anybody could log in with; that a secret is returned once, to its
caller, and is part of no message, log or representation.
"""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.model.credential import Credential
from yunjin.substrates.openstack import errors, names
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY, IMAGE, NETWORK, VOLUME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from yunjin.model.credential import Role
    from yunjin.substrates.openstack.answer import Answer, Service
    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.directory import Directory
    from yunjin.substrates.openstack.forms import Raw

LINGERING: Final = 300.0
"""Seconds: `token_cache_time` of keystonemiddleware where a cloud does not set it."""
_SECOND: Final = 1.0
"""Keystone's tokens and revocations bear whole seconds."""
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME: Final = "yunjin"
"""Of the application credential: the only one of its user."""
_OPTIONS: Final = {
    "lock_password": True,
    "ignore_change_password_upon_first_use": True,
    "ignore_user_inactivity": True,
}
_ASKED: Final = (
    (IDENTITY, "/auth/projects"),
    (COMPUTE, "/servers?limit=1"),
    (NETWORK, "/networks?limit=1"),
    (VOLUME, "/volumes?limit=1"),
    (IMAGE, "/images?limit=1"),
)
"""What whoever may look at a project may ask of each service."""


def issue(client: Client, directory: Directory, leaf: str, role: Role, name: str, seconds: int) -> Credential:
    """A new credential of a leaf.

    Args:
        client: of the leaf's endpoint.
        directory: of the same cloud.
        leaf: name of the project.
        role: what it may do there.
        name: tells it from the leaf's other credentials; a DNS label.
        seconds: life time.

    Raises:
        UsageError: a life time or a name that cannot be.
        ConflictError: the leaf has a credential of that name, or no project yet.
        RefusalError: the cloud lacks the role, or Yunjin's account may not do it.
    """
    _require_possible(leaf, name, seconds)
    project = directory.look_for_project(leaf)
    if project is None:
        raise errors.gone(client.endpoint, leaf)
    granted = directory.role(names.ROLES[role])
    if _users(client, directory, leaf, name):
        raise _taken(leaf, name)
    password = _password()
    with _all_or_nothing(client, directory, leaf, name):
        answer = client.send(IDENTITY, "POST", "/users", {"user": _user(directory, leaf, name, password)})
        if answer.code != HTTPStatus.CONFLICT:
            _granted(client, answer, _about(leaf, name))
    if not answer.ok:
        raise _taken(leaf, name)
    with _all_or_nothing(client, directory, leaf, name):
        user = str(answer.body["user"]["id"])
        path = f"/projects/{project['id']}/users/{user}/roles/{granted}"
        client.call(IDENTITY, "PUT", path, about=_about(leaf, name))
        token = _log_in(client, user, password, project["id"])
        made = _make(client, user, token, granted, seconds)
        client.call(
            IDENTITY, "PATCH", f"/users/{user}", {"user": {"password": _password()}}, about=_about(leaf, name)
        )
        # The new password has ended every token of this second, those of a credential used at once included.
        client.wait(_SECOND)
        return Credential(
            endpoint=client.endpoint,
            leaf=leaf,
            role=role,
            name=name,
            expires=datetime.fromisoformat(made["expires_at"]).replace(tzinfo=UTC),
            document=_clouds_yaml(client, leaf, made),
        )


def revoke(client: Client, directory: Directory, leaf: str, name: str) -> bool:
    """End a credential; False where there is none of that name.

    Keystone refuses its tokens at once, other services when they next ask Keystone about them.
    """
    found = _users(client, directory, leaf, name)
    for user in found:
        path = f"/users/{user['id']}"
        answer = client.send(IDENTITY, "GET", f"{path}/application_credentials")
        # One by one: with a user Keystone deletes them in bulk and leaves it to the database to forget their
        # roles. Where that keeps no foreign keys, the next to get the same number would inherit them.
        parts = answer.body.get("application_credentials") or ()
        _dropped(
            client, _about(leaf, name), *(f"{path}/application_credentials/{each['id']}" for each in parts)
        )
        _dropped(client, _about(leaf, name), path)
    return bool(found)


def trial(client: Client, credential: Credential) -> Callable[[], Mapping[str, bool]]:
    """Asks every service of the catalogue whether it still accepts one token, which is issued now."""
    (cloud,) = credential.document["clouds"].values()
    auth = cloud["auth"]
    identity = {
        "methods": ["application_credential"],
        "application_credential": {
            "id": auth["application_credential_id"],
            "secret": auth["application_credential_secret"],
        },
    }
    token = _token(client, {"identity": identity}, _about(credential.leaf, credential.name))
    asked = [(service, path) for service, path in _ASKED if client.has(service)]
    return lambda: {service.title: _accepts(client, service, path, token) for service, path in asked}


def _dropped(client: Client, about: str, *paths: str) -> None:
    for path in paths:
        answer = client.send(IDENTITY, "DELETE", path)
        if answer.code != HTTPStatus.NOT_FOUND:
            _granted(client, answer, about)


def _accepts(client: Client, service: Service, path: str, token: str) -> bool:
    answer = client.lent(service, "GET", path, token=token)
    if answer.code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.code == HTTPStatus.TOO_MANY_REQUESTS:
        raise errors.refused(client.endpoint, f"{service.title} {path}", answer)
    unknown = service is IDENTITY and answer.code == HTTPStatus.NOT_FOUND  # so Keystone says: no such user
    return answer.code != HTTPStatus.UNAUTHORIZED and not unknown


def _users(client: Client, directory: Directory, leaf: str, name: str) -> list[Raw]:
    """The user of that name: one at most, names are unique in a domain."""
    domain = directory.look_for_domain()
    if domain is None:
        return []
    query = urlencode({"domain_id": domain["id"], "name": names.credential_user(leaf, name)})
    return client.listed(IDENTITY, f"/users?{query}", "users", about=_about(leaf, name))


def _user(directory: Directory, leaf: str, name: str, password: str) -> dict[str, Any]:
    return {
        "name": names.credential_user(leaf, name),
        "domain_id": directory.domain(),
        "description": f"Yunjin: credential {name} of {leaf}",
        "enabled": True,
        "password": password,
        "options": _OPTIONS,
    }


def _log_in(client: Client, user: str, password: str, project: str) -> str:
    identity = {"methods": ["password"], "password": {"user": {"id": user, "password": password}}}
    scope = {"project": {"id": project}}
    return _token(client, {"identity": identity, "scope": scope}, f"user {user}")


def _token(client: Client, auth: Mapping[str, Any], about: str) -> str:
    answer = client.lent(IDENTITY, "POST", "/auth/tokens?nocatalog", {"auth": auth}, token="")
    if answer.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
        raise _no_login(client, about)
    return _granted(client, answer, about).token


def _make(client: Client, user: str, token: str, role: str, seconds: int) -> Raw:
    """The application credential; only the user itself may make one."""
    wanted = {
        "name": _NAME,
        "roles": [{"id": role}],
        "unrestricted": False,
        "expires_at": f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    path = f"/users/{user}/application_credentials"
    answer = client.lent(IDENTITY, "POST", path, {"application_credential": wanted}, token=token)
    made: Raw = _granted(client, answer, f"application credential of user {user}").body[
        "application_credential"
    ]
    return made


def _granted(client: Client, answer: Answer, about: str) -> Answer:
    if not answer.ok:
        raise errors.refused(client.endpoint, about, answer)
    return answer


def _clouds_yaml(client: Client, leaf: str, made: Raw) -> dict[str, Any]:
    """A clouds.yaml with the one cloud `LEAF@ENDPOINT`.

    It cannot hold a certificate authority, only name a file with one: that stands below `authorities`.
    """
    cloud, authority = client.entry
    login = {
        "application_credential_id": made["id"],
        "application_credential_secret": made["secret"],
    }
    entry = {**cloud, "auth_type": "v3applicationcredential", "auth": {**cloud["auth"], **login}}
    document: dict[str, Any] = {"clouds": {f"{leaf}@{client.endpoint}": entry}}
    if authority:
        file = f"{client.endpoint}-ca.pem"
        entry["cacert"] = file
        document["authorities"] = {file: authority}
    return document


def _password() -> str:
    """With a sign of every class, for clouds whose rules ask for them; below the 72 bytes of bcrypt."""
    return f"{secrets.token_urlsafe(45)}aA1!"


@contextmanager
def _all_or_nothing(client: Client, directory: Directory, leaf: str, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        revoke(client, directory, leaf, name)
        raise


def _about(leaf: str, name: str) -> str:
    return f"{leaf}/{name}"


def _require_possible(leaf: str, name: str, seconds: int) -> None:
    if seconds < 1:
        raise UsageError(
            Text("凭据有效期应大于零", "a credential lives longer than that"),
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


def _taken(leaf: str, name: str) -> ConflictError:
    return ConflictError(
        Text(f"{leaf} 已有名为 {name} 的凭据", f"{leaf} has a credential {name} already"),
        Text("换一个名称, 或先吊销该凭据", "choose another name, or revoke that one first"),
    )


def _no_login(client: Client, about: str) -> RefusalError:
    return RefusalError(
        Text(
            f"接入点 {client.endpoint}: Keystone 不接受 {about} 的登录",
            f"{client.endpoint}: Keystone does not let {about} in",
        ),
        Text(
            f"检查 Keystone 对域 {names.DOMAIN} 的登录限制, 以及密码和应用凭据两种方式是否启用",
            f"check what Keystone asks of logins in the domain {names.DOMAIN}, and that its methods password "
            "and application_credential are enabled",
        ),
    )
