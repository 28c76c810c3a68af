"""What a client takes from a kubeconfig, where it keeps it, and what it says of what has expired."""

from __future__ import annotations

import gc
import json
import ssl
import tempfile
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devcluster.certificates import Authority
from scripted_server import HOST, Scripted, ScriptedServer
from yunjin.errors import RefusalError, UnreachableError, UsageError, YunjinError
from yunjin.substrates.kubernetes import errors
from yunjin.substrates.kubernetes.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devcluster.certificates import Certificate

REFUSED = Scripted(401, b'{"kind": "Status", "message": "Unauthorized"}')
LONG_AGO = "2020-01-02 08:00"  # in the city's time, when expired certificates of `Authority` ended


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def server(authority: Authority) -> Iterator[ScriptedServer]:
    """It lets nobody in who has no certificate."""
    serving = authority.server("serving", [f"IP:{HOST}"])
    with ScriptedServer(Scripted(), certificate=serving, clients=authority.certificate) as started:
        yield started


def _client(kubeconfig: Path) -> Client:
    return Client.connect("k8s", kubeconfig, None, timeout=10, connections=2)


def _as_user(kubeconfig: Path, **user: Any) -> Path:
    """The same kubeconfig for another user."""
    content = json.loads(kubeconfig.read_text())
    content["users"][0]["user"] = user
    kubeconfig.write_text(json.dumps(content), "utf-8")
    return kubeconfig


def _embedded(file: Path) -> str:
    return b64encode(file.read_bytes()).decode()


def _embedding(path: Path, server: ScriptedServer, authority: Authority, client: Certificate) -> Path:
    server.kubeconfig(path, **{"certificate-authority-data": _embedded(authority.certificate)})
    files = {"client-certificate-data": client.certificate, "client-key-data": client.key}
    return _as_user(path, **{name: _embedded(file) for name, file in files.items()})


