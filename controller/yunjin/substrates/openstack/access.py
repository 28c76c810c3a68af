"""A cloud's entry in a clouds.yaml, and the SDK's session made from it.

Called by `client`. Calls the SDK's configuration reader. Promises that nothing but the named cloud of the
given file counts, neither the environment nor files elsewhere; that a message names the file and never
quotes it; and that a password is sent to nobody whose certificate is not verified.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import yaml
from keystoneauth1 import exceptions as auth_exceptions
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import TCPKeepAliveAdapter
from openstack.config.loader import OpenStackConfig
from openstack.exceptions import SDKException
from openstack.warnings import RemovedInSDK60Warning

from yunjin.errors import Text, UsageError
from yunjin.model.hosts import is_loopback

if TYPE_CHECKING:
    from keystoneauth1.access import AccessInfo
    from keystoneauth1.session import Session
    from openstack.config.cloud_region import CloudRegion

    from yunjin.substrates.openstack.answer import Service

_LONGEST: Final = 1 << 20
"""Bytes of a clouds.yaml."""
_NAMES: Final = 10
"""So many clouds are named in a message."""


class Access:
    """One cloud's addresses and its session.

    Attributes:
        session: of the SDK, with the credential; renews its token by itself.
    """

    def __init__(self, region: CloudRegion, auth: BaseIdentityPlugin, connections: int) -> None:
        self._region = region
        self._auth = auth
        self.session: Session = region.get_session()
        wire = self.session.session
        wire.trust_env = (
            False  # neither proxies nor ~/.netrc: the file alone says who is spoken to, and as whom
        )
        for scheme in ("http://", "https://"):
            wire.mount(scheme, TCPKeepAliveAdapter(pool_maxsize=connections, pool_block=False))

    @classmethod
    def read(cls, endpoint: str, clouds_yaml: Path, cloud: str | None, connections: int) -> Self:
        """The access that a clouds.yaml describes. Sends nothing.

        Args:
            endpoint: for messages.
            clouds_yaml: the file.
            cloud: a name in it; None: its only one.
            connections: kept open at most, to each service.

        Raises:
            UsageError: the file is missing, too long or no clouds.yaml; has no such cloud, or several and
                none is chosen; or its entry is incomplete or would send a password to whoever answers.
        """
        name = _chosen(endpoint, clouds_yaml, cloud)
        try:
            with warnings.catch_warnings():
                # The SDK warns of an outdated way to measure it, asked for or not.
                warnings.simplefilter("ignore", RemovedInSDK60Warning)
                config = OpenStackConfig(
                    config_files=[str(clouds_yaml)], secure_files=[], vendor_files=[], load_envvars=False
                )
                region = config.get_one(cloud=name)
        except (SDKException, auth_exceptions.ClientException, OSError, ValueError, TypeError) as error:
            raise _unusable(endpoint, clouds_yaml, name, type(error).__name__) from error
        except (AttributeError, KeyError, RecursionError) as error:  # what the SDK makes of odd entries
            raise _unusable(endpoint, clouds_yaml, name, type(error).__name__) from error
        auth = region.get_auth()
        if not isinstance(auth, BaseIdentityPlugin):
            raise _unusable(endpoint, clouds_yaml, name, f"auth_type {region.config.get('auth_type')}")
        _require_verified(endpoint, clouds_yaml, region)
        return cls(region, auth, connections)

    def address(self, service: Service) -> str | None:
        """Where a service is: as the file says, else as the catalogue does; None where neither names it."""
        written = self._region.get_endpoint(service.type)
        if written:
            return written
        least = service.major or None
        try:
            return self.session.get_endpoint(
                service_type=service.type,
                service_name=self._region.get_service_name(service.type),
                interface=self._region.get_interface(service.type),
                region_name=self._region.get_region_name(service.type),
                min_version=least,
                max_version=least and f"{least}.latest",
            )
        except (ValueError, auth_exceptions.EndpointNotFound):
            # The first is the SDK's answer where the catalogue lists a service under two of its names, and no
            # endpoint.
            return None

    def entry(self, endpoint: str) -> tuple[dict[str, Any], str]:
        """What clouds.yaml says of the cloud itself, and the PEM of the authorities that vouch for it.

        The entry holds no credential. The PEM is empty where the machine's own authorities do.

        Raises:
            UsageError: the authorities' file, which the operator's clouds.yaml names, cannot be read.
        """
        found: dict[str, Any] = {
            "auth": {"auth_url": str(self._region.config["auth"]["auth_url"])},
            "identity_api_version": "3",
        }
        region = self._region.get_region_name()
        if region:
            found["region_name"] = region
        authority = self._region.config.get("cacert")
        if not authority:
            return found, ""
        path = Path(str(authority)).expanduser()
        try:
            return found, path.read_text("ascii")
        except (OSError, ValueError) as error:
            raise _unusable(endpoint, path, "", type(error).__name__) from error

    def token(self) -> AccessInfo:
        """The token in use, with what it says of its owner."""
        return self._auth.get_access(self.session)


def _chosen(endpoint: str, clouds_yaml: Path, cloud: str | None) -> str:
    """The name of the cloud to use."""
    entries = _entries(endpoint, clouds_yaml)
    if cloud is None and len(entries) == 1:
        return next(iter(entries))
    if cloud is not None and cloud in entries:
        return cloud
    names = ", ".join(sorted(entries)[:_NAMES]) + (", …" if len(entries) > _NAMES else "")
    if cloud is None:
        said = Text(
            f"接入点 {endpoint}: {clouds_yaml} 中有多个云, 未指明用哪一个",
            f"{endpoint}: {clouds_yaml} holds several clouds, and none was chosen",
        )
    else:
        said = Text(
            f"接入点 {endpoint}: {clouds_yaml} 中没有名为 {cloud} 的云",
            f"{endpoint}: there is no cloud {cloud} in {clouds_yaml}",
        )
    raise UsageError(said, Text(f"在 access 末尾写明 #名称: {names}", f"end `access` with #NAME: {names}"))


def _entries(endpoint: str, clouds_yaml: Path) -> dict[str, Any]:
    try:
        with clouds_yaml.open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise _unusable(endpoint, clouds_yaml, "", f"> {_LONGEST >> 20} MiB")
        content = yaml.safe_load(data)
    except OSError as error:
        raise _unusable(endpoint, clouds_yaml, "", error.strerror or type(error).__name__) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The parser's message quotes the file, and the file holds passwords: only its kind is shown.
        raise _unusable(endpoint, clouds_yaml, "", type(error).__name__) from error
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict) or not clouds:
        raise _unusable(endpoint, clouds_yaml, "", "clouds: ?")
    return {str(name): entry for name, entry in clouds.items()}


def _require_verified(endpoint: str, clouds_yaml: Path, region: CloudRegion) -> None:
    try:
        parts = urlsplit(str(region.config.get("auth", {}).get("auth_url") or ""))
    except ValueError as error:
        raise _no_address(endpoint, clouds_yaml) from error
    if "@" in parts.netloc:  # the address is shown, and goes to tenants in their files
        raise _no_address(endpoint, clouds_yaml)
    verified = region.get_requests_verify_args()[0] is not False
    if (parts.scheme == "https" and verified) or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    ):
        return
    raise UsageError(
        Text(
            f"接入点 {endpoint} 的 clouds.yaml 不验证服务端身份: {clouds_yaml}",
            f"{endpoint}: clouds.yaml {clouds_yaml} does not verify the server",
        ),
        Text(
            "auth_url 使用 https 地址并设置 cacert, 去掉 verify: false 和 insecure",
            "give `auth_url` an https address with `cacert`, and drop `verify: false` and `insecure`",
        ),
    )


def _no_address(endpoint: str, clouds_yaml: Path) -> UsageError:
    return UsageError(
        Text(
            f"接入点 {endpoint} 的 clouds.yaml 中 auth_url 不可用: {clouds_yaml}",
            f"{endpoint}: `auth_url` in clouds.yaml {clouds_yaml} cannot be used",
        ),
        Text(
            "写成 https://主机:端口/v3, 用户名和口令写在 username 和 password 中",
            "write https://host:port/v3; user and password go into `username` and `password`",
        ),
    )


def _unusable(endpoint: str, clouds_yaml: Path, name: str, reason: str) -> UsageError:
    where = f"{clouds_yaml}#{name}" if name else str(clouds_yaml)
    return UsageError(
        Text(
            f"接入点 {endpoint} 的 clouds.yaml 无法使用: {where} ({reason})",
            f"{endpoint}: cannot use clouds.yaml {where} ({reason})",
        ),
        Text(
            f"为接入点 {endpoint} 提供有效的 clouds.yaml 和云名称",
            f"give {endpoint} a valid clouds.yaml and the name of a cloud in it",
        ),
    )
