"""The client against servers that misbehave: every outcome is an error of Yunjin's, and names the place."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from devcluster.certificates import Authority
from scripted_server import HOST, Scripted, ScriptedServer
from yunjin.errors import PermanentError, TransientError, UnreachableError, UsageError, YunjinError
from yunjin.substrates.kubernetes import client as module
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK = Scripted(200, b'{"kind": "Thing"}')
SLOW_DOWN = Scripted(429, b'{"kind": "Status", "message": "slow down"}', {"Retry-After": "0"})


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def _client(kubeconfig: Path, timeout: float = 10) -> Client:
    return Client.connect("k8s", kubeconfig, None, timeout=timeout, connections=2)


@pytest.fixture
def closing() -> Iterator[list[Client]]:
    opened: list[Client] = []
    yield opened
    for client in opened:
        client.close()


def _send(
    kubeconfig: Path, closing: list[Client], method: str = "GET", timeout: float = 10, **more: Any
) -> Any:
    client = _client(kubeconfig, timeout)
    closing.append(client)
    return client.send(method, "/api/v1/things", **more)


def test_answers_of_any_status_come_back(kubeconfig: Path, closing: list[Client]) -> None:
    refusal = {"kind": "Status", "message": "no", "reason": "Forbidden"}
    with ScriptedServer(Scripted(403, json.dumps(refusal).encode())) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing)
    assert (answer.code, answer.ok, answer.status) == (403, False, refusal)


def test_requests_carry_the_token_and_the_body(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(OK) as server:
        _send(server.kubeconfig(kubeconfig), closing, "PATCH", body={"a": 1}, content_type=module.APPLY)
    (asked,) = server.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert headers["authorization"] == "Bearer very-secret-token"
    assert headers["content-type"] == "application/apply-patch+yaml"
    assert asked.body == {"a": 1}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(
    kubeconfig: Path, closing: list[Client], method: str, status: int
) -> None:
    busy = Scripted(status, b"{}", {"Retry-After": "0"})
    with ScriptedServer(busy, busy, OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing, method)
    assert answer.ok
    assert len(server.asked) == 3


def test_what_must_happen_once_is_not_sent_again(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(SLOW_DOWN, OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing, "POST", body={})
    assert (answer.code, len(server.asked)) == (429, 1)


def test_a_server_that_asks_for_an_hour_is_not_asked_again(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(Scripted(429, SLOW_DOWN.body, {"Retry-After": "3600"}), OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing)
    assert (answer.code, answer.retry_after, len(server.asked)) == (429, 3600, 1)


def test_a_server_may_say_until_when_to_wait(kubeconfig: Path, closing: list[Client]) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with ScriptedServer(Scripted(429, SLOW_DOWN.body, {"Retry-After": in_an_hour}), OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing)
    assert (answer.code, len(server.asked)) == (429, 1)
    assert 3500 < answer.retry_after <= 3600


@pytest.mark.parametrize("hint", ["soon", "-1", "0x1", "Wed, 33 Foo 2026 00:00:00 GMT", ""])
def test_a_hint_that_says_nothing_is_no_reason_to_give_up(
    kubeconfig: Path, closing: list[Client], hint: str
) -> None:
    with ScriptedServer(Scripted(429, SLOW_DOWN.body, {"Retry-After": hint}), OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing)
    assert (answer.code, len(server.asked)) == (200, 2)


@pytest.mark.parametrize("hint", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_without_end_is_one_of_a_day(kubeconfig: Path, closing: list[Client], hint: str) -> None:
    with ScriptedServer(Scripted(429, SLOW_DOWN.body, {"Retry-After": hint}), OK) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing)
    assert (answer.code, answer.retry_after, len(server.asked)) == (429, 86_400, 1)


def test_patience_ends(kubeconfig: Path) -> None:
    stubborn = Scripted(429, SLOW_DOWN.body, {"Retry-After": "0"})
    with ScriptedServer(stubborn) as server:
        backend = KubernetesBackend.connect("k8s", server.kubeconfig(kubeconfig), None)
        with pytest.raises(TransientError, match="slow down") as raised:
            backend.acquire("me", 10)
        backend.close()
    assert not isinstance(raised.value, UnreachableError)
    assert raised.value.retry_after == 0
    assert 2 < len(server.asked) < 12


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[1]", b"", b"[" * 100_000, b'{"a": "\xff"}'])
def test_a_good_answer_without_json_is_no_cluster(
    kubeconfig: Path, closing: list[Client], body: bytes
) -> None:
    with ScriptedServer(Scripted(200, body)) as server, pytest.raises(PermanentError, match=server.address):
        _send(server.kubeconfig(kubeconfig), closing)


def test_a_bad_answer_without_json_is_shown_in_part(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(Scripted(502, b"x" * 10_000, {"Retry-After": "0"})) as server:
        answer = _send(server.kubeconfig(kubeconfig), closing, "POST", body={})
    assert (answer.code, len(answer.text), dict(answer.status)) == (502, 300, {})


def test_an_answer_without_end_is_cut_off(
    kubeconfig: Path, closing: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 1000)  # a limit, not behaviour: 64 MiB would only cost time
    with (
        ScriptedServer(Scripted(200, b"x" * 2000)) as server,
        pytest.raises(PermanentError, match="reading stopped"),
    ):
        _send(server.kubeconfig(kubeconfig), closing)


def test_a_truncated_answer_is_no_answer(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(Scripted(200, b'{"items": [', length=500)) as server, pytest.raises(UnreachableError):
        _send(server.kubeconfig(kubeconfig), closing)


def test_a_redirect_is_not_followed(kubeconfig: Path, closing: list[Client]) -> None:
    with (
        ScriptedServer(OK) as other,
        ScriptedServer(Scripted(302, b"{}", {"Location": other.address})) as server,
    ):
        with pytest.raises(YunjinError):
            _send(server.kubeconfig(kubeconfig), closing)
        assert other.asked == []


def test_nobody_listens(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig)
    with pytest.raises(UnreachableError, match="refuses connections") as raised:
        _send(kubeconfig, closing)
    assert raised.value.exit_code == 3
    assert server.address in raised.value.message.zh
    assert raised.value.remedy is not None


def test_a_name_nobody_knows(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig)
    kubeconfig.write_text(kubeconfig.read_text().replace(server.address, "https://no-such-host.invalid:6443"))
    with pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
        _send(kubeconfig, closing)


def test_a_server_that_says_nothing(kubeconfig: Path, closing: list[Client]) -> None:
    with socket.socket() as mute, ScriptedServer(OK) as server:
        mute.bind((HOST, 0))
        mute.listen()
        server.kubeconfig(kubeconfig)
        kubeconfig.write_text(
            kubeconfig.read_text().replace(server.address, f"http://{HOST}:{mute.getsockname()[1]}")
        )
        with pytest.raises(UnreachableError, match="no answer in time"):
            _send(kubeconfig, closing, "POST", timeout=0.2, body={})


def test_a_stream_may_be_silent_for_longer_than_an_answer(kubeconfig: Path, closing: list[Client]) -> None:
    heads = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

    def speak(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(heads + b'9\r\n{"a": 1}\n\r\n')
            time.sleep(1)  # five times as long as an answer may take
            connection.sendall(b'9\r\n{"a": 2}\n\r\n0\r\n\r\n')

    with socket.socket() as listening, ScriptedServer(OK) as server:
        listening.bind((HOST, 0))
        listening.listen()
        speaking = threading.Thread(target=speak, args=(listening,))
        speaking.start()
        server.kubeconfig(kubeconfig)
        address = f"http://{HOST}:{listening.getsockname()[1]}"
        kubeconfig.write_text(kubeconfig.read_text().replace(server.address, address))
        client = _client(kubeconfig, timeout=0.2)
        closing.append(client)
        assert list(client.lines("/api/v1/things?watch=1", 60).events()) == [{"a": 1}, {"a": 2}]
        speaking.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger-ca")


def test_a_certificate_that_has_expired(
    kubeconfig: Path, closing: list[Client], authority: Authority
) -> None:
    certificate = authority.expired_server("expired", [f"IP:{HOST}"])
    with ScriptedServer(OK, certificate=certificate) as server:
        server.kubeconfig(kubeconfig, **{"certificate-authority": str(authority.certificate)})
        with pytest.raises(UnreachableError, match="expired") as raised:
            _send(kubeconfig, closing)
    assert raised.value.exit_code == 3


def test_a_certificate_nobody_here_vouches_for(
    kubeconfig: Path, closing: list[Client], authority: Authority, stranger: Authority
) -> None:
    with ScriptedServer(OK, certificate=authority.server("good", [f"IP:{HOST}"])) as server:
        server.kubeconfig(kubeconfig, **{"certificate-authority": str(stranger.certificate)})
        with pytest.raises(UnreachableError, match="not trusted"):
            _send(kubeconfig, closing)


def test_a_certificate_of_another_address(
    kubeconfig: Path, closing: list[Client], authority: Authority
) -> None:
    with ScriptedServer(OK, certificate=authority.server("other", ["DNS:elsewhere.example"])) as server:
        server.kubeconfig(kubeconfig, **{"certificate-authority": str(authority.certificate)})
        with pytest.raises(UnreachableError, match="is not for"):
            _send(kubeconfig, closing)


def test_a_server_that_speaks_no_tls(kubeconfig: Path, closing: list[Client], authority: Authority) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig, **{"certificate-authority": str(authority.certificate)})
        kubeconfig.write_text(kubeconfig.read_text().replace("http://", "https://"))
        with pytest.raises(UnreachableError, match="TLS handshake"):
            _send(kubeconfig, closing)


def test_a_trusted_certificate_is_fine(kubeconfig: Path, closing: list[Client], authority: Authority) -> None:
    with ScriptedServer(OK, certificate=authority.server("fine", [f"IP:{HOST}"])) as server:
        server.kubeconfig(kubeconfig, **{"certificate-authority": str(authority.certificate)})
        client = _client(kubeconfig)
        closing.append(client)
        assert client.send("GET", "/").ok
        assert client.authority == authority.certificate.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "a: [", "kind: Config", "{current-context: x, contexts: [], clusters: [], users: []}",
        "password: very-secret-token\nclusters: 5", "\x00", "- very-secret-token",
    ],
)  # fmt: skip
def test_a_kubeconfig_that_is_none(kubeconfig: Path, text: str) -> None:
    kubeconfig.write_text(text)
    with pytest.raises(UsageError) as raised:
        _client(kubeconfig)
    assert str(kubeconfig) in raised.value.message.zh
    assert "secret" not in f"{raised.value.message}{raised.value.remedy}"
    assert raised.value.exit_code == 2


def test_a_kubeconfig_that_is_not_there(kubeconfig: Path) -> None:
    with pytest.raises(UsageError, match="kubeconfig"):
        _client(kubeconfig)


def test_a_kubeconfig_of_unusual_size(kubeconfig: Path) -> None:
    kubeconfig.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(UsageError):
        _client(kubeconfig)


def test_a_context_that_is_not_there(kubeconfig: Path) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig)
    with pytest.raises(UsageError, match="#nowhere"):
        Client.connect("k8s", kubeconfig, "nowhere", timeout=1, connections=1)


@pytest.mark.parametrize(
    ("address", "more"),
    [
        ("https://127.0.0.1:1", {"insecure-skip-tls-verify": True}),
        ("http://192.0.2.1:8080", {}),
        ("ftp://127.0.0.1", {}),
    ],
)
def test_a_server_that_would_not_be_verified_is_refused(
    kubeconfig: Path, address: str, more: dict[str, Any]
) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig, **more)
    kubeconfig.write_text(kubeconfig.read_text().replace(server.address, address))
    with pytest.raises(UsageError, match="does not verify"):
        _client(kubeconfig)


def test_the_token_is_in_no_message(kubeconfig: Path, closing: list[Client]) -> None:
    with ScriptedServer(OK) as server:
        server.kubeconfig(kubeconfig)
    with pytest.raises(UnreachableError) as raised:
        _send(kubeconfig, closing)
    error: BaseException | None = raised.value
    while error is not None:
        assert "very-secret-token" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__
