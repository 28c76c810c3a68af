"""What a client takes from a kubeconfig, and where it keeps it."""

from __future__ import annotations

import gc
import json
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devcluster.certificates import Authority
from scripted_server import HOST, Scripted, ScriptedServer
from yunjin.errors import UsageError
from yunjin.substrates.kubernetes.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devcluster.certificates import Certificate


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
