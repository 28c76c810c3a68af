"""A cluster that does not answer, or is not the one it should be: one clear error, and nobody is trusted by
mistake."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

import faults
import ports
from devcluster import Login, merge
from devcluster.certificates import Authority
from fault_proxy import LOOPBACK, FaultProxy
from faults import Rule
from leaves import change, leaf, objects, read
from yunjin.errors import PermanentError, RefusalError, UnreachableError, UsageError, YunjinError
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from devcluster import DevCluster
    from devcluster.certificates import Certificate

ENDPOINT = "k8s-egov"
SECRET = "a-token-nobody-may-see"

pytestmark = pytest.mark.kubernetes


def _look(kubeconfig: Path, context: str | None, patience: float) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, kubeconfig, context, timeout=patience)
    try:
        list(backend.observe())
    finally:
        backend.close()


def _fails(
    kubeconfig: Path, expected: type[YunjinError], *, context: str | None = None, patience: float = 30
) -> YunjinError:
    """Looking at the cluster ends in exactly this error, in both languages and with a remedy."""
    with pytest.raises(YunjinError) as raised:
        _look(kubeconfig, context, patience)
    error = raised.value
    assert type(error) is expected
    assert ENDPOINT in error.message.en
    assert ENDPOINT in error.message.zh
    assert error.remedy is not None
    return error


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Login]:
    """A login to a port where nobody listens."""
    with ports.keep() as kept:
        server = f"https://127.0.0.1:{ports.number(kept)}"
        yield Login(server, Authority(tmp_path / "pki").certificate, token=SECRET)


def test_nobody_listens(nowhere: Login, tmp_path: Path) -> None:
    error = _fails(nowhere.write(tmp_path / "kubeconfig"), UnreachableError)
    assert error.exit_code == 3
    assert nowhere.server in error.message.en
    assert SECRET not in f"{error.message}{error.remedy}{error.__cause__}"


def test_somebody_listens_and_never_answers(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        login = Login(server, Authority(tmp_path / "pki").certificate)
        _fails(login.write(tmp_path / "kubeconfig"), UnreachableError, patience=1)


def test_somebody_listens_and_hangs_up(tmp_path: Path) -> None:
    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen(64)

        def hang_up() -> None:
            while True:
                try:
                    rude.accept()[0].close()
                except OSError:
                    return

        answering = threading.Thread(target=hang_up)
        answering.start()
        login = Login(f"https://127.0.0.1:{rude.getsockname()[1]}", Authority(tmp_path / "pki").certificate)
        _fails(login.write(tmp_path / "kubeconfig"), UnreachableError)
        rude.shutdown(socket.SHUT_RDWR)
    answering.join()


def test_the_name_is_unknown(tmp_path: Path) -> None:
    login = Login("https://cluster.invalid:6443", Authority(tmp_path / "pki").certificate)
    _fails(login.write(tmp_path / "kubeconfig"), UnreachableError)


def test_another_authority_signed_for_it(owned_cluster: DevCluster) -> None:
    error = _fails(owned_cluster.wrong_authority_kubeconfig(), UnreachableError)
    assert "certificate-authority" in str(error.remedy)


@pytest.mark.parametrize(
    ("serving", "said"),
    [
        (lambda authority: authority.expired_server("proxy", LOOPBACK), "expired"),
        (lambda authority: authority.server("proxy", ["DNS:elsewhere.example"]), "is not for"),
    ],
    ids=["expired", "of-another-host"],
)
def test_its_certificate_does_not_hold(
    cluster: Cluster, tmp_path: Path, serving: Callable[[Authority], Certificate], said: str
) -> None:
    started = FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context, serving=serving)
    with started as proxy:
        error = _fails(proxy.kubeconfig, UnreachableError)
        assert proxy.seen == ()
    assert said in error.message.en


def test_our_own_certificate_has_expired(owned_cluster: DevCluster) -> None:
    error = _fails(owned_cluster.expired_kubeconfig(), RefusalError)
    assert "credential" in error.message.en


def test_we_have_no_right_to_look(owned_cluster: DevCluster) -> None:
    error = _fails(owned_cluster.kubeconfig_for("yunjin-without-rights"), RefusalError)
    assert "yunjin-without-rights" in error.message.en


def test_we_may_look_and_not_write(owned_cluster: DevCluster, unique: Callable[[str], str]) -> None:
    reader = owned_cluster.kubeconfig_for("reader")
    owned_cluster.kubectl("create", "clusterrole", "reader", "--verb=get,list", "--resource=*.*")
    owned_cluster.kubectl("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=reader")
    backend = KubernetesBackend.connect(ENDPOINT, reader, None)
    assert list(backend.observe())
    wanted = objects(leaf(unique("forbidden"), ENDPOINT)).namespace
    with pytest.raises(RefusalError) as raised:
        backend.write(change(wanted, None), None)
    assert str(wanted.key) in raised.value.message.en
    assert read(backend, wanted.key) is None
    backend.close()


@pytest.fixture
def broken(cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    """The real server behind a proxy that tests may break."""
    with FaultProxy.start(cluster.kubeconfig, tmp_path / "proxy", context=cluster.context) as proxy:
        yield proxy


def test_something_else_answers(broken: FaultProxy) -> None:
    broken.inject(Rule(faults.not_an_api(), times=None))
    _fails(broken.kubeconfig, PermanentError)


def test_half_an_answer_is_not_taken_for_a_whole_one(broken: FaultProxy) -> None:
    broken.inject(Rule(faults.malformed(), path="resourcequotas", times=None))
    _fails(broken.kubeconfig, PermanentError)
    broken.forget()
    broken.inject(Rule(faults.truncated(), path="resourcequotas", times=None))
    _fails(broken.kubeconfig, UnreachableError)


def test_looking_writes_nothing(broken: FaultProxy) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, broken.kubeconfig, None)
    list(backend.observe())
    backend.close()
    assert broken.seen
    assert broken.writes == ()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "kind: Config\n", "{", "\x00\xff", "a: &a [*a]\n"],
    ids=["empty", "list", "nothing-in-it", "no-yaml", "binary", "alias-of-itself"],
)
def test_the_kubeconfig_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content.encode("latin-1"))
    assert _fails(path, UsageError).exit_code == 2


def test_the_kubeconfig_is_missing(tmp_path: Path) -> None:
    error = _fails(tmp_path / "absent", UsageError)
    assert str(tmp_path / "absent") in error.message.en


def test_the_kubeconfig_is_far_too_long(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    _fails(path, UsageError)


def test_the_context_is_unknown(nowhere: Login, tmp_path: Path) -> None:
    path = merge(tmp_path / "kubeconfig", {"one": nowhere})
    error = _fails(path, UsageError, context="two")
    assert "two" in error.message.en
    assert SECRET not in f"{error.message}{error.remedy}{error.__cause__}"
