"""What answers, but not as a cluster does, is never taken for an empty one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from leaves import leaf, objects
from scripted_server import Scripted, ScriptedServer
from waiting import wait_until
from yunjin.errors import PermanentError
from yunjin.substrates.kubernetes import watch as module
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.watch import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OTHERS = [b"{}", b'{"ok": true}', b'{"items": []}', b'{"kind": "Status", "status": "Success"}']
"""JSON of something else."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


@pytest.fixture
def opened() -> Iterator[list[KubernetesBackend]]:
    backends: list[KubernetesBackend] = []
    yield backends
    for backend in backends:
        backend.close()


def _backend(server: ScriptedServer, kubeconfig: Path, opened: list[KubernetesBackend]) -> KubernetesBackend:
    opened.append(KubernetesBackend.connect("k8s", server.kubeconfig(kubeconfig), None))
    return opened[-1]


@pytest.mark.parametrize("body", OTHERS)
def test_what_is_no_list_is_no_empty_list(
    kubeconfig: Path, opened: list[KubernetesBackend], body: bytes
) -> None:
    with ScriptedServer(Scripted(200, body)) as server:
        backend = _backend(server, kubeconfig, opened)
        with pytest.raises(PermanentError, match=server.address):
            list(backend.observe())


@pytest.mark.parametrize("body", OTHERS)
def test_what_is_no_object_is_none(kubeconfig: Path, opened: list[KubernetesBackend], body: bytes) -> None:
    with ScriptedServer(Scripted(200, body)) as server:
        backend = _backend(server, kubeconfig, opened)
        with pytest.raises(PermanentError, match=server.address):
            backend.read([objects(leaf("zfj", "k8s")).quota.key])


def _heard(backend: KubernetesBackend, until: Callable[[list[str]], bool]) -> list[str]:
    """Names a watch gave until then; `until` is asked with those it gave so far."""
    stop, heard = threading.Event(), list[str]()

    def listen() -> None:
        for name in backend.watch(stop):
            heard.append(name)

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        wait_until(lambda: until(heard))
    finally:
        stop.set()
        listening.join()
    return heard


@pytest.mark.parametrize("body", OTHERS)
def test_a_watch_that_is_answered_oddly_goes_on_trying(
    kubeconfig: Path, opened: list[KubernetesBackend], body: bytes
) -> None:
    with ScriptedServer(Scripted(200, body)) as server:
        assert _heard(_backend(server, kubeconfig, opened), lambda _: len(server.asked) >= 15) == []


LISTED = Scripted(200, b'{"kind": "List", "metadata": {"resourceVersion": "7"}, "items": []}')


def test_odd_events_are_borne(kubeconfig: Path, opened: list[KubernetesBackend]) -> None:
    odd = b'{"type": "ADDED", "object": "x"}\n{"type": 1}\n{"object": {"metadata": [1]}}\n'
    named = b'{"type": "ADDED", "object": {"metadata": {"name": "a", "namespace": "a"}}}\n'
    with ScriptedServer(LISTED, watched=Scripted(200, odd + named)) as server:
        heard = _heard(_backend(server, kubeconfig, opened), lambda heard: heard.count("a") > 1)
    assert EVERYTHING in heard


def test_a_watch_that_ends_at_once_is_not_begun_without_a_pause(
    kubeconfig: Path, opened: list[KubernetesBackend]
) -> None:
    with ScriptedServer(LISTED) as server:
        backend, began = _backend(server, kubeconfig, opened), time.monotonic()
        _heard(backend, lambda _: time.monotonic() > began + 2)  # a rush has hundreds by then
        assert len(server.asked) < 50


def test_a_watch_that_breaks_now_and_then_is_not_given_ever_longer_pauses(
    kubeconfig: Path, opened: list[KubernetesBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BACK_OFF", (0.01, 3600.0))  # pauses, not behaviour
    event = b'{"type": "MODIFIED", "object": {"metadata": {"name": "a", "namespace": "a"}}}\n'
    with ScriptedServer(LISTED, watched=Scripted(200, event, endless=True)) as server:
        # Each of the five would stop after a list and two watches.
        assert "a" in _heard(_backend(server, kubeconfig, opened), lambda _: len(server.asked) >= 30)
