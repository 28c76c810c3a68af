"""Acting with nothing but the files that a tenant was handed, and with a token that is kept.

Used by tests of credentials. Calls the services by clients of our own. A token is got once and never renewed,
so that what is seen is whether that very token is still accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import yaml

from devcloud.api import _request
from devcluster.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devcluster.api import Answer

READS = {
    "identity": "/auth/projects",
    "compute": "/servers",
    "network": "/v2.0/networks",
    "block-storage": "/volumes",
    "image": "/v2/images",
}
"""What whoever may look at a project may ask of each service."""


@dataclass(frozen=True)
class CloudToken:
    """A token of an application credential.

    Attributes:
        secret: the token itself.
        body: what Keystone said of it.
    """

    secret: str
    body: Mapping[str, Any]

    @classmethod
    def of(cls, file: Path, cloud: str) -> Self:
        """Got with an entry of a clouds.yaml. Raises ApiError where Keystone refuses it."""
        answer = _log_in(file, cloud)
        if answer.status != 201:
            raise ApiError("POST identity /auth/tokens", answer)
        return cls(answer.headers["X-Subject-Token"], answer.body["token"])

    @property
    def project(self) -> str:
        """Id of the project it is for."""
        return str(self.body["project"]["id"])

    @property
    def roles(self) -> set[str]:
        """Names of what it may be."""
        return {role["name"] for role in self.body["roles"]}

    def call(self, method: str, kind: str, path: str, body: Any = None) -> Answer:
        """One request with this token; any status comes back."""
        (entry,) = (entry for entry in self.body["catalog"] if entry["type"] == kind)
        address = next(each["url"] for each in entry["endpoints"] if each["interface"] == "public")
        return _request(method, address + path, body, {"X-Auth-Token": self.secret})

    def answers(self) -> dict[str, int]:
        """What each service says to a question of this token."""
        return {kind: self.call("GET", kind, path).status for kind, path in READS.items()}


def lets_in(file: Path, cloud: str) -> bool:
    """Whether Keystone still accepts an entry of a clouds.yaml."""
    answer = _log_in(file, cloud)
    assert answer.status in (201, 401, 404), answer  # 404: no such application credential
    return answer.status == 201


def _log_in(file: Path, cloud: str) -> Answer:
    auth = clouds(file)[cloud]["auth"]
    key = {
        "id": auth["application_credential_id"],
        "secret": auth["application_credential_secret"],
    }
    identity = {"methods": ["application_credential"], "application_credential": key}
    return _request("POST", f"{auth['auth_url']}/auth/tokens", {"auth": {"identity": identity}}, {})


def clouds(file: Path) -> dict[str, Any]:
    """The entries of a clouds.yaml."""
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))["clouds"]
    return found


def refused(answers: Mapping[str, int]) -> bool:
    """Whether no service accepts the token any more. Of a user who is gone Keystone says 404."""
    return all(status == 401 or (kind, status) == ("identity", 404) for kind, status in answers.items())


def secrets_in(*files: Path) -> list[str]:
    """Everything secret in kubeconfigs and clouds.yamls."""
    found = []
    for file in files:
        document = yaml.safe_load(file.read_text("utf-8"))
        found += [user["user"]["token"].rpartition(".")[2] for user in document.get("users", ())]
        for entry in document.get("clouds", {}).values():
            found.append(entry["auth"]["application_credential_secret"])
    return found
