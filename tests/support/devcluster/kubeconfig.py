"""Kubeconfig files of the test bed, and one that joins several clusters.

Called by `devcluster.cluster`, `fault_proxy` and tests. The files are JSON, which every reader of
kubeconfigs takes.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devcluster.api import Api

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devcluster.certificates import Certificate

CONTEXT = "dev"


@dataclass(frozen=True)
class Login:
    """How one user reaches one server. No credential at all means anonymous."""

    server: str
    authority: Path
    certificate: Certificate | None = None
    token: str = ""

    def write(self, path: Path) -> Path:
        """A kubeconfig with this login alone, in the context `dev`."""
        return merge(path, {CONTEXT: self})

    def api(self) -> Api:
        """A client of our own with this login."""
        tls = ssl.create_default_context(cafile=self.authority)
        if self.certificate:
            tls.load_cert_chain(self.certificate.certificate, self.certificate.key)
        return Api(self.server, tls, {"Authorization": f"Bearer {self.token}"} if self.token else {})

    def _user(self) -> dict[str, Any]:
        if self.certificate:
            return {
                "client-certificate": str(self.certificate.certificate),
                "client-key": str(self.certificate.key),
            }
        return {"token": self.token} if self.token else {}


def merge(path: Path, logins: Mapping[str, Login]) -> Path:
    """One file with a context a login; the first is the current one."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(logins)),
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in logins],
        "clusters": [
            {"name": name, "cluster": {"server": login.server, "certificate-authority": str(login.authority)}}
            for name, login in logins.items()
        ],
        "users": [{"name": name, "user": login._user()} for name, login in logins.items()],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1), "utf-8")
    return path
