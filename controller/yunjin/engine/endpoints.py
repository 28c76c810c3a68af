"""Connecting to the endpoints an estate declares.

Called by `yunjin.engine.spine` and by the command line; calls the substrates. Promises that an endpoint whose
substrate is not built yet (`state: planned`) is never touched, and that credentials are taken by reference.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from yunjin.errors import Text, UsageError
from yunjin.model.change import Binding
from yunjin.substrates.kubernetes.translate import KubernetesTranslator
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from yunjin.model.centre import Endpoint
    from yunjin.model.estate import Estate
    from yunjin.substrates.contract import Backend, Translator

SIMULATED: Final = "simulated"
CLUSTERS: Final = "kubernetes"
CLOUDS: Final = "openstack"

_CLOUDS_FILE: Final = "OS_CLIENT_CONFIG_FILE"
_CLOUDS_FILES: Final = ("clouds.yaml", "~/.config/openstack/clouds.yaml", "/etc/openstack/clouds.yaml")
"""Where OpenStack's own clients look, in their order."""


@dataclass(frozen=True)
class Endpoints:
    """Connections of one call, by endpoint id."""

    backends: Mapping[str, Backend]
    bindings: Mapping[str, Binding]

    @property
    def translators(self) -> Mapping[str, Translator]:
        """One translator a technology; a simulated endpoint speaks its own technology's language."""
        each = translators()
        return {endpoint: each[binding.technology] for endpoint, binding in self.bindings.items()}

    def backend(self, endpoint: str) -> Backend:
        """The connection of one endpoint. Raises UsageError where it is only planned."""
        if endpoint in self.backends:
            return self.backends[endpoint]
        raise UsageError(
            Text(f"接入点 {endpoint} 尚在规划, 不可连接", f"{endpoint} is only planned"),
            Text("在 endpoints.yaml 中改为 state: live", "set `state: live` in endpoints.yaml"),
        )

    @property
    def simulated(self) -> bool:
        """Whether nothing real is behind any of them."""
        return all(binding.access == SIMULATED for binding in self.bindings.values())

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        for backend in self.backends.values():
            backend.close()


def translators() -> dict[str, Translator]:
    """By technology."""
    return {CLUSTERS: KubernetesTranslator(), CLOUDS: OpenStackTranslator()}


def live(estate: Estate) -> Iterator[Endpoint]:
    """Endpoints that may be observed."""
    return (endpoint for endpoint in estate.endpoints.values() if endpoint.state == "live")


def accesses(estate: Estate, kubeconfig: Path | None, os_cloud: str | None = None) -> dict[str, str]:
    """How each live endpoint is reached: as declared, or all of a technology through one file.

    Args:
        estate: which endpoints there are.
        kubeconfig: for all Kubernetes endpoints.
        os_cloud: name in clouds.yaml, for all OpenStack endpoints.

    Raises:
        UsageError: the kubeconfig does not exist, or there is no clouds.yaml.
    """
    if kubeconfig is not None and not kubeconfig.is_file():
        raise UsageError(
            Text(f"找不到 kubeconfig 文件 {kubeconfig}", f"there is no kubeconfig file {kubeconfig}"),
            Text("检查 --kubeconfig 的路径", "check the path after --kubeconfig"),
        )
    instead = {CLUSTERS: f"file:{kubeconfig.resolve()}"} if kubeconfig else {}
    if os_cloud is not None:
        instead[CLOUDS] = f"file:{_clouds_file()}#{os_cloud}"
    return {endpoint.id: instead.get(endpoint.technology, endpoint.access) for endpoint in live(estate)}


def _clouds_file() -> Path:
    named = os.environ.get(_CLOUDS_FILE)
    for each in [named] if named else _CLOUDS_FILES:
        path = Path(each).expanduser()
        if path.is_file():
            return path.resolve()
    raise UsageError(
        Text("找不到 clouds.yaml", "there is no clouds.yaml"),
        Text(f"用环境变量 {_CLOUDS_FILE} 指明其路径", f"let {_CLOUDS_FILE} name one"),
    )


def connect(
    estate: Estate, state: Path, access: Mapping[str, str], also: Mapping[str, frozenset[str]] | None = None
) -> Endpoints:
    """A connection to each endpoint. Nothing is sent yet: who does not answer is found out by observing.

    Args:
        estate: which endpoints there are, and the names of their leaves.
        state: folder of the simulated endpoints.
        access: by endpoint, see `accesses`; one that is missing here is not connected.
        also: by endpoint, namespaces and projects to look at although nobody declares them.

    Raises:
        UsageError: credentials that are not there or cannot be read.
        PermanentError: a simulated endpoint's file is damaged.
    """
    names = _leaf_names(estate)
    bindings = {
        each.id: Binding(technology=each.technology, access=access[each.id], observed_at=None)
        for each in live(estate)
        if each.id in access
    }
    backends: dict[str, Backend] = {}
    with ExitStack() as undo:
        for name, binding in bindings.items():
            watched = names.get(name, frozenset()) | (also or {}).get(name, frozenset())
            backends[name] = _backend(estate.endpoints[name], binding, state, watched)
            undo.callback(backends[name].close)
        undo.pop_all()
    return Endpoints(backends, bindings)


def _leaf_names(estate: Estate) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for row in estate.leaf_rows:
        names.setdefault(estate.pools[row.pool].endpoint, set()).add(row.node.rpartition("/")[2])
    return {endpoint: frozenset(found) for endpoint, found in names.items()}


def _backend(declared: Endpoint, binding: Binding, state: Path, names: frozenset[str]) -> Backend:
    # Each client is loaded only where it is needed: who touches no cloud does not wait for its SDK.
    endpoint = declared.id
    file = state / "simulated" / f"{endpoint}.db"
    simulated, cloud = binding.access == SIMULATED, binding.technology == CLOUDS
    if simulated and cloud:
        from yunjin.substrates.simulated.cloud import SimulatedCloud

        return SimulatedCloud.open(endpoint, file, watch_names=names)
    if simulated:
        from yunjin.substrates.simulated.backend import SimulatedBackend

        return SimulatedBackend.open(endpoint, file, watch_names=names)
    path, context = resolve(binding.access)
    if cloud:
        from yunjin.substrates.openstack.backend import OpenStackBackend

        return OpenStackBackend.connect(
            endpoint, path, context, watch_names=names, lingering=declared.token_cache_seconds
        )
    from yunjin.substrates.kubernetes.backend import KubernetesBackend

    return KubernetesBackend.connect(endpoint, path, context, watch_names=names)


def resolve(access: str) -> tuple[Path, str | None]:
    """Path of a kubeconfig or clouds.yaml and what is chosen in it, from `env:NAME#IT` or `file:PATH#IT`.

    Raises:
        UsageError: the environment variable is not set or the file does not exist.
    """
    reference, _, context = access.partition("#")
    kind, _, rest = reference.partition(":")
    written = os.environ.get(rest, "") if kind == "env" else rest
    if not written:
        raise UsageError(
            Text(f"环境变量 {rest} 未设置, 无法取得接入点凭据", f"environment variable {rest} is not set"),
            Text(
                f"设置 {rest} 为凭据文件路径, 或使用 --kubeconfig、--os-cloud",
                f"let {rest} name a credentials file, or use --kubeconfig or --os-cloud",
            ),
        )
    path = Path(written)
    if not path.is_file():
        raise UsageError(
            Text(f"找不到接入点凭据文件 {path}", f"there is no credentials file {path}"),
            Text("检查 endpoints.yaml 的 access", "check `access` in endpoints.yaml"),
        )
    return path, context or None
