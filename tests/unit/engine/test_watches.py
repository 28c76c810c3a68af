"""Watches of several endpoints in one place. The watch itself is tested on the real server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from waiting import wait_until
from yunjin.engine.watches import EVERYTHING, Watches
from yunjin.errors import Text, UnreachableError
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.substrates.contract import Backend


class Telling:
    """A cluster that tells what it is given, then nothing until it is stopped."""

    def __init__(self, *names: str, fails: int = 0) -> None:
        self.begun = 0
        self._names = names
        self._fails = fails

    def watch(self, stop: threading.Event) -> Iterator[str]:
        self.begun += 1
        if self.begun <= self._fails:
            raise UnreachableError(Text("没有应答", "no answer"))
        yield from self._names
        stop.wait()

    def pool_binding_active(self, namespace: str) -> bool | None:  # noqa: ARG002 (the protocol names it)
        return None


def _watches(**clusters: Telling) -> Watches:
    return Watches({name: cast("Backend", cluster) for name, cluster in clusters.items()})


def _heard(watches: Watches, count: int) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def enough() -> bool:
        found.update(watches.named(1))
        return len(found) >= count

    wait_until(enough)
    return found


def test_every_endpoint_is_heard() -> None:
    with _watches(egov=Telling("jtj-egov"), inet=Telling("jtj-inet", EVERYTHING)) as watches:
        assert _heard(watches, 3) == {("egov", "jtj-egov"), ("inet", "jtj-inet"), ("inet", EVERYTHING)}


def test_what_waits_is_kept_once() -> None:
    with _watches(egov=Telling(*["jtj-egov"] * 10_000, "fgw-egov")) as watches:
        assert _heard(watches, 2) == {("egov", "jtj-egov"), ("egov", "fgw-egov")}
        assert watches.named(0.01) == frozenset()


def test_a_watch_that_fails_is_begun_again() -> None:
    cluster = Telling("jtj-egov", fails=1)
    with _watches(egov=cluster) as watches:
        assert _heard(watches, 1) == {("egov", "jtj-egov")}
    assert cluster.begun == 2


def test_leaving_ends_every_thread() -> None:
    before = frozenset(threading.enumerate())
    with _watches(egov=Telling(), inet=Telling(fails=10**6)):
        begun = frozenset(threading.enumerate()) - before
        assert len(begun) == 2
    assert not any(thread.is_alive() for thread in begun)


def test_an_endpoint_without_a_watch_needs_no_thread(tmp_path: Path) -> None:
    backend = SimulatedBackend.open("k8s", tmp_path / "k8s.db")
    before = frozenset(threading.enumerate())
    with Watches({"k8s": backend}) as watches:
        assert frozenset(threading.enumerate()) <= before
        assert watches.named(0.01) == frozenset()
    backend.close()