@pytest.mark.parametrize(
    "cluster",
    [
        {"server": "https://admin:hunter2@10.0.0.1:6443"},
        {"server": "https://hunter2@10.0.0.1"},
        {"server": "https://10.0.0.1:hunter2"},
        {"server": "https://10.0.0.1", "proxy-url": "http://me:hunter2@[proxy"},
        {"server": "https://10.0.0.1", "proxy-url": "socks5://me:hunter2@10.0.0.2"},
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    with ScriptedServer(Scripted()) as server:
        kubeconfig = server.kubeconfig(tmp_path / "kubeconfig", **cluster)
    with pytest.raises(UsageError, match="cannot be used") as caught:
        _client(kubeconfig)
    said = f"{caught.value.message} {caught.value.remedy}"
    assert str(kubeconfig) in said
    assert "hunter2" not in said


def _in_memory() -> int:
    """Open files of this process that lie in memory."""
    links = list(Path("/proc/self/fd").iterdir())
    return sum("memfd:kubeconfig" in str(link.readlink()) for link in links if link.is_symlink())


def test_keys_in_a_kubeconfig_are_written_to_no_disk(
    tmp_path: Path, authority: Authority, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    kubeconfig = _embedding(tmp_path / "kubeconfig", server, authority, authority.client("admin", "admin"))
    client = _client(kubeconfig)
    assert client.send("GET", "/").ok
    assert client.authority == authority.certificate.read_text()
    assert list(temporary.iterdir()) == []
    client.close()


def test_keys_in_memory_end_with_their_client(
    tmp_path: Path, authority: Authority, server: ScriptedServer
) -> None:
    kubeconfig = _embedding(tmp_path / "kubeconfig", server, authority, authority.client("admin", "admin"))
    before = _in_memory()
    client = _client(kubeconfig)
    assert client.send("GET", "/").ok
    assert _in_memory() == before + 3
    client.close()
    del client
    gc.collect()
    assert _in_memory() == before


def test_files_are_looked_for_beside_the_kubeconfig(
    authority: Authority, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    made = authority.client("admin", "admin")
    path = authority.folder / "beside:it.kubeconfig"  # a colon parts nothing
    server.kubeconfig(path, **{"certificate-authority": authority.certificate.name})
    _as_user(path, **{"client-certificate": made.certificate.name, "client-key": made.key.name})
    client = _client(path)
    assert client.send("GET", "/").ok
    client.close()


@pytest.mark.parametrize("name", ["certificate-authority-data", "client-key-data"])
@pytest.mark.parametrize("data", ["not base64!", "AAA", 5])
def test_what_is_embedded_must_be_base64(
    tmp_path: Path, authority: Authority, server: ScriptedServer, name: str, data: Any
) -> None:
    path = _embedding(tmp_path / "kubeconfig", server, authority, authority.client("admin", "admin"))
    content = json.loads(path.read_text())
    for part in (content["clusters"][0]["cluster"], content["users"][0]["user"]):
        part.update({name: data} if name in part else {})
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(UsageError, match="cannot use kubeconfig"):
        _client(path)


def test_blanks_around_a_token_are_not_sent(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("very-secret\n", "utf-8")
    with ScriptedServer(Scripted()) as server:
        client = _client(_as_user(server.kubeconfig(tmp_path / "kubeconfig"), tokenFile=str(token)))
        assert client.send("GET", "/").ok
        client.close()
    headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert headers["authorization"] == "Bearer very-secret"


@pytest.mark.parametrize("token", ["very\nsecret", "very\r\nX-Secret: 1", "密very-secret", "very\0secret"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    with ScriptedServer(Scripted()) as server:
        path = _as_user(server.kubeconfig(tmp_path / "kubeconfig"), token=token)
        with pytest.raises(UsageError, match="token") as raised:
            _client(path)
    assert str(path) in raised.value.message.zh
    assert "very" not in f"{raised.value.message}{raised.value.remedy}{raised.value.__cause__}"
    assert server.asked == []


def _refusal(kubeconfig: Path) -> YunjinError:
    client = _client(kubeconfig)
    answer = client.send("GET", "/")
    client.close()
    return errors.refused("k8s", "things", answer)


def test_a_client_certificate_that_has_expired_is_said_to_have(tmp_path: Path, authority: Authority) -> None:
    serving = authority.server("serving", [f"IP:{HOST}"])
    with ScriptedServer(REFUSED, certificate=serving) as server:
        expired = authority.expired_client("expired", "admin")
        error = _refusal(_embedding(tmp_path / "kubeconfig", server, authority, expired))
    assert type(error) is RefusalError
    assert f"客户端证书已于 {LONG_AGO} 过期" in error.message.zh
    assert f"client certificate in its kubeconfig expired on {LONG_AGO}" in error.message.en
    assert "客户端证书" in (error.remedy.zh if error.remedy else "")


def _token(claims: bytes) -> str:
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", claims, b"very-secret"))


def _ending(moment: datetime) -> str:
    return _token(json.dumps({"exp": moment.timestamp()}).encode())


def test_a_token_that_has_expired_is_said_to_have(tmp_path: Path) -> None:
    token = _ending(datetime(2020, 1, 2, tzinfo=UTC))
    with ScriptedServer(REFUSED) as server:
        error = _refusal(_as_user(server.kubeconfig(tmp_path / "kubeconfig"), token=token))
    assert f"令牌已于 {LONG_AGO} 过期" in error.message.zh
    assert f"token in its kubeconfig expired on {LONG_AGO}" in error.message.en
    assert token not in f"{error.message}{error.remedy}"


@pytest.mark.parametrize(
    "token",
    ["opaque", "a.b.c", "a.%.c", _token(b"[]"), _token(b'{"exp": "soon"}'), _token(b'{"exp": 1e300}'),
     _token(b'{"exp": NaN}'), _token(b"[" * 9999), _ending(datetime(2100, 1, 1, tzinfo=UTC))],
)  # fmt: skip
def test_what_has_not_expired_or_tells_nothing_is_not_said_to_have(tmp_path: Path, token: str) -> None:
    with ScriptedServer(REFUSED) as server:
        path = _as_user(server.kubeconfig(tmp_path / "kubeconfig"), token=token)
        error = _refusal(path)
    assert "expired" not in error.message.en
    assert "does not accept the credential" in error.message.en


def test_a_server_certificate_that_has_expired_is_said_to_have(tmp_path: Path, authority: Authority) -> None:
    certificate = authority.expired_server("expired-server", [f"IP:{HOST}"])
    with ScriptedServer(Scripted(), certificate=certificate) as server:
        path = server.kubeconfig(
            tmp_path / "kubeconfig", **{"certificate-authority": str(authority.certificate)}
        )
        client = _client(path)
        with pytest.raises(UnreachableError) as raised:
            client.send("GET", "/")
        client.close()
    assert server.asked == []
    assert f"服务证书已于 {LONG_AGO} 过期" in raised.value.message.zh
    assert f"expired on {LONG_AGO}" in raised.value.message.en


def test_an_authority_that_has_expired_is_told_from_the_certificates_it_signed() -> None:
    """As OpenSSL says nothing of which it was, a certificate that still holds shows that it was the other."""
    error = ssl.SSLCertVerificationError()
    error.verify_code = 10
    raised = errors.silent("k8s", "https://x", error, lambda: datetime.now(UTC) + timedelta(days=1))
    assert "CA 证书已过期" in raised.message.zh
    assert "authority" in raised.message.en
    assert raised.exit_code == 3
