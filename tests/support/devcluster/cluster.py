"""One control plane on loopback: etcd, API server, controller-manager and, unless light, scheduler.

Called by test fixtures, benchmarks and tests/devcluster/server.py. Calls the other modules of the package.
Promises that `start` returns a cluster whose controllers work, and that `stop` ends exactly the processes
`start` began.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import ports
from devcluster import fake_nodes, process
from devcluster.api import Answer
from devcluster.builds import programs
from devcluster.certificates import Authority
from devcluster.kubeconfig import CONTEXT, Login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from devcluster.api import Api

ADDRESS = "127.0.0.1"
READY_WITHIN = 90.0  # seconds; 3 to 5 on an idle machine
_ETCD, _API_SERVER, _CONTROLLERS, _SCHEDULER = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
)
_PEERS = "etcd for its peers"
_DATA = "etcd-data"
_LIGHT_CONTROLLERS = (
    "namespace-controller", "resourcequota-controller", "serviceaccount-controller",
    "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
)  # fmt: skip


class ClusterError(Exception):
    """A part of the cluster ended or never became ready; carries the end of its log."""


@dataclass(frozen=True)
class Settings:
    """How a cluster runs.

    Attributes:
        light: few controllers and no scheduler: quotas, namespaces and accounts work, pods are not placed.
        tied: it ends with the process that started it.
        admission: plugins of the API server that are not on by default.
        arguments: more arguments, by program.
    """

    light: bool = False
    tied: bool = True
    admission: Sequence[str] = ("PodNodeSelector",)
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)


class DevCluster:
    """A running cluster. Use `start`, then `stop` or a `with` block.

    Attributes:
        folder: keys, kubeconfigs, logs and data; nothing of it lies elsewhere.
        server: its address, `https://127.0.0.1:PORT`.
        kubeconfig: of a cluster administrator.
        context: the context in every kubeconfig it writes.
    """

    context = CONTEXT

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.programs = programs()
        self.authority = Authority(self.folder / "pki")
        self._settings = settings
        self._kept = {name: ports.keep() for name in (_API_SERVER, _ETCD, _PEERS)}
        self._running: dict[str, process.Process] = {}
        self._fake = 0

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        light: bool = False,
        tied: bool = True,
        fake: int = 0,
        admission: Sequence[str] = Settings.admission,
        arguments: Mapping[str, Sequence[str]] | None = None,
    ) -> Self:
        """Start a cluster in an empty folder and wait until it works.

        Args:
            light, tied, admission, arguments: as in `Settings`.
            fake: how many fake nodes to begin with.

        Raises:
            BuildError: the programs could not be had.
            ClusterError: a part did not start.
        """
        cluster = cls(folder, Settings(light, tied, admission, arguments or {}))
        try:
            cluster._start_all()
            if fake:
                cluster.add_fake_nodes(fake)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://{ADDRESS}:{self._port(_API_SERVER)}"

    @property
    def kubeconfig(self) -> Path:
        """Of a cluster administrator."""
        return self.folder / "admin.kubeconfig"

    def api(self) -> Api:
        """A client of our own, as administrator; for another user, `login(USER).api()`."""
        return self.login().api()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Output of kubectl as administrator. Raises CalledProcessError where it fails."""
        command: list[str | Path] = [self.programs["kubectl"], "--kubeconfig", self.kubeconfig, *arguments]
        ended = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
        return ended.stdout

    def login(self, user: str = "admin", groups: Sequence[str] = ("system:masters",)) -> Login:
        """How a user with a certificate comes in. Rights are a matter of RBAC; `system:masters` has all."""
        name = "+".join((user, *groups)).replace(":", "_")
        return Login(self.server, self.authority.certificate, self.authority.client(name, user, groups))

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for any user; nobody has rights but administrators."""
        return self.login(user, groups).write(self.folder / f"{user.replace(':', '_')}.kubeconfig")

    def expired_kubeconfig(self) -> Path:
        """An administrator whose certificate ended in 2020."""
        expired = self.authority.expired_client("expired", "admin", ["system:masters"])
        return replace(self.login(), certificate=expired).write(self.folder / "expired.kubeconfig")

    def wrong_authority_kubeconfig(self) -> Path:
        """An administrator who trusts another authority than the one that signed for the server."""
        other = Authority(self.folder / "pki-other", "another-ca")
        return replace(self.login(), authority=other.certificate).write(
            self.folder / "wrong-authority.kubeconfig"
        )

    def add_fake_nodes(self, count: int, labels: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Nodes that only look real, tainted so that nothing lands there by accident; their names.

        Pods that tolerate `kwok.x-k8s.io/node=fake:NoSchedule` are placed on them and called Running.
        """
        names = tuple(f"fake-{self._fake + number}" for number in range(1, count + 1))
        self._fake += count
        api = self.api()
        for name in names:
            api.must("POST", "/api/v1/nodes", fake_nodes.node(name, labels or {}))
        if fake_nodes.PROGRAM not in self._running:
            self._launch(
                fake_nodes.PROGRAM,
                fake_nodes.command(self.programs, self.kubeconfig),
                environ={"HOME": str(self.folder)},  # kwok writes its configuration there
            )
        self._wait(lambda: fake_nodes.all_ready(api, names), fake_nodes.PROGRAM)
        return names

    def freeze(self) -> None:
        """Stop the controller-manager's clock: no quota status, no end of namespaces, until `thaw`."""
        self._running[_CONTROLLERS].signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the controller-manager go on."""
        self._running[_CONTROLLERS].signal(signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A block of code during which the controller-manager stands still."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def kill_api_server(self) -> None:
        """The API server dies at once; nobody answers on its port."""
        self._running.pop(_API_SERVER).kill()

    def start_api_server(self) -> None:
        """Start it again after `kill_api_server`, on the same port and the same data."""
        self._launch_api_server()
        self._wait(self._api_ready, _API_SERVER)

    def stop(self) -> None:
        """Kill every process: a clean stop of the API server would wait a minute for its watchers."""
        stop(self.folder)
        self._running.clear()
        for kept in self._kept.values():
            kept.close()

    def _port(self, name: str) -> int:
        """Kept from the beginning to the end, also while a server is dead."""
        return ports.number(self._kept[name])

    def _start_all(self) -> None:
        self._write_credentials()
        self._launch_etcd()
        self._launch_api_server()
        self._wait(self._api_ready, _API_SERVER, _ETCD)
        self._launch_controllers()
        self._wait(self._controllers_work, _CONTROLLERS)

    def _write_credentials(self) -> None:
        self.authority.service_account_key()
        names = ("DNS:localhost", "DNS:kubernetes.default.svc", f"IP:{ADDRESS}", "IP:10.96.0.1")
        self.authority.server("server", names)
        self._write_kubeconfigs()

    def _write_kubeconfigs(self) -> None:
        self.login().write(self.kubeconfig)
        for name in (_CONTROLLERS, _SCHEDULER):
            self.login(f"system:{name}", ()).write(self.folder / f"{name}.kubeconfig")

    def _launch(
        self, name: str, command: Sequence[str | Path], environ: Mapping[str, str] | None = None
    ) -> None:
        more = self._settings.arguments.get(name, ())
        self._running[name] = process.start(
            self.folder, name, [*command, *more], tied=self._settings.tied, environ=environ
        )

    def _launch_etcd(self) -> None:
        client, peer = f"http://{ADDRESS}:{self._port(_ETCD)}", f"http://{ADDRESS}:{self._port(_PEERS)}"
        self._launch(
            _ETCD,
            [
                self.programs[_ETCD], f"--data-dir={self.folder / _DATA}", "--unsafe-no-fsync",
                f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
        )  # fmt: skip

    def _launch_api_server(self) -> None:
        pki = self.authority.folder
        self._launch(
            _API_SERVER,
            [
                self.programs[_API_SERVER], f"--etcd-servers=http://{ADDRESS}:{self._port(_ETCD)}",
                f"--bind-address={ADDRESS}", f"--advertise-address={ADDRESS}",
                f"--secure-port={self._port(_API_SERVER)}",
                "--endpoint-reconciler-type=none",  # an address on loopback may not be an endpoint
                f"--cert-dir={self.folder}/{_API_SERVER}-certs",
                f"--tls-cert-file={pki}/server.crt", f"--tls-private-key-file={pki}/server.key",
                f"--client-ca-file={self.authority.certificate}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={pki}/service-account.pub",
                f"--service-account-signing-key-file={pki}/service-account.key",
                "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC",
                f"--enable-admission-plugins={','.join(self._settings.admission)}",
            ],
        )  # fmt: skip

    def _launch_controllers(self) -> None:
        controllers = (
            f"--controllers={','.join(_LIGHT_CONTROLLERS)}" if self._settings.light else "--controllers=*"
        )
        self._launch(
            _CONTROLLERS,
            [
                *self._component(_CONTROLLERS), controllers, "--use-service-account-credentials",
                f"--service-account-private-key-file={self.authority.folder}/service-account.key",
                f"--root-ca-file={self.authority.certificate}",
                f"--cluster-signing-cert-file={self.authority.certificate}",
                f"--cluster-signing-key-file={self.authority.own.key}",
                # With the default of 20 requests a second, a thousand quotas would take most of a minute.
                "--kube-api-qps=500", "--kube-api-burst=1000",
                "--concurrent-resource-quota-syncs=20", "--concurrent-namespace-syncs=20",
            ],
        )  # fmt: skip
        if not self._settings.light:
            self._launch(_SCHEDULER, self._component(_SCHEDULER))

    def _component(self, name: str) -> list[str | Path]:
        """What controller-manager and scheduler have in common: they serve nobody and elect nobody."""
        login = self.folder / f"{name}.kubeconfig"
        return [
            self.programs[name], f"--kubeconfig={login}", f"--authentication-kubeconfig={login}",
            f"--authorization-kubeconfig={login}", "--leader-elect=false", "--secure-port=0",
        ]  # fmt: skip

    def _api_ready(self) -> bool:
        return self._ask("/readyz").status == 200

    def _controllers_work(self) -> bool:
        """The default account of a namespace is made by the controllers; without it no pod is admitted."""
        return self._ask("/api/v1/namespaces/default/serviceaccounts/default").status == 200

    def _ask(self, path: str) -> Answer:
        try:
            return self.api().call("GET", path, timeout=5)
        except OSError:
            return Answer(0, None, {})

    def _wait(self, ready: Callable[[], bool], *needed: str) -> None:
        """Until `ready`, as long as the needed programs run. Raises ClusterError."""
        deadline = time.monotonic() + READY_WITHIN
        while not ready():
            for name in needed:
                if not self._running[name].running:
                    raise ClusterError(f"{name} ended:\n{self._running[name].complaint()}")
            if time.monotonic() > deadline:
                log = self._running[needed[0]]
                raise ClusterError(f"{needed[0]} is not ready after {READY_WITHIN:.0f} s:\n{log.complaint()}")
            time.sleep(0.1)


def stop(folder: Path) -> tuple[str, ...]:
    """End every process that the folder remembers, whoever started it; the names of those that still ran.

    Logs stay, data goes.
    """
    ended = []
    for part in process.recorded(folder):
        if part.running:
            ended.append(part.name)
        part.kill()
    shutil.rmtree(folder / _DATA, ignore_errors=True)
    return tuple(ended)
