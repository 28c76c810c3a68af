"""A certificate authority for one test bed.

Called by `devcluster.cluster` and `fault_proxy`. Calls the `openssl` program. Promises keys that only their
owner can read.
"""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_DAYS = "3650"  # a test bed may be left standing; nothing outside this machine trusts it
_LONG_AGO = ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates in one folder. Opened again, it goes on with the key that is there."""

    def __init__(self, folder: Path, name: str = "yunjin-test-ca") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.own = Certificate(folder / "ca.crt", folder / "ca.key")
        if not self.own.certificate.exists():
            _openssl(
                "req", "-x509", *_KEY, "-keyout", self.own.key, "-out", self.own.certificate,
                "-subj", f"/CN={name}", "-days", _DAYS,
            )  # fmt: skip

    @property
    def certificate(self) -> Path:
        """What others must trust."""
        return self.own.certificate

    def client(self, name: str, user: str, groups: Sequence[str] = ()) -> Certificate:
        """A certificate for a user of the API server, as files `name`.crt and `name`.key; one a name."""
        made = self._files(name)
        if made.certificate.exists():
            return made
        return self._issue(name, _subject(user, groups), "extendedKeyUsage=clientAuth")

    def server(self, name: str, addresses: Sequence[str]) -> Certificate:
        """A certificate for a server that is reached by those `IP:` or `DNS:` addresses."""
        return self._issue(name, f"/CN={name}", f"subjectAltName={','.join(addresses)}")

    def expired_client(self, name: str, user: str, groups: Sequence[str] = ()) -> Certificate:
        """A certificate that was good for one day in 2020."""
        return self._issue_expired(name, _subject(user, groups), "extendedKeyUsage=clientAuth")

    def expired_server(self, name: str, addresses: Sequence[str]) -> Certificate:
        """As `server`, good for one day in 2020."""
        return self._issue_expired(name, f"/CN={name}", f"subjectAltName={','.join(addresses)}")

    def service_account_key(self) -> Certificate:
        """The key pair that service account tokens are signed with; `certificate` is the bare public key."""
        pair = Certificate(self.folder / "service-account.pub", self.folder / "service-account.key")
        if not pair.key.exists():
            _openssl("genrsa", "-out", pair.key, "2048")
            _openssl("rsa", "-in", pair.key, "-pubout", "-out", pair.certificate)
        return pair

    def _files(self, name: str) -> Certificate:
        return Certificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def _request(self, name: str, subject: str, extensions: str) -> tuple[Certificate, Path, Path]:
        made = self._files(name)
        request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extra.write_text(f"basicConstraints=CA:FALSE\n{extensions}\n", "utf-8")
        _openssl("req", "-new", *_KEY, "-keyout", made.key, "-out", request, "-subj", subject)
        return made, request, extra

    def _issue(self, name: str, subject: str, extensions: str) -> Certificate:
        made, request, extra = self._request(name, subject, extensions)
        _openssl(
            "x509", "-req", "-in", request, "-out", made.certificate, "-days", _DAYS, "-extfile", extra,
            "-CA", self.own.certificate, "-CAkey", self.own.key, "-set_serial", str(secrets.randbits(63)),
        )  # fmt: skip
        return made

    def _issue_expired(self, name: str, subject: str, extensions: str) -> Certificate:
        """Only `openssl ca` lets every version choose both dates; it wants a register of its own."""
        made, request, extra = self._request(name, subject, extensions)
        register = self.folder / f"{name}.register"
        register.mkdir(exist_ok=True)
        (register / "index.txt").write_text("", "utf-8")
        config = register / "openssl.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=here\n[here]\ndatabase={register}/index.txt\nrand_serial=yes\nnew_certs_dir={register}\n"
            "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\norganizationName=optional\n",
            "utf-8",
        )
        _openssl(
            "ca", "-batch", "-notext", "-config", config, "-in", request, "-out", made.certificate,
            "-cert", self.own.certificate, "-keyfile", self.own.key, "-extfile", extra, *_LONG_AGO,
        )  # fmt: skip
        return made


def _subject(user: str, groups: Sequence[str]) -> str:
    return "".join(f"/O={group}" for group in groups) + f"/CN={user}"


def _openssl(*arguments: str | Path) -> None:
    try:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError("openssl is missing: `python tests/devcluster/build.py` installs it") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"openssl {arguments[0]} failed: {error.stderr}") from error
